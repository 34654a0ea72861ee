"""The data of the accuracy benchmark: each protocol as a list of `Task`.

Every function of `PROTOCOLS` takes the folder of ``--data``, reads one folder of it and cuts
it as its protocol says. Its docstring is the title of its section. What is scored is given by
the protocol, and so are the errors of naive predictions, which check the data path.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from skattn import sliding_windows
from skattn.datasets import make_adding


def rmse(y, predicted):
    """Return the root mean squared error."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def mse(y, predicted):
    """Return the mean squared error, over outputs, too."""
    return float(np.mean((y - predicted) ** 2))


def mae(y, predicted):
    """Return the mean absolute error."""
    return float(np.mean(np.abs(y - predicted)))


class Rows(NamedTuple):
    """Sequences (n, n_timesteps, n_features) and their targets (n,) or (n, n_outputs)."""

    X: object
    y: np.ndarray


@dataclass(frozen=True)
class Score:
    """A kind of error, and the figures that are known of it, with the digits as published.

    Attributes
    ----------
    error : callable
        ``(y, predicted) -> float``.
    naive : dict of str to str
        Published errors of naive predictions.
    published : dict of str to str
        Published errors of other models.
    tolerance : float
        Relative distance that a naive error may have; 0: it has the published digits.
    """

    error: Callable
    naive: dict
    published: dict = field(default_factory=dict)
    tolerance: float = 0.0


@dataclass(frozen=True)
class Task:
    """One regression task: rows to train on, to stop by and to score, and what is known.

    Attributes
    ----------
    naive : dict of str to array
        Naive predictions of the test rows.
    scores : dict of str to Score
        What is scored, by name.
    validation : Rows or None
        None where the protocol has no such rows.
    says : dict
        Parameters that a user must set, since they are facts about the data.
    variants : tuple of dict
        Further parameters to try.
    steps : int array of shape (n_test, n_steps) or None
        The steps of the test sequences on which y depends, where known.
    relative_to : str or None
        The naive prediction of whose error the others are printed as a multiple.
    """

    name: str
    train: Rows
    test: Rows
    naive: dict
    scores: dict
    validation: Rows | None = None
    says: dict = field(default_factory=dict)
    variants: tuple = ()
    steps: np.ndarray | None = None
    relative_to: str | None = None


def read_ts(path):
    """Read a ``.ts`` file of equal lengths."""
    X, y = [], []
    for line in path.read_text().splitlines():
        if line.strip() and line[0] not in "#@":
            *channels, target = line.split(":")
            X.append(np.array([channel.split(",") for channel in channels], dtype=float).T)
            y.append(float(target))
    return Rows(np.stack(X), np.array(y))


def archive(data, dataset, name, mean, published=(), **options):
    """Read a data set of the extrinsic regression archive in the archive's split; RMSE.

    `mean` is the published error of the mean of the training targets.
    """
    folder = data / "tser" / dataset
    train, test = (read_ts(folder / f"{dataset}_{part}.ts") for part in ("TRAIN", "TEST"))
    scores = {"RMSE": Score(rmse, {"mean of y": mean}, dict(published))}
    return Task(name, train, test, {"mean of y": train.y.mean()}, scores, **options)


def flood(data):
    """P1: FloodModeling1, greatest depth of water from 266 steps of rainfall; RMSE."""
    published = {"XGBoost": "0.0162", "InceptionTime, ensemble": "0.0067", "FreshPRINCE": "0.0050"}
    published["MultiROCKET, best known"] = "0.0040"
    variants = tuple({"attention": name} for name in (None, "mean", "dot", "general"))
    return [archive(data, "FloodModeling1", "P1", "0.01886", published, variants=variants)]


def oil_gas(data):
    """P2: DailyOilGasPrices, a price from 30 days of two series; RMSE."""
    published = {"ROCKET": "1.922", "InceptionTime, ensemble": "1.542", "XGBoost": "1.390"}
    published["DrCIF, best known"] = "1.049"
    return [archive(data, "DailyOilGasPrices", "P2", "1.801", published)]


def read_etth1(data):
    """Return ETTh1, each column in units of its spread over the training rows."""
    table = pd.read_csv(data / "ett" / "ETTh1.csv", index_col="date", parse_dates=True)
    train = table.iloc[:8640]
    return (table - train.mean()) / train.std(ddof=0)


def cut(table, target, begin, end, length, horizon):
    """Cut the windows whose targets lie in the rows `begin` to `end` - 1 of a series.

    Windows may reach back before `begin`; a series begins at its row 0.
    """
    rows = slice(max(0, begin - length), end)
    return Rows(*sliding_windows(table[rows], target[rows], length=length, horizon=horizon))


