"""Screens: the only place that knows Gradio."""
