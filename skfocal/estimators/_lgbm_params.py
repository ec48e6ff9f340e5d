"""LightGBM's parameter names: those with a parameter of ours, and those that must not be given.

The alias lists are LightGBM's own (a test holds them against the installed version).
"""

# Our parameter, LightGBM's name, LightGBM's aliases of it.
OWN = {
    "boosting_type": ("boosting", "boost"),
    "num_leaves": ("max_leaf", "num_leaf", "max_leaves", "max_leaf_nodes"),
    "max_depth": (),
    "learning_rate": ("eta", "shrinkage_rate"),
    "n_estimators": (
        "num_iterations", "n_iter", "nrounds", "max_iter", "num_tree", "num_round", "num_trees",
        "num_rounds", "num_iteration", "num_boost_round",
    ),
    "subsample_for_bin": ("bin_construct_sample_cnt",),
    "min_split_gain": ("min_gain_to_split",),
    "min_child_weight": (
        "min_sum_hessian_in_leaf", "min_hessian", "min_sum_hessian", "min_sum_hessian_per_leaf",
    ),
    "min_child_samples": (
        "min_data_in_leaf", "min_data", "min_samples_leaf", "min_data_per_leaf",
    ),
    "subsample": ("bagging_fraction", "bagging", "sub_row"),
    "subsample_freq": ("bagging_freq",),
    "colsample_bytree": ("feature_fraction", "sub_feature"),
    "reg_alpha": ("lambda_l1", "l1_regularization"),
    "reg_lambda": ("lambda_l2", "lambda", "l2_regularization"),
    "random_state": ("seed", "random_seed"),
    "n_jobs": ("num_threads", "nthread", "nthreads", "num_thread"),
    "verbose": ("verbosity",),
    "early_stopping": ("early_stopping_round", "early_stopping_rounds", "n_iter_no_change"),
}  # fmt: skip

REFUSED = {
    "objective": ("app", "loss", "application", "objective_type"),
    "metric": ("metrics", "metric_types"),
    "num_class": ("num_classes",),
    "scale_pos_weight": (),
    "is_unbalance": ("unbalance", "unbalanced_sets"),
    "boost_from_average": (),
    "categorical_feature": (
        "cat_column", "cat_feature", "categorical_column", "categorical_features",
    ),
}  # fmt: skip

INSTEAD = {
    "objective": "the focal loss is the objective, set gamma and alpha",
    "metric": "pass eval_metric to fit",
    "num_class": "it follows from y",
    "scale_pos_weight": "LightGBM ignores it under a custom objective, use alpha or class_weight",
    "is_unbalance": "LightGBM ignores it under a custom objective, use alpha or class_weight",
    "boost_from_average": "the fit always starts from the constant of least loss",
    "categorical_feature": "pass categorical_feature to fit",
}


def check_lgbm_params(lgbm_params):
    """Return the extra parameters as a dict; ValueError where one is ours or makes no sense."""
    lgbm_params = dict(lgbm_params or {})
    for name in lgbm_params:
        for own, aliases in OWN.items():
            if name == own or name in aliases:
                raise ValueError(
                    f"lgbm_params must not hold {name!r}: set the parameter {own!r} instead."
                )
        for refused, aliases in REFUSED.items():
            if name == refused or name in aliases:
                raise ValueError(f"lgbm_params must not hold {name!r}: {INSTEAD[refused]}.")
    return lgbm_params
