"""What may be offered beside a product: complements, better ones, bundles."""
