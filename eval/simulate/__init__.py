"""Makes the sample store `outfitter` from a seed, with its planted truth beside it."""
