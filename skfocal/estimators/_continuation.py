"""Models that a fit goes on from: their trees, start and categories, checked against the data."""

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
    """Trees to go on from, their constant start and what they were fitted to.

    ``classes`` and ``loss`` are None for models of plain LightGBM, which do not keep them, and so
    is ``booster`` for a fit from scratch.
    """

    booster: lightgbm.Booster | None = None
    start: Any = 0.0
    categories: dict | None = None
    classes: np.ndarray | None = None
    loss: Any = None


def read_init_model(init_model, X):
    """Return ``init_model`` as an :class:`InitialModel` whose categories apply to the columns of X.

    Raises ``TypeError`` or ``ValueError`` if it is no model, or if its categories do not belong
    to the categorical columns of X.
    """
    if init_model is None:
        return InitialModel()
    given = find_categories(as_frame(X, keep_plain=False))
    if isinstance(init_model, FocalClassifier) and hasattr(init_model, "raw_predict"):
        check_is_fitted(init_model)
        m = init_model
        model = InitialModel(m.booster_, m.start_, m._categories, m.classes_, m.loss_)
    else:
        booster = read_native(init_model)  # the start is inside its trees
        known = booster.pandas_categorical or []
        if len(known) != len(given):
            raise ValueError(
                f"init_model was fitted to {len(known)} categorical columns, X has {len(given)}. "
                "Pass the same columns as pandas categories."
            )
        model = InitialModel(booster, categories=dict(zip(given, known, strict=True)))
    _check_categories_known(model.categories, given)
    return model


def check_init_model(model, estimator, classes, loss):
    """Raise ``ValueError`` unless the model was fitted to the features and classes given.

    Warns if it was fitted with another loss.
    """
    if model.booster is None:
        return
    if model.classes is not None and not np.array_equal(model.classes, classes):
        raise ValueError(
            f"init_model was fitted to the classes {model.classes.tolist()}, "
            f"y holds {classes.tolist()}."
        )
    for what, fitted, given in [
        ("features", model.booster.num_feature(), estimator.n_features_in_),
        ("scores per row", model.booster.num_model_per_iteration(), loss._n_outputs),
    ]:
        if fitted != given:
            raise ValueError(f"init_model was fitted to {fitted} {what}, got {given}.")
    fitted, given = model.booster.feature_name(), dataset_features(estimator)["feature_name"]
    unnamed = [f"Column_{i}" for i in range(len(given))]
    if fitted != given and unnamed not in (fitted, given):
        raise ValueError(f"init_model was fitted to the features {fitted}, X has {given}.")
    if model.loss is not None and _differs(model.loss, loss, estimator.class_weight):
        warnings.warn(
            f"init_model was fitted with {model.loss!r}, this fit uses {loss!r}. Predictions use "
            "the latter for all trees.",
            stacklevel=3,
        )


def _check_categories_known(known, given):
    """Raise ``ValueError`` for categories of X that the trees to go on from cannot hold."""
    for i in known.keys() & given.keys():
        unknown = [value for value in given[i] if value not in known[i]]
        if unknown:
            raise ValueError(
                f"init_model was fitted to other categories than X has: column {i} has "
                f"{unknown} besides {known[i]}. Use .cat.set_categories, or fit from scratch."
            )


def _differs(former, loss, class_weight):
    """Whether two losses differ; balanced weights always differ a little between data sets."""
    return former.gamma != loss.gamma or (class_weight != "balanced" and former.alpha != loss.alpha)
