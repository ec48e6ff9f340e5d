"""Continue training from ``init_model``: read the model and check it against the data."""

import warnings
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfocal.estimators._base import FocalClassifier
from skfocal.estimators._frames import as_frame, find_categories
from skfocal.estimators._inputs import dataset_features
from skfocal.estimators._native import read_native


@dataclass
class InitialModel:
    """Trees to continue from, their constant start, and the data and loss of their training.

    ``booster`` is None for a fit from scratch. ``classes`` and ``loss`` are None for models of
    plain LightGBM, which does not store them.
    """

    booster: lightgbm.Booster | None = None
    start: Any = 0.0
    categories: dict | None = None
    classes: np.ndarray | None = None
    loss: Any = None


def read_init_model(init_model, X):
    """Return ``init_model`` as an :class:`InitialModel`.

    Raises ``TypeError`` or ``ValueError`` if it is not a model, or if its categories do not match
    the categorical columns of X.
    """
    if init_model is None:
        return InitialModel()
    given = find_categories(as_frame(X, keep_plain=False))
    if isinstance(init_model, FocalClassifier) and hasattr(init_model, "to_lightgbm"):
        check_is_fitted(init_model)
        m = init_model
        model = InitialModel(m.booster_, m.start_, m._categories, m.classes_, m.loss_)
        unknown = sorted(given.keys() - m._categories.keys())
        if unknown:
            raise ValueError(
                f"init_model was fitted on the columns {unknown} without categories, but in X they "
                "are categorical. Pass columns of the same type."
            )
    else:
        booster = read_native(init_model)  # its trees include the start
        known = booster.pandas_categorical or []
        if len(known) != len(given):
            raise ValueError(
                f"init_model was fitted on {len(known)} categorical columns, but X has "
                f"{len(given)}. Pass the same columns as pandas categories."
            )
        model = InitialModel(booster, categories=dict(zip(given, known, strict=True)))
    _check_categories_known(model.categories, given)
    return model


def check_init_model(model, estimator, classes, loss):
    """Raise ``ValueError`` unless the model was fitted on the same features and classes.

    Warns if it was fitted with another loss.
    """
    if model.booster is None:
        return
    if model.classes is not None and not np.array_equal(model.classes, classes):
        raise ValueError(
            f"init_model was fitted on the classes {model.classes.tolist()}, but y contains "
            f"{classes.tolist()}."
        )
    for what, fitted, given in [
        ("features", model.booster.num_feature(), estimator.n_features_in_),
        ("raw scores per row", model.booster.num_model_per_iteration(), loss._n_outputs),
    ]:
        if fitted != given:
            raise ValueError(f"init_model has {fitted} {what}, but this fit has {given}.")
    fitted, given = model.booster.feature_name(), dataset_features(estimator)["feature_name"]
    unnamed = [f"Column_{i}" for i in range(len(given))]
    if fitted != given and unnamed not in (fitted, given):
        raise ValueError(f"init_model was fitted on the features {fitted}, but X has {given}.")
    if model.loss is not None and _differs(model.loss, loss, estimator.class_weight):
        warnings.warn(
            f"init_model was fitted with {model.loss!r}, but this fit uses {loss!r}. Predictions "
            "will use the new loss for all trees, including those of init_model.",
            stacklevel=4,  # the caller of fit, which scikit-learn wraps
        )


def _check_categories_known(known, given):
    """Raise ``ValueError`` if X has categories that ``init_model`` was not fitted on."""
    for i in known.keys() & given.keys():
        unknown = [value for value in given[i] if value not in known[i]]
        if unknown:
            raise ValueError(
                f"init_model was fitted on column {i} with the categories {known[i]}, but X also "
                f"has {unknown}. Use .cat.set_categories, or fit without init_model."
            )


def _differs(former, loss, class_weight):
    """Return whether two losses differ.

    Alpha is ignored for balanced weights, which always differ slightly between data sets.
    """
    return former.gamma != loss.gamma or (class_weight != "balanced" and former.alpha != loss.alpha)
