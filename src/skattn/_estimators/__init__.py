"""Estimators: they store parameters, check what comes in, and hand out what was fitted.

In come the user's X, y and weights; out go predictions, attention weights and exports. Training
and programs are the work of packages below, files that of the package above.
"""
