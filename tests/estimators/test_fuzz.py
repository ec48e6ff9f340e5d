"""Fuzz tests: every call with invalid or unusual input works or raises a clear error.

``SKFOCAL_FUZZ=20000 pytest -n 0 tests/estimators/test_fuzz.py`` runs 20,000 examples per test.
"""

import contextlib
import os
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, focal_loss
from skfocal.objectives import BinaryFocalLoss, FocalMetric, FocalObjective, MulticlassFocalLoss

pytestmark = pytest.mark.slow

fuzz = settings(
    max_examples=int(os.environ.get("SKFOCAL_FUZZ", 150)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

EXTREME = [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e150, -1e100, 5e-324, -5e-324, -0.0]
NUMBERS = st.one_of(st.floats(-5, 5), st.integers(-3, 3), st.sampled_from(EXTREME))
SCALARS = st.one_of(
    NUMBERS,
    st.sampled_from([None, True, "2", "", b"x", 2**70, np.float32(1), np.int8(2), 1j, [], {}]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.tuples(NUMBERS, NUMBERS))
VALID = {"gamma": st.sampled_from([0, 0.5, 2.0, (0, 3)]), "alpha": st.sampled_from([None, 0.3])}
TREES = (
    "num_leaves learning_rate min_child_samples min_child_weight reg_lambda curvature subsample "
    "early_stopping lgbm_params random_state"
)
MODELS = {
    FocalLGBMClassifier: TREES.split(),
    FocalLogisticRegression: ["C", "l1_ratio", "tol", "fit_intercept", "solver", "warm_start"],
}


@st.composite
def rows(draw, n_rows):
    """Features: usually a numeric array, sometimes another type or shape."""
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
        return pd.DataFrame(X, columns=draw(st.permutations([*"aabc"]))[:n_features])
    return {"C": X, "text": X.astype(str), "1d": X.ravel(), "ragged": [*X.tolist(), [1.0]]}[kind]


def categories(codes, values):
    return pd.Categorical.from_codes(np.minimum(codes, len(values) - 1), values)


# Dataframe columns of every dtype from small integers; -1 means missing.
COLUMNS = {
    "float": lambda codes: np.where(codes < 0, np.nan, codes),
    "float32": lambda codes: codes.astype(np.float32),
    "bool": lambda codes: codes > 0,
    "Int64": lambda codes: pd.array([None if c < 0 else c for c in codes], dtype="Int64"),
    "Float32": lambda codes: pd.array([None if c < 0 else c for c in codes], dtype="Float32"),
    "boolean": lambda codes: pd.array([None if c < 0 else c > 0 for c in codes], dtype="boolean"),
    "arrow": lambda codes: pd.array([None if c < 0 else c for c in codes], dtype="int8[pyarrow]"),
    "huge": lambda codes: 1e300 * codes,
    "infinite": lambda codes: np.where(codes > 2, np.inf, codes),
    "complex": lambda codes: 1j * codes,
    "sparse": lambda codes: pd.arrays.SparseArray(codes, fill_value=0),
    "dates": lambda codes: pd.to_datetime(codes, unit="D"),
    "zoned dates": lambda codes: pd.to_datetime(codes, unit="D", utc=True),
    "times": lambda codes: pd.to_timedelta(codes, unit="s"),
    "periods": lambda codes: pd.PeriodIndex.from_ordinals(codes, freq="D"),
    "text": lambda codes: np.array(list("abcde"))[codes],
    "objects": lambda codes: np.array([1, 2.5, "a", pd.NA, None], dtype=object)[codes],
    "numbers as objects": lambda codes: codes.astype(object),
    "text categories": lambda codes: categories(codes, list("abcd")),
    "ordered categories": lambda codes: categories(codes, list("abcd")).as_ordered(),
    "number categories": lambda codes: categories(codes, [2.5, -np.inf, 2**60, 1e300]),
    "bool categories": lambda codes: categories(codes, [True, False]),
    "mixed categories": lambda codes: categories(codes, [0, "a", 2.5, "0"]),
    "strange categories": lambda codes: categories(codes, ["a", b"b", (1, 2), frozenset()]),
    "date categories": lambda codes: categories(codes, pd.date_range("2020", periods=3)),
    "interval categories": lambda codes: pd.cut(codes, [-1, 0, 2, 9]),
    "no categories": lambda codes: categories(codes, []),
    "as many categories as rows": lambda codes: pd.Categorical(range(len(codes))),
    "100000 categories": lambda codes: categories(codes, range(100_000)),
}
NAMES = st.one_of(
    st.permutations([*"abc"]),
    st.permutations([*"abc"]),
    st.lists(st.sampled_from(["a", "b", "", 'a":[]', 0, 1, 1.5, None, ("a", 1)]), min_size=3),
)


# pyarrow converts these to tables that neither pyarrow nor pandas can read.
NOT_FOR_ARROW = {"no categories", "interval categories", "strange categories"}


@st.composite
def frames(draw, n_rows):
    """A dataframe (usually pandas) with columns of any dtype and usually valid names."""
    codes = st.lists(st.integers(-1, 3), min_size=n_rows, max_size=n_rows)
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=3))
    columns = [pd.Series(COLUMNS[kind](np.array(draw(codes), dtype=int))) for kind in kinds]
    frame = pd.concat([pd.DataFrame(index=range(n_rows)), *columns], axis=1)
    frame.columns = draw(NAMES)[: len(kinds)]
    convert = draw(st.sampled_from([None, None, pl.from_pandas, pa.Table.from_pandas]))
    if convert is not None and not NOT_FOR_ARROW & set(kinds):
        with contextlib.suppress(Exception):  # some dtypes cannot be converted
            frame = convert(frame)
    return frame


CORRUPT = {
    "NaN": lambda X: X.data.__setitem__(slice(3), np.nan),
    "infinity": lambda X: X.data.__setitem__(slice(3), -np.inf),
    "zeros": lambda X: X.data.fill(0),
    "index beyond": lambda X: X.indices.__setitem__(slice(1), 10**6),
    "negative index": lambda X: X.indices.__setitem__(slice(1), -3),
    "one index": lambda X: X.indices.fill(0),
    "pointer beyond": lambda X: X.indptr.__setitem__(slice(1, 2), 10**6),
    "disorder": lambda X: X.indices.__setitem__(slice(None), X.indices[::-1].copy()),
    "64-bit indices": lambda X: vars(X).update(indices=X.indices.astype(np.int64)),
    "16-bit pointers": lambda X: vars(X).update(indptr=X.indptr.astype(np.int16)),
    "indices of floats": lambda X: vars(X).update(indices=X.indices.astype(float)),
}


CORRUPT_COO = {
    "row beyond": lambda X: X.row.__setitem__(slice(1), 10**6),
    "column beyond": lambda X: X.col.__setitem__(slice(1), 10**6),
    "negative row": lambda X: X.row.__setitem__(slice(1), -3),
    "twice": lambda X: (X.row.fill(0), X.col.fill(0)),
}


@st.composite
def sparse_rows(draw, n_rows):
    """A sparse matrix or array of any format and dtype, sometimes with an invalid structure."""
    X = draw(st.lists(st.integers(0, 3), min_size=3 * n_rows, max_size=3 * n_rows))
    dtype = draw(st.sampled_from([float, np.float32, np.int8, bool, np.uint64, complex]))
    X = np.array(X).reshape(n_rows, 3).astype(dtype)
    kind = draw(st.sampled_from([sparse.csr_matrix, sparse.csr_array, sparse.csc_array]))
    X = draw(st.sampled_from([kind, sparse.coo_array, sparse.dia_matrix]))(X)
    if dtype is float and X.format != "dia" and draw(st.booleans()):
        corrupt = CORRUPT_COO if X.format == "coo" else CORRUPT
        corrupt[draw(st.sampled_from(sorted(corrupt)))](X)
    return X


@st.composite
def labels(draw, n_rows):
    """Labels of one type or mixed types, sometimes too few or too many."""
    kinds = [st.integers(0, 1), st.integers(-2, 2), st.sampled_from(["a", "b", "c"]), SCALARS]
    kind = draw(st.sampled_from(kinds[:1] * 4 + kinds))
    n_labels = max(0, n_rows + draw(st.sampled_from([0, 0, 0, 0, 0, -1, 1])))
    return draw(st.lists(kind, min_size=n_labels, max_size=n_labels))


@st.composite
def weights(draw, n_rows):
    """Weights: usually None or positive."""
    positive = st.lists(st.floats(0, 5), min_size=n_rows, max_size=n_rows)
    return draw(st.one_of(st.none(), st.none(), positive, VALUES))


# Parts of Python's messages for missing input validation.
UNCLEAR = re.compile("Circular|attribute|iterable|subscript|truth value|unhashable|unpack")


def attempt(function):
    """Return the result of the function, or None if it raises a clear error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)  # except in scikit-learn and pandas
        warnings.filterwarnings("ignore", module=r"(sklearn|pandas)\.")
        warnings.filterwarnings("ignore", "invalid value encountered in reduce")
        try:
            return function()
        except (ValueError, TypeError) as raised:
            error = raised
    assert str(error)
    assert not UNCLEAR.search(str(error)), error
    return None


def assert_probabilities(proba):
    if proba is not None:
        assert np.all(proba >= 0)
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)  # X may be float32


def features(n_rows):
    """X of any type."""
    return st.one_of(rows(n_rows), frames(n_rows), sparse_rows(n_rows))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@fuzz
@given(data=st.data())
def test_fit_works_or_raises_clear_error(model, data):
    n_rows = data.draw(st.integers(0, 40))
    params = {name: data.draw(values) for name, values in VALID.items()}
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(["gamma", "alpha", "class_weight", *MODELS[model]]))
        params[name] = data.draw(VALUES)
    few = {"n_estimators": 3} if model is FocalLGBMClassifier else {"max_iter": 20}
    X, y, weight = (data.draw(part(n_rows)) for part in (rows, labels, weights))

    def fit_predict():
        return model(**few | params).fit(X, y, sample_weight=weight).predict_proba(X)

    assert_probabilities(attempt(fit_predict))


FEW = {
    FocalLGBMClassifier: FocalLGBMClassifier(n_estimators=3, min_child_samples=2, n_jobs=1),
    FocalLogisticRegression: FocalLogisticRegression(max_iter=20),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@fuzz
@given(data=st.data())
def test_features_of_any_kind_work_or_raise_clear_error(model, data):
    n_rows = data.draw(st.integers(0, 40))
    X = data.draw(features(n_rows))
    y = np.arange(n_rows) % data.draw(st.integers(2, 3))
    assert_probabilities(attempt(lambda: clone(FEW[model]).fit(X, y).predict_proba(X)))


def table(n_rows, n_classes=2):
    rng = np.random.default_rng(n_classes)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "b": np.arange(n_rows) % 5})
    X["c"] = pd.Categorical(rng.choice([*"xyz"], n_rows))
    return X, rng.permutation(n_rows) % n_classes


@st.composite
def changed_tables(draw, n_rows):
    """The table with one column replaced or added."""
    codes = draw(st.lists(st.integers(-1, 3), min_size=n_rows, max_size=n_rows))
    column = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))](np.array(codes, dtype=int))
    return table(n_rows)[0].assign(**{draw(st.sampled_from([*"abcd"])): column})


@pytest.mark.parametrize("trained_on", ["array", "frame"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_predict_works_or_raises_clear_error(model, trained_on):
    X, y = table(60, 3)
    if model is FocalLogisticRegression or trained_on == "array":
        X = X.assign(c=X["c"].cat.codes.astype(float))
    fitted = clone(FEW[model]).fit(X if trained_on == "frame" else X.to_numpy(), y)

    @fuzz
    @given(data=st.data())
    def predict(data):
        n_rows = data.draw(st.integers(0, 9))
        X = data.draw(st.one_of(features(n_rows), changed_tables(n_rows), VALUES))
        rounds = {}
        if model is FocalLGBMClassifier and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(["start_iteration", "num_iteration"]))
            rounds[name] = data.draw(st.one_of(st.integers(-3, 9), VALUES))
        assert_probabilities(attempt(lambda: fitted.predict_proba(X, **rounds)))
        attempt(lambda: fitted.predict(X, **rounds))

    predict()


def arguments(n_rows):
    """Values of the arguments of ``fit`` other than X, y and sample_weight."""
    size = {"min_size": n_rows, "max_size": n_rows}
    some_X = st.one_of(features(n_rows), changed_tables(n_rows))
    scores = st.lists(NUMBERS, **size)
    returned = st.one_of(VALUES, st.tuples(st.just("name"), NUMBERS, st.booleans()))
    names = st.sampled_from(["auc", "average_precision", "multi_logloss", "binary_error", "l2"])
    metrics = st.one_of(names, returned.map(lambda value: lambda y, proba: value), VALUES)
    return {
        "eval_X": st.one_of(some_X, st.tuples(some_X), st.lists(some_X, max_size=2), VALUES),
        "eval_y": st.one_of(labels(n_rows), st.tuples(labels(n_rows), labels(n_rows)), VALUES),
        "eval_sample_weight": st.one_of(weights(n_rows), st.tuples(weights(n_rows))),
        "eval_metric": st.one_of(metrics, st.lists(metrics, max_size=3)),
        "eval_names": st.one_of(st.lists(st.text(max_size=2), max_size=2), VALUES),
        "categorical_feature": st.one_of(
            st.lists(st.one_of(st.integers(-1, 3), st.sampled_from([*"abcd"])), max_size=3), VALUES
        ),
        "init_score": st.one_of(
            scores, scores.map(np.array), st.tuples(scores, scores).map(np.transpose), VALUES
        ),
        "callbacks": VALUES,
    }


@fuzz
@given(data=st.data())
def test_fit_arguments_work_or_raise_clear_error(data):
    n_rows, n_classes = data.draw(st.integers(20, 40)), data.draw(st.integers(2, 3))
    X, y = table(n_rows, n_classes)
    given = {"eval_X": X, "eval_y": y} if data.draw(st.booleans()) else {}
    names = sorted(arguments(n_rows))
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)):
        given[name] = data.draw(arguments(n_rows)[name])
    model = clone(FEW[FocalLGBMClassifier]).set_params(early_stopping=data.draw(st.booleans()))
    assert_probabilities(attempt(lambda: model.fit(X, y, **given).predict_proba(X)))


@fuzz
@given(gamma=VALUES, alpha=VALUES, n_classes=SCALARS, offset=VALUES, y=VALUES, raw=VALUES)
def test_objectives_work_or_raise_clear_error(gamma, alpha, n_classes, offset, y, raw):
    for function in (FocalObjective, FocalMetric):
        made = attempt(lambda f=function: f(gamma, alpha, n_classes=n_classes, offset=offset))
        if made is not None:
            attempt(lambda made=made: made(np.array([0.0, 1.0]), np.zeros(2)))
    attempt(lambda: focal_loss(y, raw, gamma=gamma, alpha=alpha))


@fuzz
@given(y=VALUES, raw=VALUES, weight=VALUES, n_classes=st.integers(2, 4))
def test_losses_work_or_raise_clear_error(y, raw, weight, n_classes):
    loss = BinaryFocalLoss() if n_classes == 2 else MulticlassFocalLoss(n_classes=n_classes)
    for method in (loss, loss.loss, loss.gradient, loss.gradient_hessian):
        attempt(lambda method=method: method(y, raw, weight))
    attempt(lambda: loss.fit_intercept_only(y, weight))
    attempt(lambda: loss.predict_proba(raw))
