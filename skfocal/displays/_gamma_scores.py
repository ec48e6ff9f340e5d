"""Cross-validate one model with different gammas on the same splits."""

import re
import sys
from collections.abc import Mapping
from numbers import Integral
from time import perf_counter

import numpy as np
from sklearn.metrics import average_precision_score, make_scorer
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv, cross_validate

from skfocal.displays._common import candidate_name
from skfocal.objectives._arrays import to_numpy
from skfocal.objectives._checks import check_gamma

SPLIT_SCORE = re.compile(r"split(\d+)_test_(.+)")


def check_gammas(gammas):
    """Return gammas as a list of floats or tuples with one float per class."""
    allowed = "gammas must contain 0 and at least one other gamma, without duplicates"
    try:
        checked = [check_gamma(gamma, max(np.size(gamma), 1)) for gamma in gammas]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{allowed}, got {gammas!r}: {error}") from error
    if 0 not in checked or len(checked) < 2 or len(set(checked)) < len(checked):
        raise ValueError(f"{allowed}, got {gammas!r}.")
    return checked


def check_baselines(baselines):
    """Return baselines as a dict that maps names to estimators."""
    if baselines is None:
        return {}
    if not isinstance(baselines, Mapping) or not all(
        isinstance(name, str) and hasattr(model, "fit") for name, model in baselines.items()
    ):
        raise TypeError(
            f"baselines must be a dict that maps names to estimators, got {baselines!r}."
        )
    return dict(baselines)


def check_candidates(gammas, baselines):
    """Return gammas and baselines as one list; raise ValueError if two have the same name."""
    candidates = [*gammas, *baselines]
    names = [candidate_name(candidate) for candidate in candidates]
    if len(set(names)) < len(names):
        raise ValueError(f"gammas and baselines must have different names, got {names}.")
    return candidates


def find_gamma(names, param_name=None):
    """Return ``param_name``, or the only parameter that is ``gamma`` or ends in ``__gamma``."""
    names = sorted(names)
    if param_name is not None:
        if param_name not in names:
            raise ValueError(f"param_name must be one of {names}, got {param_name!r}.")
        return param_name
    found = [name for name in names if name == "gamma" or name.endswith("__gamma")]
    if not found:
        raise ValueError(
            f"One of the parameters must be named gamma or end in __gamma, got only {names}."
        )
    if len(found) > 1:
        raise ValueError(
            f"param_name must be one of {found}, got None. It is required because more than one "
            "parameter is named gamma or ends in __gamma."
        )
    return found[0]


def make_splits(X, y, groups, *, cv, n_repeats, random_state):
    """Return a list of (train, test) row indices, at least two."""
    if cv is None or isinstance(cv, Integral):
        cv = RepeatedStratifiedKFold(
            n_splits=5 if cv is None else cv,
            n_repeats=3 if n_repeats is None else n_repeats,
            random_state=random_state,
        )
    elif n_repeats is not None or random_state is not None:
        raise ValueError(
            "n_repeats and random_state must be None unless cv is None or a number of folds, got "
            f"n_repeats={n_repeats!r} and random_state={random_state!r} with cv={cv!r}."
        )
    rows = np.arange(len(y))  # converts splits given as masks to indices
    splits = [(rows[train], rows[test]) for train, test in check_cv(cv).split(X, y, groups)]
    if len(splits) < 2:
        raise ValueError(f"cv must give at least 2 splits, got {len(splits)}.")
    return splits


def tested_share(splits):
    """Return the share of test rows among all rows of the splits."""
    tested = sum(len(test) for _, test in splits)
    return tested / (tested + sum(len(train) for train, _ in splits))


