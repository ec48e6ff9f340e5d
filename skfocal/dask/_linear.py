"""Logistic regression with the focal loss on Dask collections."""

from collections import defaultdict
from functools import partial
from itertools import chain

import dask
import numpy as np
from dask.sizeof import sizeof
from distributed import default_client, wait

from skfocal._private import _fit_context
from skfocal.dask._lazy import LazyPredictions
from skfocal.dask._memory import reuse_freed_memory
from skfocal.dask._partitions import (
    check_part,
    check_table,
    gather,
    merge,
    partitions,
    sizeof_rows,
    stack,
    summaries_of,
    weight_without,
    without_rows,
)
from skfocal.estimators import FocalLogisticRegression
from skfocal.estimators._base import apply_zero_class_weights, build_loss, zero_weight_classes
from skfocal.estimators._prior import class_shares, prediction_loss
from skfocal.estimators._progress import Progress
from skfocal.objectives._blocks import one_blas_thread
from skfocal.objectives._linear import LinearObjective, PenalisedObjective


class DaskFocalLogisticRegression(LazyPredictions, FocalLogisticRegression):
    """:class:`skfocal.FocalLogisticRegression` for Dask arrays and dataframes.

    The solver runs in the client, and the rows stay on the workers. Whenever the solver evaluates
    the loss, each thread of a worker returns the loss and the gradient, summed over its
    partitions. With an L1 penalty, the threads also return the summed Hessian in each iteration.
    No rows are sent to the client, except a sample of a few thousand rows, from which the solver
    estimates the scales and correlations of the features. The coefficients agree with those of
    :class:`skfocal.FocalLogisticRegression` within the solver's tolerance. Predictions are lazy
    Dask arrays.

    Parameters and attributes are those of :class:`skfocal.FocalLogisticRegression`. ``fit``
    ignores ``n_jobs`` and uses all threads of the workers. If a worker is lost, Dask computes its
    partitions again on the others.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_classification
    >>> from skfocal.dask import DaskFocalLogisticRegression
    >>> X, y = make_classification(n_samples=500, weights=[0.9], random_state=0)
    >>> X, y = da.from_array(X, chunks=(250, 20)), da.from_array(y, chunks=250)
    >>> with Client(n_workers=2):  # doctest: +SKIP
    ...     model = DaskFocalLogisticRegression(gamma=1.0).fit(X, y)
    ...     proba = model.predict_proba(X).compute()
    """

    _local_class = FocalLogisticRegression

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, client=None):
        """Fit the model; the rows stay on the workers, except for a sample of them.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The partitions may be sparse matrices.
        y : dask Array or Series of shape (n_samples,)
            Class labels.
        sample_weight : dask Array or Series of shape (n_samples,), default=None
            Non-negative weights of the rows.
        client : distributed.Client, default=None
            Client of the cluster. None means the current client.

        Returns
        -------
        self : DaskFocalLogisticRegression

        Raises
        ------
        TypeError
            If an argument has the wrong type, or if partitions have different types.
        ValueError
            If a parameter of the estimator or an argument of ``fit`` has an invalid value.

        Warns
        -----
        ConvergenceWarning
            As in :meth:`skfocal.FocalLogisticRegression.fit`.
        """
        client = default_client() if client is None else client
        progress = Progress(self, X, y, sample_weight, step="iteration", max_steps=self.max_iter)
        self._reset()
        l1, l2, scale = self._penalty()
        solver = self._choose_solver(l1)
        check_table(X)
        columns = FocalLogisticRegression()  # sent to the workers; holds only the columns
        for estimator in (self, columns):
            template = estimator._check_features(without_rows(X), reset=True, ensure_min_samples=0)
        check_X = partial(columns._check_features, reset=False)
        rows = partitions(X=X, y=y, sample_weight=sample_weight)
        parts = client.persist([check_part(check_X, np.float64, *row) for row in rows])
        parts, summaries = summaries_of(client, parts)

        total = merge(summaries)
        classes, codes = total.classes, np.arange(len(total.classes))
        silenced = zero_weight_classes(self, classes)
        masses = apply_zero_class_weights(total.masses, codes, silenced)
        loss = build_loss(self, classes, codes, masses)
        share = class_shares(codes, masses, len(classes))
        prediction_loss(self, loss, classes, share)  # raises ValueError for an invalid class_prior
        settings = {"scale": scale, "fit_intercept": self.fit_intercept}
        objective = SummedObjective(
            client,
            [
                _objective(part, loss, classes, classes[silenced], total.dtype, settings)
                for part in parts
            ],
            loss,
            template.astype(total.dtype),
            total.n_rows,
            l2=l2,
            **settings,
        )
        del parts  # the workers keep the objectives only
        null = self._null_model(loss, X.shape[1], codes, masses)
        labels = {"classes_": classes, "class_share_": share}
        start = self._start(classes, null)
        return self._solve(objective, null, solver, l1, start, labels, progress)

    def _score_dtype(self, X):
        """Dtype of the local model's scores of X: that of X if it is floating, or of ``coef_``."""
        rows = self._check_features(without_rows(X), reset=False, ensure_min_samples=0)
        return np.result_type(rows.dtype, self.coef_.dtype)


