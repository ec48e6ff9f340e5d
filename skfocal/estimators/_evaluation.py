"""Evaluation metrics and early stopping during boosting."""

import inspect
from dataclasses import replace

import lightgbm
import numpy as np
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, zero_one_loss

from skfocal.objectives import FocalMetric


def _auc(y_true, proba, sample_weight):
    return roc_auc_score(*_one_hot(y_true, proba), sample_weight=sample_weight)


def _average_precision(y_true, proba, sample_weight):
    return average_precision_score(*_one_hot(y_true, proba), sample_weight=sample_weight)


def _log_loss(y_true, proba, sample_weight):
    labels = np.arange(proba.shape[1])
    return log_loss(y_true, proba, sample_weight=sample_weight, labels=labels)


def _error(y_true, proba, sample_weight):
    return zero_one_loss(y_true, proba.argmax(axis=1), sample_weight=sample_weight)


# Metric and whether higher is better, by LightGBM's name. We compute them here because LightGBM
# passes raw scores to its own metrics under a custom objective.
NAMED_METRICS = {
    "auc": (_auc, True),
    "average_precision": (_average_precision, True),
    "binary_logloss": (_log_loss, False),
    "multi_logloss": (_log_loss, False),
    "binary_error": (_error, False),
    "multi_error": (_error, False),
}
NEED_EVERY_CLASS = {"auc", "average_precision"}
FOCAL_LOSS = "focal_loss"


def check_eval_metric(eval_metric, has_rows=True):
    """Validate ``eval_metric`` and return its metrics as a list without duplicates.

    Raises ``ValueError`` if there are metrics but no rows to evaluate.
    """
    if eval_metric is None:
        return []
    metrics = list(eval_metric) if isinstance(eval_metric, list | tuple) else [eval_metric]
    known = {FOCAL_LOSS, "logloss", "error", *NAMED_METRICS}
    for metric in metrics:
        if isinstance(metric, FocalMetric):
            raise ValueError(
                "eval_metric must not be a FocalMetric. Pass 'focal_loss', which uses the gamma "
                "and alpha of the estimator."
            )
        if not callable(metric) and not (isinstance(metric, str) and metric in known):
            raise ValueError(
                f"eval_metric must be a callable or one of {sorted(known)}, got {metric!r}."
            )
        if callable(metric):
            _count_arguments(metric)
    if metrics and not has_rows:
        raise ValueError(
            "eval_metric requires an evaluation set. Pass eval_X and eval_y, or set "
            "early_stopping=True to hold out rows."
        )
    return _without_duplicates(metrics)


def _without_duplicates(metrics):
    return [metric for i, metric in enumerate(metrics) if metric not in metrics[:i]]


def evaluation_metrics(metrics, focal_metric, to_proba, n_classes):
    """Return LightGBM's ``feval`` for the metrics, with the focal loss last if it is missing.

    Log loss and error are recorded under LightGBM's names for the number of classes.
    """
    prefix = "binary" if n_classes == 2 else "multi"
    metrics = metrics if FOCAL_LOSS in metrics else [*metrics, FOCAL_LOSS]
    names = {"logloss", "error", *NAMED_METRICS} - NEED_EVERY_CLASS
    metrics = [f"{prefix}_{m.split('_')[-1]}" if m in names else m for m in metrics]
    return [
        focal_metric if metric == FOCAL_LOSS else probability_metric(metric, to_proba)
        for metric in _without_duplicates(metrics)
    ]


def check_metrics_defined(metrics, evaluation, names, classes):
    """Raise ``ValueError`` if a ranking metric is undefined for a set that lacks a class."""
    for metric in sorted(NEED_EVERY_CLASS.intersection(m for m in metrics if isinstance(m, str))):
        for rows, name in zip(evaluation, names, strict=True):
            masses = np.bincount(rows.y, weights=rows.weight, minlength=len(classes))
            if not np.all(masses):
                raise ValueError(
                    f"eval_metric {metric!r} requires rows with positive weight in every class, "
                    f"got none in the classes {classes[masses == 0].tolist()} of the evaluation "
                    f"set {name!r}."
                )


