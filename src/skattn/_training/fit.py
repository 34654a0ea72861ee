"""From checked samples to numbers."""

import copy
from dataclasses import fields
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from .._programs import program_of
from .class_weights import with_class_weights
from .held_out import has_variance, held_out_blocks, residual_variance
from .holdout import parts_of
from .loop import curves_of, train_side_by_side
from .members import stack_arrays, unstack_arrays
from .numbers import Numbers
from .run import Common, Run, that_hold
from .samples import distinct, followed_by, keys_of
from .scaling import Statistics, rounding
from .settings import spec_of
from .stacking import stack_line, stacks
from .target_feature import relative_spread

#: Upper limit of the gain; beyond it float32 holds only rounding.
GREATEST_GAIN = 1e5


def fit_networks(params, samples, validation, target_features, *, earlier=None, keep_state=False):
    """Train networks on checked samples.

    Parameters
    ----------
    params : dict
        Parameters of the estimator, checked.
    samples : Samples
        What trains, with targets as they are to be predicted.
    validation : Samples or None
        The caller's own validation samples; None to hold samples out.
    target_features : int array of shape (n_outputs,) or None
        Number of the feature that each output continues.
    earlier : Numbers or None
        The numbers of an earlier fit to go on from; None to begin anew.
    keep_state : bool
        Whether to keep the optimizer's state, for a later fit that goes on from it.

    Returns
    -------
    numbers : Numbers

    Raises
    ------
    TrainingDivergedError
        If no network holds.
    """
    continues = target_features is not None
    if params.get("class_weight") is not None:
        samples, validation = with_class_weights(params["class_weight"], samples, validation)
    parts = parts_of(samples, validation, params, earlier and earlier.n_members)
    spec = spec_of(params, samples, continues=continues, earlier=earlier and earlier.spec)
    if earlier:
        _check_same(earlier, spec, target_features)
    both = followed_by(samples, validation)
    keys = keys_of(both)
    features, targets, starts = _starts(params, both, keys, parts, spec, earlier)
    program = program_of(spec)
    scaled = _scaled(both, features, targets)
    data = program.tensors(scaled.X, scaled.y)
    common = Common(program, data, both, keys, params, continues)
    generators = _generators(params["random_state"], len(parts), earlier)
    runs = [
        Run(common, part, generator, *start)
        for part, generator, start in zip(parts, generators, starts, strict=True)
    ]
    train_side_by_side(runs, params["callbacks"], params["verbose"])
    outcomes = {run: run.close() for run in runs}
    kept = that_hold(runs)
    parameters, states = zip(*(outcomes[run] for run in kept), strict=True)
    networks = [(run.part, network) for run, network in zip(kept, parameters, strict=True)]
    line, share, variance = _beside(common, scaled, len(samples.X), networks, earlier)
    return Numbers(
        spec=spec,
        parameters=stack_arrays(parameters),
        optimizer_state=stack_arrays(states) if keep_state else None,
        line=line,
        network_share=share,
        residual_variance=None if variance is None else variance * targets.scale**2,
        feature_statistics=features,
        target_statistics=targets,
        target_features=target_features,
        n_members=len(kept),
        **_history(kept, earlier),
    )


def _starts(params, samples, keys, parts, spec, earlier):
    """Return both statistics, and each network's given parameters and optimizer state."""
    if earlier:
        given = unstack_arrays(earlier.parameters, len(parts))
        states = [None] * len(parts)
        if earlier.optimizer_state is not None:
            states = unstack_arrays(earlier.optimizer_state, len(parts))
        starts = list(zip(given, states, strict=True))
        return earlier.feature_statistics, earlier.target_statistics, starts
    trained = np.unique(np.concatenate([part.train for part in parts]))
    first, weights = distinct(samples.take(trained), keys[trained])
    merged = samples.take(trained[first]).compact()._replace(weights=weights)
    features, targets = _statistics(merged, params)
    given = {}
    if spec.relative:
        given["relative_steps/gain"] = _gain(merged, features, params["standardize"])
    return features, targets, [(given, None)] * len(parts)


