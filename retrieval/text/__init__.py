"""Text search: encoder, vector index, lexical index."""
