"""Training: from checked samples to numbers.

In come samples and the parameters of an estimator; out goes one record of `Numbers`: parameters,
statistics and curves. No Keras and no estimator is known here.
"""
