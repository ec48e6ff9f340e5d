"""Scores, intervals, verdict and plot of GammaDisplay."""

import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skfocal
from skfocal import FocalLGBMClassifier, FocalLogisticRegression, GammaDisplay
from skfocal.displays._paired import corrected_interval, describe

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, y = make_classification(240, n_informative=4, weights=[0.8], flip_y=0.1, random_state=0)
SCORING = ("average_precision", "neg_log_loss")
LINEAR = FocalLogisticRegression()


class IgnoresGamma(GaussianNB):
    def __init__(self, gamma=1.0):
        super().__init__()
        self.gamma = gamma


class ReadsOneColumn(ClassifierMixin, BaseEstimator):
    """A nearest-mean classifier on one column, whose index is gamma."""

    def __init__(self, gamma=0):
        self.gamma = gamma

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = [X[y == label, int(self.gamma)].mean() for label in self.classes_]
        return self

    def predict(self, X):
        low, high = self.means_
        above = X[:, int(self.gamma)] > (low + high) / 2
        return self.classes_[(above == (high > low)).astype(int)]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def cv_scores(model, cv, **arguments):
    results = cross_validate(model, X, y, scoring=SCORING, cv=cv, **arguments)
    return {name: results[f"test_{name}"] for name in SCORING}


# Scores and differences


@pytest.mark.slow
def test_scores_and_differences_match_cross_validate():
    baseline = LogisticRegression(C=0.1)
    display = GammaDisplay.from_estimator(
        LINEAR, X, y, gammas=(2, 0, 0.5), baselines={"linear": baseline}, random_state=3
    )
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=3)
    models = [*(FocalLogisticRegression(gamma=gamma) for gamma in (2, 0, 0.5)), baseline]
    results = [cv_scores(model, cv) for model in models]
    assert display.candidates == [2.0, 0.0, 0.5, "linear"]
    for name in SCORING:
        expected = np.array([result[name] for result in results])
        np.testing.assert_array_equal(display.scores[name], expected)
        np.testing.assert_array_equal(display.differences[name], expected - expected[1])
    assert display.test_size == pytest.approx(0.2, rel=1e-12)


def test_all_models_use_same_splits_of_splitter_without_seed():
    display = GammaDisplay.from_estimator(
        IgnoresGamma(), X, y, cv=ShuffleSplit(4, test_size=0.25), baselines={"same": GaussianNB()}
    )
    for name in SCORING:
        assert np.ptp(display.scores[name][0]) > 0
        np.testing.assert_array_equal(display.differences[name], np.zeros((6, 4)))
    assert display.test_size == 0.25


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"cv": 4, "random_state": 0}, RepeatedStratifiedKFold(n_splits=4, n_repeats=3)),
        ({"n_repeats": 2, "random_state": 0}, RepeatedStratifiedKFold(n_splits=5, n_repeats=2)),
        ({"cv": StratifiedKFold(3)}, StratifiedKFold(3)),
    ],
    ids=str,
)
def test_number_of_folds_and_repeats(arguments, expected):
    if "random_state" in arguments:
        expected.random_state = 0
    display = GammaDisplay.from_estimator(IgnoresGamma(), X, y, gammas=(0, 1), **arguments)
    for name, scores in cv_scores(GaussianNB(), expected).items():
        np.testing.assert_array_equal(display.scores[name], [scores, scores])


def test_splits_may_be_masks():
    test = np.arange(len(y)) % 3 == 0
    splits = [(~test, test), (np.flatnonzero(~np.roll(test, 1)), np.flatnonzero(np.roll(test, 1)))]
    display = GammaDisplay.from_estimator(IgnoresGamma(), X, y, cv=splits)
    assert display.test_size == pytest.approx(1 / 3, rel=1e-12)


def test_sample_weight_is_passed_to_every_fit():
    weight = np.where(y == 1, 5.0, 1.0)
    params = {"sample_weight": weight}
    cv = StratifiedKFold(3)
    display = GammaDisplay.from_estimator(
        LINEAR, X, y, gammas=(0, 1), cv=cv, params=params, baselines={"nb": GaussianNB()}
    )
    models = (FocalLogisticRegression(gamma=0), FocalLogisticRegression(gamma=1), GaussianNB())
    for scores, model in zip(display.scores["neg_log_loss"], models, strict=True):
        expected = cv_scores(model, cv, params=params)["neg_log_loss"]
        np.testing.assert_array_equal(scores, expected)
        assert np.all(scores != cv_scores(model, cv)["neg_log_loss"])


