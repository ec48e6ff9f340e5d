"""Parameters with which ``FocalLGBMClassifier`` grows the default trees of LightGBM."""

AS_IN_LIGHTGBM = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 0.0,
}
