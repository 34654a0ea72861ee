"""The injected faults of benchmarks/trust.py, few of each; the script has the full counts."""

import pytest
import trust

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork with threads, on purpose
def test_a_killed_save_leaves_the_old_model_or_the_new_one():
    counts = trust.kills(8)
    assert counts["loaded one of the two"] == counts["killed"] == 8


def test_a_save_without_room_leaves_the_old_model_and_nothing_else():
    counts = trust.full_disk(5)
    assert counts == {"refused": 5, "old file loads": 5, "left files beside": 0}


def test_changed_files_are_refused_and_run_nothing():
    counts = trust.mutations(300)
    assert (
        counts["ModelFileError"] + counts["loaded, same model"] + counts["loaded, other model"]
        == counts["files"]
        == 300
    )
    assert counts["ModelFileError"] > 200
    assert counts["other errors"] == counts["events of code"] == 0


def test_training_that_overflows_is_never_silent():
    counts = trust.divergences(12)
    assert counts["silent NaN"] == 0
    assert counts["TrainingDivergedError"] + counts["finite"] == 12
    assert counts["TrainingDivergedError"] >= 3  # at least those whose parameters were poisoned


def test_an_interrupted_fit_changes_nothing():
    counts = trust.interrupts(4)
    assert counts["interrupts"] == counts["same state"] == counts["same predictions"] == 4, counts


def test_threads_give_what_one_thread_gives():
    counts = trust.threads(3)
    assert counts["equal to serial"] == counts["predictions"] == 24
    assert counts["fits equal to serial"] == counts["fits"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork with threads, on purpose
def test_a_fork_is_an_error_and_no_hang():
    counts = trust.fork(1)
    assert counts["RuntimeError"] == counts["forks"] == 2