def test_groups_are_passed_to_the_splitter():
    groups = np.arange(len(y)) % 6
    display = GammaDisplay.from_estimator(IgnoresGamma(), X, y, cv=GroupKFold(3), groups=groups)
    expected = cv_scores(GaussianNB(), GroupKFold(3), groups=groups)
    np.testing.assert_array_equal(display.scores["neg_log_loss"][0], expected["neg_log_loss"])


def test_scoring_as_name_function_and_dict_give_equal_scores():
    scorings = ["accuracy", lambda model, X, y: np.mean(model.predict(X) == y), {"a": "accuracy"}]
    displays = [
        GammaDisplay.from_estimator(
            IgnoresGamma(), X, y, gammas=(0, 1), cv=3, scoring=scoring, random_state=0
        )
        for scoring in scorings
    ]
    assert [list(display.scores) for display in displays] == [["accuracy"], ["score"], ["a"]]
    for display in displays:
        [scores] = display.scores.values()
        np.testing.assert_array_equal(scores, displays[0].scores["accuracy"])


# Estimators


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), FocalLogisticRegression()),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), LINEAR)),
        CalibratedClassifierCV(FocalLogisticRegression(), cv=2),
        FocalLGBMClassifier(n_estimators=5, n_jobs=1),
        SVC(gamma=1.0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_gamma_is_found_in_estimators_and_meta_estimators(estimator):
    before = repr(estimator.get_params())
    display = GammaDisplay.from_estimator(
        estimator, X, y, gammas=(0, 3), cv=StratifiedKFold(2), scoring="roc_auc"
    )
    assert np.any(display.differences["roc_auc"][1] != 0)
    assert repr(estimator.get_params()) == before


def test_param_name_selects_one_of_two_gammas():
    model = make_pipeline(RBFSampler(n_components=20, random_state=0), FocalLogisticRegression())
    found = r"\['focallogisticregression__gamma', 'rbfsampler__gamma'\]"
    with pytest.raises(ValueError, match=rf"param_name must be one of {found}, got None\."):
        GammaDisplay.from_estimator(model, X, y)
    display = GammaDisplay.from_estimator(
        model, X, y, gammas=(0, 2), cv=StratifiedKFold(2), param_name="rbfsampler__gamma"
    )
    model.set_params(rbfsampler__gamma=2)
    expected = cv_scores(model, StratifiedKFold(2))["neg_log_loss"]
    np.testing.assert_array_equal(display.scores["neg_log_loss"][1], expected)


def test_gamma_per_class():
    display = GammaDisplay.from_estimator(
        LINEAR, X, y, gammas=(0, (0, 2)), cv=StratifiedKFold(2), scoring="neg_log_loss"
    )
    expected = cv_scores(FocalLogisticRegression(gamma=(0, 2)), StratifiedKFold(2))["neg_log_loss"]
    np.testing.assert_array_equal(display.scores["neg_log_loss"][1], expected)
    assert "gamma=(0, 2)" in display.verdict


# Grid searches


@pytest.mark.slow
@pytest.mark.parametrize("as_frame", [False, True])
def test_grid_search_and_estimator_give_same_display(as_frame):
    cv = RepeatedStratifiedKFold(
        n_splits=4, n_repeats=3, random_state=0
    )  # split10 comes after split9
    gammas = [0.5, 0, 2]
    model = make_pipeline(StandardScaler(), LINEAR)
    grid = {"focallogisticregression__gamma": gammas}
    search = GridSearchCV(model, grid, scoring=SCORING, refit=False, cv=cv).fit(X, y)
    results = search.cv_results_
    if as_frame:
        results = pytest.importorskip("pandas").DataFrame(results)
    display = GammaDisplay.from_cv_results(results, test_size=0.25)
    expected = GammaDisplay.from_estimator(model, X, y, gammas=gammas, cv=cv)
    assert display.gammas == gammas
    for name in SCORING:
        np.testing.assert_array_equal(display.scores[name], expected.scores[name])
        np.testing.assert_allclose(display.intervals[name], expected.intervals[name], rtol=1e-9)
    assert display.verdict == expected.verdict


def test_grid_search_uses_best_other_parameters_for_each_gamma():
    grid = {"gamma": [0, 2], "C": [1e-4, 1.0]}
    search = GridSearchCV(LINEAR, grid, scoring="neg_log_loss", cv=3).fit(X, y)
    display = GammaDisplay.from_cv_results(search.cv_results_, test_size=1 / 3)
    for gamma, scores in zip((0, 2), display.scores["score"], strict=True):
        choices = [
            cv_scores(FocalLogisticRegression(gamma=gamma, C=C), StratifiedKFold(3))["neg_log_loss"]
            for C in grid["C"]
        ]
        np.testing.assert_array_equal(scores, max(choices, key=np.mean))


def cv_results(params, n_splits=2, score=0.5):
    splits = {f"split{i}_test_score": np.full(len(params), score) for i in range(n_splits)}
    return {"params": params, **splits}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (cv_results([{"C": 1}, {"C": 2}]), r"end in __gamma, got only \['C'\]"),
        (cv_results([{"gamma": 0}, {"C": 2}]), "Every candidate .* must set gamma"),
        (cv_results([{"gamma": 1}, {"gamma": 2}]), r"must contain 0 .*got \[1.0, 2.0\]"),
        (
            cv_results([{"gamma": 0, "C": 1}, {"gamma": 1, "C": 2}]),
            "same values of the other parameters, got .* in the 1 .* with gamma=1.0",
        ),
        (cv_results([{"gamma": 0}, {"gamma": 0}, {"gamma": 1}]), "same values of the other"),
        (cv_results([{"gamma": 0}, {"gamma": 1}], score=np.nan), "finite, .* gamma=0, gamma=1"),
        (cv_results([{"gamma": 0}, {"gamma": 1}], n_splits=0), "split0_test_score, got none"),
        (cv_results([{"gamma": 0}, {"gamma": 1}], n_splits=1), "at least 2 splits"),
        (cv_results([{"a__gamma": 0, "b__gamma": 1}]), r"\['a__gamma', 'b__gamma'\]"),
    ],
    ids=str,
)
def test_invalid_cv_results_raise(results, message):
    with pytest.raises(ValueError, match=message):
        GammaDisplay.from_cv_results(results, test_size=0.5)


