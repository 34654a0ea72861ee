"""The rules between modules. The tables here are the rules."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from types import FunctionType

import pytest
from numpydoc.validate import validate

import skattn

SOURCE = Path(skattn.__file__).parent

#: Module → modules of skattn that it may import. A new module needs a line here.
MAY_IMPORT = {
    "__init__": set(),
    "_persistence": {"_model_file", "_regressor"},
    "_model_file": {"_regressor", "_scaling", "_shapes", "_spec", "_validation"},
    "_shapes": set(),
    "_displays": set(),
    "_displays._attention": {"_displays._axes", "_inspection", "_reading", "_validation"},
    "_displays._axes": set(),
    "_displays._comparison": {"_comparison", "_displays._axes", "_wording"},
    "_displays._faithfulness": {
        "_displays._attention",
        "_displays._axes",
        "_faithfulness",
        "_wording",
    },
    "_displays._importance": {"_displays._axes", "_importance", "_wording"},
    "_displays._training": {"_displays._axes", "_reading"},
    "_faithfulness": {"_deletion", "_reading", "_validation", "_wording"},
    "_deletion": {"_importance", "_inspection", "_reading"},
    "_comparison": {"_spec", "_validation", "_verdict", "_wording"},
    "_verdict": {"_wording"},
    "_importance": {"_reading", "_validation", "_wording"},
    "_inspection": {"_reading"},
    "_reading": {"_tables", "_validation"},
    "_wording": set(),
    "datasets": {"_validation"},
    "_regressor": {
        "_continuation",
        "_export",
        "_fitting",
        "_folds",
        "_members",
        "_spec",
        "_training",
        "_validation",
    },
    "_export": {"_members", "_network", "layers"},
    "_folds": {"_rows"},
    "_fitting": {
        "_continuation",
        "_members",
        "_pool",
        "_rows",
        "_scaling",
        "_spec",
        "_training",
        "_validation",
    },
    "_continuation": {"_sequences"},
    "_members": set(),
    "_rows": {"_sequences", "_training", "_validation"},
    "_sequence_scaler": {"_strides", "_validation"},
    "_sliding": {"_strides", "_tables", "_validation"},
    "_windows": {"_strides", "_tables", "_validation"},
    "_scaling": set(),
    "_training": {"_sequences"},
    "_validation": {"_sequences", "_strides"},
    "_sequences": {"_strides"},
    "_strides": set(),
    "_tables": {"_validation"},
    "_pool": {"_program", "_threads"},
    "_threads": set(),
    "_program": {"_initial", "_network", "_optimizer"},
    "_initial": set(),
    "_optimizer": set(),
    "_network": {"_spec", "layers", "layers._attention"},
    "_spec": set(),
    "layers": {"layers._attention", "layers._lstm", "layers._steps"},
    "layers._attention": set(),
    "layers._lstm": set(),
    "layers._steps": set(),
}

#: Module → packages that it may import; in parentheses those for inside functions only.
PACKAGES = {
    "__init__": "",
    "_persistence": "numpy safetensors sklearn",
    "_model_file": "numpy",
    "_shapes": "",
    "_displays": "",
    "_displays._attention": "numpy pandas",
    "_displays._axes": "numpy pandas (matplotlib)",
    "_displays._comparison": "",
    "_displays._faithfulness": "pandas",
    "_displays._importance": "numpy",
    "_displays._training": "numpy",
    "_faithfulness": "numpy scipy sklearn",
    "_deletion": "numpy scipy sklearn",
    "_comparison": "numpy pandas sklearn",
    "_verdict": "numpy pandas scipy",
    "_importance": "numpy sklearn",
    "_inspection": "pandas",
    "_reading": "numpy pandas sklearn",
    "_wording": "",
    "datasets": "numpy sklearn",
    "_regressor": "numpy sklearn",
    "_export": "keras numpy (scikeras)",
    "_fitting": "numpy sklearn",
    "_folds": "",
    "_continuation": "numpy",
    "_members": "numpy",
    "_rows": "numpy",
    "_scaling": "numpy",
    "_sequence_scaler": "numpy sklearn",
    "_sequences": "numpy",
    "_sliding": "numpy pandas",
    "_strides": "numpy",
    "_tables": "numpy pandas",
    "_windows": "numpy sklearn",
    "_training": "numpy tqdm (keras)",
    "_validation": "numpy scipy sklearn",
    "_pool": "",
    "_threads": "(tensorflow)",
    "_program": "keras numpy tensorflow",
    "_initial": "numpy",
    "_optimizer": "keras numpy tensorflow",
    "_network": "keras",
    "_spec": "",
    "layers": "",
    "layers._attention": "keras",
    "layers._lstm": "keras tensorflow",
    "layers._steps": "keras",
}


def module_name(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1]) if parts[-1] == "__init__" and parts[:-1] else ".".join(parts)


PATHS = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
EACH_MODULE = pytest.mark.parametrize("module", PATHS)


def imports(module):
    """List (imported module, imported name or None, whether at module level)."""
    tree = ast.parse(PATHS[module].read_text(encoding="utf-8"))
    in_functions = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        top = id(node) not in in_functions
        if isinstance(node, ast.Import):
            found += [(alias.name, None, top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node)
            found += [(source, alias.name, top) for alias in node.names]
    return found


def absolute(module, node):
    if not node.level:
        return node.module
    package = ["skattn", *module.split(".")]
    if PATHS[module].name != "__init__.py" or module == "__init__":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *filter(None, [node.module])])


def own_imports(module):
    """Return the modules of skattn that a module imports, at any level of its code."""
    found = set()
    for source, name, _ in imports(module):
        if source.split(".")[0] == "skattn":
            inside = source.split(".")[1:]
            named = ".".join([*inside, name or ""])
            found.add(named if named in PATHS else ".".join(inside) or "__init__")
    return found


def packages(module, top_level_only):
    found = {
        source.split(".")[0] for source, _, top in imports(module) if top or not top_level_only
    }
    return found - {"skattn"} - set(sys.stdlib_module_names)


def test_the_rules_only_point_down():
    assert list(TopologicalSorter(MAY_IMPORT).static_order())


def test_every_module_has_its_rules():
    assert set(MAY_IMPORT) == set(PACKAGES) == set(PATHS)


@EACH_MODULE
def test_imports_within_skattn(module):
    assert own_imports(module) <= MAY_IMPORT[module]


@EACH_MODULE
def test_imports_of_packages(module):
    allowed = PACKAGES[module].split()
    assert packages(module, top_level_only=True) <= {p for p in allowed if "(" not in p}
    assert packages(module, top_level_only=False) <= {p.strip("()") for p in allowed}


def below(module):
    """Return a module and all that it may import, directly or not."""
    return {module}.union(*(below(lower) for lower in MAY_IMPORT[module]))


@pytest.mark.parametrize("module", ["_pool", "_program", "_network", "layers", "_export"])
def test_the_side_of_keras_never_imports_scikit_learn(module):
    for lower in below(module):
        assert "sklearn" not in packages(lower, top_level_only=False)


@EACH_MODULE
def test_only_validation_imports_private_names_of_scikit_learn(module):
    private = [
        (source, name)
        for source, name, _ in imports(module)
        if source.split(".")[0] == "sklearn"
        and any(part.startswith("_") for part in [*source.split("."), name or ""])
    ]
    assert bool(private) == (module == "_validation")


@EACH_MODULE
def test_private_names_stay_in_their_module(module):
    borrowed = [
        (source, name)
        for source, name, _ in imports(module)
        if source.startswith("skattn.") and name.startswith("_") and name not in PATHS
    ]
    assert borrowed == []


@EACH_MODULE
def test_files_are_short(module):
    limit = 640 if module == "_regressor" else 400
    assert len(PATHS[module].read_text(encoding="utf-8").splitlines()) <= limit


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
            for method, function in vars(value).items() if isinstance(value, type) else ():
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
