"""Scorers fitted on what shoppers did."""
