"""scikit-learn's tests of LogisticRegression, run with FocalLogisticRegression at gamma 0.

We load the test modules of the installed scikit-learn a second time and replace the name
LogisticRegression by our estimator. Tests that do not apply are listed with a reason.
"""

import importlib.util
import re
from unittest.mock import patch

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.utils.fixes import parse_version
from threadpoolctl import threadpool_limits

from skfocal import FocalLogisticRegression

BEFORE_1_9 = parse_version(sklearn.__version__) < parse_version("1.9")

ONLY_CV = "fits LogisticRegressionCV only"
ONLY_PATH = "calls private functions of scikit-learn only"
COMBINATIONS = "checks error messages about incompatible solvers and penalties"
DEPRECATION = "checks warnings about a deprecated parameter"
SAME_STEPS = "compares more digits than tol guarantees, so it needs the same solver"
NEWTON_STEPS = "two Newton steps equal two fits of one step, but L-BFGS has memory"
INT64_INDICES = "expects an error for 64-bit indices, which ours accepts"
ARRAY_API = "parametrized by a generator; tests/integrations/test_array_api.py tests this"
ONE_VS_REST = "tests one-versus-rest, but ours is multinomial"

# Tests, or single cases as name[parameter].
NOT_OURS = {
    "test_LogisticRegressionCV_elasticnet_attribute_shapes": ONLY_CV,
    "test_LogisticRegressionCV_no_refit": ONLY_CV,
    "test_get_default_scorer": ONLY_CV,
    "test_logistic_cv_mock_scorer": ONLY_CV,
    "test_logistic_cv_refit_false_non_elasticnet": ONLY_CV,
    "test_logistic_cv_sparse": ONLY_CV,
    "test_logistic_regression_sample_weights[cv]": ONLY_CV,
    "test_logistic_regressioncv_class_weights": ONLY_CV,
    "test_logisticregressioncv_warns_with_use_legacy_attributes": ONLY_CV,
    "test_lr_cv_scores_differ_when_sample_weight_is_requested": ONLY_CV,
    "test_lr_cv_scores_without_enabling_metadata_routing": ONLY_CV,
    "test_lr_scoring_warns": ONLY_CV,
    "test_passing_params_without_enabling_metadata_routing": ONLY_CV,
    "test_logistic_regression_path_coefs_multinomial": ONLY_PATH,
    "test_logistic_regression_path_convergence_fail": ONLY_PATH,
    "test_logistic_regression_path_init_coefs": ONLY_PATH,
    "test_check_solver_option": COMBINATIONS,
    "test_elasticnet_l1_ratio_err_helpful": COMBINATIONS,
    "test_l1_ratio_non_elasticnet": COMBINATIONS,
    "test_liblinear_multiclass_raises": COMBINATIONS,
    "test_lr_penalty_l1ratio_incompatible": COMBINATIONS,
    "test_penalty_none": COMBINATIONS,
    "test_max_iter": "checks the convergence warnings of scikit-learn's solvers",
    "test_l1_ratio_None_deprecated": DEPRECATION,
    "test_logisticregression_warns_with_n_jobs": DEPRECATION,
    "test_penalty_deprecated": DEPRECATION,
    "test_warm_start_newton_solver": NEWTON_STEPS,
    "test_logistic_cv": SAME_STEPS,
    "test_logistic_cv_multinomial_score[neg_log_loss]": SAME_STEPS,
    "test_logistic_regression_cv_refit[0]": "compares 7 digits, which L-BFGS does not reach",
    "test_newton_cholesky_fallback_to_lbfgs": "counts iterations of newton-cholesky",
    "test_logreg_l1": "two features are equal, so the minimum is not unique",
    "test_large_sparse_matrix[liblinear]": INT64_INDICES,
    "test_large_sparse_matrix[sag]": INT64_INDICES,
    "test_large_sparse_matrix[saga]": INT64_INDICES,
    "test_liblinear_with_large_values": "expects an error for large values, which ours accepts",
    "test_dtype_match[liblinear]": "expects float64 for float32",
    "test_liblinear_dual_random_state": "ours is deterministic",
    "test_zero_max_iter": "ours requires at least one iteration",
    "test_logistic_regression_callback_support": "counts one step more than iterations",
    "test_logistic_regression_callback_fitted_estimator": "expects a model before the iteration",
    "test_logistic_regression_callback_support_warning": "all of our solvers support callbacks",
    "test_logistic_regression_array_api_compliance": ARRAY_API,
    "test_logistic_regression_array_api_warm_start": ARRAY_API,
    "test_logreg_predict_proba_multinomial": "calls a private method of LogisticRegression",
    "test_l1_min_c[fit-intercept]": "expects a penalised intercept",
    "test_l1_min_c[squared_hinge]": "fits LinearSVC only",
}
if BEFORE_1_9:
    NOT_OURS |= {
        "test_liblinear_logregcv_sparse": ONLY_CV,
        "test_saga_sparse": ONLY_CV,
        "test_LogisticRegressionCV_GridSearchCV_elastic_net_ovr": ONE_VS_REST,
        "test_l1_min_c[multi-class]": ONE_VS_REST,
        "test_logistic_regression_multi_class_auto": ONE_VS_REST,
        "test_n_iter": ONE_VS_REST,
        "test_ovr_multinomial_iris": ONE_VS_REST,
        "test_multinomial_binary_probabilities": "tests a softmax over two classes",
        "test_multi_class_deprecated": DEPRECATION,
        "test_liblinear_multiclass_warning": DEPRECATION,
        "test_lr_liblinear_warning": COMBINATIONS,
        "test_scores_attribute_layout_elasticnet": SAME_STEPS,
    }

