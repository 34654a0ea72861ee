"""Saving: a fitted estimator to one file that is safe to open, and back.

In comes a fitted estimator, or a path. Out goes a safetensors file of arrays and JSON, or the
estimator that the file describes, after every check.
"""