sizeof.register(LinearObjective, sizeof_rows)


class SummedObjective(PenalisedObjective):
    """Penalised loss whose sums over rows are computed by the workers.

    Parameters
    ----------
    client : distributed.Client
    parts : list of delayed LinearObjective
        Without a penalty.
    loss, template, n_samples, **penalty
        As in :class:`PenalisedObjective`.
    """

    def __init__(self, client, parts, loss, template, n_samples, **penalty):
        super().__init__(loss, template, n_samples, **penalty)
        self._client = client
        self._shares = _by_thread(client, client.compute(parts))
        self._sample = None

    def sample(self, n_rows):
        """Local objective over about ``n_rows`` evenly spaced rows, which are gathered once."""
        if self._sample is None:
            every = max(1, self.n_samples // n_rows)
            sampled = chain(*self._map(_every_row, every))
            X, y, weight = map(stack, zip(*sampled, strict=True))
            self._sample = LinearObjective(
                self.loss,
                X,
                y,
                weight,
                scale=self.scale * self.n_samples / len(y),
                l2=self.l2,
                fit_intercept=self.fit_intercept,
            )
        return self._sample

    def _loss_sums(self, coef):
        return sum(self._map(_sum, LinearObjective._loss_sums, coef))

    def _diagonal_sums(self, coef):
        return sum(self._map(_sum, LinearObjective._diagonal_sums, coef))

    def _hessian_sums(self, coef, curvature, features):
        return sum(self._map(_sum, LinearObjective._hessian_sums, coef, curvature, features))

    def _map(self, function, *arguments):
        """Results of ``function(parts, *arguments)`` for the parts of each thread."""
        evaluate = partial(_evaluate, function, arguments)
        where = {"allow_other_workers": True, "pure": False}
        # Without a worker, Dask may place tasks with few dependencies away from their data.
        futures = [
            self._client.submit(evaluate, parts, workers=worker, **where)
            for worker, parts in self._shares
        ]
        return gather(self._client, futures)


def _by_thread(client, parts):
    """Group futures into one list per thread of the worker that holds them.

    Each thread gets one task, so all tasks start immediately. Dask would move waiting tasks,
    together with their partitions, to other workers.

    Returns
    -------
    shares : list of (worker, futures)
        The worker is an address, or None if the results were lost.
    """
    wait(parts)
    holders, n_threads = client.who_has(parts), client.nthreads()
    held = defaultdict(list)
    for part in parts:
        held[min(holders[part.key], default=None)].append(part)
    return [
        (worker, futures[i :: n_threads.get(worker, 1)])
        for worker, futures in held.items()
        for i in range(min(n_threads.get(worker, 1), len(futures)))
    ]


@one_blas_thread()
def _evaluate(function, arguments, parts):
    reuse_freed_memory()
    return function(parts, *arguments)


def _sum(parts, method, *arguments):
    return sum(method(part, *arguments) for part in parts)


def _every_row(parts, every):
    """Features, class indices and weights of one row in ``every`` of each part."""
    rows = slice(None, None, every)
    return [
        (part.X[rows, :], part.y[rows], None if part.weight is None else part.weight[rows])
        for part in parts
    ]


@dask.delayed
def _objective(part, loss, classes, silenced, dtype, settings):
    """Unpenalised objective of a checked partition."""
    X = part.X.astype(dtype, copy=False)
    y, weight = np.searchsorted(classes, part.y), weight_without(part, silenced)
    return LinearObjective(loss, X, y, weight, l2=0.0, **settings)