# In tests that compare solvers, this solver remains scikit-learn's.
THEIRS = {
    "test_logistic_regression_solvers": "liblinear",
    "test_logistic_regression_solvers_multiclass": "sag",
    "test_logistic_regression_solvers_multiclass_unpenalized": "sag",
    "test_saga_vs_liblinear": "liblinear",
}


class AtGammaZero(FocalLogisticRegression):
    """Our estimator with LogisticRegression's constructor; unsupported parameters are ignored."""

    gamma, alpha, probability = 0.0, None, "posterior"
    n_fits = 0

    __init__ = LogisticRegression.__init__

    def fit(self, X, y, sample_weight=None):
        AtGammaZero.n_fits += 1
        theirs = self.get_params(deep=False)
        self.set_params(**self._our_params())
        try:
            return super().fit(X, y, sample_weight)
        finally:
            self.set_params(**theirs)

    def _our_params(self):
        l1_ratio = {"l1": 1.0, "l2": 0.0}.get(self.penalty, self.l1_ratio or 0.0)
        return {
            "C": np.inf if self.penalty is None else self.C,
            "l1_ratio": l1_ratio,
            "solver": "auto",
        }


def with_ours(name):
    """Load a test module of scikit-learn with LogisticRegression replaced by ours."""
    # scikit-learn registers this mark in its own pytest configuration.
    with patch.dict(vars(pytest.mark), thread_unsafe=lambda test: test):
        spec = pytest.importorskip(name).__spec__
        module = importlib.util.module_from_spec(spec)
        with (
            patch("sklearn.linear_model.LogisticRegression", AtGammaZero),
            patch("sklearn.linear_model._logistic.LogisticRegression", AtGammaZero),
        ):
            spec.loader.exec_module(module)
    return module


def not_ours(reason):
    @pytest.mark.skip(reason=reason)
    def test():
        raise NotImplementedError

    return test


def name_and_parameter(case):
    name, _, parameter = case.rstrip("]").partition("[")
    return name, parameter


suite = with_ours("sklearn.linear_model.tests.test_logistic")
bounds = with_ours("sklearn.svm.tests.test_bounds")
common = with_ours("sklearn.linear_model.tests.test_common")

TESTS = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
TESTS["test_l1_min_c"] = bounds.test_l1_min_c
fits_ours = pytest.mark.usefixtures("ours")
globals().update(
    {
        name: not_ours(NOT_OURS[name]) if name in NOT_OURS else fits_ours(test)
        for name, test in TESTS.items()
    }
)
pytestmark = [
    suite.pytestmark,
    # scikit-learn 1.8 issues this warning for C=np.inf too.
    pytest.mark.filterwarnings("ignore:Setting penalty=None will ignore the C:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads only slow down problems this small."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def global_random_seed():
    return 42  # scikit-learn's default


@pytest.fixture
def ours(request, monkeypatch):
    """Skip cases that do not apply, and check that the others fit our estimator."""
    test = request.node
    for case, reason in NOT_OURS.items():
        name, parameter = name_and_parameter(case)
        if name == test.originalname and f"-{parameter}-" in f"-{test.callspec.id}-":
            pytest.skip(reason)

    def ours_or_theirs(**settings):
        if settings["solver"] == THEIRS[test.originalname]:
            return LogisticRegression(**settings)
        return AtGammaZero(**settings)

    if test.originalname in THEIRS:
        monkeypatch.setattr(suite, "LogisticRegression", ours_or_theirs)
    n_fits = AtGammaZero.n_fits
    yield
    assert AtGammaZero.n_fits > n_fits


@pytest.mark.parametrize("l1_ratio", [0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_balance_property(l1_ratio, weighted, global_random_seed):
    model = FocalLogisticRegression(gamma=0, l1_ratio=l1_ratio)
    common.test_balance_property(model, weighted, global_random_seed)


@pytest.mark.skipif(BEFORE_1_9, reason="lacks the newer tests")
def test_every_listed_test_exists():
    for case in [*NOT_OURS, *THEIRS]:
        name, parameter = name_and_parameter(case)
        assert name in TESTS
        marks = str(getattr(TESTS[name], "pytestmark", ""))
        assert not parameter or re.search(rf"\b{re.escape(parameter)}\b", marks)
