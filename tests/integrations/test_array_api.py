"""Arrays of other libraries give the results of NumPy arrays, in their library and device."""

from functools import partial

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from skfocal import FocalLGBMClassifier, FocalLogisticRegression, focal_loss
from skfocal.objectives import BinaryFocalLoss, FocalObjective, MulticlassFocalLoss
from skfocal.objectives._arrays import SUPPORTED

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="needs scikit-learn 1.9")

LOSSES = [
    BinaryFocalLoss(gamma=0),
    BinaryFocalLoss(gamma=1.7),
    BinaryFocalLoss(gamma=(0.5, 3), alpha=0.25),
    MulticlassFocalLoss(3, gamma=2),
    MulticlassFocalLoss(4, gamma=(0, 0.5, 2, 5), alpha=(1, 2, 0.5, 10)),
]
# Libraries round exponentials and sums differently.
CLOSE = {"float64": {"rtol": 1e-12, "atol": 1e-13}, "float32": {"rtol": 1e-4, "atol": 1e-5}}
LIBRARIES = {"array_api_strict": ["CPU_DEVICE", "device1"], "torch": ["cpu"], "cupy": [None]}


@pytest.fixture(autouse=True)
def dispatch(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # required by scikit-learn
    with sklearn.config_context(array_api_dispatch=True):
        yield


@pytest.fixture(params=[(name, d) for name, devices in LIBRARIES.items() for d in devices], ids=str)
def library(request):
    """Return a function that converts NumPy arrays to another library and device."""
    name, device = request.param
    xp = pytest.importorskip(name)
    device = xp.Device(device) if name == "array_api_strict" else device

    def convert(values):
        return xp.asarray(values) if device is None else xp.asarray(values, device=device)

    return convert


def to_numpy(values):
    from sklearn.utils._array_api import move_to

    return move_to(values, xp=np, device="cpu")


def assert_alike(got, expected, like):
    """Check that ``got`` has the library, device and dtype of ``like`` and the expected values."""
    assert type(got) is type(like)
    assert got.device == like.device
    assert got.dtype == like.dtype
    name = str(expected.dtype)
    np.testing.assert_allclose(to_numpy(got), expected, **CLOSE[name])


def sample(loss, dtype="float64", n_rows=200):
    rng = np.random.default_rng(0)
    shape = (n_rows,) if isinstance(loss, BinaryFocalLoss) else (n_rows, loss.n_classes)
    raw = rng.normal(scale=3, size=shape).astype(dtype)
    return rng.integers(loss.n_classes, size=n_rows), raw, rng.uniform(0.1, 4, n_rows).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_return_arrays_like_the_scores(loss, dtype, library):
    rows = sample(loss, dtype)
    y, raw, weight = map(library, rows)
    curvatures = ["exact", "newton", "geometric", "majorant"]
    functions = [loss.loss_gradient, loss.gradient_hessian]
    functions += [partial(loss.gradient_curvature, curvature=name) for name in curvatures]
    for function in functions:
        for got, expected in zip(function(y, raw, weight), function(*rows), strict=True):
            assert_alike(got, expected, raw)
    assert_alike(loss.loss(y, raw), loss.loss(*rows[:2]), raw)
    assert loss(y, raw, weight) == pytest.approx(loss(*rows), rel=1e-5)
    assert loss(y, raw) == pytest.approx(loss(*rows[:2]), rel=1e-5)
    direction = library(rows[1])
    got = loss.hessian_operator(y, raw, weight)(direction)
    assert_alike(got, loss.hessian_operator(*rows)(rows[1]), raw)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("probability", ["posterior", "unweighted", "score"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_probabilities_are_arrays_like_the_scores(loss, probability, dtype, library):
    raw = sample(loss, dtype)[1]
    functions = [loss.predict_proba, loss.predict_log_proba]
    functions += [loss.log_odds] if loss.n_classes == 2 else []
    for function in functions:
        got = function(library(raw), probability)
        assert_alike(got, function(raw, probability), library(raw))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_labels_and_weights_are_converted_to_the_library_of_the_scores(loss, library):
    y, raw, weight = sample(loss)
    expected = loss.loss(y, raw, weight)
    for labels in (y, y.tolist(), y.astype(np.float32), y.astype(np.int8), library(y)):
        assert_alike(loss.loss(labels, library(raw), weight), expected, library(raw))
    np.testing.assert_allclose(loss.loss(library(y), raw, library(weight)), expected, rtol=1e-12)


def test_invalid_arrays_raise(library):
    y, raw, weight = sample(BinaryFocalLoss())
    loss, device_raw = BinaryFocalLoss(), library(raw)
    y[3] = 2
    for labels in (library(y), library(y.astype(float)), library(np.where(y == 2, np.nan, y))):
        with pytest.raises(
            ValueError, match=r"^y_true must contain class indices from 0 to 1, got"
        ):
            loss.loss(labels, device_raw)
    with pytest.raises(ValueError, match=r"^y_true must have shape"):
        loss.loss(library(y[:5]), device_raw)
    with pytest.raises(ValueError, match=r"^sample_weight must have shape"):
        loss.loss(library(np.zeros(200)), device_raw, library(weight[:5]))
    raw[5] = np.nan
    with pytest.raises(ValueError, match=r"^raw_prediction"):
        loss.loss(library(np.zeros(200)), library(raw))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_objective_uses_library_of_scores_without_dispatch(n_classes, library):
    loss = BinaryFocalLoss() if n_classes == 2 else MulticlassFocalLoss(3)
    y, scores, weight = sample(loss, "float32")
    labels = y.astype(np.float32)
    for gamma in (0.0, 2.0):
        objective = FocalObjective(gamma, n_classes=n_classes, offset=-0.5, curvature="geometric")
        expected = objective(labels, scores, weight)
        with sklearn.config_context(array_api_dispatch=False):
            results = objective(labels, library(scores), weight)
        for got, wanted in zip(results, expected, strict=True):
            assert_alike(got, wanted, library(scores))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_metric_accepts_labels_and_probabilities_of_any_library(n_classes, library):
    loss = BinaryFocalLoss() if n_classes == 2 else MulticlassFocalLoss(3)
    y, raw, weight = sample(loss)
    proba = loss.predict_proba(raw)
    settings = {"gamma": np.arange(n_classes) + 0.5, "alpha": np.arange(n_classes) + 1.0}
    expected = focal_loss(y, proba, sample_weight=weight, **settings)
    for labels in (library(y), y):
        got = focal_loss(labels, library(proba), sample_weight=library(weight), **settings)
        assert isinstance(got, float)
        assert got == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_model_matches_numpy(n_classes, dtype, fit_intercept, class_weight, library):
    X, y = make_classification(
        500, 6, n_informative=4, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    X, weight = X.astype(dtype), np.linspace(0.5, 2, 500)
    settings = {"fit_intercept": fit_intercept, "class_weight": class_weight, "tol": 1e-7}
    model = FocalLogisticRegression(1.5, **settings)
    expected = model.fit(X, y, weight)
    expected = {
        "coef_": expected.coef_,
        "intercept_": expected.intercept_,
        **{name: getattr(expected, name)(X) for name in METHODS},
    }
    got = FocalLogisticRegression(1.5, **settings).fit(library(X), library(y), library(weight))
    tolerance = {
        "rtol": 1e-4,
        "atol": 2e-3 if dtype == "float32" else 1e-5,
    }  # solver tolerance
    for name, wanted in expected.items():
        value = getattr(got, name)
        value = value(library(X)) if name in METHODS else value
        assert type(value) is type(library(X))
        assert value.device == library(X).device
        np.testing.assert_allclose(to_numpy(value), wanted, **tolerance)
    np.testing.assert_array_equal(to_numpy(got.predict(library(X))), model.predict(X))
    assert got.score(library(X), library(y)) == pytest.approx(model.score(X, y))
    assert to_numpy(got.n_iter_).dtype == np.int32


METHODS = ["raw_predict", "decision_function", "predict_proba", "predict_log_proba"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_class_prior_matches_numpy(n_classes, dtype, library):
    X, y = make_classification(
        500, 6, n_informative=4, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    X, weight = X.astype(dtype), np.linspace(0.5, 2, 500)
    prior = np.array([0.9, 0.1] if n_classes == 2 else [0.2, 0.7, 0.1])
    settings = {"class_weight": "balanced", "tol": 1e-7}
    expected = FocalLogisticRegression(1.5, **settings, class_prior=prior).fit(X, y, weight)
    device_X = library(X)
    model = FocalLogisticRegression(1.5, **settings).fit(device_X, library(y), library(weight))
    assert type(model.class_share_) is type(device_X)
    assert model.class_share_.dtype == device_X.dtype
    np.testing.assert_allclose(to_numpy(model.class_share_), expected.class_share_, rtol=1e-6)
    tolerance = {
        "rtol": 1e-4,
        "atol": 2e-3 if dtype == "float32" else 1e-5,
    }  # solver tolerance
    by_label = dict(enumerate(prior.tolist()))
    for class_prior in (prior, library(prior), by_label):
        model.set_params(class_prior=class_prior)
        for method in ("decision_function", "predict_proba", "predict_log_proba"):
            got = getattr(model, method)(device_X)
            assert type(got) is type(device_X)
            assert got.dtype == device_X.dtype
            np.testing.assert_allclose(to_numpy(got), getattr(expected, method)(X), **tolerance)
        np.testing.assert_array_equal(to_numpy(model.predict(device_X)), expected.predict(X))
    model.set_params(class_prior=library(2 * prior))
    with pytest.raises(ValueError, match="class_prior must sum to 1"):
        model.predict_proba(device_X)
    with pytest.raises(ValueError, match="class_prior must sum to 1"):
        model.fit(device_X, library(y))


def test_string_labels_stay_numpy_arrays(library):
    X, y = make_classification(100, 5, random_state=0)
    names = np.array(["no", "yes"])[y]
    model = FocalLogisticRegression().fit(library(X), names)
    np.testing.assert_array_equal(model.classes_, ["no", "yes"])
    expected = FocalLogisticRegression().fit(X, names).predict(X)
    np.testing.assert_array_equal(model.predict(library(X)), expected)


def test_warm_start_uses_coefficients_of_another_library(library):
    X, y = make_classification(300, 5, random_state=0)
    model = FocalLogisticRegression(warm_start=True, tol=1e-6)
    first = int(model.fit(library(X), library(y)).n_iter_[0])
    assert int(model.fit(library(X), library(y)).n_iter_[0]) < first


@pytest.mark.parametrize("C", [1.0, 1e-3])
def test_l1_penalty_raises_for_other_libraries(C, library):
    X, y = make_classification(60, 5, random_state=0)
    model = FocalLogisticRegression(l1_ratio=0.5, C=C)
    with pytest.raises(ValueError, match=r"^An L1 penalty requires NumPy arrays, got an array of"):
        model.fit(library(X), library(y))
    assert get_tags(model).array_api_support is False
    assert get_tags(FocalLogisticRegression()).array_api_support is True


def test_predict_raises_for_other_library_than_in_fit(library):
    X, y = make_classification(60, 5, random_state=0)
    model = FocalLogisticRegression().fit(library(X), library(y))
    with pytest.raises(ValueError, match="must use the same namespace"):
        model.predict_proba(sparse.csr_array(X))
    with pytest.raises(ValueError, match=r"FocalLogisticRegression.raw_predict\(\)"):
        model.raw_predict(X)


def test_features_that_overflow_raise(library):
    X, y = make_classification(60, 5, random_state=0)
    X[7, 0] = 1e200
    with pytest.raises(ValueError, match="X contains values too large"):
        FocalLogisticRegression().fit(library(X), library(y))
    X[7, 0] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        FocalLogisticRegression().fit(library(X), library(y))


@pytest.mark.parametrize(
    "model", [FocalLogisticRegression(), FocalLogisticRegression(0.0, solver="lbfgs")], ids=repr
)
def test_array_api_checks_of_scikit_learn(model):
    from sklearn.utils.estimator_checks import _yield_array_api_checks

    passed = set()
    for check in _yield_array_api_checks(model):
        try:
            check(type(model).__name__, model)
        except pytest.skip.Exception:
            continue
        except Exception as error:
            if type(error).__name__ != "SkipTest":
                raise
            continue
        passed.add((check.func.__name__, check.keywords.get("array_namespace")))
    pytest.importorskip("array_api_strict")
    assert passed >= {
        ("check_array_api_input", "array_api_strict"),
        ("check_array_api_same_namespace", "array_api_strict"),
    }


@pytest.mark.parametrize("scoring", ["average_precision", "neg_log_loss"])
def test_grid_search_over_gamma_matches_numpy(scoring, library):
    X, y = make_classification(400, 6, weights=[0.8], flip_y=0.1, random_state=0)
    grid = {"gamma": [0.0, 1.0, 3.0], "C": [0.1, 1.0]}
    search = GridSearchCV(FocalLogisticRegression(), grid, scoring=scoring, cv=3)
    expected = search.fit(X, y)
    scores, best = expected.cv_results_["mean_test_score"], expected.best_params_
    device_X = library(X)
    # Scorers of scikit-learn 1.9 search ``classes_`` for the positive class with NumPy.
    device_y = library(y) if type(device_X).__module__ == "torch" else y
    got = GridSearchCV(FocalLogisticRegression(), grid, scoring=scoring, cv=3)
    got.fit(device_X, device_y)
    np.testing.assert_allclose(got.cv_results_["mean_test_score"], scores, rtol=1e-3)
    assert got.best_params_ == best
    value = get_scorer(scoring)(got, device_X, device_y)
    assert value == pytest.approx(get_scorer(scoring)(expected, X, y), rel=1e-3)


def test_other_libraries_are_converted_to_numpy_without_dispatch():
    torch = pytest.importorskip("torch")
    y, raw, _ = sample(BinaryFocalLoss())
    with sklearn.config_context(array_api_dispatch=False):
        got = BinaryFocalLoss().loss(torch.asarray(y), torch.asarray(raw))
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, BinaryFocalLoss().loss(y, raw))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_accept_jax_arrays(loss):
    jax = pytest.importorskip("jax")
    y, raw, weight = sample(loss, "float32")
    rows = [jax.numpy.asarray(values) for values in (y, raw, weight)]
    for got, expected in zip(
        loss.gradient_curvature(*rows, curvature="geometric"),
        loss.gradient_curvature(y, raw, weight, curvature="geometric"),
        strict=True,
    ):
        assert isinstance(got, jax.Array)
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-4, atol=1e-5)


def test_trees_raise_for_arrays_of_other_libraries(library):
    X, y = make_classification(60, 5, random_state=0)
    model = FocalLGBMClassifier(n_estimators=2, n_jobs=1)
    with pytest.raises(TypeError, match=r"X must be a NumPy array, .* got an array of"):
        model.fit(library(X), y)
    model.fit(X, y)
    with pytest.raises(TypeError, match=r"X must be a NumPy array, .* got an array of"):
        model.predict(library(X))
