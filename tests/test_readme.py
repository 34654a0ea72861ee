"""Every block of README and docs is run: Python in order, commands as a user types them."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import skattn

ROOT = Path(__file__).parents[1]


def blocks(language, page="README.md"):
    return blocks_of((ROOT / page).read_text(), language)


def blocks_of(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def run_blocks(page):
    """Run the Python blocks of a page, in the folder in which we are."""
    return run(blocks("python", page), page)


def run(blocks, page):
    namespace = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
    return namespace


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_python_blocks_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks("README.md")
    printed = capsys.readouterr().out
    assert float(re.search(r"R² = (.*)", printed)[1]) > 0.95
    assert int(re.search(r"(\d+)% of the attention", printed)[1]) > 60


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_reference_has_every_public_name():
    named = set(re.findall(r"^   (\w+)$", (ROOT / "docs" / "api.rst").read_text(), re.MULTILINE))
    public = {*skattn.__all__, *skattn.datasets.__all__, *skattn.layers.__all__}
    assert named == public - {"__version__", "datasets", "layers"}


def guide(page, tmp_path, monkeypatch):
    """Run the Python blocks of a page of the guide in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_blocks(f"docs/guide/{page}.md")


#: Pages of the guide whose blocks assert what they show; the others have a test below.
ASSERTING = ["classes", "drift", "intervals", "packages", "saving", "sequences", "serving"]
ASSERTING += ["speed", "uncertainty"]
TESTED_BELOW = ["forecasting", "insight", "tables", "tuning"]


def test_every_page_of_the_guide_is_run():
    pages = {path.stem for path in (ROOT / "docs" / "guide").glob("*.md")}
    assert pages - {"index"} == {*ASSERTING, *TESTED_BELOW}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize("page", ASSERTING)
def test_blocks_of_the_guide_run(page, tmp_path, monkeypatch):
    guide(page, tmp_path, monkeypatch)


@pytest.mark.slow
def test_start_page_runs(capsys):
    run_blocks("docs/index.md")
    assert float(re.search(r"R² = (.*)", capsys.readouterr().out)[1]) > 0.95


@pytest.mark.slow
def test_blocks_about_tuning_run(tmp_path, monkeypatch):
    namespace = guide("tuning", tmp_path, monkeypatch)
    assert namespace["search"].best_params_["lstm__attention"] in (None, "mean", "additive")
    assert namespace["hierarchical"].attention == "hierarchical"
    for study in (namespace["study"], namespace["within"]):
        epochs = {trial.state.name: len(trial.intermediate_values) for trial in study.trials}
        assert epochs["PRUNED"] < epochs["COMPLETE"] == 15


@pytest.mark.slow
def test_blocks_about_tables_run(capsys, tmp_path, monkeypatch):
    namespace = guide("tables", tmp_path, monkeypatch)
    assert int(re.search(r"Best length: (\d+)", capsys.readouterr().out)[1]) == 8
    assert namespace["later"].shape == (95,)
    assert namespace["same"].shape == (49,)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # SHAP's, of matplotlib
def test_blocks_about_insight_run(tmp_path, monkeypatch):
    namespace = guide("insight", tmp_path, monkeypatch)
    assert namespace["found"].faithful
    assert namespace["weights"].mean().idxmax() in (4, 5)  # the state after it holds the value too
    assert namespace["importance"].importances_mean.argmax() == 4 * 2  # lag 5, feature 0
    assert (namespace["found_steps"] == namespace["steps"][-20:, 0]).mean() >= 0.9
    sums = namespace["added"].sum(axis=1) + namespace["explainer"].expected_value
    assert sums == pytest.approx(namespace["recall"].predict(namespace["new"]), abs=1e-6)
    of_steps = namespace["on_average"].importances_mean[:, 0]  # each is flagged as often
    assert of_steps.max() < 4 * of_steps.min()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("package", ["skforecast", "mlforecast", "sktime", "darts"])
def test_blocks_about_forecasting_run(package, tmp_path, monkeypatch):
    pytest.importorskip(package)  # .ci/run installs the extra after the other tests
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "guide" / "forecasting.md").read_text()
    start, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    (section,) = (text for text in sections if text.startswith(f"{package}\n"))
    run(blocks_of(start, "python") + blocks_of(section, "python"), package)


PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!\w+:)([^)#]*)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES])
def test_links_lead_to_files(page):
    folder = (ROOT / page).parent
    links = [link for link in LINK.findall((ROOT / page).read_text()) if link]
    assert [link for link in links if not (folder / link).exists()] == []


def test_links_of_a_package_are_absolute_where_its_address_is_known():
    rewrite = runpy.run_path(ROOT / "hatch_build.py")["with_absolute_links"]
    text = "![p](docs/p.png) [a](b.md#c), [d](#e), [f](https://g.org)"
    assert rewrite(text, "https://h.org/s", "main") == (
        "![p](https://h.org/s/raw/main/docs/p.png) [a](https://h.org/s/blob/main/b.md#c), "
        "[d](#e), [f](https://g.org)"
    )
    assert rewrite(text, "", "main") == text


def test_set_up_and_test_commands_are_those_of_ci():
    set_up, _, test = blocks("bash")
    ci = (ROOT / ".ci" / "run").read_text()
    assert "python3 -m venv" in ci
    assert "python -m venv" in set_up
    assert re.search(r'pip install .*--editable "\.\[test\]"', set_up)
    assert re.search(r'pip install .*--editable "\.\[test\]"', ci)
    assert f'{test.strip()} -m ""' in ci.splitlines()  # and all six attentions


@pytest.mark.slow
def test_main_job_shows_a_result(tmp_path):
    command = blocks("bash")[1].split()
    assert command[0] == "python"
    command[0], command[-1] = sys.executable, str(tmp_path / command[-1])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    errors = dict(re.findall(r"^(Ridge|skattn) +([\d.]+)$", done.stdout, flags=re.MULTILINE))
    assert float(errors["skattn"]) < float(errors["Ridge"])
    assert (tmp_path / "sunlight.png").read_bytes().startswith(b"\x89PNG")
