"""Where training starts: the draw of initial parameters, by numpy."""

import numpy as np


def draw(path, built, random_state):
    """Draw the initial values of one parameter.

    Matrices are drawn Glorot-uniform [1]_, recurrent ones orthogonal [2]_. Vectors, and
    matrices that their layer fills with one constant, keep what their layer gave them
    (zeros; ones for the forget gate's bias [3]_).

    Parameters
    ----------
    path : str
        Name of the parameter. A name that ends in "recurrent_kernel" makes it recurrent.
    built : array
        The values that its layer gave it.
    random_state : numpy.random.RandomState
        Source of the draw.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS 2010.
    .. [2] A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the
       nonlinear dynamics of learning in deep linear neural networks", ICLR 2014.
    .. [3] R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of
       recurrent network architectures", ICML 2015.
    """
    constant = np.ptp(built) == 0 and (built.size > 1 or not built.any())
    if built.ndim < 2 or constant:
        return built.copy()
    if path.endswith("recurrent_kernel"):
        return _orthogonal(built.shape, random_state).astype(built.dtype)
    receptive = int(np.prod(built.shape[:-2]))
    limit = np.sqrt(6.0 / (receptive * (built.shape[-2] + built.shape[-1])))
    return random_state.uniform(-limit, limit, built.shape).astype(built.dtype)


def _orthogonal(shape, random_state):
    tall = (max(shape), min(shape))
    q, r = np.linalg.qr(random_state.normal(size=tall))
    q *= np.sign(np.diag(r))
    return q if shape == tall else q.T