def score_candidates(candidates, X, y, *, scoring, verbose, **arguments):
    """Cross-validate all candidates on the same splits.

    Parameters
    ----------
    candidates : dict of str to estimator
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    scoring : str, callable, list, tuple or dict
    verbose : int
        Whether to print a line to stderr after each model.
    **arguments
        Other arguments of :func:`sklearn.model_selection.cross_validate`.

    Returns
    -------
    scores : dict of str to ndarray of shape (n_candidates, n_splits)
    """
    scoring = _scorers(scoring, y)
    results = []
    for name, model in candidates.items():
        start = perf_counter()
        results.append(
            cross_validate(
                model,
                X,
                y,
                scoring=scoring,
                error_score="raise",
                **arguments,
            )
        )
        if verbose:
            print(
                f"[GammaDisplay] {len(results)}/{len(candidates)} {name}: "
                f"{perf_counter() - start:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    metrics = [key.removeprefix("test_") for key in results[0] if key.startswith("test_")]
    return {
        metric: np.stack([result[f"test_{metric}"] for result in results]) for metric in metrics
    }


def _scorers(scoring, y):
    """Return ``scoring`` with the average precision of the second of two classes.

    scikit-learn's "average_precision" is that of the label 1, which may be the first class.
    """
    if callable(scoring):
        return scoring
    scoring = (scoring,) if isinstance(scoring, str) else scoring
    labels = np.unique(to_numpy(y))
    if len(labels) != 2 or labels[1] == 1:
        return scoring
    if not isinstance(scoring, Mapping):
        if len({*map(repr, scoring)}) < len(scoring):
            return scoring  # scikit-learn raises an error for duplicates
        scoring = {name: name for name in scoring}
    methods = ("decision_function", "predict_proba")
    of_second = make_scorer(average_precision_score, response_method=methods, pos_label=labels[1])
    return {
        name: of_second if isinstance(scorer, str) and scorer == "average_precision" else scorer
        for name, scorer in scoring.items()
    }


def read_cv_results(cv_results, param_name):
    """Return the gammas of a grid search and, for each one, the scores of its best candidate.

    Parameters
    ----------
    cv_results : dict or DataFrame
        ``cv_results_`` of a search.
    param_name : str or None

    Returns
    -------
    gammas : list of float or tuple
    scores : dict of str to ndarray of shape (n_gammas, n_splits)
    """
    settings = list(cv_results["params"])
    param_name = find_gamma({name for setting in settings for name in setting}, param_name)
    if not all(param_name in setting for setting in settings):
        raise ValueError(f"Every candidate in cv_results must set {param_name}, got {settings}.")
    rows = _rows_of_gammas(settings, param_name)
    scores = {
        metric: np.stack([_best_candidate(table[indices]) for indices in rows.values()])
        for metric, table in _split_scores(cv_results).items()
    }
    return list(rows), scores


def _rows_of_gammas(settings, param_name):
    """Return the indices of each gamma's candidates.

    Raises ValueError if the gammas were combined with different values of the other parameters.
    """
    rows, others = {}, {}
    for index, setting in enumerate(settings):
        gamma = check_gamma(setting[param_name], max(np.size(setting[param_name]), 1))
        rest = sorted((name, repr(value)) for name, value in setting.items() if name != param_name)
        rows.setdefault(gamma, []).append(index)
        others.setdefault(gamma, []).append(rest)
    for gamma, tried in others.items():
        if sorted(tried) != sorted(next(iter(others.values()))):
            raise ValueError(
                "cv_results must combine every gamma with the same values of the other parameters, "
                f"got other values in the {len(tried)} candidates with {param_name}={gamma!r}."
            )
    return rows


def _split_scores(cv_results):
    """Return the scores of each metric, of shape (n_candidates, n_splits)."""
    columns = {}
    for key in cv_results:
        if match := SPLIT_SCORE.fullmatch(key):
            columns.setdefault(match[2], {})[int(match[1])] = np.asarray(cv_results[key], float)
    if not columns:
        raise ValueError("cv_results must contain scores such as split0_test_score, got none.")
    return {
        metric: np.stack([by_split[split] for split in sorted(by_split)], axis=1)
        for metric, by_split in columns.items()
    }


def _best_candidate(scores):
    """Return the row with the highest mean.

    ``argmax`` selects NaN first, so a failed candidate is not skipped and later raises an error.
    """
    return scores[np.argmax(scores.mean(axis=1))]
