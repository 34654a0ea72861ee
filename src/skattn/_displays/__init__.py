"""Displays: pictures of computed arrays. Matplotlib is imported when something is drawn."""
