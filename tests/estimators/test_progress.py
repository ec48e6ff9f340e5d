"""scikit-learn callbacks, printed progress and interrupted fits."""

import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

ESTIMATORS = [
    FocalLogisticRegression(),
    FocalLogisticRegression(l1_ratio=0.5),
    FocalLGBMClassifier(n_estimators=8, n_jobs=1),
]
BLAS = 1e-12  # rounding of BLAS depends on memory alignment
STEP_NAMES = {FocalLogisticRegression: "iteration", FocalLGBMClassifier: "boosting-round"}


class Recorder:
    """scikit-learn callback that records all events and models."""

    max_propagation_depth = None  # meta-estimators propagate it, like a ProgressBar

    def __init__(self, stop_at=None, interrupt_at=None):
        self.stop_at, self.interrupt_at = stop_at, interrupt_at
        self.events, self.models = [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(("end", context.task_name, context.task_id))
        if context.task_name not in STEP_NAMES.values():
            return False
        self.models.append(fitted_estimator)
        if len(self.models) == self.interrupt_at:
            raise KeyboardInterrupt
        return len(self.models) == self.stop_at


@pytest.fixture
def callback():
    return pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")


@pytest.fixture(params=[2, 3], ids=["binary", "multiclass"], scope="module")
def data(request):
    X, y = make_classification(
        n_samples=300, n_informative=6, n_classes=request.param, random_state=0
    )
    return X, np.array(["a", "b", "c"])[y]


def rounds(model):
    return int(np.ravel(model.n_iter_)[0])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_each_step_is_a_subtask_of_fit(estimator, data, callback):
    recorder = Recorder()
    model = clone(estimator).set_callbacks(recorder).fit(*data)
    name = STEP_NAMES[type(model)]
    steps = [(when, name, i) for i in range(rounds(model)) for when in ("begin", "end")]
    fit = [("begin", "fit", 0), *steps, ("end", "fit", 0)]
    assert recorder.events == ["setup", *fit, "teardown"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # 2 iterations
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_model_of_a_step_matches_a_shorter_fit(estimator, data, callback):
    recorder = Recorder()
    X, y = data
    model = clone(estimator).set_callbacks(recorder).fit(X, y)
    limit = "n_estimators" if hasattr(model, "booster_") else "max_iter"
    for step in (2, rounds(model)):
        shorter = clone(estimator).set_params(**{limit: step})
        shorter.fit(X, y)
        snapshot = recorder.models[step - 1]
        np.testing.assert_allclose(snapshot.predict_proba(X), shorter.predict_proba(X), rtol=BLAS)
        assert rounds(snapshot) == step


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_callback_stops_the_fit(estimator, data, callback):
    recorder = Recorder(stop_at=3)
    X, y = data
    model = clone(estimator).set_callbacks(recorder).fit(X, y)
    assert rounds(model) == len(recorder.models) == 3
    stopped = recorder.models[-1].predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), stopped, rtol=BLAS)


