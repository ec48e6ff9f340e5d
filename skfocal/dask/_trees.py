"""Boosted trees under the focal loss on Dask collections."""

import warnings
from contextlib import contextmanager
from threading import Event, Thread

import dask.array as da
import numpy as np
from distributed import Future, default_client
from lightgbm import DaskLGBMRegressor
from sklearn.base import _fit_context

from skfocal.dask._lazy import LazyPredictions
from skfocal.dask._partitions import (
    check_rows,
    check_table,
    merge,
    partitions,
    summarize,
    to_collections,
    with_column_of_ones,
    without_classes,
)
from skfocal.estimators import FocalLGBMClassifier
from skfocal.estimators._base import build_loss, silenced_classes, without_silenced_classes
from skfocal.estimators._boosting import check_leaves, objective_params
from skfocal.estimators._inputs import dataset_features, remember_columns
from skfocal.estimators._lgbm_params import check_column_params
from skfocal.estimators._rows import Rows


class DaskFocalLGBMClassifier(LazyPredictions, FocalLGBMClassifier):
    """:class:`skfocal.FocalLGBMClassifier` on Dask arrays and dataframes.

    The workers of the current ``distributed.Client`` grow LightGBM's distributed trees, each on
    the rows that it holds. Labels, weights and the constant start are those of the whole
    collection, whatever a worker sees of it. Predictions are lazy Dask arrays.

    Parameters and attributes are those of :class:`skfocal.FocalLGBMClassifier`, with three
    exceptions: ``early_stopping`` must be False, as LightGBM does not support it here; each
    worker trains with its own number of threads, whatever ``n_jobs`` is; and as each worker bins
    its own rows, the trees depend a little on where the rows lie. The cluster must not lose a
    worker during ``fit``.

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
    def fit(self, X, y, sample_weight=None, *, categorical_feature="auto"):
        """Fit the trees on the workers of the current client.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            NaN means missing.
        y : dask Array, or Series where X is a DataFrame, of shape (n_samples,)
            Labels of any type.
        sample_weight : like y, default=None
            Non-negative weights.
        categorical_feature : "auto" or list of int or str, default="auto"
            As in LightGBM.

        Returns
        -------
        self : DaskFocalLGBMClassifier

        Raises
        ------
        TypeError
            If the collections, or the partitions of one, are of different kinds.
        ValueError
            If a parameter or an input is out of range.
        RuntimeError
            If a worker is lost or fails while the trees grow.
        """
        if self.early_stopping:
            raise ValueError("early_stopping=True is not supported on Dask collections.")
        client = default_client()
        check_table(X)
        template = np.empty((0, X.shape[1])) if isinstance(X, da.Array) else X._meta
        columns = FocalLGBMClassifier()  # goes to the workers: it knows the columns, nothing else
        remember_columns(columns, template, categorical_feature)
        check_column_params(self.lgbm_params or {}, columns)
        features = dataset_features(columns)

        rows = client.persist(
            [check_rows(columns, *part) for part in partitions(X, y, sample_weight)]
        )
        summaries = client.gather(client.compute([summarize(part) for part in rows]))
        rows = [part for part, summary in zip(rows, summaries, strict=True) if summary]
        classes, masses, all_zero = merge([summary for summary in summaries if summary])
        codes, silenced = np.arange(len(classes)), silenced_classes(self, classes)
        loss = build_loss(self, classes, codes, masses)
        masses = without_silenced_classes(masses, codes, silenced)
        start = loss.fit_intercept_only(codes, masses)
        totals = Rows(None, codes, masses)
        engine = self._engine(objective_params(loss, start, totals, self.curvature))
        if len(silenced):
            rows = [without_classes(part, classes[silenced]) for part in rows]
        if all_zero:
            rows = [with_column_of_ones(part) for part in rows]
        X, y, weight = to_collections(rows, classes, template.shape[1])
        unweighted = sample_weight is None and not len(silenced)
        with _watch(client):
            engine.fit(X, y, None if unweighted else weight, **features)

        remember_columns(self, template, categorical_feature)
        check_leaves(engine.booster_)
        self.classes_, self.loss_, self.start_ = classes, loss, start
        self.booster_, self.evals_result_ = engine.booster_, {}
        self.booster_.pandas_categorical = list(self._categories.values()) or None
        self.best_iteration_ = self.booster_.current_iteration()
        return self

    def _engine(self, objective_params):
        """LightGBM's distributed training, which knows nothing of classes."""
        params = self._train_params() | objective_params
        del params["num_threads"]  # each worker has its own number
        return DaskLGBMRegressor(n_estimators=self.n_estimators, **params)


@contextmanager
def _watch(client):
    """Turn a failure of the workers into a RuntimeError.

    Where one is lost, LightGBM on the others may wait for it forever: the client lets go then.
    """
    workers, others = set(client.nthreads()), set(client.futures)
    done = Event()

    def let_go_when_lost():
        while not done.wait(1.0):
            if not workers <= set(client.nthreads()):
                client.cancel([Future(key, client) for key in set(client.futures) - others])
                return

    watcher = Thread(target=let_go_when_lost, daemon=True)
    watcher.start()
    try:
        with warnings.catch_warnings():
            # LightGBM says so of the default, too.
            warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored", UserWarning)
            yield
    except Exception as error:
        raise RuntimeError(
            "LightGBM's training failed on the Dask workers, or one of them was lost. Others may "
            "still wait for it: restart the workers, as client.restart() does, before another fit. "
            f"{error!r}"
        ) from error
    finally:
        done.set()
        watcher.join()
