"""Find and rank: products, shoppers and events in; slates with evidence out. Knows nothing of chat."""
