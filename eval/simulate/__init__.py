"""The sample store *outfitter*: products, reviews, shoppers and a year of events, all made up.

What the product may read is written as the four record files of `docs/data-formats.md`; what was
planted is written apart, into `truth/`, and only evaluation opens it.
"""