def probability_metric(metric, to_proba):
    """Return LightGBM's ``feval`` for a named or user-defined metric of probabilities.

    Parameters
    ----------
    metric : str or callable
        A key of :data:`NAMED_METRICS`, or a function ``(y_true, proba)`` or
        ``(y_true, proba, weight)`` that returns ``(name, value, is_higher_better)`` or a list of
        such tuples. ``y_true`` holds class indices. ``proba`` has shape (n,) and holds the
        probability of class 1, or (n, n_classes) for multiclass.
    to_proba : callable
        Converts LightGBM's raw scores to probabilities of shape (n, n_classes).

    Returns
    -------
    feval : callable
    """
    if not callable(metric):
        score, higher_is_better = NAMED_METRICS[metric]

        def named(raw_prediction, dataset):
            y_true = dataset.get_label().astype(np.intp)
            value = score(y_true, to_proba(raw_prediction), dataset.get_weight())
            return metric, float(value), higher_is_better

        named.__name__ = metric
        return named

    n_arguments = _count_arguments(metric)

    def custom(raw_prediction, dataset):
        proba = to_proba(raw_prediction)
        proba = proba[:, 1] if proba.shape[1] == 2 else proba
        weight = dataset.get_weight()
        weight = None if weight is None else weight.copy()  # the metric may modify it in place
        arguments = dataset.get_label().astype(np.intp), proba, weight
        return _check_results(metric(*arguments[:n_arguments]))

    return custom


def check_callbacks(callbacks):
    """Validate ``callbacks`` and return them as a list."""
    callbacks = [] if callbacks is None else callbacks
    if not isinstance(callbacks, list | tuple | set) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of callables, got {callbacks!r}.")
    return list(callbacks)


def split_names(train, evaluation, names):
    """Return the names of the validation sets and of the sets that are the training rows."""
    is_training = [rows.same_data(train) for rows in evaluation]
    validation = [name for name, same in zip(names, is_training, strict=True) if not same]
    return validation, [name for name in names if name not in validation]


def name_training_rows(training, validation):
    """Return a LightGBM callback that names the training rows.

    LightGBM's own early stopping ignores the set with that name, by default "training".
    """
    name = training[0] if training else "training"
    while name in validation:
        name += " rows"

    def callback(env):
        env.model.set_train_data_name(name)

    callback.before_iteration = True
    return callback


def stop_early(patience, min_delta, watched):
    """Return a LightGBM callback for early stopping on the first metric of the set ``watched``."""
    stop = lightgbm.early_stopping(patience, verbose=False, min_delta=min_delta)
    last_iteration = {}  # of the model, by round; LightGBM drops rounds that find no split

    def callback(env):
        last_iteration[env.iteration] = env.model.current_iteration() - 1
        first = next(result for result in env.evaluation_result_list if result[0] == watched)
        if np.isnan(first[2]):
            raise ValueError(
                f"The metric for early stopping must not be NaN, got NaN for {first[1]!r} on the "
                f"evaluation set {watched!r}."
            )
        try:
            stop(replace(env, evaluation_result_list=[first]))
        except lightgbm.callback.EarlyStopException as end:
            best = last_iteration[end.best_iteration]
            raise lightgbm.callback.EarlyStopException(best, end.best_score) from None

    callback.order = stop.order
    return callback


def check_unique_names():
    """Return a LightGBM callback that raises ``ValueError`` if two metrics share a name.

    LightGBM would record the values of both in one list.
    """

    def callback(env):
        keys = [result[:2] for result in env.evaluation_result_list]
        repeated = sorted({name for key, name in keys if keys.count((key, name)) > 1})
        if repeated:
            raise ValueError(
                f"eval_metric must return unique names, got {repeated} from more than one metric."
            )

    callback.order = 5  # before LightGBM records the values
    return callback


def _count_arguments(metric):
    """Return the number of positional arguments of a metric; raise TypeError if not 2 or 3."""
    try:
        parameters = inspect.signature(metric).parameters.values()
    except ValueError:  # some builtins have no signature
        parameters = []
    n_arguments = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    if n_arguments not in (2, 3):
        raise TypeError(
            "eval_metric must take (y_true, proba) or (y_true, proba, weight), "
            f"got a callable with {n_arguments} positional arguments."
        )
    return n_arguments


def _check_results(results):
    """Return the results of a user's metric as a list; raise TypeError if they are malformed."""
    try:
        return [
            (name, float(value), bool(higher_is_better))
            for name, value, higher_is_better in (
                results if isinstance(results, list) else [results]
            )
        ]
    except (TypeError, ValueError):
        raise TypeError(
            "eval_metric must return (name, value, is_higher_better) or a list of such tuples, "
            f"got {results!r}."
        ) from None


def _one_hot(y_true, proba):
    """Return indicators and probabilities of class 1 (binary) or of every class (multiclass)."""
    indicators = np.eye(proba.shape[1])[y_true]
    return (indicators[:, 1], proba[:, 1]) if proba.shape[1] == 2 else (indicators, proba)