def _beside(common, scaled, n_train, networks, earlier):
    """Return the line, the networks' share, and the residual variance, in scaled units.

    The variance is None where no samples are held out, where predictions are no means, and where
    a line was fitted to the held-out samples before.
    """
    params = common.params
    line, share = (earlier.line, earlier.network_share) if earlier else (None, 1.0)
    if not (stacks(params) or has_variance(params["loss"])):
        return line, share, None
    blocks = held_out_blocks(common, scaled, networks)
    if blocks and stacks(params):
        gain = networks[0][1].get("relative_steps/gain")
        line, share, blocks = stack_line(scaled, n_train, blocks, gain, params["loss"])
    elif line is not None:
        blocks = []
    varies = blocks and has_variance(params["loss"])
    return line, share, residual_variance(blocks) if varies else None


def _statistics(samples, params):
    features = Statistics.neutral(samples.X.n_features)
    targets = Statistics.neutral(samples.y.shape[1])
    if params["standardize"]:
        weights = samples.X.row_weights(samples.weights)
        features = Statistics.of(samples.X.table, weights)
        if params["loss"] != "log_loss":
            targets = Statistics.of(samples.y, samples.weights)
    return features, targets


def _gain(samples, features, standardize):
    """Return the factor that gives each feature's distance from the last step an RMS of 1."""
    gain = np.ones(samples.X.n_features)
    if standardize:
        spread = relative_spread(samples.X, samples.weights, features.scale)
        moves = spread > rounding(samples.X.table) / features.scale
        gain[moves] = 1 / spread[moves]
    return np.minimum(gain, GREATEST_GAIN).astype("float32")


def _scaled(samples, features, targets):
    """Return the samples in scaled units, on a table of their own rows."""
    X = samples.X.compact()
    return samples._replace(X=X.on(features.apply(X.table)), y=targets.apply(samples.y))


def _generators(random_state, n_members, earlier):
    """Return a source of random numbers for each network.

    The first network draws what a single network would draw. A fit that goes on from an earlier
    one draws other numbers than that one did.
    """
    if earlier and isinstance(random_state, Integral):
        first = np.random.RandomState([int(random_state), earlier.n_iter])
    else:
        first = check_random_state(random_state)
    seeds = copy.deepcopy(first).randint(2**31, size=n_members - 1)
    return [first, *map(np.random.RandomState, seeds)]


def _history(runs, earlier):
    """Return the curves, after those of the earlier fit, and which epochs are kept."""
    curves = curves_of(runs)
    n_before, n_after = earlier.n_iter if earlier else 0, len(curves["loss"])
    before = {name: [np.nan] * n_before for name in curves}
    if earlier:
        before |= {"loss": earlier.loss_curve, "learning_rate": earlier.learning_rate_curve}
        before["val_loss"] = earlier.validation_loss_curve or before["val_loss"]
    validates = bool(curves["val_loss"] or (earlier and earlier.validation_loss_curve))
    validation = before["val_loss"] + (curves["val_loss"] or [np.nan] * n_after)
    return {
        "n_iter": n_before + n_after,
        "best_iter": n_before + round(float(np.mean([run.best_epoch for run in runs]))),
        "best_loss": float(np.mean([run.best_loss for run in runs])),
        "loss_curve": before["loss"] + curves["loss"],
        "learning_rate_curve": before["learning_rate"] + curves["learning_rate"],
        "validation_loss_curve": validation if validates else None,
    }


def _check_same(earlier, spec, target_features):
    """Refuse to go on with another network than before, or with other targets."""
    old, new = (
        {f.name: getattr(each, f.name) for f in fields(each)}
        | {"target_feature": None if features is None else features.tolist()}
        for each, features in ((earlier.spec, earlier.target_features), (spec, target_features))
    )
    changes = [f"{n} from {old[n]!r} to {new[n]!r}" for n in old if old[n] != new[n]]
    if changes:
        raise ValueError(
            f"The network changed since the last fit: {', '.join(changes)}. Training can only go "
            "on with the same network; fit a clone, or set warm_start=False."
        )
