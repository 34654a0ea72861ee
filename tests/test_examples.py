"""Each example runs, predicts better than doing nothing, and draws its picture."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

#: Example → what its network has to beat. The README's test runs sunlight.py as a user does.
TO_BEAT = {"half_day.py": "day before", "mornings.py": "mean"}

#: Essays about a question; each has a test of its answer.
ESSAYS = {"does_attention_help.py", "known_lag.py", "misleading_attention.py", "seasons.py"}


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*TO_BEAT, *ESSAYS, "sunlight.py"}


def run(example, tmp_path):
    """Run an example, quickly; it has to write its picture. Return what its main returns."""
    picture = tmp_path / "picture.png"
    result = runpy.run_path(EXAMPLES / example)["main"](["--quick", "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    return result


@pytest.mark.slow
def test_attention_finds_the_known_lag(tmp_path):
    weights, importance, faithfulness = run("known_lag.py", tmp_path)
    assert abs(weights.mean().idxmax() - 30) <= 1  # the state after it holds the value as well
    assert importance.lags[importance.importances_mean[:, 0].argmax()] == 30
    assert faithfulness.faithful


@pytest.mark.slow
def test_attention_that_misleads_is_noticed(tmp_path):
    found, attended, needed = run("misleading_attention.py", tmp_path)
    assert found.advantage_interval[1] < 0
    assert found.summary.startswith("Attention misleads.")
    assert attended < 0.5 < 0.9 < needed


@pytest.mark.slow
def test_attention_lowers_the_error_on_floods(tmp_path):
    table = run("does_attention_help.py", tmp_path).table
    assert table.index.tolist() == ["none", "mean", "additive"]
    assert table.loc["additive", "removed"] > 0
    assert table.loc["additive", "verdict"] != "hurt"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of aeon
def test_seasons_are_told_apart(tmp_path):
    found, _ = run("seasons.py", tmp_path)
    accuracy, loss = found["skattn"]
    assert accuracy > 0.93
    assert loss < 0.2  # without knowledge it is log 2 = 0.69


@pytest.mark.slow
@pytest.mark.parametrize(("example", "simplest"), TO_BEAT.items())
def test_example(example, simplest, tmp_path, capsys):
    errors = run(example, tmp_path)
    assert errors["skattn"] < errors[simplest]
    assert "root mean square" in capsys.readouterr().out