def oil_temperature(data):
    """P3: ETTh1, oil temperature alone, 336 hours back, 96 ahead; MSE, standardized."""
    series = read_etth1(data)["OT"].to_numpy()
    train, validation, test = (
        cut(series, series, begin, end, length=336, horizon=96)
        for begin, end in ((0, 8640), (8640, 11520), (11520, 14400))
    )
    naive = {
        "repeat the last value": test.X[:, -1],
        "repeat the last day": np.tile(test.X[:, -24:, 0], 4),
    }
    known = {"repeat the last value": "0.0693", "repeat the last day": "0.0715"}
    published = {
        "Informer's attention LSTM, 48 ahead": "0.193",
        "DLinear": "0.056",
        "NLinear": "0.053",
    }
    scores = {"MSE": Score(mse, known, published)}
    return [Task("P3", train, test, naive, scores, validation, {"target_feature": 0})]


def transformer(data):
    """P4: ETTh1, all 7 channels, each a sample, 96 hours back, 96 ahead; MSE, standardized."""
    table = read_etth1(data)
    parts = []
    for begin, end in ((0, 8640), (8640, 11520), (11520, 14400)):
        rows = table.iloc[max(0, begin - 96) : end]
        long = rows.melt(var_name="channel", ignore_index=False)
        X, y = sliding_windows(long, long["value"], group_by="channel", length=96, horizon=96)
        parts.append(Rows(X, y.to_numpy()))
    train, validation, test = parts
    naive = {"repeat the last day": np.tile(np.asarray(test.X)[:, -24:, 0], 4)}
    published = {"DLinear": "0.386", "iTransformer": "0.386", "SegRNN": "0.368"}
    scores = {"MSE": Score(mse, {"repeat the last day": "0.512"}, published)}
    return [Task("P4", train, test, naive, scores, validation, {"target_feature": 0})]


def room_temperature(data, ahead, name, known, published=()):
    """Read SML2010: the room's temperature `ahead` steps on, from 10 past steps; RMSE in °C.

    Rows are counted over both files, of which no window holds rows of both. A window belongs
    to the part in which the row of its target lies.
    """
    parts, n_before = [], 0
    for n in (1, 2):
        table = np.loadtxt(data / "sml2010" / f"NEW-DATA-{n}.T15.txt", usecols=range(2, 24))
        shifted = slice(len(table) - ahead + 1), slice(ahead - 1, None)
        X, y = sliding_windows(table[shifted[0]], table[shifted[1], 0], length=10)
        n_before += len(table)
        parts.append((X, y, n_before + np.arange(-len(y), 0)))
    X, y, at = (np.concatenate(part) for part in zip(*parts, strict=True))
    held = [(at >= begin) & (at < end) for begin, end in ((0, 3200), (3200, 3600), (3600, 4137))]
    train, validation, test = (Rows(X[rows], y[rows]) for rows in held)
    before, last = test.X[:, -2, 0], test.X[:, -1, 0]
    naive = {
        "repeat the last value": last,
        "linear extrapolation": last + ahead * (last - before),
    }
    scores = {"RMSE": Score(rmse, known, dict(published))}
    return Task(name, train, test, naive, scores, validation, {"target_feature": 0})


def room_next(data):
    """P5: SML2010, the room's temperature one step (15 min) ahead; RMSE in °C."""
    known = {"repeat the last value": "0.1244", "linear extrapolation": "0.0239"}
    published = {
        "ARIMA": "0.0265",
        "encoder-decoder": "0.0252",
        "attention RNN": "0.0233",
        "DA-RNN, best known": "0.0197",
    }
    return [room_temperature(data, 1, "P5", known, published)]


def room_later(data):
    """P6: SML2010, the room's temperature 4 and 16 steps (1 and 4 hours) ahead; RMSE in °C."""
    return [
        room_temperature(data, ahead, f"P6, {ahead} steps", {"repeat the last value": known})
        for ahead, known in ((4, "0.492"), (16, "1.844"))
    ]


def particles(data):
    """P7: Beijing's PM2.5 in one hour, from 10 past hours of it and the weather; RMSE, MAE."""
    table = pd.read_csv(data / "pm25" / "PRSA_data_2010.1.1-2014.12.31.csv").ffill().bfill()
    table = pd.get_dummies(table.iloc[:, 5:], columns=["cbwd"], dtype=float).to_numpy()
    bounds = (np.array([0, 0.6, 0.8, 1.0]) * len(table)).astype(int)
    train, validation, test = (
        cut(table, table[:, 0], begin, end, length=10, horizon=1) for begin, end in pairwise(bounds)
    )
    naive = {"repeat the last value": test.X[:, -1, 0]}
    scores = {
        "RMSE": Score(rmse, {"repeat the last value": "22.01"}, {"IMV-LSTM": "20.87"}),
        "MAE": Score(mae, {"repeat the last value": "11.82"}, {"IMV-LSTM": "11.29"}),
    }
    return [Task("P7", train, test, naive, scores, validation, {"target_feature": 0})]


def adding(data):
    """P8: the adding problem, 20,000 training and 2,000 test sequences; MSE."""
    published = {"always 1": "0.1767"}
    return [
        add_marked(200, published),
        add_marked(600, {**published, "LSTM": "0.164", "TCN": "0.000058"}),
    ]


