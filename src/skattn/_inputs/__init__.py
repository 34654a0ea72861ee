"""Inputs: X, y and weights, checked, as slices of one table.

In come arrays, lists and tables as users have them; out go `Sequences`. Neither Keras nor training
is known here. X visits each module once: `checks` (shape and names), by way of `containers` (with
`tables` and `columns`) where it is no plain array; `sequences` (the table under it, and the present
steps); `overlaps` (the table that copies show). `targets` checks y and weights. `Windows` are what
preprocessing hands over.
"""
