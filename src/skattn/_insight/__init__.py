"""Insight: does attention help, where does it look, does the model depend on it?

In comes any fitted estimator that reads sequences; out go arrays, tables and sentences. What is
fitted is asked by its public methods alone.
"""