def test_failed_candidate_of_a_grid_raises():
    results = cv_results([{"gamma": g, "C": C} for g in (0, 1) for C in (1, 2)])
    results["split1_test_score"] = np.array([1, 1, np.nan, 1])
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity for gamma=1"):
        GammaDisplay.from_cv_results(results, test_size=0.5)


# Intervals and verdict


def test_interval_matches_nadeau_and_bengio():
    differences = np.array([0.01, 0.03, -0.01, 0.02, 0.0])
    error = np.sqrt((1 / 5 + 0.25) * np.var(differences, ddof=1))
    for n_comparisons in (1, 4):
        quantile = stats.t.ppf(1 - 0.025 / n_comparisons, df=4)
        interval = corrected_interval(differences, 0.2, n_comparisons=n_comparisons)
        # Rounding of a dozen operations.
        np.testing.assert_allclose(
            interval, 0.01 + np.array([-1, 1]) * quantile * error, rtol=1e-12
        )


def correlated_differences(n_simulations, n_models, n_splits, test_size, seed=0):
    """Draw normal differences with mean 0 whose correlation between splits is ``test_size``.

    Nadeau and Bengio assume this correlation, so their interval is exact here.
    """
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n_simulations, n_models, 1))
    independent = rng.standard_normal((n_simulations, n_models, n_splits))
    return np.sqrt(test_size) * shared + np.sqrt(1 - test_size) * independent


