"""Saving: a fitted estimator to one file that is safe to open, and back."""
