"""Generated tasks: y is what the documentation says, and so are the best and the trivial error."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skattn import datasets

SHORT_ECHO = {"lag": 2}  # where the default lag is too long for a short sequence


def generator(name, **defaults):
    def make(*shape, **params):
        return getattr(datasets, name)(*shape, **{**defaults, **params})

    return pytest.param(make, id=name)


EACH = pytest.mark.parametrize(
    "make",
    [
        generator("make_adding"),
        generator("make_selective_recall"),
        generator("make_echo", **SHORT_ECHO),
        generator("make_fading_memory"),
    ],
)
#: The task without noise, and the mean squared error of always predicting its mean.
TRIVIAL = pytest.mark.parametrize(
    ("make", "mean", "error"),
    [
        (datasets.make_adding, 1, 1 / 6),
        (datasets.make_selective_recall, 0, 1),
        (datasets.make_echo, 0, 1),
        (datasets.make_fading_memory, 0, 1),
    ],
)


def test_all_generators_are_public():
    generators = [name for name in vars(datasets) if name.startswith("make_")]
    assert sorted(datasets.__all__) == sorted(generators)


# Shapes, random numbers, errors: what all have in common


@EACH
def test_shapes(make):
    X, y = make(7, 5, random_state=0)
    assert (X.shape, y.shape) == ((7, 5, 2), (7,))
    assert X.dtype == y.dtype == "float64"


@EACH
def test_the_steps_are_further_output_and_change_nothing(make):
    X, y, steps = make(7, 5, random_state=0, return_steps=True)
    again = make(7, 5, random_state=0)
    assert_array_equal(X, again[0])
    assert_array_equal(y, again[1])
    assert steps.shape[0] == 7
    assert steps.dtype.kind == "i"
    assert steps.min() >= 0
    assert steps.max() < 5


@EACH
def test_a_seed_repeats_a_task_and_another_seed_does_not(make):
    X, y = make(7, 5, random_state=1)
    for given, expected in zip(make(7, 5, random_state=1), (X, y), strict=True):
        assert_array_equal(given, expected)
    other_X, other_y = make(7, 5, random_state=2)
    assert (other_X[:, :, 0] != X[:, :, 0]).all()
    assert (other_y != y).all()


@EACH
def test_a_random_state_goes_on_from_call_to_call(make):
    rng = np.random.RandomState(1)
    first, second = make(7, 5, random_state=rng), make(7, 5, random_state=rng)
    assert_array_equal(first[0], make(7, 5, random_state=1)[0])
    assert (first[1] != second[1]).all()


@EACH
def test_the_global_random_state_is_left_alone(make):
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.RandomState(0).uniform(size=3)
    make(7, 5, random_state=3)
    assert_array_equal(np.random.uniform(size=3), expected)  # noqa: NPY002


@EACH
def test_noise_is_added_to_y_alone_and_scales(make):
    X, clean = make(500, 5, noise=0, random_state=0)
    noisy_X, noisy = make(500, 5, noise=0.3, random_state=0)
    assert_array_equal(noisy_X, X)
    added = noisy - clean
    assert_allclose(make(500, 5, noise=0.6, random_state=0)[1] - clean, 2 * added, atol=1e-12)
    # The standard deviation of 500 Gaussian values is known to 3 percent (one sigma).
    assert added.std() == pytest.approx(0.3, rel=0.12)
    assert abs(added.mean()) < 4 * 0.3 / np.sqrt(500)


@TRIVIAL
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_trivial_error_is_as_documented(make, mean, error, noise):
    _, y = make(20_000, 31, noise=noise, random_state=0)
    # A sample's mean square is known to about sqrt(2 / n) = 1 percent (one sigma).
    assert np.mean((y - mean) ** 2) == pytest.approx(error + noise**2, rel=0.04)
    assert y.mean() == pytest.approx(mean, abs=4 * np.sqrt((error + noise**2) / len(y)))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"n_timesteps": 1}, r"'n_timesteps'.* must be an int in the range \[2, inf\). Got 1"),
        ({"n_samples": 0}, r"'n_samples'.* must be an int in the range \[1, inf\). Got 0"),
        ({"n_samples": 2.5}, r"'n_samples'.* must be an int in the range .* Got 2.5"),
        ({"noise": -0.1}, r"'noise'.* must be a float in the range \[0.0, inf\). Got -0.1"),
        ({"random_state": "seed"}, "'random_state' parameter.* Got 'seed'"),
        ({"return_steps": "yes"}, "'return_steps' parameter.* Got 'yes'"),
    ],
)
@EACH
def test_a_parameter_that_is_off_is_an_error_with_its_name(make, params, text):
    with pytest.raises(ValueError, match=text):
        make(**{"n_samples": 4, "n_timesteps": 5, **params})


# Adding


@pytest.mark.parametrize("n_timesteps", [2, 5, 8])
def test_adding_marks_one_step_in_each_half(n_timesteps):
    X, _, steps = datasets.make_adding(60, n_timesteps, random_state=0, return_steps=True)
    half = n_timesteps // 2
    marks = X[:, :, 1]
    assert set(np.unique(marks)) <= {0.0, 1.0}
    assert_array_equal(marks[:, :half].sum(axis=1), 1)
    assert_array_equal(marks[:, half:].sum(axis=1), 1)
    assert_array_equal(steps, np.argwhere(marks)[:, 1].reshape(60, 2))
    assert set(steps.ravel()) == set(range(n_timesteps))  # each step is marked in some sequence


def test_adding_sums_the_marked_values():
    X, y = datasets.make_adding(60, 9, random_state=0)
    assert_allclose(y, (X[:, :, 0] * X[:, :, 1]).sum(axis=1), rtol=1e-12)
    assert X[:, :, 0].min() >= 0
    assert X[:, :, 0].max() <= 1


# Selective recall


def test_recall_repeats_the_value_at_the_flag():
    X, y, steps = datasets.make_selective_recall(60, 5, random_state=0, return_steps=True)
    flags = X[:, :, 1]
    assert_array_equal(np.sort(flags, axis=1), np.tile([0.0, 0, 0, 0, 1], (60, 1)))
    assert_array_equal(steps[:, 0], flags.argmax(axis=1))
    assert_array_equal(y, X[flags == 1, 0])
    assert set(steps[:, 0]) == set(range(5))


# Echo


@pytest.mark.parametrize("lag", [0, 1, 4])
def test_an_echo_repeats_the_value_at_its_lag(lag):
    X, y, steps = datasets.make_echo(9, 5, lag=lag, random_state=0, return_steps=True)
    assert_array_equal(y, X[:, -1 - lag, 0])
    assert_array_equal(steps, np.full((9, 1), 4 - lag))


def test_the_clock_of_an_echo_runs_from_minus_one_to_one():
    X, _ = datasets.make_echo(3, 5, lag=1, random_state=0)
    assert_allclose(X[:, :, 1], np.tile([-1, -0.5, 0, 0.5, 1], (3, 1)))


@pytest.mark.parametrize("lag", [5, 30])
def test_a_lag_before_the_first_step_is_an_error(lag):
    text = (
        rf"lag={lag} reaches back before the first of n_timesteps=5 steps\. "
        r"Use a shorter lag or longer sequences\."
    )
    with pytest.raises(ValueError, match=text):
        datasets.make_echo(4, 5, lag=lag)


def test_a_negative_lag_is_an_error():
    with pytest.raises(ValueError, match=r"'lag'.* must be an int in the range \[0, inf\). Got -1"):
        datasets.make_echo(4, 5, lag=-1)


# Fading memory


def test_a_fading_memory_by_hand():
    """Three steps with decay 1/2 weigh 1/4, 1/2 and 1: their squares sum to 21/16."""
    X, y = datasets.make_fading_memory(6, 3, decay=0.5, noise=0, random_state=0)
    values = X[:, :, 0]
    expected = (values[:, 0] / 4 + values[:, 1] / 2 + values[:, 2]) / np.sqrt(21 / 16)
    assert_allclose(y, expected, rtol=1e-12)


def test_a_fading_memory_is_one_unit_with_a_constant_forget_gate():
    X, y = datasets.make_fading_memory(6, 9, decay=0.7, noise=0, random_state=0)
    state = np.zeros(6)
    for step in range(9):
        state = 0.7 * state + X[:, step, 0]
    assert_allclose(y, state / np.sqrt((1 - 0.49**9) / (1 - 0.49)), rtol=1e-12)


def test_without_decay_all_steps_count_alike():
    X, y = datasets.make_fading_memory(6, 4, decay=1, noise=0, random_state=0)
    assert_allclose(y, X[:, :, 0].sum(axis=1) / 2, rtol=1e-12)


def test_a_decay_of_zero_leaves_the_last_value():
    X, y, steps = datasets.make_fading_memory(
        6, 4, decay=0, noise=0, random_state=0, return_steps=True
    )
    assert_array_equal(y, X[:, -1, 0])
    assert_array_equal(steps, np.full((6, 1), 3))


@pytest.mark.parametrize("decay", [-0.1, 1.1])
def test_a_decay_outside_zero_to_one_is_an_error(decay):
    with pytest.raises(ValueError, match=r"'decay'.* must be a float in the range \[0.0, 1.0\]"):
        datasets.make_fading_memory(4, 5, decay=decay)
