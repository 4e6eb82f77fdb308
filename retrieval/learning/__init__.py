"""What is learned from validation cases of a store's own log: rankers and a network."""
