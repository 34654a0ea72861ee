"""Preprocessing: what stands before an estimator in a Pipeline.

In come tables of time-ordered rows; out go windows that keep the table, or scaled sequences.
"""
