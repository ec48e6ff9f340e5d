"""FocalLogisticRegression: equality with LogisticRegression at gamma 0, and other properties."""

import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.fixes import parse_version

from skfocal import FocalLogisticRegression

PENALTIES = [(1.0, 0.0), (0.05, 0.0), (np.inf, 0.0), (0.1, 1.0), (0.2, 0.5)]
# scikit-learn before 1.8 requires the parameter penalty, and later versions deprecate it.
NEEDS_PENALTY = parse_version(sklearn.__version__) < parse_version("1.8")
L1_SETTINGS = {"solver": "saga", "random_state": 0} | (
    {"penalty": "elasticnet"} if NEEDS_PENALTY else {}
)
FORMATS = [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array]


def problem(n_classes, **settings):
    """Return data without redundant features, so the optimum is unique."""
    return make_classification(
        n_samples=300,
        n_features=8,
        n_informative=6,
        n_redundant=0,
        n_classes=n_classes,
        class_sep=0.5,
        flip_y=0.1,
        random_state=n_classes,
        **settings,
    )


def violation(model, X, y, sample_weight=None):
    """Return the largest violation of the optimality conditions."""
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    scale = 1.0 if np.isinf(model.C) else model.C
    slope = model.loss_.gradient(y, model.raw_predict(X), scale * weight)
    coef = model.coef_ if len(model.classes_) > 2 else model.coef_[0]
    gradient = slope.T @ X
    l1 = 0.0 if np.isinf(model.C) else model.l1_ratio
    if not np.isinf(model.C):
        gradient = gradient + (1 - model.l1_ratio) * coef
    at_zero = np.maximum(np.abs(gradient) - l1, 0)
    worst = np.where(coef == 0, at_zero, np.abs(gradient + l1 * np.sign(coef))).max()
    return max(worst, np.abs(slope.sum(axis=0)).max())


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize(("C", "l1_ratio"), PENALTIES, ids=str)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_gamma_zero_is_logistic_regression(n_classes, C, l1_ratio, weighted):
    X, y = problem(n_classes)
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else None
    settings = {"C": C, "l1_ratio": l1_ratio, "max_iter": 20_000}
    model = FocalLogisticRegression(gamma=0, tol=1e-9, **settings).fit(X, y, weight)
    settings |= L1_SETTINGS if l1_ratio else {"solver": "newton-cholesky"}
    expected = LogisticRegression(tol=1e-10, **settings)
    expected.fit(X, y, weight)
    # Gradients are within about 1e-9 of 0 in both, and the curvature is at least 1e-3.
    size = np.abs(expected.coef_).max()
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-5 * size)
    intercept = expected.intercept_ - (expected.intercept_.mean() if n_classes > 2 else 0)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize(("C", "l1_ratio"), PENALTIES[1:], ids=str)
def test_optimality_conditions_hold(n_classes, gamma, C, l1_ratio):
    X, y = problem(n_classes)
    model = FocalLogisticRegression(gamma, C=C, l1_ratio=l1_ratio, tol=1e-8).fit(X, y)
    # tol is relative to the gradient of the null model, which is at most the sum of |x|.
    assert violation(model, X, y) < 1e-8 * np.abs(X).sum(axis=0).max()


@pytest.mark.parametrize("as_format", FORMATS)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_solution_does_not_depend_on_layout_and_sparsity(as_format, l1_ratio, n_classes):
    X, y = problem(n_classes)
    X[np.abs(X) < 0.5] = 0
    settings = {"gamma": 1.0, "C": 0.2, "l1_ratio": l1_ratio, "tol": 1e-9}
    expected = FocalLogisticRegression(**settings).fit(X, y)
    model = FocalLogisticRegression(**settings).fit(as_format(X), y)
    # The summation order differs, so the solvers stop at slightly different points.
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        model.predict_proba(as_format(X)), expected.predict_proba(X), rtol=1e-6
    )


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weight_of_two_is_equivalent_to_two_rows(l1_ratio, n_classes):
    X, y = problem(n_classes)
    twice = np.arange(len(y)) % 3 == 0
    model = FocalLogisticRegression(C=0.2, l1_ratio=l1_ratio, tol=1e-9)
    weighted = clone(model).fit(X, y, np.where(twice, 2.0, 1.0))
    repeated = clone(model).fit(np.vstack([X, X[twice]]), np.append(y, y[twice]))
    # The solver's relative tolerance is 1e-9.
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-7)


