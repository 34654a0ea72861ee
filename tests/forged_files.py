"""Model files taken apart and put together again, with a right checksum whatever they say."""

import json
import os
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as to_bytes

from skattn import LSTMAttentionRegressor, ModelFileError, load, save
from skattn._saving.file_format import digest

X = np.random.default_rng(0).normal(size=(8, 3, 2))


@dataclass
class Parts:
    """What a file holds, to make others of."""

    content: bytes
    description: dict
    arrays: dict

    def copy(self):
        """Return parts that can be changed."""
        return deepcopy(self)

    def without_optimizer(self):
        """Return the parts of a model that no fit goes on from."""
        other = self.copy()
        other.description["numbers"]["optimizer_state"] = None
        other.arrays = {n: a for n, a in other.arrays.items() if "optimizer_state" not in n}
        return other

    def forged(self, **metadata):
        """Return the bytes of a file of these parts."""
        return forged(self.description, self.arrays, **metadata)


@cache
def good_parts():
    """Return the parts of a good file: one additive network of two units, on two features."""
    params = {"units": 2, "epochs": 1, "warm_start": True, "n_members": 1}
    params |= {"early_stopping": False, "random_state": 0}
    model = LSTMAttentionRegressor(**params)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save(model.fit(X, X[:, 1, 0]), path)
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            description = json.loads(file.metadata()["estimator"])
        return Parts(path.read_bytes(), description, arrays)


def forged(description, arrays, **metadata):
    """Return a file with a right checksum, whatever it says."""
    text = description if isinstance(description, str) else json.dumps(description)
    said = {"format": "skattn", "version": "1", "estimator": text}
    return to_bytes(arrays, {**said, "sha256": digest(arrays, text), **metadata})


def refusal(path, content):
    """Return the text with which a file is refused; it names the file."""
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{os.fspath(path)!r} cannot be loaded as a model of skattn: ")
    assert text.endswith(". Was it written by skattn.save, and copied whole?")
    assert ".." not in text
    return text
