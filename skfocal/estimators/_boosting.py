"""Run LightGBM's training with the focal loss: objective, start, scale and clear errors."""

import lightgbm
import numpy as np

from skfocal.objectives import FocalObjective
from skfocal.objectives._lightgbm import curvature_scale

# Constant or tiny data without a usable feature end in an error otherwise (LightGBM #5667).
FIXED_PARAMS = {"metric": "None", "feature_pre_filter": False}


def constant_start(loss, train, first):
    """Scores that training starts from: those of ``init_model``, 0 with ``init_score``, else the
    constant of least loss.
    """
    if first.booster is not None:
        return first.start
    if train.init_score is not None:
        return 0.0
    return loss.fit_intercept_only(train.y, train.weight)


def objective_params(loss, start, train, curvature):
    """LightGBM's parameters that make the focal loss its objective."""
    objective = FocalObjective(
        loss.gamma,
        loss.alpha,
        n_classes=loss.n_classes,
        curvature=curvature,
        offset=start,
        scale=curvature_scale(loss, train.y, train.weight),
    )
    multiclass = {"num_class": loss.n_classes} if loss.n_classes > 2 else {}
    return {"objective": objective, **multiclass}


def train_booster(params, train_set, **arguments):
    """``lightgbm.train``, with clear errors for failures that data or parameters cause."""
    try:
        booster = lightgbm.train(params, train_set, **arguments)
    except lightgbm.basic.LightGBMError as error:
        if "_count" not in str(error):
            raise ValueError(f"LightGBM refuses the data or the parameters: {error}") from error
        raise ValueError(
            "LightGBM made an empty leaf (its issue #4739): raise min_child_samples or "
            f"min_child_weight. {error}"
        ) from error
    check_leaves(booster)
    return booster


def check_leaves(booster):
    """Raise ``ValueError`` if a leaf's value is not finite."""
    if not np.all(np.isfinite([booster.lower_bound(), booster.upper_bound()])):
        raise ValueError("LightGBM made a leaf of infinite value: raise min_child_weight.")
