"""Inputs: X, y and weights, checked, as slices of one table.

In come arrays, lists and tables as users have them; out go `Sequences`. Neither Keras nor training
is known here. X visits each module once: `containers` (any container as numbers, with `tables` and
`columns`), `checks` (shape and names), `strides` (the table under it), `sequences` (the present
steps), `overlaps` (the table that copies show). `targets` checks y and weights. `Windows` are what
preprocessing hands over.
"""
