"""Loaders: a folder of public data in, products, histories, cases and judgements out."""
