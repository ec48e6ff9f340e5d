"""Train LightGBM with the focal loss: its objective, start, scale and error messages."""

import warnings

import lightgbm
import numpy as np

from skfocal.objectives import FocalObjective
from skfocal.objectives._lightgbm import curvature_scale

# The pre-filter drops all features of constant or tiny data. LightGBM then fails (issue #5667).
FIXED_PARAMS = {"metric": "None", "feature_pre_filter": False}

# Advice on errors of LightGBM, by a part of its message.
ADVICE = {
    "_count": "LightGBM created an empty leaf (LightGBM issue #4739). Increase min_child_samples "
    "or min_child_weight.",
    "(num_data) > (0)": "subsample is so small that no row is sampled. Increase it.",
}


def constant_start(loss, train, first):
    """Return the constant that training starts from.

    It is the start of ``init_model``, 0 with ``init_score``, and otherwise the constant that
    minimises the loss.
    """
    if first.booster is not None:
        return first.start
    if train.init_score is not None:
        return 0.0
    return loss.fit_intercept_only(train.y, train.weight)


def warn_about_small_weights(loss, y, sample_weight, n_weighted, reg_lambda):
    """Warn if the weights are so small that ``reg_lambda`` shrinks all leaves.

    The penalty does not depend on the scale of the weights. With weights that sum to 1, for
    example, it has the effect of a penalty that is larger by the number of rows.
    """
    total = loss._class_weights(y, sample_weight) @ (loss.alpha or np.ones(loss.n_classes))
    if total < min(0.1 * n_weighted, 200 * reg_lambda):
        warnings.warn(
            f"The weights of the rows, including alpha and class_weight, sum to {total:.3g}, so "
            f"reg_lambda={reg_lambda:g} shrinks the trees too much. Multiply the weights by a "
            "constant so that their mean is about 1, or decrease reg_lambda.",
            stacklevel=5,  # the caller of fit, which scikit-learn wraps
        )


def objective_params(loss, start, train, curvature):
    """Return LightGBM's parameters that set the focal loss as its objective."""
    scale = curvature_scale(loss, train.y, train.weight)
    _check_gradient_sums(loss, train, scale)
    objective = FocalObjective(
        loss.gamma,
        loss.alpha,
        n_classes=loss.n_classes,
        curvature=curvature,
        offset=start,
        scale=scale,
    )
    multiclass = {"num_class": loss.n_classes} if loss.n_classes > 2 else {}
    return {"objective": objective, **multiclass}


def _check_gradient_sums(loss, train, scale):
    """Raise ``ValueError`` if LightGBM's float32 gradients or their sum may overflow."""
    weight = len(train.y) if train.weight is None else float(train.weight.sum())
    largest = scale * weight * max(loss.alpha or (1.0,))
    limit = float(np.finfo(np.float32).max) / 1000  # second-order terms are larger than gradients
    if not largest < limit:
        raise ValueError(
            "The weights are too large for LightGBM, which uses float32: the largest class factor "
            f"times the sum of the weights must be below {limit:.0e}, got {largest:.0e}. Scale "
            "alpha, class_weight or sample_weight."
        )


def train_booster(params, train_set, **arguments):
    """Call ``lightgbm.train`` and turn its errors into a ``ValueError`` with advice."""
    try:
        booster = lightgbm.train(params, train_set, **arguments)
    except lightgbm.basic.LightGBMError as error:
        known = (advice for part, advice in ADVICE.items() if part in str(error))
        advice = next(known, "LightGBM rejected the data or the parameters.")
        raise ValueError(f"{advice} LightGBM reported: {error}") from error
    check_leaves(booster)
    return booster


def check_leaves(booster):
    """Raise ``ValueError`` if the value of a leaf is not finite."""
    if not np.all(np.isfinite([booster.lower_bound(), booster.upper_bound()])):
        raise ValueError(
            "LightGBM created a leaf with an infinite value. Increase min_child_weight."
        )
