"""The example that runs on a user's file, and the colours of all examples."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pd = pytest.importorskip("pandas")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "plot_imbalanced_tabular.py"
# Runs the script with few folds and trees and a logistic regression that does not converge.
SMALL = """
import sys
import plot_imbalanced_tabular as example

example.N_FOLDS, example.N_REPEATS, example.TREES["n_estimators"] = 3, 1, 5
example.GAMMAS = [0, 1]
logistic, picture = example.LogisticRegression, example.picture
example.LogisticRegression = lambda max_iter: logistic(max_iter=1)

def picture_and_its_legend(*arguments):
    figure = picture(*arguments)
    print("legend:", *(text.get_text() for text in figure.legends[0].get_texts()), sep="\\n")
    return figure

example.picture = picture_and_its_legend
example.main(*sys.argv[1:])
"""

NAMES = ("LightGBM ", "focal LightGBM ", "logistic ", "focal logistic ")


def run(*arguments):
    """Run Python with these arguments and the example on its path."""
    path = os.pathsep.join([str(ROOT), str(SCRIPT.parent)])
    environment = os.environ | {"PYTHONPATH": path, "MPLBACKEND": "Agg", "PYTHONUTF8": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def table(labels):
    """Return informative numbers and text, missing values, an empty column and the labels."""
    rng = np.random.default_rng(0)
    codes = pd.Series(labels).factorize()[0]
    number = codes + rng.normal(scale=0.3, size=len(codes))
    number[::7] = np.nan
    return pd.DataFrame(
        {
            "number": number,
            "text": np.where(rng.random(len(codes)) < 0.9, codes, 0).astype(str),
            "nothing": np.nan,
            "kind": labels,
        }
    )


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """Output and figure for a binary CSV file in which "yes" is the rarer class."""
    folder = tmp_path_factory.mktemp("binary")
    table(["no"] * 120 + ["yes"] * 30 + [None] * 2).to_csv(folder / "data.csv", index=False)
    out = run("-c", SMALL, folder / "data.csv", "kind", folder / "out.png")
    assert out.returncode == 0, out.stderr
    return out, folder / "out.png"


@pytest.fixture(scope="module")
def multiclass(tmp_path_factory):
    """Output for a parquet file with three classes."""
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("multiclass")
    data = table(["none"] * 90 + ["wear"] * 45 + ["crack"] * 15)
    data.to_parquet(folder / "data.parquet")
    out = run("-c", SMALL, folder / "data.parquet", "kind", folder / "out.png")
    assert out.returncode == 0, out.stderr
    return out


def numbers(text, heading):
    """Return the numbers in the row of each model below a heading."""
    lines = text.split(heading)[1].splitlines()
    rows = [line for line in lines if line.startswith(NAMES)][:4]
    return {row[:16].strip(): [float(x) for x in re.findall(r"\d\.\d+", row)] for row in rows}


def test_positive_class_is_reported_and_scored(binary):
    text = binary[0].stdout
    assert "'no' 80.00%, 'yes' 20.00%" in text
    assert "The positive class is the rarer one, 'yes'." in text
    # The average precision of the wrong class or column would be at most 0.2.
    assert min(scores[0] for scores in numbers(text, "Mean ±").values()) > 0.7


def test_missing_labels_and_empty_columns_are_reported_once(binary):
    assert binary[0].stdout.count("Left out 2 rows without a label.") == 1
    assert binary[0].stdout.count("Left out the columns without a value: ['nothing'].") == 1


def test_repeated_warnings_are_counted(binary):
    out = binary[0]
    assert out.stdout.count("lbfgs failed to converge") == 1
    assert re.search(r"Warning in 3 of 18 fits: lbfgs failed to converge", out.stdout)
    progress = out.stderr.replace("\r", "\n").split("\n")
    assert [line for line in progress if not re.fullmatch(r"(\[#* *\] +\d+ s left)?", line)] == []


def test_selected_gammas_are_printed(binary):
    [row] = re.findall(r"^focal LightGBM +(gamma=.*)$", binary[0].stdout, re.MULTILINE)
    assert sum(int(n) for n in re.findall(r": (\d+)", row)) == 3


def test_legend_matches_the_table(binary):
    text = binary[0].stdout
    legend = dict(re.findall(r"^(.+), average precision (\d\.\d+ ± \d\.\d+)$", text, re.MULTILINE))
    scores = numbers(text, "Mean ±")
    assert legend == {name: f"{row[0]:.3f} ± {row[1]:.3f}" for name, row in scores.items()}


def test_comparisons_are_printed_with_intervals(binary):
    text = binary[0].stdout
    compared = r"searched focal .* is (better than|worse than|not clearly different from) searched"
    assert len(re.findall(compared + r".*95 % interval", text)) == 4
    assert re.search(r"average precision: .*gamma.*gamma=0.*95 % interval", text)


def test_figure_is_saved(binary):
    image = pytest.importorskip("matplotlib.image").imread(binary[1])
    assert image.std() > 0.05


def test_all_classes_of_a_multiclass_file_are_reported(multiclass):
    text = multiclass.stdout
    assert "classes: 'none' 60.00%, 'wear' 30.00%, 'crack' 10.00%" in text
    assert "means over the classes" in text
    assert "positive class" not in text
    by_class = numbers(text, "Average precision of each class")
    for name, scores in numbers(text, "Mean ±").items():
        assert len(by_class[name]) == 3
        assert scores[0] == pytest.approx(np.mean(by_class[name]), abs=0.0011)  # both are rounded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "{data}"], "--data and --target go together"),
        (["--data", "{data}", "--target", "other"], r"must be one of the columns \['number'"),
        (["--data", "{data}", "--target", "kind"], r"at least 5 rows each, got 2, .*'yes': 4"),
    ],
)
def test_invalid_arguments_raise(tmp_path, arguments, message):
    table(["no"] * 20 + ["yes"] * 4).to_csv(tmp_path / "data.csv", index=False)
    out = run(SCRIPT, *(a.format(data=tmp_path / "data.csv") for a in arguments))
    assert out.returncode != 0
    assert re.search(message, out.stderr)
    assert "Traceback" not in out.stderr


def test_a_model_has_the_same_colour_in_every_example():
    seen = {}
    for path in sorted((ROOT / "examples").glob("plot_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COLORS":
                for name, color in ast.literal_eval(node.value).items():
                    seen.setdefault(name, set()).add(color)
    assert len(seen) >= 8
    assert {name: colors for name, colors in seen.items() if len(colors) > 1} == {}