def test_solution_does_not_depend_on_feature_scales():
    X, y = problem(2)
    units = np.logspace(-4, 4, X.shape[1])
    settings = {"gamma": 2.0, "C": np.inf, "tol": 1e-8}
    plain = FocalLogisticRegression(**settings).fit(X, y)
    scaled = FocalLogisticRegression(**settings).fit(X * units, y)
    np.testing.assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-5)
    assert abs(int(scaled.n_iter_[0]) - int(plain.n_iter_[0])) <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_dtype_of_X_is_kept(dtype, n_classes):
    X, y = problem(n_classes)
    model = FocalLogisticRegression().fit(X.astype(dtype), y)
    assert model.coef_.dtype == model.intercept_.dtype == dtype
    assert model.predict_proba(X.astype(dtype)).dtype == dtype
    exact = FocalLogisticRegression(tol=1e-8).fit(X, y)
    # The default tol is 1e-4, relative to the gradient of the null model.
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=0, atol=2e-3)


def test_X_is_not_modified():
    X, y = problem(2)
    X.flags.writeable = False
    before = X.copy()
    FocalLogisticRegression().fit(X, y)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shapes_match_logistic_regression(n_classes):
    X, y = problem(n_classes)
    model, expected = FocalLogisticRegression().fit(X, y), LogisticRegression().fit(X, y)
    for name in ("coef_", "intercept_", "classes_"):
        assert getattr(model, name).shape == getattr(expected, name).shape
    assert model.n_iter_.min() >= 1
    raw = model.raw_predict(X)
    linear = X @ model.coef_.T + model.intercept_
    np.testing.assert_array_equal(raw, linear[:, 0] if n_classes == 2 else linear)


@pytest.mark.parametrize(("C", "l1_ratio"), [(150.0, 0.0), (np.inf, 0.0)])
def test_multiclass_coefficients_sum_to_zero_without_l1(C, l1_ratio):
    X, y = problem(3)
    model = FocalLogisticRegression(C=C, l1_ratio=l1_ratio).fit(X, y)
    size = np.abs(model.coef_).max()
    # Rounding of three centred float64 numbers.
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-15 * size)
    np.testing.assert_allclose(model.intercept_.sum(), 0, atol=1e-15 * size)


@pytest.mark.parametrize("just_above", [1.01, 1.001])  # tol is 1e-4
def test_first_coefficients_are_nonzero_just_above_the_smallest_C(just_above):
    X, y = np.array([[-1.0, 0], [0, 1], [1, 1], [1, 1]]), [0, 1, 1, 1]
    smallest_C = 2 / 3  # inverse of the null model's largest gradient
    settings = {"gamma": 0.0, "l1_ratio": 1.0, "fit_intercept": False}
    below = FocalLogisticRegression(C=smallest_C / just_above, **settings).fit(X, y)
    assert not below.coef_.any()
    above = FocalLogisticRegression(C=smallest_C * just_above, **settings).fit(X, y)
    assert above.coef_.any()
    assert above.n_iter_[0] < 10


