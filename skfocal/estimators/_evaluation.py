"""Evaluation during boosting: metrics of probabilities, and early stopping by one of them."""

import inspect

import lightgbm
import numpy as np
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, zero_one_loss

from skfocal.objectives import FocalMetric


def _auc(y_true, proba, sample_weight):
    one_hot, proba = _one_hot(y_true, proba)
    return roc_auc_score(one_hot, proba, sample_weight=sample_weight)


def _average_precision(y_true, proba, sample_weight):
    one_hot, proba = _one_hot(y_true, proba)
    return average_precision_score(one_hot, proba, sample_weight=sample_weight)


def _log_loss(y_true, proba, sample_weight):
    labels = np.arange(proba.shape[1])
    return log_loss(y_true, proba, sample_weight=sample_weight, labels=labels)


def _error(y_true, proba, sample_weight):
    return zero_one_loss(y_true, proba.argmax(axis=1), sample_weight=sample_weight)


# By LightGBM's names. LightGBM itself would take raw scores for probabilities here, since the
# objective is a custom one. The flag says whether higher is better.
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
    """Return the metrics asked for as a list of names and callables, each once.

    Raises ``ValueError`` if there are no rows to evaluate them on.
    """
    if eval_metric is None:
        return []
    wanted = list(eval_metric) if isinstance(eval_metric, list | tuple) else [eval_metric]
    known = {FOCAL_LOSS, "logloss", "error", *NAMED_METRICS}
    for metric in wanted:
        if isinstance(metric, FocalMetric):
            raise ValueError(
                "eval_metric must not be a FocalMetric, got one: fit records 'focal_loss' with the "
                "estimator's gamma and alpha. Pass the name 'focal_loss' to watch it."
            )
        if not callable(metric) and not (isinstance(metric, str) and metric in known):
            raise ValueError(
                f"eval_metric must be a callable or one of {sorted(known)}, got {metric!r}."
            )
        if callable(metric):
            _count_arguments(metric)
    if wanted and not has_rows:
        raise ValueError(
            "eval_metric needs rows to evaluate: pass eval_X and eval_y, or set "
            "early_stopping=True to hold out rows."
        )
    return [metric for i, metric in enumerate(wanted) if metric not in wanted[:i]]


def evaluation_metrics(wanted, focal_metric, to_proba, n_classes):
    """Return the metrics asked for and, unless it is among them, the focal loss, as ``feval``.

    Log loss and error have LightGBM's names for the number of classes.
    """
    prefix = "binary" if n_classes == 2 else "multi"
    metrics = wanted if FOCAL_LOSS in wanted else [*wanted, FOCAL_LOSS]
    names = {"logloss", "error", *NAMED_METRICS} - {"auc", "average_precision"}
    metrics = [f"{prefix}_{m.split('_')[-1]}" if m in names else m for m in metrics]
    return [
        focal_metric if metric == FOCAL_LOSS else probability_metric(metric, to_proba)
        for i, metric in enumerate(metrics)
        if metric not in metrics[:i]
    ]


def check_metrics_defined(wanted, evaluation, names, classes):
    """Raise ``ValueError`` if a ranking metric is asked for a set that lacks a class."""
    for metric in sorted(NEED_EVERY_CLASS.intersection(m for m in wanted if isinstance(m, str))):
        for rows, name in zip(evaluation, names, strict=True):
            masses = np.bincount(rows.y, weights=rows.weight, minlength=len(classes))
            if not np.all(masses):
                raise ValueError(
                    f"eval_metric {metric!r} is undefined for the evaluation set {name!r}: it has "
                    f"no rows with weight of the classes {classes[masses == 0].tolist()}."
                )


