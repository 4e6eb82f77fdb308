"""What a build learns from the past of a shop's own log: settings of scorers, curves of sources."""
