"""Small runs of the benchmarks, and tests of the scores that they report."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
KEY = ["set", "model", "seed", "fold"]
TINY_STUDY = ["--candidates", "2", "--inner-folds", "2"]
RIVALS = ["catboost", "imblearn", "imlightgbm"]
SCRIPTS = [
    pytest.param("quality", ["--seeds", "0", "1"], ["tqdm"], id="quality"),
    pytest.param("defaults", ["--models", "gamma=2"], ["tqdm", *RIVALS], id="defaults"),
    pytest.param("study", TINY_STUDY, ["tqdm", *RIVALS], id="study"),
]

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="needs a source checkout")
reads_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")


@pytest.fixture
def modules(monkeypatch):
    """Import the modules of the benchmarks."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import datasets
    import scores
    import tables

    return {"datasets": datasets, "scores": scores, "tables": tables}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a binary dataset (categories, missing values, duplicates) and a multiclass dataset."""
    folder = tmp_path_factory.mktemp("sets")
    two, three = _table(n_classes=2), _table(n_classes=3)
    two["x0"] = two["x0"].mask(two["x1"] > 1)
    two.insert(0, "kind", np.where(two["x2"] > 0, "a", None))
    pd.concat([two, two.head(7)]).to_csv(folder / "two.csv.gz", index=False)
    three.to_parquet(folder / "three.parquet")
    return folder


def _table(n_classes):
    weights = [0.6, 0.2][: n_classes - 1]
    X, y = make_classification(
        160, 6, n_informative=5, n_redundant=0, n_classes=n_classes, weights=weights, random_state=0
    )
    return pd.DataFrame(X).add_prefix("x").assign(target=y)


def _run(script, folder, output, *options):
    """Run a benchmark on the datasets of a folder and return its standard output."""
    command = [sys.executable, f"benchmarks/{script}.py", "--data", folder, "--output", output]
    command += ["--folds", "2", *options]
    if script in ("quality", "study"):
        command += ["--picture", output.with_suffix(".png")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("script", "options", "needs"), SCRIPTS)
def test_script_runs_resumes_and_reproduces(script, options, needs, folder, tmp_path):
    for name in needs:
        pytest.importorskip(name)
    options = ["--drop-repeats", *options]
    first = _run(script, folder, tmp_path / "first.csv", "--jobs", "2", *options)
    assert "two: 160 rows, 7 features" in first
    assert "three: 160 rows, 6 features" in first
    results = pd.read_csv(tmp_path / "first.csv")
    assert f"{len(results)} tasks to run" in first
    assert set(results["set"]) == {"two", "three"}
    assert not results.duplicated(KEY).any()
    shares = results[["average_precision", "roc_auc", "brier"]].to_numpy()
    assert shares.min() >= 0
    assert shares.max() <= 1
    tables = first[first.index("### ") :]
    assert all(f"| {model} |" in tables for model in results["model"])

    lost = results.index[::3]
    results.drop(index=lost).to_csv(tmp_path / "second.csv", index=False)
    second = _run(script, folder, tmp_path / "second.csv", "--jobs", "1", *options)
    assert f"{len(lost)} tasks to run" in second
    resumed = pd.read_csv(tmp_path / "second.csv")
    times = results.filter(like="seconds").columns
    pd.testing.assert_frame_equal(
        results.drop(columns=times).sort_values(KEY, ignore_index=True),
        resumed.drop(columns=times).sort_values(KEY, ignore_index=True),
    )


def test_large_data_is_compared_at_equal_rounds():
    command = [sys.executable, "benchmarks/large.py", "--rows", "1000"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    *_, header, _, first, second = done.stdout.splitlines()
    assert header.count("300 rounds") == 2
    assert first.startswith("| generated, 2% positives | 800 |")
    assert second.startswith("| generated, 5% positives | 800 |")


def test_results_with_other_options_are_not_mixed(folder, tmp_path):
    pytest.importorskip("tqdm")
    output = tmp_path / "quality.csv"
    row = {"set": "two", "model": "LightGBM", "seed": 0, "fold": 0, "options": "folds=9"}
    pd.DataFrame([row]).to_csv(output, index=False)
    with pytest.raises(AssertionError, match="holds results of"):
        _run("quality", folder, output)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_brier_score_matches_sklearn(n_classes, modules):
    rng = np.random.default_rng(0)
    y, proba = rng.integers(n_classes, size=50), softmax(rng.normal(size=(50, n_classes)), axis=1)
    # scikit-learn supports multiclass from 1.7 on. The binary score is half the sum.
    by_class = [brier_score_loss(y == k, proba[:, k]) for k in range(n_classes)]
    expected = by_class[1] if n_classes == 2 else np.sum(by_class)
    assert modules["scores"].brier(y, proba) == pytest.approx(expected, rel=1e-12)  # rounding


def test_calibration_slope_matches_logistic_regression_on_log_odds(modules):
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1, 2, size=500)
    y = (rng.random(500) < expit(0.6 * log_odds + 0.3)).astype(int)
    proba = np.column_stack([expit(-log_odds), expit(log_odds)])
    logistic = LogisticRegression(C=1e10, tol=1e-10).fit(log_odds[:, np.newaxis], y)
    slope = modules["scores"].calibration_slope(y, proba)
    assert slope == pytest.approx(logistic.coef_[0, 0], rel=1e-4)  # tolerance of both optimisers


def test_scaling_the_log_probabilities_divides_the_calibration_slope(modules):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(400, 3))
    y = np.array([rng.choice(3, p=row) for row in softmax(scores, axis=1)])
    slope = modules["scores"].calibration_slope
    once, twice = slope(y, softmax(scores, axis=1)), slope(y, softmax(2 * scores, axis=1))
    assert once == pytest.approx(2 * twice, rel=1e-4)  # the optimiser's tolerance


def test_calibration_slope_of_separated_classes_is_nan(modules):
    y = np.array([0, 0, 1, 1])
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    assert np.isnan(modules["scores"].calibration_slope(y, proba))


def test_sample_rows_keeps_rare_classes_and_class_shares(modules):
    y = np.repeat([0, 1, 2], [6000, 3000, 40])
    rows = modules["datasets"].sample_rows(y, max_rows=1000, seed=0)
    assert np.array_equal(rows, np.unique(rows))
    assert np.bincount(y[rows]).tolist() == [640, 320, 40]
    assert np.array_equal(rows, modules["datasets"].sample_rows(y, max_rows=1000, seed=0))


def test_undersampling_reports_every_correction_for_every_dataset(
    modules, monkeypatch, capsys, folder
):
    pytest.importorskip("tqdm")
    import undersampling

    options = ["--folds", "2", "--jobs", "1"]
    monkeypatch.setattr(undersampling, "SHARES", (0.1,))
    monkeypatch.setattr(sys, "argv", ["undersampling", "--rows", "3000", *options])
    undersampling.main()
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split(" | ")[1]: line for line in lines if line.startswith("| 10% |")}
    assert list(rows) == ["none", "class_prior", "sample_weight", "CalibratedClassifierCV"]
    bias = {name: float(line.split(" | ")[5].split(" ")[0]) for name, line in rows.items()}
    assert abs(bias["class_prior"]) < 0.5 * bias["none"]
    monkeypatch.setattr(undersampling, "SHARES", (0.5,))
    monkeypatch.setattr(sys, "argv", ["undersampling", "--data", str(folder), *options])
    undersampling.main()
    printed = capsys.readouterr().out
    assert printed.count("| 50% | class_prior |") == 2
    assert "### two: 167 rows" in printed


def test_holm_correction_matches_textbook_example(modules):
    p_values = pd.Series([0.01, 0.04, 0.03, 0.005])
    assert modules["tables"]._holm(p_values).tolist() == [0.03, 0.06, 0.06, 0.02]


@reads_proc
def test_load_reports_fits_in_a_separate_process(modules, capsys):
    pytest.importorskip("tqdm")
    import load

    problem = load.Problem(600, 20, n_classes=3, density=0.2, rounds=10, C_l1=1.0)
    assert load.table("Fits", ["s", "MB", "new", "shares", "truth"], load.fit, [problem]) == []
    printed = capsys.readouterr().out
    assert printed.count("20.0% of 600 x 20, 3 classes") == len(problem.models())
    assert load.predict(problem, "linear")[1] == []


@reads_proc
def test_load_reports_a_killed_process(modules, capsys):
    pytest.importorskip("tqdm")
    import load

    failures = load.table("Fits", [], _die, [load.Problem(1, 1)])
    assert len(failures) == 2
    assert all("was killed" in failure for failure in failures)


def _die(problem, name):
    os._exit(9)


@reads_proc
def test_soak_measures_memory_periodically(modules, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    import soak

    monkeypatch.setattr(soak, "CASES", soak.CASES[::7])
    memory = soak.soak(minutes=0.005, rows=3)
    assert len(memory) == 3
    assert abs(memory[-1] - memory[0]) < soak.MAX_GROWTH
    assert capsys.readouterr().out.count("\n| 0.") == 3