def test_l1_converges_from_a_nearby_warm_start():
    X, y = problem(2)
    model = FocalLogisticRegression(C=0.1, l1_ratio=1.0, warm_start=True).fit(X, y)
    model.set_params(C=0.105).fit(X, y)
    assert model.n_iter_[0] < 10
    cold = FocalLogisticRegression(C=0.105, l1_ratio=1.0).fit(X, y)
    # Both satisfy the optimality conditions to tol=1e-4.
    np.testing.assert_allclose(model.coef_, cold.coef_, atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_fit_without_intercept(n_classes):
    X, y = problem(n_classes)
    settings = {"fit_intercept": False, "C": 0.5, "tol": 1e-9}
    model = FocalLogisticRegression(gamma=0, **settings).fit(X, y)
    expected = LogisticRegression(solver="newton-cholesky", **settings).fit(X, y)
    np.testing.assert_array_equal(model.intercept_, 0)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_warm_start_continues_from_the_previous_fit(l1_ratio):
    X, y = problem(3)
    model = FocalLogisticRegression(C=0.5, l1_ratio=l1_ratio, warm_start=True).fit(X, y)
    cold = model.coef_.copy()
    model.fit(X, y)
    assert model.n_iter_[0] == 1
    np.testing.assert_allclose(model.coef_, cold, rtol=0, atol=1e-3)  # both within tol=1e-4
    model.fit(X[:, :3], y)  # incompatible with the previous fit: a cold start
    expected = clone(model).fit(X[:, :3], y)
    np.testing.assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize(("solver", "l1_ratio"), [("lbfgs", 0.0), ("auto", 0.0), ("auto", 1.0)])
def test_max_iter_raises_convergence_warning(solver, l1_ratio):
    X, y = problem(2)
    model = FocalLogisticRegression(solver=solver, l1_ratio=l1_ratio, max_iter=1, tol=1e-8)
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        model.fit(X, y)
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "prox-newton"])
@pytest.mark.parametrize("mean", [1e4, 1e5, 1e6, 1e7, 1e8])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_means_beyond_the_resolution_of_float32(solver, mean, n_classes):
    # The Hessian of such features is not positive definite after rounding.
    X, y = problem(n_classes)
    model = FocalLogisticRegression(solver=solver, l1_ratio=float(solver == "prox-newton"))
    model.fit((X + mean).astype(np.float32), y)
    shares = np.bincount(y) / len(y)
    # Probabilities that are no worse than the class shares, up to the rounding of the scores.
    loss = log_loss(y, model.predict_proba((X + mean).astype(np.float32)))
    assert loss <= log_loss(y, np.tile(shares, (len(y), 1))) + 1e-3


@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("spread", [1.5, 2.0, 2.5])
def test_log_normal_features_converge_or_warn(gamma, spread):
    # Saturated outliers leave so little curvature that the solver's units change during the fit.
    X, y = make_classification(500, 20, n_informative=5, weights=[0.9], random_state=0)
    X = np.exp(spread * X)

    def objective(model):
        return 500 * model.loss_(y, model.raw_predict(X)) + 0.5 * np.sum(model.coef_**2)

    model = FocalLogisticRegression(gamma, max_iter=200).fit(X, y)  # a warning would be an error
    best = clone(model).set_params(tol=1e-8, max_iter=5000).fit(X, y)
    assert objective(model) == pytest.approx(objective(best), rel=1e-6)  # about tol squared


@pytest.mark.parametrize("factor", [1e3, 1e6, 1e10])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_warm_start_after_rescaling_the_features(l1_ratio, factor):
    # At the previous coefficients, every row is saturated: the start is worse than no model.
    X, y = make_classification(500, 5, n_informative=5, n_redundant=0, class_sep=2, random_state=0)
    cold = FocalLogisticRegression(l1_ratio=l1_ratio).fit(X * factor, y)
    warm = FocalLogisticRegression(l1_ratio=l1_ratio, warm_start=True).fit(X, y).fit(X * factor, y)
    np.testing.assert_array_equal(warm.coef_, cold.coef_)


@pytest.mark.parametrize(
    "params", [{"gamma": 70.0}, {"C": 1e-15}, {"C": 1e-10, "gamma": 0.0}], ids=str
)
def test_objectives_many_orders_of_magnitude_below_1(params):
    X, y = make_classification(500, 20, n_informative=5, weights=[0.9], random_state=0)
    model = FocalLogisticRegression(**params).fit(X, y)
    # So small a loss moves the coefficients along its gradient at zero.
    slope = model.loss_.gradient(y, np.full(len(y), model.intercept_[0]))
    expected = -model.C * slope @ X
    np.testing.assert_allclose(model.coef_[0], expected, rtol=1e-3)  # the next order is smaller


def test_early_stop_is_reported_with_a_remedy():
    X, y = problem(2)
    with pytest.warns(ConvergenceWarning, match=r"Scale the features or increase tol\.$"):
        FocalLogisticRegression(l1_ratio=1.0, tol=1e-8).fit(X + 1e8, y)


