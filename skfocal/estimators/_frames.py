"""Turn dataframes into numbers: which columns hold categories, and which code each value gets.

Both estimators compute with float arrays. LightGBM never sees a dataframe, so its results do not
depend on how a table stores its columns.
"""

import numpy as np

PLAIN_KINDS = "biuf"  # booleans, integers and floats, which scikit-learn converts itself


def is_frame(X):
    """Whether X is a pandas dataframe."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def as_frame(X, *, keep_plain):
    """Return polars and pyarrow tables as pandas dataframes and anything else unchanged.

    With ``keep_plain``, polars dataframes of floats and integers stay as they are.
    """
    if hasattr(X, "collect_schema") and not hasattr(X, "to_pandas"):
        raise TypeError(f"X must be a table in memory, got a {type(X).__name__}: call X.collect().")
    if is_frame(X) or not hasattr(X, "to_pandas") or not hasattr(X, "columns"):
        return X
    dtypes = getattr(X, "dtypes", None)  # which a pyarrow table lacks
    if keep_plain and dtypes and all(dtype.is_float() or dtype.is_integer() for dtype in dtypes):
        return X
    return X.to_pandas()


def is_categorical(column):
    """Whether a pandas column holds categories."""
    return hasattr(column.dtype, "categories")


def find_categories(X):
    """Return the categories of each categorical column of X as lists, by position.

    Raises ``TypeError`` for categories that are neither strings nor numbers: a saved LightGBM
    model, which is JSON, cannot hold them.
    """
    found = {}
    for i, column in _columns(X):
        if is_categorical(column):
            found[i] = column.cat.categories.tolist()
            for value in found[i]:
                if _kind(value) is None:
                    raise TypeError(
                        f"Categories must be strings or numbers, got {value!r} in column "
                        f"{column.name!r} of X. Rename them with .cat.rename_categories(str)."
                    )
    return found


def nominal_columns(X, categories):
    """Return the positions of the columns of X with categories that have no order."""
    return [i for i in categories if not getattr(X.iloc[:, i].dtype, "ordered", False)]


def check_column_order(X, labels):
    """Raise ``ValueError`` if the columns of X are those of training in another order.

    scikit-learn checks names that are strings; this covers other labels, such as tuples.
    """
    given = list(X.columns)
    if labels and given != labels and sorted(map(repr, given)) == sorted(map(repr, labels)):
        raise ValueError(f"Columns of X must be in the order of fit, {labels}, got {given}.")


def frame_values(X, categories, *, text_allowed):
    """Return the values of a pandas dataframe as floats, with codes for categorical columns.

    Parameters
    ----------
    X : pandas.DataFrame
    categories : dict of int to list
        Categories known from training, by position of their column.
    text_allowed : bool
        Whether numbers may be written as text, as in scikit-learn.

    Returns
    -------
    values : pandas.DataFrame, ndarray or COO matrix
        X itself if its columns are plain numbers already.

    Raises
    ------
    ValueError
        If a column cannot be read as numbers or as the categories known. The message names it.
    """
    if not categories and len(X.columns):
        if all(_is_plain(dtype) for dtype in X.dtypes):
            return X
        if all(_is_sparse(dtype) for dtype in X.dtypes):
            return _sparse_values(X)
    values = np.empty(X.shape, _common_dtype(X, categories), order="F")
    for i, column in _columns(X):
        read = _codes(column, categories[i]) if i in categories else _numbers(column, text_allowed)
        values[:, i] = read
    return values


def _columns(X):
    if not is_frame(X):
        return []
    return ((i, X.iloc[:, i]) for i in range(X.shape[1]))  # labels may repeat


def _is_plain(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind in PLAIN_KINDS


def _is_sparse(dtype):
    """Whether a pandas dtype is sparse and leaves out zeros."""
    return hasattr(dtype, "fill_value") and dtype.fill_value == 0 and dtype.kind in PLAIN_KINDS


def _sparse_values(X):
    dtype = type(X.dtypes.iloc[0])
    return X.astype(dtype(np.float64, 0)).sparse.to_coo()


def _common_dtype(X, categories):
    """Return float32 if it holds the values of every column exactly, else float64."""
    dtypes = [
        np.min_scalar_type(len(categories[i])) if i in categories else column.dtype
        for i, column in _columns(X)
    ]
    exact = all(map(_is_plain, dtypes)) and np.result_type(np.float32, *dtypes) == np.float32
    return np.float32 if exact else np.float64


def _codes(column, known):
    """Return the position of each value among the categories known; NaN means missing.

    A categorical column may hold categories unseen in training, which count as missing, as in
    LightGBM. In any other column an unknown value is more likely a mistake.
    """
    if is_categorical(column):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = column.factorize()
    code_of = {(_kind(value), value): code for code, value in enumerate(known)}
    found = np.array([code_of.get((_kind(value), value), np.nan) for value in values] + [np.nan])
    kinds = {_kind(value) for value in known}
    unknown = [
        value
        for value, code in zip(values, found, strict=False)
        if np.isnan(code) and not (is_categorical(column) and _kind(value) in kinds)
    ]
    if unknown:
        raise ValueError(
            f"Column {column.name!r} of X was categorical in fit with the categories "
            f"{_shortened(known)}, got the values {_shortened(unknown)}, which are not among "
            "them. Pass the column as a pandas category with the same kind of categories."
        )
    return found[codes]


def _numbers(column, text_allowed):
    """Return a column as floats; NaN means missing."""
    if _is_plain(column.dtype):
        return column.to_numpy()
    if is_categorical(column):
        values = _numbers(column.cat.categories.to_series(name=column.name), text_allowed)
        return np.append(values, np.nan)[column.cat.codes]
    name = f"Column {column.name!r} of X"
    if column.dtype.kind in "mM":
        raise ValueError(
            f"{name} must hold numbers, got dates or times ({column.dtype}). Convert it first, "
            "for example to days with (column - start).dt.days."
        )
    if column.dtype.kind == "c":
        raise ValueError(f"Complex data not supported. {name} must hold real numbers.")
    holds_text = column.dtype.kind == "O" and any(isinstance(value, str) for value in column)
    if holds_text and not text_allowed:
        raise ValueError(
            f"{name} must hold numbers, got text. Convert it with .astype('category') before fit "
            "to use it as a category, or with .astype(float) if it holds numbers."
        )
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold numbers, got {column.dtype} ({error}). Encode it first, for example "
            "with sklearn.preprocessing.OneHotEncoder."
        ) from error


def _kind(value):
    """Return what kind of value a category is: a category is never equal to one of other kind."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number" if isinstance(value, int | float | np.number) else None


def _shortened(values):
    listed = ", ".join(map(repr, values[:5]))
    return f"[{listed}{', ...' if len(values) > 5 else ''}]"
