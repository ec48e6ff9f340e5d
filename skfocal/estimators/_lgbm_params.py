"""LightGBM's parameter names: which are ours, which make no sense here, and which are passed on.

Names and aliases are those of the installed LightGBM.
"""

import difflib
import functools
import inspect
from pathlib import Path

from skfocal._private import get_all_param_aliases

# By LightGBM's main name, the parameter of FocalLGBMClassifier that sets it.
OUR_PARAMS = {
    "boosting": "boosting_type",
    "num_leaves": "num_leaves",
    "max_depth": "max_depth",
    "learning_rate": "learning_rate",
    "num_iterations": "n_estimators",
    "bin_construct_sample_cnt": "subsample_for_bin",
    "min_gain_to_split": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "min_data_in_leaf": "min_child_samples",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "seed": "random_state",
    "num_threads": "n_jobs",
    "verbosity": "verbose",
    "early_stopping_round": "early_stopping",
    "early_stopping_min_delta": "early_stopping_min_delta",
}
# Those that are handed to LightGBM unchanged.
TREE_PARAMS = sorted(
    set(OUR_PARAMS.values())
    - {"n_estimators", "random_state", "n_jobs", "verbose"}
    - {"early_stopping", "early_stopping_min_delta"}
)

_WEIGHTS = "LightGBM ignores it under a custom objective; use alpha or class_weight"
_OTHER_OBJECTIVE = "it belongs to another objective; the focal loss has gamma and alpha"
_RANKING = "it belongs to ranking; rows have no queries here"
_OWN_METRIC = "it belongs to LightGBM's own metrics; pass a callable as eval_metric to fit"
_FILES = "it is for reading files; X and y come from memory"
_WRITING = "it is for LightGBM's command line; use to_lightgbm() and save_model"
_PREDICTING = "training ignores it; pass it to to_lightgbm().predict"

# By LightGBM's main name, why a parameter has no effect here and what to do.
REPLACEMENTS = {
    "objective": "the focal loss is the objective; set gamma and alpha",
    "metric": "pass eval_metric to fit",
    "num_class": "it follows from y",
    "boost_from_average": "the fit always starts from the constant of least loss",
    "categorical_feature": "pass categorical_feature to fit",
    "feature_pre_filter": "fit sets it to False, so that constant columns can be trained on",
    "first_metric_only": "early stopping always watches the first metric",
    "is_provide_training_metric": "pass the training rows as an evaluation set to fit",
    "metric_freq": "set verbose",
    "input_model": "pass init_model to fit",
    "valid": "pass eval_X and eval_y to fit",
    "task": "call fit or predict",
    "refit_decay_rate": "use to_lightgbm().refit",
    "ignore_column": "drop the columns from X",
    "start_iteration_predict": "pass start_iteration to predict",
    "num_iteration_predict": "pass num_iteration to predict",
    "sigmoid": "the focal loss has no slope to set",
    "alpha": "it belongs to other objectives; set the parameter 'alpha' to weigh classes",
} | {
    name: reason
    for reason, names in {
        _WEIGHTS: "scale_pos_weight is_unbalance pos_bagging_fraction neg_bagging_fraction",
        _OTHER_OBJECTIVE: "reg_sqrt fair_c poisson_max_delta_step tweedie_variance_power",
        _RANKING: "bagging_by_query eval_at group_column label_gain lambdarank_norm "
        "lambdarank_position_bias_regularization lambdarank_truncation_level objective_seed",
        _OWN_METRIC: "auc_mu_weights multi_error_top_k",
        _FILES: "config data header label_column parser_config_file precise_float_parser "
        "save_binary two_round weight_column",
        _WRITING: "convert_model convert_model_language output_model output_result snapshot_freq",
        _PREDICTING: "pred_early_stop pred_early_stop_freq pred_early_stop_margin predict_contrib "
        "predict_disable_shape_check predict_leaf_index predict_raw_score",
    }.items()
    for name in names.split()
}


def check_lgbm_params(lgbm_params):
    """Return the extra parameters as a dict.

    Raises ``ValueError`` for names that LightGBM does not know, that have a parameter of ours or
    no effect here, and for a parameter given under two names.
    """
    lgbm_params = dict(lgbm_params or {})
    _check_files(lgbm_params)
    given = {}
    for name in lgbm_params:
        remedy = _remedy(name)
        if remedy is not None:
            raise ValueError(f"lgbm_params must not hold {name!r}: {remedy}.")
        other = given.setdefault(_main_names()[name], name)
        if other != name:
            raise ValueError(
                f"lgbm_params must not hold both {other!r} and {name!r}: they are one parameter."
            )
    return lgbm_params


def check_column_params(lgbm_params, estimator):
    """Raise ``ValueError`` for parameters of columns at which LightGBM ends the process."""
    given = {_main_names()[name]: value for name, value in lgbm_params.items()}
    monotone = given.get("monotone_constraints")
    if isinstance(monotone, list | tuple):
        constrained = [i for i in estimator._nominal if i < len(monotone) and monotone[i]]
        if constrained:
            raise ValueError(
                f"monotone_constraints must be 0 for categorical columns, got another value for "
                f"the columns {constrained}."
            )
    groups = given.get("interaction_constraints")
    if isinstance(groups, list | tuple):
        columns = {column for group in groups for column in group}
        unknown = sorted(columns - set(range(estimator.n_features_in_)))
        if unknown:
            raise ValueError(
                f"interaction_constraints must hold column numbers below "
                f"{estimator.n_features_in_}, got {unknown}."
            )


def explain_unknown_parameters(init):
    """Decorate ``__init__`` to name the remedy for a keyword that is LightGBM's and not ours."""
    ours = set(inspect.signature(init).parameters)

    @functools.wraps(init)
    def checked(self, *args, **kwargs):
        for name in kwargs.keys() - ours:
            if name in _main_names():
                remedy = _remedy(name) or f"pass lgbm_params={{{name!r}: ...}}"
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}: {remedy}.")
        init(self, *args, **kwargs)

    return checked


def _check_files(lgbm_params):
    """Raise ``ValueError`` for files that do not exist, which LightGBM ignores."""
    for name, path in lgbm_params.items():
        is_file = _main_names().get(name) in ("forcedsplits_filename", "forcedbins_filename")
        if is_file and path and not Path(path).is_file():
            raise ValueError(f"lgbm_params[{name!r}] must be the path of a file, got {path!r}.")


def _remedy(name):
    """What to do instead of passing a parameter on to LightGBM, or None if that is right."""
    main = _main_names().get(name)
    if main is None:
        similar = difflib.get_close_matches(str(name), _main_names(), n=3)
        return "LightGBM does not know it" + (f"; did you mean one of {similar}" if similar else "")
    if main in OUR_PARAMS:
        return f"set the parameter {OUR_PARAMS[main]!r} instead"
    return REPLACEMENTS.get(main)


@functools.cache
def _main_names():
    """LightGBM's main name of each of its parameters and aliases."""
    aliases = get_all_param_aliases()
    return {alias: main for main, names in aliases.items() for alias in names}