def add_marked(n_timesteps, published):
    """Draw an adding problem.

    The expected error of always 1 is 1/6. That of 2,000 sequences is off by 2.6 % in one
    standard deviation, hence the tolerance.
    """
    X, y, steps = make_adding(22_000, n_timesteps, random_state=0, return_steps=True)
    train, test = Rows(X[:20_000], y[:20_000]), Rows(X[20_000:], y[20_000:])
    name = "always 1 (within 5 % of 1/6)"
    scores = {"MSE": Score(mse, {name: "0.1667"}, published, tolerance=0.05)}
    return Task(f"P8, {n_timesteps} steps", train, test, {name: 1.0}, scores, steps=steps[20_000:])


def noisy(data):
    """P9: archive data whose targets are near noise or have outliers; RMSE."""
    means = {
        "SteamPredictor": "31551",
        "ChilledWaterPredictor": "659.9",
        "CardanoSentiment": "0.3003",
        "Covid3Month": "0.0447",
    }
    return [
        archive(data, dataset, f"P9, {dataset}", mean, relative_to="mean of y")
        for dataset, mean in means.items()
    ]


def cyclic(values, period):
    """Return values that repeat after a period as their sine and cosine, two columns."""
    angle = 2 * np.pi * np.asarray(values) / period
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def by_dates(table, target, ahead, length, begins):
    """Cut windows into training, validation and test samples by the time of their target.

    The target of a window lies `ahead` rows after its last row. `begins` holds the times at
    which validation and test targets begin.
    """
    X = sliding_windows(table, length=length)
    X, y = X[: len(X) - ahead], target.iloc[length - 1 + ahead :]
    bounds = [0, *np.searchsorted(y.index, pd.DatetimeIndex(begins)), len(y)]
    return [Rows(X[b:e], y.iloc[b:e].to_numpy()) for b, e in pairwise(bounds)]


def demand(data):
    """P10: Victoria's demand for electricity 6 hours ahead, from 168 hours; RMSE in MW."""
    halves = pd.read_csv(data / "vic_elec" / "vic_electricity.csv", parse_dates=["Time"])
    halves = halves.set_index("Time")[["Demand", "Temperature", "Holiday"]].astype(float)
    hours = halves.resample("h").mean()
    local = hours.index.tz_convert("Australia/Melbourne")
    cycles = np.hstack([cyclic(local.hour, 24), cyclic(local.day_of_week, 7)])
    table = pd.DataFrame(np.hstack([hours.to_numpy(), cycles]), index=hours.index.tz_localize(None))
    parts = by_dates(table, table[0], 6, 168, ["2013-07-01", "2014-01-01"])
    last = parts[2].X[:, :, 0]
    naive = {
        "repeat the last value": last[:, -1],
        "repeat yesterday": last[:, -1 - 18],
        "repeat last week": last[:, -1 - 162],
    }
    known = dict(zip(naive, ("1014.2", "569.9", "613.2"), strict=True))
    return [drifting("P10", parts, naive, known, {"target_feature": 0})]


def nitrogen_dioxide(data):
    """P11: Valencia's NO2 a day ahead, from 72 hours of air and weather; RMSE in µg/m³."""
    path = data / "valencia" / "air_quality_valencia_no_missing.csv"
    air = pd.read_csv(path, index_col="datetime", parse_dates=True)
    names = ["no2", "so2", "co", "no", "pm10", "nox", "o3", "veloc.", "pm2.5"]
    wind = cyclic(air["direc."], 360) * air[["veloc."]].to_numpy()
    columns = np.hstack([air[names].to_numpy(), wind, cyclic(air.index.hour, 24)])
    table = pd.DataFrame(columns, index=air.index)
    parts = by_dates(table, table[0], 24, 72, ["2022-01-01", "2023-01-01"])
    naive = {
        "mean of y": parts[0].y.mean(),
        "repeat the last value": parts[2].X[:, -1, 0],
    }
    known = {"mean of y": "15.76", "repeat the last value": "13.57"}
    return [drifting("P11", parts, naive, known, {"target_feature": 0})]


def turbine(data):
    """P12: the NOx of a gas turbine, a soft sensor, from 24 hours of its sensors; RMSE in mg/m³."""
    path = data / "turbine" / "turbine_emission.csv"
    table = pd.read_csv(path, index_col="datetime", parse_dates=True)
    sensors = table[["AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP"]]
    parts = by_dates(sensors, table["NOX"], 0, 24, ["2013-01-01", "2014-01-01"])
    naive = {"mean of y": parts[0].y.mean()}
    return [drifting("P12", parts, naive, {"mean of y": "14.81"}, {})]


def drifting(name, parts, naive, known, says):
    """Make the task of a series that drifts, whose test samples are the newest."""
    train, validation, test = parts
    scores = {"RMSE": Score(rmse, known)}
    return Task(name, train, test, naive, scores, validation, says)


PROTOCOLS = {
    "P1": flood,
    "P2": oil_gas,
    "P3": oil_temperature,
    "P4": transformer,
    "P5": room_next,
    "P6": room_later,
    "P7": particles,
    "P8": adding,
    "P9": noisy,
    "P10": demand,
    "P11": nitrogen_dioxide,
    "P12": turbine,
}