@pytest.mark.parametrize(("n_splits", "test_size"), [(5, 0.2), (15, 0.2), (10, 0.5)])
def test_interval_has_nominal_coverage(n_splits, test_size):
    differences = correlated_differences(20_000, 1, n_splits, test_size)[:, 0]
    lower, upper = corrected_interval(differences, test_size).T
    coverage = np.mean((lower <= 0) & (upper >= 0))
    # Four standard deviations of the share of 20,000 draws that are covered.
    assert abs(coverage - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 20_000)
    # The interval without the correction is too narrow.
    half_width = stats.t.ppf(0.975, n_splits - 1) * stats.sem(differences, axis=1)
    assert np.mean(np.abs(differences.mean(axis=1)) <= half_width) < 0.9


def test_intervals_of_a_panel_have_nominal_joint_coverage():
    differences = correlated_differences(20_000, 4, 15, 0.2)
    intervals = corrected_interval(differences, 0.2, n_comparisons=4)
    covered = np.all((intervals[..., 0] <= 0) & (intervals[..., 1] >= 0), axis=1).mean()
    # Bonferroni is conservative by 0.1 % for four independent models; four standard deviations.
    margin = 4 * np.sqrt(0.95 * 0.05 / 20_000)
    assert 0.95 - margin < covered < (1 - 0.05 / 4) ** 4 + margin


@pytest.mark.slow
def test_verdict_rarely_finds_a_difference_between_equal_models():
    """Each model reads one of two exchangeable columns, so both are equally good."""
    rng = np.random.default_rng(0)
    n_simulations, n_found = 400, 0
    for seed in range(n_simulations):
        labels = np.arange(100) % 2
        columns = rng.standard_normal((100, 2)) + 0.5 * labels[:, None]
        cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=seed)
        splits = list(cv.split(columns, labels))
        fits = [
            [ReadsOneColumn(column).fit(columns[train], labels[train]) for train, _ in splits]
            for column in (0, 1)
        ]
        scores = [
            [
                np.mean(model.predict(columns[test]) == labels[test])
                for model, (_, test) in zip(models, splits, strict=True)
            ]
            for models in fits
        ]
        display = GammaDisplay(gammas=(0, 1), scores={"accuracy": scores}, test_size=1 / 3)
        n_found += "no gamma differs" not in display.verdict
    # 5 % plus four standard deviations of a share of 400; it is 20 % without the correction.
    assert n_found <= n_simulations * (0.05 + 4 * np.sqrt(0.05 * 0.95 / n_simulations))


def test_intervals_are_corrected_for_all_candidates():
    differences = np.random.default_rng(0).standard_normal((4, 6))
    display = GammaDisplay(
        gammas=(0, 1, 2), baselines=["other"], scores={"a": differences}, test_size=0.25
    )
    expected = corrected_interval(differences[1] - differences[0], 0.25, n_comparisons=3)
    np.testing.assert_array_equal(display.intervals["a"][1], expected)
    np.testing.assert_array_equal(display.intervals["a"][0], [0, 0])


def test_identical_models_do_not_differ():
    display = GammaDisplay.from_estimator(
        IgnoresGamma(), X, y, cv=3, random_state=0, baselines={"naive Bayes": GaussianNB()}
    )
    for name in SCORING:
        np.testing.assert_array_equal(display.intervals[name], np.zeros((6, 2)))
    for line, (name, reference) in zip(
        display.verdict.splitlines(),
        [(name, reference) for name in SCORING for reference in ("gamma=0", "naive Bayes")],
        strict=True,
    ):
        assert line.startswith(f"{name}: no gamma differs from {reference} by more than the noise")
        assert "over 9 splits" in line


@pytest.mark.parametrize(
    ("means", "sentence"),
    [
        (
            [0.01, 0.001],
            "a is better than gamma=0 by 0.01 (95 % interval 0.006 to 0.014)",
        ),
        (
            [0.01, 0.02],
            "b is better than gamma=0 by 0.02 (95 % interval 0.016 to 0.024); also better: a",
        ),
        (
            [0.01, -0.02],
            "a is better than gamma=0 by 0.01 (95 % interval 0.006 to 0.014); worse: b",
        ),
        (
            [-0.01, 0.001],
            "no gamma is better than gamma=0 by more than the noise over 5 splits "
            "(best mean: b, +0.001, 95 % interval -0.003 to 0.005); worse: a",
        ),
        (
            [-0.002, -0.001],
            "no gamma differs from gamma=0 by more than the noise over 5 splits "
            "(best mean: b, -0.001, 95 % interval -0.005 to 0.003)",
        ),
    ],
)
def test_describe_depends_on_the_intervals(means, sentence):
    means = np.array(means)
    intervals = np.stack([means - 0.004, means + 0.004], axis=1)
    assert describe(["a", "b"], "gamma=0", means, intervals, 5) == sentence


