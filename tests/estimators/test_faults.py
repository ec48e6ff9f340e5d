"""Errors and interrupts during fit: clear messages, and an estimator that can be fitted again."""

import multiprocessing
import pickle
import signal
import struct
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from zipfile import BadZipFile

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# Each fit takes seconds, so an interrupt after a fraction of a second happens during training.
LONG = [
    FocalLGBMClassifier(n_estimators=10_000, n_jobs=1),
    FocalLogisticRegression(tol=1e-300, max_iter=10**6, C=1e6, l1_ratio=0.5),
]
SHORT = [FocalLGBMClassifier(n_estimators=10, n_jobs=1), FocalLogisticRegression(n_jobs=2)]
NAMED = {"ids": lambda estimator: type(estimator).__name__}


@pytest.fixture(autouse=True)
def restore_sklearn_config():
    """Restore scikit-learn's configuration, which an interrupted fit may leave changed."""
    config = sklearn.get_config()
    yield
    sklearn.set_config(**config)


@pytest.fixture(scope="module")
def data():
    return make_classification(n_samples=2000, n_features=8, weights=[0.9], random_state=0)


def few_rows():
    X, y = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
    X[:, 5] = np.arange(200) * 7 % 11
    return X, y


class UserError(Exception):
    """Raised by callbacks and metrics of the user."""


def fail(*_):
    raise UserError("user error")


def failing_metric(y_true, proba):
    raise UserError("user error")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.2])
@pytest.mark.parametrize("estimator", LONG, **NAMED)
def test_ctrl_c_leaves_estimator_unfitted_with_same_parameters(estimator, seconds):
    X, y = make_classification(
        n_samples=50_000, n_features=40, n_informative=10, n_classes=6, random_state=0
    )
    model = clone(estimator)
    params = model.get_params()
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert model.get_params() == params
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    quick = {"n_estimators": 5} if "n_estimators" in params else {"tol": 1e-4, "l1_ratio": 0.0}
    assert model.set_params(**quick).fit(X, y).score(X, y) > 1 / 6


