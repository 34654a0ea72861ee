"""Displays: pictures of computed arrays.

In come results of insight, or an estimator to compute them; out go axes with a picture. Matplotlib
is imported when something is drawn, and nowhere else in skattn.
"""
