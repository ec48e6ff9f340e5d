"""What goes wrong in a fit leaves a clear error and an estimator that can be used again."""

import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# Each takes seconds, so that an interrupt after a fraction of one comes in the middle.
LONG = [
    FocalLGBMClassifier(n_estimators=10_000, n_jobs=1),
    FocalLogisticRegression(tol=1e-300, max_iter=10**6, C=1e6, solver="trust-exact"),
]
SHORT = [FocalLGBMClassifier(n_estimators=10, n_jobs=1), FocalLogisticRegression(n_jobs=2)]


@pytest.fixture(scope="module")
def data():
    return make_classification(n_samples=2000, n_features=8, weights=[0.9], random_state=0)


class UserError(Exception):
    """What a callback or a metric of the user's raises."""


def fail(*_):
    raise UserError("mine")


def failing_metric(y_true, proba):
    raise UserError("mine")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.2])
@pytest.mark.parametrize("estimator", LONG, ids=lambda estimator: type(estimator).__name__)
def test_ctrl_c_leaves_the_estimator_unfitted_and_its_parameters_alone(estimator, seconds):
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
    quick = {"n_estimators": 5} if "n_estimators" in params else {"tol": 1e-4, "solver": "lbfgs"}
    assert model.set_params(**quick).fit(X, y).score(X, y) > 1 / 6


@pytest.mark.parametrize("arguments", [{"callbacks": [fail]}, {"eval_metric": failing_metric}])
def test_error_of_the_users_reaches_the_user(arguments, data):
    model = FocalLGBMClassifier(n_estimators=5, n_jobs=1)
    with pytest.raises(UserError, match="mine"):
        model.fit(*data, eval_X=data[0], eval_y=data[1], **arguments)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    assert model.fit(*data).predict(data[0]).shape == (2000,)


@pytest.mark.parametrize("estimator", SHORT, ids=lambda estimator: type(estimator).__name__)
def test_failing_scorer_stops_a_search_that_asks_for_it(estimator, data):
    search = GridSearchCV(estimator, {"gamma": [0, 1]}, scoring=fail, error_score="raise", cv=2)
    with pytest.raises(UserError, match="mine"):
        search.fit(*data)


@pytest.mark.parametrize("estimator", SHORT, ids=lambda estimator: type(estimator).__name__)
def test_truncated_pickle_is_refused(estimator, data):
    whole = pickle.dumps(clone(estimator).fit(*data))
    for share in (0.1, 0.5, 0.99):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            pickle.loads(whole[: int(share * len(whole))])


@pytest.mark.parametrize("estimator", SHORT, ids=lambda estimator: type(estimator).__name__)
def test_threads_fit_clones_and_predict_with_one_model(estimator, data):
    X, y = data
    gammas = np.linspace(0, 3, 12)
    one_by_one = [clone(estimator).set_params(gamma=g).fit(X, y).predict_proba(X) for g in gammas]
    shared = clone(estimator).set_params(gamma=gammas[0]).fit(X, y)
    meeting = threading.Barrier(4, timeout=30)

    def work(i):
        if i < 4:
            meeting.wait()  # the first four begin together
        model = clone(estimator).set_params(gamma=gammas[i]).fit(X, y)
        return model.predict_proba(X), shared.predict_proba(X)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(len(gammas))))
    for (own, common), expected in zip(results, one_by_one, strict=True):
        # BLAS sums in another order on another number of threads.
        np.testing.assert_allclose(own, expected, rtol=1e-9)
        np.testing.assert_array_equal(common, one_by_one[0])
