"""The page of the study: docs/evidence.md, its picture, RESULTS.md and the README's sentence."""

import textwrap
from pathlib import Path

import numpy as np
from study import read_rows
from study_report import (
    COLORS,
    answer_of,
    calibration_of,
    effects_of,
    hierarchical_of,
    ranks_of,
    state_of,
    table_of,
)
from study_summary import random_effects
from tables import fill, write

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
FIGURE = ROOT / "docs" / "images" / "evidence.png"

#: Removed shares at which the picture ends.
ENDS = (-1.0, 0.95)
TICKS = np.array([-1, -0.5, 0, 0.25, 0.5, 0.75, 0.9])


def report(path, command, write_it):
    """Print the table and the answer of a file of rows, and write them where that is wanted."""
    plan, rows = read_rows(path)
    effects = effects_of(rows)
    table = table_of(effects) if len(effects) else effects
    answer = answer_of(effects)
    more = [ranks_of(rows, effects), hierarchical_of(rows)]
    state, calibration = state_of(plan, rows), calibration_of(rows)
    spent = spent_on(rows)
    print(table.to_string(), *answer, *more, calibration, state, spent, sep="\n\n")
    if write_it:
        draw(effects, effects_of(rows, "generated"))
        picture = (
            "![The share of the error that attention removes, set by set](images/evidence.png)"
        )
        fill(PAGE, "answer", "\n".join(f"{n}. {text}" for n, text in enumerate(answer, 1)))
        fill(PAGE, "picture", picture)
        fill(PAGE, "table", in_markdown(table))
        fill(PAGE, "more", "\n\n".join([*more, calibration]))
        fill(PAGE, "run", f"{spent} {state}")
        first = textwrap.fill(f"{answer[0]} [The evidence](docs/evidence.md)", 110)
        fill(ROOT / "README.md", "evidence", first)
        text = "\n\n".join([table.to_string(), *answer, *more, calibration, state, spent])
        write("study", "Study: can an LSTM benefit from temporal attention?", text, command)


def spent_on(rows):
    """Return the number of results and the time they took, in words."""
    seconds = sum(row["wall"] for row in rows.values())
    return f"{len(rows)} results in {seconds:.0f} s of the clock."


def in_markdown(table):
    """Return a table in Markdown, numbers at the right."""
    heads = [table.index.name or "", *table.columns]
    lines = [heads, ["---", *["---:"] * len(table.columns)]]
    lines += [[name, *cells] for name, cells in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def draw(effects, generated):
    """Draw the forest plot: the sets in the order of their effects, and below what they sum to."""
    from matplotlib.figure import Figure

    effects = effects.sort_values("removed", ascending=False)
    figure = Figure(figsize=(8, 2 + 0.26 * (len(effects) + len(generated))), layout="constrained")
    ax = figure.subplots()
    places = _draw_sets(ax, effects, 0)
    known = effects.dropna(subset=["log_ratio", "error"])
    labels = list(effects.index)
    if len(known) >= 2:
        _draw_summary(ax, random_effects(known["log_ratio"], known["error"]), places)
        labels.append("all of them: mean, and another set")
    _draw_sets(ax, generated, len(labels), 0.4)
    labels += [f"{name} (generated)" for name in generated.index]
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.set_xlim(_at(ENDS[0]), _at(ENDS[1]))
    ax.set_xticks(_at(TICKS), [f"{100 * tick:.0f}" for tick in TICKS])
    ax.set_xlabel("removed share of the plain LSTM's error (%), 95 % interval; right: better")
    for verdict, color in COLORS.items():
        ax.plot([], [], "o", color=color, label=verdict)
    ax.plot([], [], "|", color="black", markersize=9, label="pooling alone")
    ax.legend(loc="best", fontsize="small")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def _at(removed):
    """Return the place of a removed share: equal ratios of errors are equally far apart."""
    return -np.log1p(-np.clip(removed, -1e6, 1 - 1e-9))


def _draw_sets(ax, effects, first, alpha=1.0):
    """Draw a line for each set from a place on, and return the place after them."""
    for place, (_, row) in enumerate(effects.iterrows(), first):
        color = COLORS[row["verdict"]]
        low, high = _at(row["removed_low"]), _at(row["removed_high"])
        ax.plot([low, high], [place] * 2, color=color, alpha=alpha)
        ax.plot(_at(row["removed"]), place, "o", color=color, alpha=alpha)
        ax.plot(_at(row["pooling"]), place, "|", color="black", markersize=9, alpha=alpha)
    return first + len(effects)


def _draw_summary(ax, found, place):
    """Draw the mean as a diamond, and where another set lies as a line."""
    ax.plot([-found["new_low"], -found["new_high"]], [place] * 2, color="#009E73", linewidth=1)
    ends = [-found["high"], -found["mean"], -found["low"], -found["mean"]]
    ax.fill(ends, [place, place - 0.35, place, place + 0.35], color="#009E73")
