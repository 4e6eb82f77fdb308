"""Offline evaluation: runs, measures, significance, reports."""
