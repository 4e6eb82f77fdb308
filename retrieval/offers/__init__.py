"""The four kinds of offer, and promotions."""
