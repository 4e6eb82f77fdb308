"""A simulated shopper with a hidden goal, and the judge that reads structured state."""
