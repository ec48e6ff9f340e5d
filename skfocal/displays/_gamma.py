"""Display to compare gammas by paired differences of cross-validated scores."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import indexable

from skfocal.displays._common import candidate_name, import_pyplot
from skfocal.displays._gamma_panel import (
    check_axes,
    draw_differences,
    write_how_to_read,
    write_text,
)
from skfocal.displays._gamma_scores import (
    check_baselines,
    check_candidates,
    check_gammas,
    find_gamma,
    make_splits,
    read_cv_results,
    score_candidates,
    tested_share,
)
from skfocal.displays._paired import corrected_interval, describe


class GammaDisplay:
    """Paired differences of cross-validated scores between gammas, one panel per score.

    Create a display with :meth:`from_estimator` or :meth:`from_cv_results`. All parameters are
    stored as attributes.

    All models are scored on the same splits. Each split gives one difference from gamma 0, in which
    the difficulty of the split cancels out. The confidence interval of the mean difference is
    computed with Nadeau and Bengio's corrected variance [1]_, because the training sets of the
    splits overlap. This variance is also valid for repeated folds [2]_. The intervals of a panel
    have a joint confidence of 95 % (Bonferroni). A panel with many gammas is therefore no more
    likely to show a difference by chance than one with few.

    Parameters
    ----------
    gammas : sequence of float or tuple of float
        The gammas to compare, which must include 0. A tuple has one gamma per class.
    scores : dict of str to array-like of shape (n_candidates, n_splits)
        For each metric, the scores of the gammas followed by those of the baselines. Higher is
        better.
    test_size : float in (0, 1)
        Share of the rows that are in the test set of a split, for example 0.2 for 5 folds.
    baselines : sequence of str, default=()
        Names of other models.

    Attributes
    ----------
    candidates : list
        The gammas followed by the names of the baselines, in the order of the rows of ``scores``.
    differences : dict of str to ndarray of shape (n_candidates, n_splits)
        Scores minus the scores of gamma 0 on the same split.
    intervals : dict of str to ndarray of shape (n_candidates, 2)
        Lower and upper ends of the confidence interval of each mean difference.
    verdict : str
        Comparison of the gammas with gamma 0 and with each baseline, one line per score and
        comparison.
    axes_ : ndarray of matplotlib Axes
        One Axes per score, set by :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the Axes, set by :meth:`plot`.

    Raises
    ------
    ValueError
        If ``gammas`` does not include 0 or has duplicates, if two candidates have the same name, or
        if ``scores`` has the wrong shape or values that are not finite.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Plot the scores for any parameter.

    References
    ----------
    .. [1] Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    .. [2] Bouckaert and Frank, Evaluating the replicability of significance tests for comparing
       learning algorithms, PAKDD 2004.

    Examples
    --------
    >>> from skfocal import GammaDisplay
    >>> scores = {"average_precision": [[0.50, 0.61, 0.55], [0.52, 0.64, 0.56]]}
    >>> display = GammaDisplay(gammas=(0, 2), scores=scores, test_size=1 / 3)
    >>> display.differences["average_precision"].round(2)
    array([[0.  , 0.  , 0.  ],
           [0.02, 0.03, 0.01]])
    >>> from textwrap import fill
    >>> print(fill(display.verdict, 80))
    average_precision: no gamma differs from gamma=0 by more than the noise over 3
    splits (best mean: gamma=2, +0.02, 95 % interval -0.019 to 0.059)
    """

    def __init__(self, *, gammas, scores, test_size, baselines=()):
        self.gammas = check_gammas(gammas)
        self.baselines = list(baselines)
        self.candidates = check_candidates(self.gammas, self.baselines)
        if not scores:
            raise ValueError("scores must contain at least one score, got none.")
        self.scores = {name: _check_scores(name, s, self.candidates) for name, s in scores.items()}
        if not 0 < test_size < 1:
            raise ValueError(f"test_size must be in (0, 1), got {test_size!r}.")
        self.test_size = test_size
        self.differences, self.intervals = self.compare_to(0)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        gammas=(0, 0.5, 1, 2, 4),
        scoring=("average_precision", "neg_log_loss"),
        baselines=None,
        param_name=None,
        cv=None,
        n_repeats=None,
        groups=None,
        params=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
        ax=None,
    ):
        """Cross-validate an estimator with each gamma and the baselines, and draw the result.

        Parameters
        ----------
        estimator : estimator object
            A classifier with a parameter ``gamma``, or a pipeline or other meta-estimator that
            contains such a classifier. It is cloned.
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Labels.
        gammas : sequence of float or tuple of float, default=(0, 0.5, 1, 2, 4)
            The gammas to compare, which must include 0. The plot shows them in this order. A tuple
            has one gamma per class.
        scoring : str, callable, list, tuple or dict, \
                default=("average_precision", "neg_log_loss")
            Scoring as in :func:`~sklearn.model_selection.cross_validate`. Higher is better. For
            two classes, "average_precision" is that of the second class, whatever its label.
        baselines : dict of str to estimator, default=None
            Names and estimators of other models to compare with.
        param_name : str, default=None
            The parameter to vary. Required if more than one parameter is named ``gamma`` or ends
            in ``__gamma``.
        cv : int, splitter or iterable, default=None
            How to split the data, as in :func:`~sklearn.model_selection.cross_validate`. A number
            of folds, or None for 5 folds, selects
            :class:`~sklearn.model_selection.RepeatedStratifiedKFold`.
        n_repeats : int, default=None
            How many times the rows are shuffled and divided into folds. None means 3. Only allowed
            if ``cv`` is None or a number.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for splitters that use them.
        params : dict, default=None
            Parameters for ``fit``, or metadata to route, as in
            :func:`~sklearn.model_selection.cross_validate`, for example ``{"sample_weight": w}``.
            They are also passed to the baselines.
        n_jobs : int, default=None
            Number of splits to fit in parallel.
        random_state : int, RandomState instance or None, default=None
            Seed of the folds. All models use the same splits even without a seed. Only allowed if
            ``cv`` is None or a number.
        verbose : int, default=0
            If 1, print a line to stderr after each model.
        ax : matplotlib Axes or array-like of these, default=None
            Axes to draw on, one per score. None creates a new figure.

        Returns
        -------
        display : GammaDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If an argument is not one of the allowed values, the parameter to vary is missing or
            ambiguous, or a score is not finite.
        TypeError
            If ``estimator`` is not an estimator, or ``baselines`` is not a dict of estimators.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skfocal import FocalLogisticRegression, GammaDisplay
        >>> X, y = make_classification(300, weights=[0.9], flip_y=0.1, random_state=0)
        >>> display = GammaDisplay.from_estimator(
        ...     FocalLogisticRegression(),
        ...     X,
        ...     y,
        ...     gammas=(0, 1, 2),
        ...     baselines={"logistic regression": LogisticRegression()},
        ...     random_state=0,
        ... )
        >>> display.candidates
        [0.0, 1.0, 2.0, 'logistic regression']
        >>> display.differences["neg_log_loss"].shape
        (4, 15)
        """
        import_pyplot(cls.__name__)
        gammas, baselines = check_gammas(gammas), check_baselines(baselines)
        check_candidates(gammas, baselines)
        if ax is not None and not callable(scoring):
            check_axes(ax, 1 if isinstance(scoring, str) else len(scoring))
        estimator = clone(estimator)
        name = find_gamma(estimator.get_params(), param_name)
        models = {
            candidate_name(gamma): clone(estimator).set_params(**{name: gamma}) for gamma in gammas
        }
        X, y, groups = indexable(X, y, groups)
        splits = make_splits(X, y, groups, cv=cv, n_repeats=n_repeats, random_state=random_state)
        scores = score_candidates(
            models | baselines,
            X,
            y,
            scoring=scoring,
            cv=splits,
            params=params,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        display = cls(
            gammas=gammas, scores=scores, test_size=tested_share(splits), baselines=baselines
        )
        return display.plot(ax=ax)

    @classmethod
    def from_cv_results(cls, cv_results, *, test_size, param_name=None, ax=None):
        """Draw the results of a grid search over gamma.

        If the grid also varies other parameters, each gamma is shown with those values of the other
        parameters that give the best mean score. They are chosen separately for each score. The
        grid must combine every gamma with the same values of the other parameters. Because the same
        scores are used to choose and to compare, the intervals are slightly too narrow.

        Parameters
        ----------
        cv_results : dict or DataFrame
            ``cv_results_`` of a :class:`~sklearn.model_selection.GridSearchCV`.
        test_size : float in (0, 1)
            Share of the rows that are in the test set of a split: 0.2 for 5 folds, repeated or not.
            ``cv_results`` does not contain this value.
        param_name : str, default=None
            The parameter to compare. Required if more than one parameter is named ``gamma`` or
            ends in ``__gamma``.
        ax : matplotlib Axes or array-like of these, default=None
            Axes to draw on, one per score. None creates a new figure.

        Returns
        -------
        display : GammaDisplay
            The display, already drawn.

        Raises
        ------
        ValueError
            If the parameter to compare is missing or ambiguous, its values do not include 0, its
            values were not all combined with the same values of the other parameters, or a score
            is not finite.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from sklearn.model_selection import GridSearchCV
        >>> from skfocal import FocalLogisticRegression, GammaDisplay
        >>> X, y = make_classification(300, weights=[0.9], flip_y=0.1, random_state=0)
        >>> search = GridSearchCV(FocalLogisticRegression(), {"gamma": [0, 1, 2]}).fit(X, y)
        >>> display = GammaDisplay.from_cv_results(search.cv_results_, test_size=0.2)
        >>> display.gammas
        [0.0, 1.0, 2.0]
        """
        gammas, scores = read_cv_results(cv_results, param_name)
        return cls(gammas=gammas, scores=scores, test_size=test_size).plot(ax=ax)

    def compare_to(self, reference):
        """Compute the paired differences from one of the candidates.

        Parameters
        ----------
        reference : float, tuple of float or str
            One of the gammas or the name of a baseline.

        Returns
        -------
        differences : dict of str to ndarray of shape (n_candidates, n_splits)
            For each metric, the scores minus those of the reference on the same split.
        intervals : dict of str to ndarray of shape (n_candidates, 2)
            Confidence intervals of the mean differences, with a joint confidence of 95 % per
            metric.

        Raises
        ------
        ValueError
            If ``reference`` is not one of the candidates.
        """
        if reference not in self.candidates:
            raise ValueError(f"reference must be one of {self.candidates}, got {reference!r}.")
        row = self.candidates.index(reference)
        differences = {name: scores - scores[row] for name, scores in self.scores.items()}
        intervals = {
            name: corrected_interval(values, self.test_size, n_comparisons=len(self.candidates) - 1)
            for name, values in differences.items()
        }
        return differences, intervals

    @property
    def verdict(self):
        """Comparison of the gammas with gamma 0 and with each baseline, as text."""
        return "\n".join(line for name in self.scores for line in self._verdict_lines(name))

    def plot(self, *, ax=None, reference=0):
        """Draw the differences from gamma 0 or from another candidate.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of these, default=None
            Axes to draw on, one per score. None creates a new figure.
        reference : float, tuple of float or str, default=0
            One of the gammas or the name of a baseline.

        Returns
        -------
        self : GammaDisplay

        Raises
        ------
        ValueError
            If ``reference`` is not one of the candidates, or ``ax`` does not contain one Axes per
            score.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(type(self).__name__)
        differences, intervals = self.compare_to(reference)
        n_scores = len(self.scores)
        if ax is None:
            height = 3 + 0.35 * (1 + len(self.baselines))  # room for two lines per sentence
            size = (6.4, height * n_scores)
            _, ax = plt.subplots(n_scores, figsize=size, layout="constrained")
        self.axes_ = check_axes(ax, n_scores)
        self.figure_ = self.axes_[0].figure
        for axes, name in zip(self.axes_, self.scores, strict=True):
            draw_differences(axes, self.candidates, differences[name], intervals[name])
            difference = f"{name}\nminus that of {candidate_name(reference)}"
            axes.set(xlabel="gamma", ylabel=difference)
        # Compute the width of the axes to wrap text. A subfigure uses the canvas of its figure.
        self.figure_.canvas.figure.draw_without_rendering()
        for axes, name in zip(self.axes_, self.scores, strict=True):
            write_text(axes, self.candidates, self._verdict_lines(name, reference))
        write_how_to_read(self.axes_[-1])
        return self

    def _verdict_lines(self, score, reference=0):
        """Compare the gammas with the reference and, if that is gamma 0, with each baseline."""
        references = [0, *self.baselines] if reference == 0 else [reference]
        return [f"{score}: {self._sentence(score, reference)}" for reference in references]

    def _sentence(self, score, reference):
        differences, intervals = self.compare_to(reference)
        rows = [row for row, gamma in enumerate(self.gammas) if gamma != reference]
        return describe(
            [candidate_name(self.gammas[row]) for row in rows],
            candidate_name(reference),
            differences[score][rows].mean(axis=1),
            intervals[score][rows],
            differences[score].shape[1],
        )


def _check_scores(name, scores, candidates):
    """Return scores as a float array with one row per candidate; they must be finite."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or len(scores) != len(candidates) or scores.shape[1] < 2:
        raise ValueError(
            f"scores[{name!r}] must have shape ({len(candidates)}, n_splits) with at least 2 "
            f"splits, got shape {scores.shape}."
        )
    rows = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(rows):
        failed = ", ".join(candidate_name(candidates[row]) for row in rows)
        raise ValueError(f"scores[{name!r}] must be finite, got NaN or infinity for {failed}.")
    return scores
