"""The study goes on after a kill, reports what failed, and cuts its sets as it says."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import study
import study_page
import study_report
import study_sets

SCRIPT = Path(study.__file__)
THREE = ["recall", "adding", "fading memory"]
N_RESULTS = sum(len(study.TINY.keys_of(name)) for name in THREE)
TIMES = {"seconds", "wall", "fit_seconds", "fit_times", "fit_time"}


def start(rows):
    """Start the study of three small sets in a process of its own."""
    command = [sys.executable, SCRIPT, "run", "--tiny", "--jobs", "2", "--rows", rows]
    return subprocess.Popen(
        [*command, "--sets", *THREE], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(rows):
    """Run the study to its end."""
    process = start(rows)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()


def n_lines_of(rows):
    return rows.read_bytes().count(b"\n") if rows.exists() else 0


def kill_at_random(rows, n_lines):
    """Kill the study at a random moment after its file has some lines."""
    process = start(rows)
    while process.poll() is None and (
        not rows.exists() or rows.read_bytes().count(b"\n") < n_lines
    ):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in TIMES}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def table(rows):
    """Return the table of the report but for times."""
    table = study_report.table_of(study_report.effects_of(rows, "generated"))
    return table.drop(columns=["time ×", "seconds"])


@pytest.mark.slow
def test_killed_twice_and_restarted_it_gives_the_same_table(tmp_path):
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"seed of the kills: {seed}")
    random.seed(seed)
    finish(tmp_path / "whole.jsonl")
    first, second = sorted(random.sample(range(1, N_RESULTS + 1), 2))
    for n_lines in (first, second):
        kill_at_random(tmp_path / "killed.jsonl", n_lines)
    finish(tmp_path / "killed.jsonl")

    _, whole = study.read_rows(tmp_path / "whole.jsonl")
    _, killed = study.read_rows(tmp_path / "killed.jsonl")
    assert len((tmp_path / "killed.jsonl").read_text().splitlines()) == N_RESULTS + 1  # the plan
    assert without_times(killed) == without_times(whole)
    assert len(table(whole)) == 3
    assert table(killed).equals(table(whole))


def test_a_line_that_was_cut_is_made_again(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = study.Rows(path, study.TINY)
    rows.add({"key": ["recall", "facts"], "steps": 20})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": ["recall", "compar')
    assert list(study.read_rows(path)[1]) == [("recall", "facts")]
    kept = study.Rows(path, study.TINY).kept
    assert list(kept) == [("plan",), ("recall", "facts")]
    assert path.read_bytes() == whole


def test_rows_of_another_plan_are_refused(tmp_path):
    study.Rows(tmp_path / "rows.jsonl", study.TINY)
    with pytest.raises(ValueError, match="made by another plan"):
        study.Rows(tmp_path / "rows.jsonl", study.Plan())


def test_the_plan_is_read_back(tmp_path):
    study.Rows(tmp_path / "rows.jsonl", study.TINY)
    assert study.read_rows(tmp_path / "rows.jsonl") == (study.TINY, {})


def test_a_fit_that_fails_is_a_row_with_its_error(tmp_path, monkeypatch):
    def fails(*arguments):
        raise FloatingPointError("no number")

    monkeypatch.setattr(study, "compare", fails)
    monkeypatch.setattr(study, "fit_and_test", fails)
    rows = study.Rows(tmp_path / "rows.jsonl", study.TINY)
    study.run(["recall"], study.TINY, rows, None, 1)
    plan, found = study.read_rows(tmp_path / "rows.jsonl")
    assert found["recall", "comparison"]["error"] == "FloatingPointError: no number"
    assert len(found) == len(plan.keys_of("recall"))
    assert "recall test additive 1: FloatingPointError: no number" in study_report.state_of(
        plan, found
    )
    assert study_report.effects_of(found, "generated").empty


def test_shortened_sequences_are_means_counted_from_the_last_step():
    x = np.arange(14.0).reshape(7, 2)
    assert study_sets.shortened(x, 3).tolist() == [[0, 1], [4, 5], [10, 11]]
    assert study_sets.shortened(x, 1).tolist() == x.tolist()


def test_a_series_keeps_its_newest_windows_and_steps():
    windows, y = np.arange(60.0).reshape(10, 6, 1), np.arange(10)
    plan = study.Plan(max_sequences=4, max_steps=2)
    X, y_train, X_test, y_test = study_sets._cut_series(windows, y, windows, y, plan)
    assert y_train.tolist() == [6, 7, 8, 9]
    assert y_test.tolist() == [0, 1, 2, 3]
    assert X[-1].ravel().tolist() == [58, 59]
    assert X_test[0].ravel().tolist() == [4, 5]


def test_a_draw_of_sequences_is_the_same_each_time():
    first, second = (study_sets.load("recall", None, study.TINY) for _ in range(2))
    assert len(first.y) == len(first.y_test) == study.TINY.max_sequences
    assert first.X.shape[1] <= study.TINY.max_steps
    assert (first.X == second.X).all()
    assert (first.y == second.y).all()


def test_an_unknown_set_is_an_error():
    with pytest.raises(ValueError, match="'Recall' is no set of the study"):
        study_sets.load("Recall", None, study.TINY)


def rows_of_a_study(shares):
    """Return rows as a run would leave them, with an effect for each public set."""
    names = [name for name, source in study_sets.SETS.items() if source.kind != "generated"]
    rows = {}
    for place, (name, share) in enumerate(zip(names, shares, strict=False)):
        found = {"attention": "additive", "against": "none", "question": "primary"}
        found |= {"removed": share, "removed_low": share - 0.1, "removed_high": share + 0.1}
        found |= {"alpha": 0.05, "p_value": 0.01, "verdict": "helped" if share > 0 else "hurt"}
        pooled = {**found, "attention": "mean", "question": "others", "removed": share / 2}
        facts = {"kind": "classes", "steps": 10 + place, "features": 2, "samples": 100}
        rows[name, "facts"] = {**facts, "wall": 1}
        rows[name, "comparison"] = {
            "comparisons": [found, pooled],
            "fit_times": {"none": 1.0, "additive": 2.0},
            "wall": 1,
        }
        for attention, error in ((None, 1.0), ("mean", 1 - share / 2), ("additive", 1 - share)):
            rows[name, "test", attention, 0] = {"test_error": error, "seconds": 1, "wall": 1}
    return rows


def test_the_report_says_what_the_rows_hold():
    shares = [0.5, 0.4, 0.3, 0.2, -0.1]
    effects = study_report.effects_of(rows_of_a_study(shares))
    assert effects["test_removed"].tolist() == pytest.approx(shares)
    sentences = study_report.answer_of(effects)
    assert len(sentences) == 5
    assert "On 5 public data sets" in sentences[0]
    assert "helped on 4, hurt on 1, and made no difference" in sentences[0]
    assert "on 4 of 5" in sentences[1]
    assert (
        "lowered the error by 15 % (median over sets; attention lowered it by 30 %)" in sentences[2]
    )
    # Longer sets have less in these rows: of the 120 orders of five, two are that far from chance.
    assert "the number of steps (rank correlation -1.00, p = 0.05" in sentences[4]
    ranks = study_report.ranks_of(rows_of_a_study(shares), effects)
    assert "additive 1.40, mean 2.00, none 2.60" in ranks


def test_two_sets_are_no_answer():
    effects = study_report.effects_of(rows_of_a_study([0.1, 0.2]))
    assert study_report.answer_of(effects) == [
        "Fewer than three data sets were run, so that there is no answer yet."
    ]


def test_the_page_is_written_between_its_marks(tmp_path, monkeypatch):
    rows = [{"key": list(key), **row} for key, row in rows_of_a_study([0.5, 0.2, -0.1]).items()]
    study.Rows(tmp_path / "rows.jsonl", study.Plan())
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    page, readme = tmp_path / "page.md", tmp_path / "README.md"
    page.write_text(study_page.PAGE.read_text())
    readme.write_text("Before.\n<!-- begin evidence -->\nold\n<!-- end evidence -->\nAfter.\n")
    monkeypatch.setattr(study_page, "PAGE", page)
    monkeypatch.setattr(study_page, "FIGURE", tmp_path / "images" / "evidence.png")
    monkeypatch.setattr(study_page, "ROOT", tmp_path)
    monkeypatch.setattr(study_page, "write", lambda *section: None)
    study_page.report(tmp_path / "rows.jsonl", "command", True)
    written = readme.read_text()
    assert written.startswith(
        "Before.\n<!-- begin evidence -->\nOn 3 public data sets, of at most 100"
    )
    assert written.endswith("<!-- end evidence -->\nAfter.\n")
    assert "| CardanoSentiment | classes | 10 |" in page.read_text()
    assert "Not run yet" not in page.read_text()
    assert (tmp_path / "images" / "evidence.png").read_bytes().startswith(b"\x89PNG")


def test_a_set_whose_default_fits_are_not_all_made_has_no_test_error():
    rows = rows_of_a_study([0.5, 0.4, 0.3])
    last = next(key for key in reversed(rows) if key[1:3] == ("test", "additive"))
    del rows[last]
    effects = study_report.effects_of(rows)
    assert effects["test_removed"].isna().tolist() == [False, False, True]