class Interruption:
    """Raise KeyboardInterrupt at the n-th executed line of skfocal.estimators."""

    folder = str(Path(sys.modules["skfocal.estimators"].__file__).parent)

    def __init__(self, at=0):
        self.at, self.lines = at, 0

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(self.folder):
            return None
        self.lines += event == "line"
        if event == "line" and self.lines == self.at:
            raise KeyboardInterrupt
        return self

    def during(self, fit, *data):
        tracer = sys.gettrace()
        sys.settrace(self)
        try:
            return fit(*data)
        except KeyboardInterrupt:
            return None
        finally:
            sys.settrace(tracer)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_ctrl_c_at_any_line_never_leaves_a_mixed_model(estimator):
    X, y = few_rows()
    expected, count = clone(estimator), Interruption()
    expected = count.during(expected.fit, X, y).predict_proba(X)
    old = X[:, :4], y > 0
    fits = []
    for at in range(1, count.lines + 1, max(1, count.lines // 60)):
        model = clone(estimator)
        old_expected = model.fit(*old).predict_proba(old[0])
        fits.append(Interruption(at).during(model.fit, X, y))
        try:
            check_is_fitted(model)
        except NotFittedError:
            continue
        if model.n_features_in_ == X.shape[1]:
            np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
        else:
            np.testing.assert_array_equal(model.predict_proba(old[0]), old_expected)
    assert fits.count(None) > 50
    # The summation order of BLAS depends on memory alignment.
    np.testing.assert_allclose(model.fit(X, y).predict_proba(X), expected, rtol=1e-9)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # raised in a destructor
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_at_any_time_never_leaves_a_partial_linear_model():
    # Not for trees: LightGBM frees a model twice if its destructor is interrupted.
    estimator = FocalLogisticRegression(n_jobs=2)
    X, y = make_classification(4000, 20, n_informative=9, n_classes=4, random_state=0)
    start = time.perf_counter()
    expected = clone(estimator).fit(X, y).predict_proba(X)
    seconds = time.perf_counter() - start
    model, params = clone(estimator), estimator.get_params()
    n_interrupted, handler = 0, signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for delay in np.random.default_rng(0).uniform(0, seconds, 15):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                model.fit(X, y)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                n_interrupted += 1
            assert model.get_params() == params
            if model.__sklearn_is_fitted__():
                np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert n_interrupted > 0
    np.testing.assert_allclose(model.fit(X, y).predict_proba(X), expected, rtol=1e-9)


def fail_before(env):
    fail()


def fail_later(env):
    if env.iteration == 3:
        fail()


fail_before.before_iteration = True
FAILING = [{"callbacks": [fail]}, {"callbacks": [fail_before]}, {"callbacks": [fail_later]}]
FAILING += [{"eval_metric": failing_metric}, {"eval_metric": ["auc", failing_metric]}]


@pytest.mark.parametrize("fitted", [False, True], ids=["first fit", "refit"])
@pytest.mark.parametrize("arguments", FAILING)
def test_errors_in_user_callbacks_and_metrics_propagate(arguments, fitted, data):
    model = FocalLGBMClassifier(n_estimators=5, n_jobs=1)
    if fitted:
        model.fit(*data)
    with pytest.raises(UserError, match="user error"):
        model.fit(*data, eval_X=data[0], eval_y=data[1], **arguments)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    assert model.fit(*data).predict(data[0]).shape == (2000,)


class Silent:
    """scikit-learn callback that does nothing."""

    max_propagation_depth = None

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        return False


@pytest.mark.parametrize("hook", ["setup", "on_fit_task_begin", "on_fit_task_end", "teardown"])
@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_errors_in_sklearn_callbacks_propagate(estimator, hook, data, monkeypatch):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    expected = clone(estimator).fit(*data).predict_proba(data[0])
    with monkeypatch.context() as patch:
        patch.setattr(Silent, hook, lambda *_, **__: fail())
        model = clone(estimator).set_callbacks(Silent())
        with pytest.raises(UserError, match="user error"):
            model.fit(*data)
    assert model.__sklearn_is_fitted__() == (hook == "teardown")  # teardown runs after fit
    # The summation order of BLAS depends on memory alignment.
    np.testing.assert_allclose(model.fit(*data).predict_proba(data[0]), expected, rtol=1e-9)


def test_failed_refit_keeps_the_old_model_or_none(data):
    X, y = data
    model = FocalLGBMClassifier(n_estimators=5, n_jobs=1).fit(X[:, :5], y)
    expected = model.predict_proba(X[:, :5])
    with pytest.raises(TypeError, match="callbacks must be a list of callables, got 3"):
        model.fit(X, y, callbacks=3)  # raises before the estimator is reset
    np.testing.assert_array_equal(model.predict_proba(X[:, :5]), expected)
    with pytest.raises(ValueError, match="one class"):
        model.fit(X, 0 * y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_failing_scorer_stops_grid_search(estimator, data):
    search = GridSearchCV(estimator, {"gamma": [0, 1]}, scoring=fail, error_score="raise", cv=2)
    with pytest.raises(UserError, match="user error"):
        search.fit(*data)


def load_skops(path):
    io = pytest.importorskip("skops.io")
    return io.load(path, trusted=io.get_untrusted_types(file=path))


FORMATS = {
    "pickle": (
        lambda model, path: path.write_bytes(pickle.dumps(model)),
        lambda path: pickle.loads(path.read_bytes()),
    ),
    "joblib": (joblib.dump, joblib.load),
    "skops": (lambda *model_path: pytest.importorskip("skops.io").dump(*model_path), load_skops),
}
# Errors that the readers raise.
TRUNCATED = (EOFError, IndexError, ValueError, struct.error, pickle.UnpicklingError, BadZipFile)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_truncated_file_raises(estimator, form, data, tmp_path):
    dump, load = FORMATS[form]
    path, model = tmp_path / "model", clone(estimator).fit(*data)
    dump(model, path)
    whole = path.read_bytes()
    for share in np.linspace(0, 0.99, 25):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(TRUNCATED):
            load(path)
    path.write_bytes(whole)
    np.testing.assert_array_equal(load(path).predict(data[0]), model.predict(data[0]))


def damage(text, rng):
    """Return a model text with a random part removed, repeated, replaced or swapped."""
    start, length = rng.integers(len(text)), rng.integers(1, 40)
    before, piece, after = text[:start], text[start : start + length], text[start + length :]
    lines = text.splitlines(keepends=True)
    first, second = rng.integers(len(lines), size=2)
    lines[first], lines[second] = lines[second], lines[first]
    digit = rng.choice([i for i, character in enumerate(text) if character.isdigit()])
    number = text[:digit] + rng.choice(list("0123456789-. e")) + text[digit + 1 :]
    byte = before + chr(rng.integers(1, 256)) + text[start + 1 :]
    return rng.choice([before, before + after, before + 2 * piece + after, "".join(lines), byte,
                       number, number, number])  # fmt: skip


def fit_init_model(text):
    """Return the error for ``text`` as ``init_model``, or whether predictions are finite."""
    X, y = few_rows()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.txt"
        path.write_text(text, encoding="utf-8")
        try:
            model = FocalLGBMClassifier(n_estimators=1, n_jobs=1).fit(X, y, init_model=path)
        except ValueError as error:
            return str(error)
    return bool(np.all(np.isfinite(model.predict_proba(X))))


@pytest.mark.slow
def test_corrupt_model_file_never_crashes_the_process():
    (X, y), texts, rng = few_rows(), [], np.random.default_rng(0)
    for lgbm_params in ({}, {"linear_tree": True}):
        model = FocalLGBMClassifier(n_estimators=2, num_leaves=5, n_jobs=1, lgbm_params=lgbm_params)
        text = (
            model.fit(X, y, categorical_feature=[5])
            .to_lightgbm(probability="score")
            .model_to_string()
        )
        texts += [text, *(damage(text, rng) for _ in range(119))]
    # In a separate process, because a crash would end it.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(fit_init_model, texts, chunksize=50))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert outcomes[0] is outcomes[120] is True
    assert False not in outcomes
    assert all("init_model" in refusal for refusal in refusals)
    assert 80 < len(refusals) < 200


@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_concurrent_fit_and_predict_in_threads(estimator, data):
    X, y = data
    gammas = np.linspace(0, 3, 12)
    one_by_one = [clone(estimator).set_params(gamma=g).fit(X, y).predict_proba(X) for g in gammas]
    shared = clone(estimator).set_params(gamma=gammas[0]).fit(X, y)
    barrier = threading.Barrier(4, timeout=30)

    def work(i):
        if i < 4:
            barrier.wait()  # the first four start together
        model = clone(estimator).set_params(gamma=gammas[i]).fit(X, y)
        return model.predict_proba(X), shared.predict_proba(X)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(len(gammas))))
    for (own, common), expected in zip(results, one_by_one, strict=True):
        # The summation order of BLAS depends on the number of threads.
        np.testing.assert_allclose(own, expected, rtol=1e-9)
        np.testing.assert_array_equal(common, one_by_one[0])


def frame(**columns):
    return pd.DataFrame({"x": np.arange(40.0)} | columns)


def corrupt_sparse(index, pointer):
    """Return a sparse matrix with out-of-bounds indices."""
    X = sparse.csr_matrix(np.ones((40, 2)))
    X.indices[5], X.indptr[5] = index, pointer
    return X


GOOD_X, GOOD_Y = frame(colour=pd.Categorical(["a", "b"] * 20)), np.arange(40) % 2
EVALUATION = {"eval_X": GOOD_X, "eval_y": GOOD_Y}
OTHER_COLOURS = GOOD_X.assign(colour=pd.Categorical(["b", "c"] * 20))
FEW = FocalLGBMClassifier(n_estimators=2, n_jobs=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": frame(day=pd.Categorical(pd.date_range("2020", periods=40)))},
         "Categories must be strings or numbers, got Timestamp.* in column 'day'"),
        ({"X": frame(bin=pd.cut(np.arange(40), 3))}, "got Interval.* in column 'bin'"),
        ({"X": GOOD_X["x"]}, "2-dimensional"),
        ({"X": GOOD_X.set_axis(["a", "a"], axis=1)}, "The columns of X must have unique names"),
        ({"X": GOOD_X.assign(x=1j)}, "Complex data not supported. Column 'x'"),
        ({"X": corrupt_sparse(9, 10)}, "sparse matrix: .* must be < 2"),
        ({"X": corrupt_sparse(-9, 10)}, "sparse matrix: .* must be >= 0"),
        ({"X": corrupt_sparse(1, 10**6)}, "sparse matrix: .*(indptr|index pointer)"),
        ({"eval_X": GOOD_X, "eval_y": [None] * 40}, "eval_y must contain labels of the same type"),
        ({**EVALUATION, "eval_names": ["a", "b"]}, "eval_names must be a list of unique names"),
        ({**EVALUATION, "eval_names": [3]}, "eval_names must be a list of unique names"),
        ({"eval_X": (GOOD_X,) * 2, "eval_y": (GOOD_Y,) * 2, "eval_names": ["a", "a"]}, "names"),
        ({**EVALUATION, "eval_metric": [["auc"]]}, "eval_metric must be a callable or one of"),
        ({**EVALUATION, "eval_metric": lambda y, p: None}, "eval_metric must return .* got None"),
        ({**EVALUATION, "eval_metric": lambda y, p: ("a", 1)}, r"must return .* got \('a', 1\)"),
        ({**EVALUATION, "eval_metric": lambda y, p: ("a", "b", True)}, "eval_metric must return"),
        ({**EVALUATION, "eval_class_weight": "even"}, "'balanced' or a dict .* got 'even'"),
        ({**EVALUATION, "eval_class_weight": 5}, "eval_class_weight must be .* got 5"),
        ({**EVALUATION, "eval_class_weight": {2: 3.0}}, "eval_class_weight must be .* got {2: 3.0"),
        ({"y": pd.Series(["a", pd.NA] * 20, dtype="string")}, "y must contain labels|y contains"),
        ({"categorical_feature": None}, "'auto' or a list of column names .* got None"),
        ({"categorical_feature": [2]}, r"categorical_feature must contain only .* of X, got \[2\]"),
        ({"categorical_feature": [True, -1, [0]]}, r"of columns of X, got \[True, -1, \[0\]\]"),
        ({"init_score": np.full(40, np.nan)}, "init_score contains NaN"),
        ({"init_score": np.full(40, 1e300)}, "init_score must be finite in float32"),
        ({"init_score": np.zeros((40, 2))}, r"init_score must .* got shape \(40, 2\)"),
        ({"callbacks": [None]}, "callbacks must be a list of callables"),
        ({"init_model": FEW, "X": OTHER_COLOURS}, "init_model was fitted on column 1 with"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_error_messages_name_the_invalid_argument(arguments, message):
    FEW.fit(GOOD_X, GOOD_Y)
    with pytest.raises((ValueError, TypeError), match=message):
        clone(FEW).fit(**{"X": GOOD_X, "y": GOOD_Y} | arguments)


def test_importance_type_is_checked_after_fit():
    model = clone(FEW).fit(GOOD_X, GOOD_Y).set_params(importance_type="weight")
    with pytest.raises(ValueError, match=r"importance_type must be one of .* got 'weight'"):
        _ = model.feature_importances_


@pytest.mark.parametrize("name", ["start_iteration", "num_iteration"])
def test_rounds_beyond_32_bits_raise(name):
    with pytest.raises(ValueError, match=f"{name} == {2**40}, must be <= {2**31 - 1}"):
        FEW.fit(GOOD_X, GOOD_Y).predict_proba(GOOD_X, **{name: 2**40})


@pytest.mark.parametrize("name", ["start_iteration", "num_iteration"])
@pytest.mark.parametrize("value", [1.0, "1"])
def test_rounds_that_are_no_integers_raise(name, value):
    with pytest.raises(TypeError, match=f"{name} must be an instance of .*int"):
        FEW.fit(GOOD_X, GOOD_Y).predict_proba(GOOD_X, **{name: value})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"num_leaves": 10**6}, "LightGBM rejected .*num_leaves"),
        ({"lgbm_params": {"max_bin": 1}}, "LightGBM rejected .*max_bin"),
        ({"subsample": 0.01}, "subsample is so small that no row is sampled"),
    ],
)
def test_lightgbm_errors_become_value_errors(params, message):
    with pytest.raises(ValueError, match=message):
        clone(FEW).set_params(**params).fit(GOOD_X, GOOD_Y)


