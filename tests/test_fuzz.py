"""Broken and adversarial input: every call works or says what is wrong, and nothing else happens.

``SKFOCAL_FUZZ=20000 pytest -n 0 tests/test_fuzz.py`` tries so many inputs of each kind.
"""

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, focal_loss
from skfocal.objectives import BinaryFocalLoss, FocalMetric, FocalObjective, MulticlassFocalLoss

fuzz = settings(
    max_examples=int(os.environ.get("SKFOCAL_FUZZ", 150)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# The squares of a linear model's features must be numbers, too.
STRANGE = [np.nan, np.inf, -np.inf, 1e100, -1e100, 5e-324, -5e-324, -0.0]
NUMBERS = st.one_of(st.floats(-5, 5), st.integers(-3, 3), st.sampled_from(STRANGE))
SCALARS = st.one_of(
    NUMBERS,
    st.sampled_from([None, True, "2", "", b"x", 2**70, np.float32(1), np.int8(2), 1j, [], {}]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.tuples(NUMBERS, NUMBERS))
GOOD = {"gamma": st.sampled_from([0, 0.5, 2.0, (0, 3)]), "alpha": st.sampled_from([None, 0.3])}
TREES = (
    "num_leaves learning_rate min_child_samples reg_lambda curvature subsample early_stopping "
    "lgbm_params random_state"
)
MODELS = {
    FocalLGBMClassifier: TREES.split(),
    FocalLogisticRegression: ["C", "l1_ratio", "tol", "fit_intercept", "solver", "warm_start"],
}


@st.composite
def rows(draw, n_rows):
    """Features: mostly a table of numbers, sometimes of another kind or shape."""
    n_features = draw(st.integers(0, 4))
    size = n_rows * n_features
    strange = draw(st.integers(0, 3)) == 0
    table = draw(st.lists(NUMBERS if strange else st.floats(-5, 5), min_size=size, max_size=size))
    X = np.array(table, dtype=np.float64).reshape(n_rows, n_features)
    kind = draw(
        st.sampled_from(["C", "C", "F", "float32", "object", "text", "1d", "ragged", "frame"])
    )
    if kind == "F":
        return np.asfortranarray(X)
    if kind in {"float32", "object"}:
        with np.errstate(over="ignore"):
            return X.astype(kind)
    if kind == "frame":
        pd = pytest.importorskip("pandas")
        return pd.DataFrame(X, columns=draw(st.permutations([*"aabc"]))[:n_features])
    return {"C": X, "text": X.astype(str), "1d": X.ravel(), "ragged": [*X.tolist(), [1.0]]}[kind]


@st.composite
def labels(draw, n_rows):
    """Labels of one kind or mixed, sometimes too few or too many."""
    kinds = [st.integers(0, 1), st.integers(-2, 2), st.sampled_from(["a", "b", "c"]), SCALARS]
    kind = draw(st.sampled_from(kinds[:1] * 4 + kinds))
    n_labels = max(0, n_rows + draw(st.sampled_from([0, 0, 0, 0, 0, -1, 1])))
    return draw(st.lists(kind, min_size=n_labels, max_size=n_labels))


@st.composite
def weights(draw, n_rows):
    """Weights: mostly none or positive ones."""
    positive = st.lists(st.floats(0, 5), min_size=n_rows, max_size=n_rows)
    return draw(st.one_of(st.none(), st.none(), positive, VALUES))


def attempt(function):
    """The function's result, or None where it refuses with an error that says something."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)  # NumPy's, but not in scikit-learn's checks
        warnings.filterwarnings("ignore", module=r"sklearn\.")
        warnings.filterwarnings("ignore", "invalid value encountered in reduce")
        try:
            return function()
        except (ValueError, TypeError) as refusal:
            error = refusal
    assert str(error)
    return None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@fuzz
@given(data=st.data())
def test_fit_works_or_says_what_is_wrong(model, data):
    n_rows = data.draw(st.integers(0, 40))
    params = {name: data.draw(values) for name, values in GOOD.items()}
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(["gamma", "alpha", "class_weight", *MODELS[model]]))
        params[name] = data.draw(VALUES)
    few = {"n_estimators": 3} if model is FocalLGBMClassifier else {"max_iter": 20}
    X, y, weight = (data.draw(part(n_rows)) for part in (rows, labels, weights))

    def fit_predict():
        return model(**few | params).fit(X, y, sample_weight=weight).predict_proba(X)

    proba = attempt(fit_predict)
    if proba is not None:
        assert np.all(proba >= 0)
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)  # X may be float32


@fuzz
@given(gamma=VALUES, alpha=VALUES, n_classes=SCALARS, offset=VALUES, y=VALUES, raw=VALUES)
def test_objectives_work_or_say_what_is_wrong(gamma, alpha, n_classes, offset, y, raw):
    for function in (FocalObjective, FocalMetric):
        made = attempt(lambda f=function: f(gamma, alpha, n_classes=n_classes, offset=offset))
        if made is not None:
            attempt(lambda made=made: made(np.array([0.0, 1.0]), np.zeros(2)))
    attempt(lambda: focal_loss(y, raw, gamma=gamma, alpha=alpha))


# Scores are not searched for infinities: that would cost a pass in each boosting round.
FINITE = st.lists(st.one_of(st.floats(-1e300, 1e300), st.integers(-3, 3)), max_size=4)


@fuzz
@given(y=VALUES, raw=st.one_of(SCALARS, FINITE), weight=VALUES, n_classes=st.integers(2, 4))
def test_losses_work_or_say_what_is_wrong(y, raw, weight, n_classes):
    loss = BinaryFocalLoss() if n_classes == 2 else MulticlassFocalLoss(n_classes=n_classes)
    for method in (loss, loss.loss, loss.gradient, loss.gradient_hessian):
        attempt(lambda method=method: method(y, raw, weight))
    attempt(lambda: loss.fit_intercept_only(y, weight))
    attempt(lambda: loss.predict_proba(raw))