@pytest.mark.parametrize("step", [39, 40, 41])
def test_callback_stops_lbfgs_at_preconditioner_update(step, callback):
    X, y = make_classification(n_samples=300, n_classes=3, n_informative=6, random_state=0)
    recorder = Recorder(stop_at=step)
    model = FocalLogisticRegression(tol=1e-12, C=1e6, gamma=5, max_iter=100)
    model.set_callbacks(recorder).fit(X, y)
    assert rounds(model) == len(recorder.models) == step


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_callbacks_do_not_change_the_model(estimator, data, callback):
    X, y = data
    watched = clone(estimator).set_callbacks(Recorder()).fit(X, y)
    expected = clone(estimator).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(watched.predict_proba(X), expected, rtol=BLAS)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_scoring_monitor_scores_every_step(estimator, data, callback):
    X, y = data
    weight = np.random.default_rng(0).random(len(y))
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    model = clone(estimator).set_callbacks(monitor).fit(X, y, sample_weight=weight)
    log = [row for row in monitor.get_logs().data if row["task_name"] != "fit"]
    assert [row["task_id"] for row in log] == list(range(rounds(model)))
    assert log[-1]["neg_log_loss"] > log[0]["neg_log_loss"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_progress_bar_ends_at_100_percent(estimator, data, callback, capsys):
    pytest.importorskip("rich")
    clone(estimator).set_callbacks(callback.ProgressBar()).fit(*data)
    line = capsys.readouterr().out
    assert type(estimator).__name__ in line
    assert "100%" in line


def test_progress_bar_without_rich_raises_import_error(callback, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ImportError, match=r"^Progressbar requires rich\.$"):  # docs/progress.md
        callback.ProgressBar()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_callbacks_propagate_through_pipeline_and_search(estimator, data, callback):
    recorder = Recorder()
    pipeline = make_pipeline(StandardScaler(), clone(estimator))
    grid = {f"{pipeline.steps[-1][0]}__gamma": [0, 2]}
    GridSearchCV(pipeline, grid, cv=2).set_callbacks(recorder).fit(*data)
    assert recorder.events.count("setup") == recorder.events.count("teardown") == 1
    first_steps = recorder.events.count(("begin", STEP_NAMES[type(estimator)], 0))
    assert first_steps == 2 * 2 + 1  # gammas times folds plus the refit


def test_scoring_monitor_with_feature_names_and_early_stopping(callback):
    pd = pytest.importorskip("pandas")
    X, y = make_classification(n_samples=200, random_state=0)
    monitor = callback.ScoringMonitor(scoring="roc_auc")
    model = FocalLGBMClassifier(n_estimators=3, n_jobs=1, early_stopping=True)
    model.set_callbacks(monitor).fit(pd.DataFrame(X).add_prefix("x"), y)
    assert len(monitor.get_logs().data) == 3 + 1


def test_callbacks_do_not_change_early_stopping(callback):
    X, y = make_classification(n_samples=600, flip_y=0.3, random_state=0)
    model = FocalLGBMClassifier(early_stopping=True, n_iter_no_change=3, n_jobs=1, random_state=0)
    expected = clone(model).fit(X, y)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert model.best_iteration_ == expected.best_iteration_
    assert len(recorder.models) == len(expected.evals_result_["valid_0"]["focal_loss"])


@pytest.mark.parametrize("estimator", ESTIMATORS[:-1], ids=repr)
def test_logistic_regression_prints_every_verbose_iterations(estimator, data, capsys):
    model = clone(estimator).set_params(verbose=2).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_[0] // 2
    assert lines[0].startswith("[2]\tobjective: ")
    values = [float(line.split()[-1]) for line in lines]
    assert values == sorted(values, reverse=True)  # the objective never increases


def test_printed_objective_matches_the_coefficients(capsys):
    X, y = make_classification(n_samples=200, random_state=0)
    model = FocalLogisticRegression(C=0.5, l1_ratio=0.5, verbose=1).fit(X, y)
    loss = model.loss_.loss(y, model.raw_predict(X)).sum()
    penalty = 0.5 * np.abs(model.coef_).sum() + 0.25 * (model.coef_**2).sum()
    printed = float(capsys.readouterr().out.split()[-1])
    assert printed == pytest.approx(0.5 * loss + penalty, rel=1e-5)  # six digits are printed


def test_trees_print_the_training_loss_without_an_evaluation_set(data, capsys):
    X, y = data
    model = FocalLGBMClassifier(n_estimators=8, n_jobs=1, verbose=4).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["[4]", "[8]"]
    for line, n_rounds in zip(lines, [4, 8], strict=True):
        raw_prediction = model.raw_predict(X, num_iteration=n_rounds)
        loss = model.loss_(np.searchsorted(model.classes_, y), raw_prediction)
        assert float(line.split()[-1]) == pytest.approx(loss, rel=1e-5)  # six digits are printed
    assert model.evals_result_ == {}


def interrupt(env):
    if env.iteration == 2:
        raise KeyboardInterrupt


@pytest.mark.parametrize("fitted", [False, True], ids=["first fit", "refit"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_interrupted_fit_leaves_estimator_unfitted(estimator, fitted, data, callback):
    X, y = data
    model = clone(estimator)
    if fitted:
        model.fit(X, y)
    before = model.get_params()
    recorder = Recorder(interrupt_at=2)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(recorder).fit(X, y)
    _assert_unfitted(model, before, X)
    assert recorder.events[-1] == "teardown"


@pytest.mark.parametrize("fitted", [False, True], ids=["first fit", "refit"])
def test_fit_interrupted_by_lightgbm_callback_leaves_estimator_unfitted(fitted, data):
    X, y = data
    model = FocalLGBMClassifier(n_estimators=8, n_jobs=1)
    if fitted:
        model.fit(X, y)
    before = model.get_params()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, callbacks=[interrupt])
    _assert_unfitted(model, before, X)


def _assert_unfitted(model, params, X):
    assert model.get_params() == params
    with pytest.raises(NotFittedError):
        model.predict(X)