@pytest.mark.parametrize(("seed", "n_estimators"), [(6, 1), (168, 1), (168, 3), (222, 3)])
def test_empty_and_infinite_leaves_raise(seed, n_estimators):
    # LightGBM subtracts the sums of a leaf from those of its parent. With weights over 25 orders
    # of magnitude this cancels, and a leaf of some tree becomes empty or infinite.
    rng = np.random.default_rng(seed)
    X, y, weight = rng.normal(size=(300, 2)), np.arange(300) % 2, 10 ** rng.uniform(-25, 0, 300)
    model = FocalLGBMClassifier(2.0, n_estimators=n_estimators, learning_rate=1.0, n_jobs=1)
    model.set_params(min_child_samples=1, min_child_weight=0, reg_lambda=0)
    model.set_params(subsample=1.0, colsample_bytree=1.0)
    with pytest.raises(ValueError, match=r"[Ii]ncrease min_child_(samples or min_child_)?weight"):
        model.fit(X, y, sample_weight=weight)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    assert model.set_params(min_child_weight=1e-3).fit(X, y, weight).score(X, y) > 0.5


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "lil"])
@pytest.mark.parametrize("estimator", SHORT, **NAMED)
def test_sparse_matrix_with_out_of_bounds_index_raises(estimator, form):
    X = np.column_stack([np.arange(40), GOOD_Y])
    model = clone(estimator).fit(sparse.csr_matrix(X), GOOD_Y)
    X = sparse.csr_matrix(X).asformat(form)
    if form == "lil":
        X.rows[0] = [10**7]
    else:  # SciPy's conversions would crash the process
        (X.row if form == "coo" else X.indices)[0] = 10**7
    for call in (model.predict, lambda X: clone(estimator).fit(X, GOOD_Y)):
        with pytest.raises(ValueError, match=r"X is not a valid sparse matrix: .*ind"):
            call(X)