def test_best_gamma_is_one_that_differs():
    """The gamma with the highest mean may have the widest interval."""
    intervals = np.array([[-0.1, 0.3], [0.01, 0.03]])
    sentence = describe(["a", "b"], "gamma=0", np.array([0.1, 0.02]), intervals, 5)
    assert sentence == "b is better than gamma=0 by 0.02 (95 % interval 0.01 to 0.03)"


def test_verdict_compares_gammas_with_each_baseline():
    ramp = np.linspace(0, 0.001, 6)
    scores = {"a": [0.5 + 0 * ramp, 0.5 + ramp, 0.4 + ramp]}
    display = GammaDisplay(gammas=(0, 1), baselines=["weak"], scores=scores, test_size=0.5)
    with_zero, with_weak = display.verdict.splitlines()
    assert with_zero.startswith("a: no gamma differs from gamma=0 by more than the noise")
    assert with_weak.startswith("a: gamma=1 is better than weak by 0.1 (95 % interval")
    assert with_weak.endswith("also better: gamma=0")


def test_any_candidate_can_be_the_reference():
    scores = np.random.default_rng(0).standard_normal((3, 5))
    display = GammaDisplay(gammas=(0, 2), baselines=["b"], scores={"a": scores}, test_size=0.2)
    for row, reference in enumerate((0, 2, "b")):
        differences, _ = display.compare_to(reference)
        np.testing.assert_array_equal(differences["a"], scores - scores[row])
    with pytest.raises(ValueError, match=r"one of \[0.0, 2.0, 'b'\], got 1"):
        display.compare_to(1)


# Drawing


def display_of(n_splits=6):
    rng = np.random.default_rng(0)
    scores = {name: rng.standard_normal((4, n_splits)) for name in SCORING}
    return GammaDisplay(
        gammas=(1, 0, 2), baselines=["gradient boosting"], scores=scores, test_size=0.2
    )


@pytest.mark.parametrize("reference", [0, "gradient boosting"])
def test_panels_show_differences_and_intervals(reference):
    display = display_of().plot(reference=reference)
    differences, intervals = display.compare_to(reference)
    assert len(display.axes_) == 2
    for axes, name in zip(display.axes_, SCORING, strict=True):
        clouds = [each for each in axes.collections if isinstance(each, PathCollection)]
        points = [cloud.get_offsets()[:, 1] for cloud in clouds]
        np.testing.assert_array_equal(points, differences[name])
        bars = axes.containers
        for bar, values, interval in zip(bars, differences[name], intervals[name], strict=True):
            mean, _, [whisker] = bar
            assert mean.get_ydata() == values.mean()
            # Rounding of the ends of the error bar.
            np.testing.assert_allclose(whisker.get_segments()[0][:, 1], interval, atol=1e-14)
        labels = [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()]
        assert labels == ["1", "0", "2", "gradient boosting"]
        assert axes.get_ylabel().startswith(name)
        assert axes.get_legend() is None


def test_titles_contain_the_verdict():
    display = display_of().plot()
    titles = "\n".join(axes.get_title(loc="left") for axes in display.axes_)
    assert titles.split() == display.verdict.split()
    display.plot(reference="gradient boosting")
    for axes in display.axes_:
        assert "gradient boosting" in " ".join(axes.get_title(loc="left").split())
        assert "gamma=0 by" not in axes.get_title(loc="left")


