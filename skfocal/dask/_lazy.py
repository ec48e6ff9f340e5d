"""Lazy predictions on Dask collections, partition by partition."""

import dask
import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfocal.dask._partitions import check_table, delayed_parts, join, row_counts


class LazyPredictions:
    """Mixin for lazy predictions, which the local model computes on the workers.

    It must precede the local estimator ``_local_class`` among the bases.
    """

    _local_class: type

    def raw_predict(self, X):
        """Return the raw scores as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        raw_prediction : dask Array of shape (n_samples,) or (n_samples, n_classes)
            The raw scores.
        """
        return self._lazily("raw_predict", X)

    def predict(self, X):
        """Return the most probable classes as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        y_pred : dask Array of shape (n_samples,)
            The predicted classes.
        """
        return self._lazily("predict", X)

    def predict_proba(self, X):
        """Return the class probabilities as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        proba : dask Array of shape (n_samples, n_classes)
            The class probabilities; columns are in the order of ``classes_``.
        """
        return self._lazily("predict_proba", X)

    def predict_log_proba(self, X):
        """Return the logarithm of the class probabilities as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        log_proba : dask Array of shape (n_samples, n_classes)
            The log-probabilities; columns are in the order of ``classes_``.
        """
        return self._lazily("predict_log_proba", X)

    def decision_function(self, X):
        """Return the log-odds (binary) or log-probabilities as a lazy Dask array.

        Parameters
        ----------
        X : dask Array or DataFrame of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        decision : dask Array of shape (n_samples,) or (n_samples, n_classes)
            The log-odds of ``classes_[1]``, or one log-probability per class.
        """
        return self._lazily("decision_function", X)

    def to_local(self):
        """Return the fitted model as an estimator that does not need Dask.

        Returns
        -------
        local : FocalLGBMClassifier or FocalLogisticRegression
            A fitted estimator with the same parameters and attributes.
        """
        check_is_fitted(self)
        local = self._local_class()
        vars(local).update(vars(self))
        return local

    def _doc_link_url_param_generator(self):
        return {"module": "skfocal.dask", "name": type(self).__name__}

    def _score_dtype(self, X):
        """Floating dtype of the scores of X."""
        return np.dtype(np.float64)

    def _lazily(self, method, X, **arguments):
        """Apply a prediction method to each partition and concatenate the results."""
        check_table(X)
        local = self.to_local()
        if method != "raw_predict":
            local._prediction_loss()  # raise errors now instead of in each partition
        local = dask.delayed(local)
        n_classes = len(self.classes_)
        one_column = method == "predict" or (n_classes == 2 and "proba" not in method)
        width = () if one_column else (n_classes,)
        dtype = self.classes_.dtype if method == "predict" else self._score_dtype(X)
        parts = [
            _predict(local, method, part, width, dtype, arguments) for part in delayed_parts(X)
        ]
        return join(parts, row_counts(X), width, dtype)


@dask.delayed
def _predict(estimator, method, X, width, dtype, arguments):
    if not X.shape[0]:
        return np.empty((0, *width), dtype)
    return getattr(estimator, method)(X, **arguments)
