"""Inputs: X, y and weights, checked, as slices of one table.

In come arrays, lists and tables as users have them; out go `Sequences`. Neither Keras nor training
is known here.
"""
