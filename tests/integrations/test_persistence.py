"""Fitted models saved by one process or version and loaded by another."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pytest
from sklearn.datasets import make_classification

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

FIXTURES = Path(__file__).parent / "fixtures"
SAME_PATH = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
SAVED = sorted(FIXTURES.glob("v*/*.skops"))

# The types that docs/deployment.md lists as trusted.
TRUSTED = {
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "skfocal.estimators._lgbm.FocalLGBMClassifier",
    "skfocal.estimators._logistic.FocalLogisticRegression",
    "skfocal.objectives._binary.BinaryFocalLoss",
    "skfocal.objectives._multiclass.MulticlassFocalLoss",
}

MODELS = {
    "trees": FocalLGBMClassifier(n_estimators=5, n_jobs=1),
    "stopped": FocalLGBMClassifier(n_estimators=5, n_jobs=1, early_stopping=True, random_state=0),
    "linear": FocalLogisticRegression(gamma=[0.5, 2.0], alpha=0.75),
}

# Code that loads a saved model.
FORMATS = {
    "pickle": "import pickle\ndef load(name): return pickle.load(open(name, 'rb'))",
    "joblib": "from joblib import load",
    "cloudpickle": "import cloudpickle\ndef load(name): return cloudpickle.load(open(name, 'rb'))",
    "skops": (
        "import skops.io\n"
        "def load(name):\n"
        "    return skops.io.load(name, trusted=skops.io.get_untrusted_types(file=name))"
    ),
}


def dataset():
    X, y = make_classification(300, 5, n_informative=4, n_redundant=0, random_state=0)
    return X, np.array(["no", "yes"])[y]


def save(model, path, form):
    if form == "skops":
        pytest.importorskip("skops.io").dump(model, path)
    elif form == "joblib":
        joblib.dump(model, path)
    else:
        module = pickle if form == "pickle" else pytest.importorskip("cloudpickle")
        path.write_bytes(module.dumps(model))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_saved_models_predict_the_same_in_a_new_process(form, tmp_path):
    X, y = dataset()
    np.save(tmp_path / "X.npy", X)
    for name, model in MODELS.items():
        save(model.fit(X, y), tmp_path / name, form)
    code = (
        f"{FORMATS[form]}\n"
        "import numpy as np\n"
        "X = np.load('X.npy')\n"
        f"for name in {list(MODELS)}:\n"
        "    model = load(name)\n"
        "    label = model.predict(X).astype('U3')\n"
        "    np.savez(name + '.npz', proba=model.predict_proba(X), label=label)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=SAME_PATH, check=True)
    for name, model in MODELS.items():
        out = np.load(tmp_path / f"{name}.npz")
        np.testing.assert_array_equal(out["proba"], model.predict_proba(X))
        np.testing.assert_array_equal(out["label"], model.predict(X))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_loaded_model_can_be_refitted_and_continued(model):
    X, y = dataset()
    loaded = pickle.loads(pickle.dumps(model.fit(X, y)))
    expected = model.predict_proba(X)
    if isinstance(model, FocalLGBMClassifier):
        second = FocalLGBMClassifier(n_estimators=2, n_jobs=1).fit(X, y, init_model=loaded)
        np.testing.assert_allclose(
            second.raw_predict(X, num_iteration=loaded.best_iteration_),
            model.raw_predict(X),
            rtol=1e-12,
        )
    np.testing.assert_allclose(loaded.fit(X, y).predict_proba(X), expected, rtol=1e-12)


def test_skops_requires_trust_in_documented_types_only():
    io = pytest.importorskip("skops.io")
    X, y = dataset()
    three = np.where(X[:, 0] > 1, "perhaps", y)
    small = FocalLGBMClassifier(n_estimators=2, n_jobs=1)
    fitted = [model.fit(X, y) for model in MODELS.values()]
    fitted += [model.fit(X, three) for model in (small, FocalLogisticRegression())]
    untrusted = {name for model in fitted for name in io.get_untrusted_types(data=io.dumps(model))}
    assert untrusted == TRUSTED
    sparse = FocalLogisticRegression(l1_ratio=1.0, C=0.1).fit(X, y).sparsify()
    added = set(io.get_untrusted_types(data=io.dumps(sparse))) - TRUSTED
    assert added == {"scipy.sparse._csr.csr_matrix"}
    page = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text()
    assert all(f'"{name}"' in page for name in TRUSTED | added)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_predictions_of_model_saved_by_earlier_version(path):
    io = pytest.importorskip("skops.io")
    model = io.load(path, trusted=io.get_untrusted_types(file=path))
    expected = json.loads(path.with_suffix(".json").read_text())
    X = np.array(expected["X"])
    np.testing.assert_array_equal(model.predict(X), expected["label"])
    # The last digits of exponentials depend on the versions of NumPy and SciPy.
    np.testing.assert_allclose(model.raw_predict(X), expected["raw_prediction"], rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), expected["proba"], rtol=1e-12)


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("v*/*.txt")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_predictions_of_lightgbm_model_saved_by_earlier_version(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    raw_prediction = lightgbm.Booster(model_file=path).predict(
        np.array(expected["X"]), raw_score=True
    )
    np.testing.assert_allclose(raw_prediction, expected["raw_prediction"], rtol=1e-12, atol=1e-12)


def test_saved_models_exist():
    assert {path.stem for path in SAVED} == {"linear_2", "linear_3", "trees_2", "trees_3"}
