"""Prompt files, one YAML each."""
