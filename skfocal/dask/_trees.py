"""Boosted trees with the focal loss on Dask collections."""

from copy import copy
from functools import partial

import numpy as np
from dask.base import tokenize
from distributed import default_client
from scipy import sparse

from skfocal._private import _fit_context
from skfocal._rows import encode_known_labels
from skfocal.dask._holdout import hold_out
from skfocal.dask._lazy import LazyPredictions
from skfocal.dask._partitions import (
    Part,
    check_part,
    check_table,
    check_width,
    merge,
    partitions,
    summaries_of,
    without_rows,
)
from skfocal.dask._training import Plan, network_params, train
from skfocal.estimators import FocalLGBMClassifier
from skfocal.estimators._base import apply_zero_class_weights, build_loss, zero_weight_classes
from skfocal.estimators._continuation import check_init_model, read_init_model
from skfocal.estimators._evaluation import (
    NEED_EVERY_CLASS,
    check_eval_metric,
    name_training_rows,
)
from skfocal.estimators._inputs import dataset_features, lightgbm_input
from skfocal.estimators._lgbm_params import check_column_params
from skfocal.estimators._rows import evaluation_names, evaluation_sets


class DaskFocalLGBMClassifier(LazyPredictions, FocalLGBMClassifier):
    """:class:`skfocal.FocalLGBMClassifier` for Dask arrays and dataframes.

    The workers train the trees together, with LightGBM's distributed learning, each on its own
    rows. The classes, class weights, metrics and the constant ``start_`` are computed from the
    whole collection. Predictions are lazy Dask arrays.

    Parameters and attributes are those of :class:`skfocal.FocalLGBMClassifier`. ``fit`` ignores
    ``n_jobs`` and uses all threads of each worker. Each worker bins its own rows, so the trees
    depend slightly on the distribution of the rows over the workers. If a worker is lost, ``fit``
    raises an error.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_classification
    >>> from skfocal.dask import DaskFocalLGBMClassifier
    >>> X, y = make_classification(n_samples=500, weights=[0.9], random_state=0)
    >>> X, y = da.from_array(X, chunks=(250, 20)), da.from_array(y, chunks=250)
    >>> with Client(n_workers=2):  # doctest: +SKIP
    ...     model = DaskFocalLGBMClassifier(n_estimators=20).fit(X, y)
    ...     proba = model.predict_proba(X).compute()
    """

    _local_class = FocalLGBMClassifier

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        init_score=None,
        eval_X=None,
        eval_y=None,
        eval_names=None,
        eval_sample_weight=None,
        eval_init_score=None,
        eval_metric=None,
        categorical_feature="auto",
        init_model=None,
        client=None,
    ):
        """Fit the trees on the workers.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            NaN means missing.
        y : dask Array or Series of shape (n_samples,)
            Class labels.
        sample_weight : dask Array or Series of shape (n_samples,), default=None
            Non-negative weights of the rows.
        init_score : dask Array, Series or DataFrame, default=None
            Initial scores of shape (n_samples,) or (n_samples, n_classes).
        eval_X : dask Array or DataFrame or tuple of those, default=None
            Features of evaluation sets.
        eval_y : dask Array or Series or tuple of those, default=None
            Labels of the evaluation sets.
        eval_names : list of str, default=None
            Names of the evaluation sets. By default ``valid_0``, ``valid_1``, ...
        eval_sample_weight : dask Array or Series or list of those, default=None
            Weights of the evaluation sets. None in a list means that the set has no weights.
        eval_init_score : dask collection or list of those, default=None
            Initial scores of the evaluation sets. Required if ``init_score`` is given, and not
            allowed otherwise.
        eval_metric : str or list of str, default=None
            "logloss", "error" or "focal_loss", which are means over rows. Other metrics are not
            available because they need all rows in one place.
        categorical_feature : "auto" or list of int or str, default="auto"
            As in :meth:`skfocal.FocalLGBMClassifier.fit`.
        init_model : FocalLGBMClassifier, lightgbm.Booster, str or Path, default=None
            Fitted model to continue training from.
        client : distributed.Client, default=None
            Client of the cluster. None means the current client.

        Returns
        -------
        self : DaskFocalLGBMClassifier

        Raises
        ------
        TypeError
            If an argument has the wrong type, or if partitions have different types.
        ValueError
            If a parameter of the estimator or an argument of ``fit`` has an invalid value.
        RuntimeError
            If a worker is lost or fails during training.

        Warns
        -----
        UserWarning
            As in :meth:`skfocal.FocalLGBMClassifier.fit`.
        """
        client = default_client() if client is None else client
        init_model = copy(self) if init_model is self else init_model
        self._reset()
        self._check_combinations(None, init_model, init_score)
        params = self._train_params() | network_params(self.lgbm_params)
        metrics = _check_means(eval_metric, has_rows=self.early_stopping or eval_X is not None)
        check_table(X)
        sets = evaluation_sets(
            init_score,
            eval_X=eval_X,
            eval_y=eval_y,
            eval_sample_weight=eval_sample_weight,
            eval_init_score=eval_init_score,
        )
        names, callbacks = self._named(sets, eval_names, X, y)

        first = read_init_model(init_model, without_rows(X))
        columns = FocalLGBMClassifier()  # sent to the workers; holds only the columns
        kinds = {"categories": first.categories, "categorical_feature": categorical_feature}
        for estimator in (self, columns):
            lightgbm_input(estimator, without_rows(X), reset=True, ensure_min_samples=0, **kinds)
        check_column_params(self.lgbm_params or {}, columns)
        rows = {"X": X, "y": y, "sample_weight": sample_weight, "init_score": init_score}
        parts, summaries = _checked(client, columns, rows)
        total = merge(summaries, np.float32)
        classes, codes = total.classes, np.arange(len(total.classes))
        silenced = zero_weight_classes(self, classes)
        masses = apply_zero_class_weights(total.masses, codes, silenced)
        loss = build_loss(self, classes, codes, masses)
        check_init_model(first, self, classes, loss)
        if init_score is not None:
            check_width(init_score, len(classes), "init_score")

        n_weighted = np.delete(total.counts, silenced).sum()
        evaluation = [_evaluation_parts(client, columns, classes, *of_set) for of_set in sets]
        if self.early_stopping and not evaluation:
            parts, held_out, masses, n_weighted = hold_out(
                client, parts, summaries, total, self.validation_fraction, self._seed(), silenced
            )
            evaluation = [held_out]
        totals = Part(None, codes, masses, init_score)
        fitted, loss_params, feval = self._loss_settings(
            loss, classes, totals, n_weighted, first, metrics
        )
        plan = Plan(
            params=params | loss_params,
            n_rounds=self.n_estimators,
            features=dataset_features(self),
            classes=classes,
            silenced=classes[silenced],
            all_zero=total.all_zero,
            metrics=feval,
            names=names,
            callbacks=callbacks,
            print_every=int(self.verbose),
            init_model=first.booster,
        )
        booster, results = train(client, plan, parts, evaluation)
        booster.pandas_categorical = list(self._categories.values()) or None
        fitted["booster_"], fitted["evals_result_"] = booster, results
        fitted["best_iteration_"] = booster.best_iteration or booster.current_iteration()
        vars(self).update(fitted)
        return self

    def _named(self, sets, eval_names, X, y):
        """Names of the evaluation sets, and the callbacks of LightGBM that use them."""
        names = evaluation_names(eval_names, len(sets) or int(self.early_stopping))
        same = [tokenize(*of_set[:2]) == tokenize(X, y) for of_set in sets] or [False] * len(names)
        training = [name for name, is_same in zip(names, same, strict=True) if is_same]
        others = [name for name in names if name not in training]
        return names, [name_training_rows(training, others), *self._stopping(others)]

    def raw_predict(self, X, *, start_iteration=0, num_iteration=None):
        """Return the raw scores as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.
        start_iteration, num_iteration
            As in :meth:`skfocal.FocalLGBMClassifier.raw_predict`.

        Returns
        -------
        raw_prediction : dask Array of shape (n_samples,) or (n_samples, n_classes)
            The raw scores.
        """
        return self._lazily(
            "raw_predict", X, start_iteration=start_iteration, num_iteration=num_iteration
        )

    def predict(self, X, *, start_iteration=0, num_iteration=None):
        """Return the most probable classes as a lazy Dask array.

        Parameters
        ----------
        X, start_iteration, num_iteration
            As in :meth:`raw_predict`.

        Returns
        -------
        y_pred : dask Array of shape (n_samples,)
            The predicted classes.
        """
        return self._lazily(
            "predict", X, start_iteration=start_iteration, num_iteration=num_iteration
        )

    def predict_proba(self, X, *, start_iteration=0, num_iteration=None):
        """Return the class probabilities as a lazy Dask array.

        Parameters
        ----------
        X, start_iteration, num_iteration
            As in :meth:`raw_predict`.

        Returns
        -------
        proba : dask Array of shape (n_samples, n_classes)
            The class probabilities; columns are in the order of ``classes_``.
        """
        return self._lazily(
            "predict_proba", X, start_iteration=start_iteration, num_iteration=num_iteration
        )


