"""The loop over epochs: it ends where it is interrupted, or where one network fails."""

import os
import signal
import time
from types import SimpleNamespace

import pytest

from skattn._training.loop import train_side_by_side


class Endless:
    """A run whose epochs take a millisecond, 10,000 of them; `disturb` is called after ten."""

    recipe = SimpleNamespace(epochs=10_000)

    def __init__(self, disturb=lambda: None):
        self.n_epochs, self.disturb = 0, disturb

    @property
    def finished(self):
        return self.n_epochs == self.recipe.epochs

    def run_epoch(self):
        time.sleep(0.001)
        self.n_epochs += 1
        if self.n_epochs == 10:
            self.disturb()


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def fail():
    raise MemoryError("no room")


@pytest.fixture
def interrupts():
    """Hear Ctrl-C also where the process was told to ignore it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(("disturb", "error"), [(ctrl_c, KeyboardInterrupt), (fail, MemoryError)])
def test_no_network_goes_on_after_an_interrupt_or_an_error(interrupts, disturb, error):
    runs = [Endless(), Endless(disturb), Endless()]
    with pytest.raises(error):
        train_side_by_side(runs)
    reached = [run.n_epochs for run in runs]
    time.sleep(0.01)
    assert reached == [run.n_epochs for run in runs]  # nothing trains on in the background
    assert max(reached) < 5_000