@pytest.mark.parametrize("width", [4.2, 6.4, 10])
def test_text_is_inside_the_figure(width):
    figure, axes = plt.subplots(2, figsize=(width, 10), layout="constrained")
    display = display_of().plot(ax=axes)
    assert display.figure_ is figure
    figure.draw_without_rendering()
    for each in axes:
        for text in (each._left_title, each.yaxis.label, each.xaxis.label, *each.get_xticklabels()):
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y0 >= 0
            assert box.y1 <= figure.bbox.height


def test_plot_draws_on_subfigure():
    figure = plt.figure(figsize=(8, 10), layout="constrained")
    part, _ = figure.subfigures(1, 2)
    display = display_of().plot(ax=part.subplots(2))
    assert display.figure_ is part
    assert display.axes_[0].get_title(loc="left").startswith("average_precision: ")


@pytest.mark.parametrize(("width", "is_rotated"), [(2.5, True), (4.2, False), (6.4, False)])
def test_tick_labels_are_rotated_only_if_they_would_overlap(width, is_rotated):
    figure, axes = plt.subplots(2, figsize=(width, 10), layout="constrained")
    display_of().plot(ax=axes)
    figure.draw_without_rendering()
    labels = axes[0].get_xticklabels()
    assert [label.get_rotation() for label in labels] == [30 if is_rotated else 0] * 4
    boxes = [label.get_window_extent() for label in labels]
    apart = [left.x1 < right.x0 for left, right in pairwise(boxes)]
    assert is_rotated or all(apart)


def test_plotted_display_can_be_pickled():
    display = display_of().plot()
    copy = pickle.loads(pickle.dumps(display))
    assert copy.verdict == display.verdict
    for name in SCORING:
        np.testing.assert_array_equal(copy.differences[name], display.differences[name])
    assert len(copy.plot().axes_) == 2


@pytest.mark.slow
def test_matplotlib_is_imported_only_to_plot():
    code = (
        "import sys, types\n"
        "import lightgbm, sklearn\n"  # LightGBM imports matplotlib if it is installed
        "before = 'matplotlib' in sys.modules\n"
        "sys.modules['matplotlib'] = sys.modules['matplotlib.pyplot'] = None\n"
        "from skfocal import FocalLogisticRegression, GammaDisplay\n"
        "display = GammaDisplay(gammas=(0, 1), scores={'a': [[1, 2], [3, 5]]}, test_size=0.5)\n"
        "print(display.verdict)\n"
        "for draw in (display.plot, lambda: GammaDisplay.from_estimator(None, None, None)):\n"
        "    try:\n"
        "        draw()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    folder = Path(skfocal.__file__).parents[1]
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    verdict, *errors = out.splitlines()
    assert verdict.startswith("a: ")
    message = 'GammaDisplay requires matplotlib. Install it with: pip install "skfocal[plot]"'
    assert errors == [message] * 2


def test_verbose_prints_a_line_for_each_model(capsys):
    arguments = {"gammas": (0, 1), "cv": 2, "n_repeats": 1, "baselines": {"nb": GaussianNB()}}
    GammaDisplay.from_estimator(IgnoresGamma(), X, y, **arguments)
    assert capsys.readouterr() == ("", "")
    GammaDisplay.from_estimator(IgnoresGamma(), X, y, verbose=1, **arguments)
    out, err = capsys.readouterr()
    assert out == ""
    names = ["1/3 gamma=0: ", "2/3 gamma=1: ", "3/3 nb: "]
    for line, name in zip(err.splitlines(), names, strict=True):
        assert line.startswith(f"[GammaDisplay] {name}")


# Invalid input


class FailsToFit(GaussianNB):
    """A model whose ``fit`` must not be called."""

    def __init__(self, gamma=0):
        super().__init__()
        self.gamma = gamma

    def fit(self, X, y):
        raise RuntimeError("fitted")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"gammas": (1, 2)}, ValueError, r"gammas must contain 0 .*got \(1, 2\)"),
        ({"gammas": (0,)}, ValueError, r"at least one other gamma, .*got \(0,\)"),
        ({"gammas": (0, 1, 1.0)}, ValueError, "without duplicates, got"),
        ({"gammas": (0, -1)}, ValueError, r"got \(0, -1\): gamma must be in \[0, 100\]"),
        ({"gammas": (0, "scale")}, ValueError, r"got \(0, 'scale'\): gamma must be numeric"),
        ({"gammas": 2}, ValueError, "gammas must .*, got 2"),
        ({"baselines": [GaussianNB()]}, TypeError, "baselines must be a dict .*, got"),
        ({"baselines": {"nb": GaussianNB}, "gammas": (1,)}, ValueError, "gammas must contain 0"),
        ({"baselines": {"nb": "nb"}}, TypeError, "baselines must be a dict .*, got {'nb': 'nb'}"),
        ({"baselines": {1: GaussianNB()}}, TypeError, "baselines must be a dict .*, got"),
        ({"baselines": {"gamma=1": GaussianNB()}}, ValueError, "different names, got .*'gamma=1'"),
        ({"param_name": "C"}, ValueError, "param_name must be one of .*'gamma'.*, got 'C'"),
        ({"cv": StratifiedKFold(3), "n_repeats": 2}, ValueError, "n_repeats=2 and .*StratifiedK"),
        ({"cv": StratifiedKFold(3), "random_state": 1}, ValueError, "random_state=1 with cv="),
        ({"cv": ShuffleSplit(1)}, ValueError, "cv must give at least 2 splits, got 1"),
        (
            {"ax": "axes"},
            ValueError,
            "ax must contain one Axes for each of the 2 scores, got 'axes'",
        ),
        ({"scoring": "accuracy", "ax": [None]}, ValueError, "each of the 1 scores, got"),
        ({}, RuntimeError, "fitted"),
    ],
    ids=str,
)
def test_invalid_arguments_raise_before_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        GammaDisplay.from_estimator(FailsToFit(), X, y, **arguments)


