"""Find and rank: products, shoppers, events in; slates with evidence out. Knows no chat."""
