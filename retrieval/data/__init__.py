"""Records at the door, tables inside."""