def test_defaults_converge_without_warning():
    X, y = problem(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FocalLogisticRegression().fit(X * np.logspace(-3, 3, X.shape[1]) + 1, y)


@pytest.mark.parametrize(("solver", "l1_ratio"), [("lbfgs", 0.5), ("prox-newton", 0.0)])
def test_solver_that_does_not_support_the_penalty_raises(solver, l1_ratio):
    with pytest.raises(ValueError, match=f"solver='{solver}' does not support l1_ratio={l1_ratio}"):
        FocalLogisticRegression(solver=solver, l1_ratio=l1_ratio).fit(*problem(2))


@pytest.mark.parametrize(
    "parameters",
    [{"solver": "saga"}, {"C": 0}, {"l1_ratio": 2}, {"tol": 0}, {"max_iter": 0}],
    ids=str,
)
def test_parameters_out_of_range_raise(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FocalLogisticRegression(**parameters).fit(*problem(2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_raise(value):
    X, y = problem(2)
    X[3, 2] = value
    with pytest.raises(ValueError, match="Input X contains"):
        FocalLogisticRegression().fit(X, y)


def test_l1_with_more_features_than_rows():
    X, y = make_classification(n_samples=60, n_features=300, n_informative=5, random_state=0)
    model = FocalLogisticRegression(1.0, C=0.3, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert 0 < np.count_nonzero(model.coef_) < 60
    assert violation(model, X, y) < 1e-6


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_many_sparse_features(gamma):
    rng = np.random.default_rng(0)
    seen = sparse.diags_array(1.0 * (np.arange(4000) != 7))
    X = sparse.csr_array(sparse.random(400, 4000, 0.01, random_state=0)) @ seen
    y = (X[:, :50].sum(axis=1) + rng.normal(scale=0.5, size=400) > 0.5).astype(int)
    model = FocalLogisticRegression(gamma, tol=1e-8, max_iter=500).fit(X, y)
    assert model.coef_[0, 7] == 0
    assert violation(model, X, y) < 1e-6  # tol is relative to a gradient of about 5


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("large", [1e160, 1e300])
def test_one_huge_value_among_many_rows_raises(large, l1_ratio):
    X, y = make_classification(20_001, 5, random_state=0)
    X[12_347, 0] = large  # not in the sample of the preconditioner
    with pytest.raises(ValueError, match=r"X contains values too large|scale the features"):
        FocalLogisticRegression(l1_ratio=l1_ratio).fit(X, y)


@pytest.mark.parametrize("params", [{"C": 1e300}, {"alpha": (1e300, 1e300)}], ids=str)
def test_factors_that_overflow_raise(params):
    X, y = make_classification(60, 5, random_state=0)
    with pytest.raises(ValueError, match=r"overflow\. .* decrease C, alpha or the weights"):
        FocalLogisticRegression(**params).fit(X, y)


@pytest.mark.parametrize("solver", ["auto", "prox-newton"])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e25), (np.float64, 1e200)])
def test_features_whose_squares_overflow_raise(solver, make, dtype, large):
    X, y = make_classification(60, 5, random_state=0)
    model = FocalLogisticRegression(solver=solver, l1_ratio=float(solver == "prox-newton"))
    model.fit(make(X.astype(dtype)), y)
    X[7, 0] = large
    with pytest.raises(ValueError, match=f"X contains values too large for {dtype.__name__}"):
        clone(model).fit(make(X.astype(dtype)), y)
    X[:, 0] = np.finfo(dtype).max
    model.coef_[0, 0] = 10
    with pytest.raises(
        ValueError, match="X contains values too large for the model: the raw scores overflow"
    ):
        model.predict_proba(make(X.astype(dtype)))


@pytest.mark.parametrize("C", [1e3, np.inf])
def test_features_that_are_zero_in_the_sample_of_the_preconditioner(C):
    rng = np.random.default_rng(0)
    income = rng.lognormal(10.5, 0.6, 60_000)
    X = np.column_stack([income, np.zeros((60_000, 2))])
    X[5::4001, 1], X[7::2003, 2] = 1, 1  # every eleventh row is sampled
    X[::11, 1:] = 0
    z = income / 5e4 - 2 + X[:, 1] - X[:, 2]
    y = (rng.logistic(size=len(z)) < z).astype(int)
    model = FocalLogisticRegression(0.0, C=C).fit(X, y)
    expected = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-8).fit(X, y)
    np.testing.assert_allclose(model.coef_[0, 1:], expected.coef_[0, 1:], rtol=0.02)


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_zero_weights_in_every_sampled_row(C):
    X, y = make_classification(12_000, 3, n_informative=2, n_redundant=0, random_state=0)
    weight = np.tile([0.0, 1.0], 6_000)  # every second row is sampled
    model = FocalLogisticRegression(C=C, tol=1e-8).fit(X, y, weight)
    expected = FocalLogisticRegression(C=C, tol=1e-8).fit(X[weight > 0], y[weight > 0])
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-6, atol=1e-6)  # converged