def test_estimator_without_gamma_raises():
    with pytest.raises(
        ValueError, match=r"end in __gamma, got only \[.*'priors', 'var_smoothing'\]"
    ):
        GammaDisplay.from_estimator(GaussianNB(), X, y)


@pytest.mark.parametrize("estimator", [None, GaussianNB, "model"], ids=str)
def test_non_estimator_raises(estimator):
    with pytest.raises(TypeError, match="estimator"):
        GammaDisplay.from_estimator(estimator, X, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test_size": 0}, r"test_size must be in \(0, 1\), got 0"),
        ({"test_size": 1.5}, r"test_size must be in \(0, 1\), got 1.5"),
        ({"scores": {"a": [[1, 2]]}}, r"scores\['a'\] must have shape \(2, n_splits\).*\(1, 2\)"),
        ({"scores": {"a": [[1], [2]]}}, r"at least 2 splits, got shape \(2, 1\)"),
        ({"scores": {"a": [[1, 2], [3, np.nan]]}}, r"scores\['a'\] must be finite.*gamma=1\."),
        ({"scores": {}}, "scores must contain at least one score"),
    ],
    ids=str,
)
def test_invalid_scores_raise(arguments, message):
    valid = {"gammas": (0, 1), "scores": {"a": [[1, 2], [3, 4]]}, "test_size": 0.5}
    with pytest.raises(ValueError, match=message):
        GammaDisplay(**(valid | arguments))


@pytest.mark.parametrize("labels", [(1, 2), ("no", "yes"), (False, True)], ids=str)
@pytest.mark.parametrize("scoring", [SCORING, "average_precision", {"ap": "average_precision"}])
def test_average_precision_is_that_of_the_second_class(labels, scoring):
    settings = {"gammas": (0, 1), "cv": 3, "n_repeats": 1, "random_state": 0, "scoring": scoring}
    model = FocalLogisticRegression()
    expected = GammaDisplay.from_estimator(model, X, y, **settings).scores
    scores = GammaDisplay.from_estimator(model, X, np.array(labels)[y], **settings).scores
    assert scores.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values, rtol=1e-12)
    plt.close("all")


@pytest.mark.parametrize("labels", [(0, 1), (1, 2)], ids=str)
def test_duplicate_scores_raise(labels):
    scoring = ["roc_auc", "roc_auc"]
    with pytest.raises(ValueError, match="Duplicate elements"):
        GammaDisplay.from_estimator(
            FocalLogisticRegression(), X, np.array(labels)[y], gammas=(0, 1), scoring=scoring
        )
