"""Estimators: they store parameters, check what comes in, and hand out what was fitted.

In come the user's X, y and weights; out go predictions, attention weights and exports. Training,
programs and files are the work of the packages below and above.
"""