def probability_metric(metric, to_proba):
    """LightGBM's ``feval`` of a named or user-defined metric of probabilities.

    Parameters
    ----------
    metric : str or callable
        A name of :data:`NAMED_METRICS`, or ``(y_true, proba)`` or ``(y_true, proba, weight)``
        returning ``(name, value, is_higher_better)`` or a list of such. ``y_true`` holds class
        indices; ``proba`` is of shape (n,), that of class 1, or, multiclass, (n, n_classes).
    to_proba : callable
        From raw scores as LightGBM has them to probabilities of shape (n, n_classes).

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
        weight = dataset.get_weight()  # a copy of it, as the user's metric may write into it
        weight = None if weight is None else weight.copy()
        arguments = dataset.get_label().astype(np.intp), proba, weight
        return _check_results(metric(*arguments[:n_arguments]))

    return custom


def check_callbacks(callbacks):
    """Return LightGBM's callbacks as a list."""
    callbacks = [] if callbacks is None else callbacks
    if not isinstance(callbacks, list | tuple | set) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of callables, got {callbacks!r}.")
    return list(callbacks)


def split_names(train, evaluation, names):
    """Names of the evaluation sets of other rows, and of those that are the training rows."""
    same = [rows.same_data(train) for rows in evaluation]
    return tuple(
        [n for n, is_same in zip(names, same, strict=True) if is_same == k] for k in (0, 1)
    )


def name_training_rows(training, others):
    """LightGBM's callback that tells its own early stopping which set is the training rows.

    It goes by the name, which is "training" unless it is set.
    """
    name = training[0] if training else "training"
    while name in others:
        name += " rows"

    def callback(env):
        env.model.set_train_data_name(name)

    callback.before_iteration = True
    return callback


def stop_early(patience, min_delta, watched):
    """LightGBM's early stopping on the first metric of the evaluation set named ``watched``."""
    stop = lightgbm.early_stopping(patience, verbose=False, min_delta=min_delta)

    def callback(env):
        first = next(result for result in env.evaluation_result_list if result[0] == watched)
        if np.isnan(first[2]):
            raise ValueError(
                f"eval_metric must not be NaN where early stopping watches it, got NaN for "
                f"{first[1]!r} of the evaluation set {watched!r}."
            )
        stop(
            lightgbm.callback.CallbackEnv(
                model=env.model,
                params=env.params,
                iteration=env.iteration,
                begin_iteration=env.begin_iteration,
                end_iteration=env.end_iteration,
                evaluation_result_list=[first],
            )
        )

    callback.order = stop.order
    return callback


def refuse_equal_names():
    """LightGBM's callback that raises ``ValueError`` if two metrics of a set share a name.

    LightGBM would record the values of both in one list.
    """

    def callback(env):
        keys = [result[:2] for result in env.evaluation_result_list]
        repeated = sorted({name for key, name in keys if keys.count((key, name)) > 1})
        if repeated:
            raise ValueError(
                f"eval_metric must return different names, got {repeated} from several metrics."
            )

    callback.order = 5  # before LightGBM records the values
    return callback


def _count_arguments(metric):
    n_arguments = len(inspect.signature(metric).parameters)
    if n_arguments not in (2, 3):
        raise TypeError(
            "eval_metric must take (y_true, proba) or (y_true, proba, weight), "
            f"got a callable of {n_arguments} arguments."
        )
    return n_arguments


def _check_results(results):
    """What a user's metric returns, as a list; TypeError where LightGBM would not understand it."""
    try:
        return [
            (name, float(value), bool(higher_is_better))
            for name, value, higher_is_better in (
                results if isinstance(results, list) else [results]
            )
        ]
    except (TypeError, ValueError):
        raise TypeError(
            "eval_metric must return (name, value, is_higher_better) or a list of such, "
            f"got {results!r}."
        ) from None


def _one_hot(y_true, proba):
    """Indicators and scores of class 1 or, multiclass, of every class."""
    indicators = np.eye(proba.shape[1])[y_true]
    return (indicators[:, 1], proba[:, 1]) if proba.shape[1] == 2 else (indicators, proba)
