"""Insight: whether attention helps, where it looks, and whether the model depends on it.

In comes any fitted estimator that reads sequences; out go arrays, tables and sentences. What is
fitted is asked by its public methods alone.
"""