def _check_means(eval_metric, has_rows):
    """Validate ``eval_metric``: on Dask collections, metrics must be means over rows."""
    metrics = check_eval_metric(eval_metric, has_rows)
    pooled = [metric for metric in metrics if callable(metric) or metric in NEED_EVERY_CLASS]
    if pooled:
        raise ValueError(
            "eval_metric must be 'logloss', 'error' or 'focal_loss' for Dask collections, got "
            f"{pooled}. Only means over rows are supported. Compute other metrics from "
            "predict_proba after fit."
        )
    return metrics


def _checked(client, columns, collections):
    """Futures of the checked partitions that have rows, and their summaries."""
    table, _, weight, _ = collections
    check_X = partial(_tree_input, columns)
    parts = client.compute(
        [check_part(check_X, np.float32, *part, name=weight) for part in partitions(**collections)]
    )
    return summaries_of(client, parts, table)


def _tree_input(columns, X):
    """Features of a partition; sparse ones as CSR, so that they can be stacked."""
    X = lightgbm_input(columns, X, reset=False)
    return sparse.csr_matrix(X) if sparse.issparse(X) else X


def _evaluation_parts(client, columns, classes, X, y, weight, _, init_score):
    """Futures of the partitions of an evaluation set."""
    check_table(X, "eval_X")
    rows = {"eval_X": X, "eval_y": y, "eval_sample_weight": weight, "eval_init_score": init_score}
    if init_score is not None:
        check_width(init_score, len(classes), "eval_init_score")
    parts, summaries = _checked(client, columns, rows)
    for summary in summaries:
        encode_known_labels(summary.classes, classes, "eval_y")
    if not any(summary.masses.any() for summary in summaries):
        raise ValueError(
            "eval_sample_weight must contain a positive weight, got zero for every row."
        )
    return parts
