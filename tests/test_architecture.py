"""The rules of the house that no linter holds; `[tool.importlinter]` has those for imports."""

import ast
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest
from importlinter.cli import lint_imports
from numpydoc.validate import validate

import skattn

ROOT = Path(__file__).parents[1]
SOURCE = Path(skattn.__file__).parent
PATHS = sorted(SOURCE.rglob("*.py"))


def test_imports_keep_their_contracts():
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == 0


def imported(path):
    """Yield each import of a file in full, with the dots of a relative one: `..module.name`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from (f"{source}.{alias.name}" for alias in node.names)


def test_one_module_imports_private_names_of_scikit_learn():
    def is_private(name):
        return name.startswith("sklearn.") and "._" in name

    assert [p.name for p in PATHS if any(map(is_private, imported(p)))] == ["_sklearn.py"]


def test_private_names_stay_in_their_module():
    modules = {path.stem if path.stem != "__init__" else path.parent.name for path in PATHS}
    borrowed = [
        (path.name, name)
        for path in PATHS
        for name in imported(path)
        if name.startswith((".", "skattn."))
        and (last := name.rpartition(".")[2]).startswith("_")
        and last not in modules
    ]
    assert borrowed == []


def test_files_are_short():
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in PATHS}
    limits = {"regressor.py": 460}  # half of it documents parameters
    assert {name: n for name, n in lengths.items() if n > limits.get(name, 400)} == {}


def in_a_new_process(code):
    code += "\nimport sys\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_skattn_loads_nothing_heavy():
    loaded = in_a_new_process("import skattn; dir(skattn)")
    assert loaded.isdisjoint({"tensorflow", "keras", "sklearn", "numpy", "pandas", "scikeras"})


def test_tensorflow_waits_for_the_first_fit():
    loaded = in_a_new_process(
        "import pickle, skattn, sklearn.base\n"
        "model = sklearn.base.clone(skattn.LSTMAttentionRegressor('dot', units=3))\n"
        "repr(pickle.loads(pickle.dumps(model.set_params(units=2))))"
    )
    assert "sklearn" in loaded
    assert loaded.isdisjoint({"tensorflow", "keras", "scikeras", "matplotlib"})


@pytest.mark.slow
def test_fits_load_no_scikeras():
    loaded = in_a_new_process(
        "import numpy as np, skattn\n"
        "X = np.arange(24.0).reshape(4, 3, 2)\n"
        "skattn.LSTMAttentionRegressor('mean', units=2, epochs=1).fit(X, X[:, 0, 0]).predict(X)"
    )
    assert "tensorflow" in loaded
    assert "scikeras" not in loaded


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'LSTMAttention'"):
        skattn.LSTMAttention  # noqa: B018


def own_methods(cls):
    """Yield the methods that a class, or a base of it in this package, defines."""
    for base in cls.__mro__:
        if base.__module__.startswith("skattn."):
            yield from vars(base).items()


def public():
    """Yield the import path and the object of every public class, method and function."""
    for owner, path in (
        (skattn, "skattn"),
        (skattn.datasets, "skattn.datasets"),
        (skattn.layers, "skattn.layers"),
    ):
        for name in owner.__all__:
            value = getattr(owner, name)
            if not callable(value):
                continue
            yield f"{path}.{name}", value
            for method, function in own_methods(value) if isinstance(value, type) else ():
                if isinstance(function, FunctionType) and not method.startswith("_"):
                    yield f"{path}.{name}.{method}", function


PUBLIC = dict(public())

#: What numpydoc must not find: no docstring; sections unknown, empty or out of order;
#: no one-line summary; parameters missing, unknown, unordered or without text; returns
#: without text.
EVERYWHERE = {"GL03", "GL06", "GL07", "GL08", "SS01", "SS02", "SS03", "SS04", "SS06"} | {
    "PR02", "PR03", "PR07", "RT03"
}  # fmt: skip


def faults(path, codes):
    return [error for error in validate(path)["errors"] if error[0] in codes]


@pytest.mark.parametrize("path", PUBLIC)
def test_docstrings(path):
    assert faults(path, EVERYWHERE) == []


@pytest.mark.parametrize("path", [p for p, value in PUBLIC.items() if isinstance(value, type)])
def test_classes_have_examples(path):
    is_error = issubclass(PUBLIC[path], Exception)
    assert faults(path, set() if is_error else {"EX01"}) == []


FUNCTIONS = [p for p, value in PUBLIC.items() if not isinstance(value, type)]
OF_SKATTN = [p for p in FUNCTIONS if not p.startswith("skattn.layers.")]


@pytest.mark.parametrize("path", [*OF_SKATTN, "skattn.LSTMAttentionRegressor"])
def test_every_parameter_is_documented(path):
    assert faults(path, {"PR01"}) == []


@pytest.mark.parametrize(
    "path", [p for p in OF_SKATTN if p.split(".")[-2] in ("skattn", "datasets")]
)
def test_functions_have_examples(path):
    assert faults(path, {"EX01"}) == []
