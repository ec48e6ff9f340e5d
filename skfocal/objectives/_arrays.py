"""NumPy arrays and, under scikit-learn's array API dispatch, arrays of other libraries.

``xp`` is the namespace of an array: ``numpy``, or scikit-learn's namespace for another library.
This is the only file that uses scikit-learn's array API support.
"""

import numpy as np

from skfocal._private import HAS_ARRAY_API as SUPPORTED
from skfocal._private import get_config

if SUPPORTED:  # before scikit-learn 1.9 every array is converted to NumPy
    from skfocal._private import (
        _is_numpy_namespace,
        _max_precision_float_dtype,
        array_namespace,
        check_same_namespace,
        get_namespace,
        is_array_api_obj,
        move_to,
    )


def namespace(array):
    """Return the array's namespace if array API dispatch is enabled, else NumPy."""
    if not (SUPPORTED and get_config()["array_api_dispatch"] and is_array_api_obj(array)):
        return np
    xp, _ = get_namespace(array)
    return np if _is_numpy_namespace(xp) else xp


def own_namespace(array):
    """Return the array's namespace, whether or not array API dispatch is enabled."""
    if isinstance(array, np.ndarray) or not SUPPORTED or not is_array_api_obj(array):
        return np
    xp = array_namespace(array)
    return np if _is_numpy_namespace(xp) else xp


def move_like(values, array, xp):
    """Move ``values`` to the namespace and device of ``array``; the dtype does not change."""
    if xp is np:
        return to_numpy(values)
    if type(values) is type(array) and values.device == array.device:
        return values
    values = values if hasattr(values, "__dlpack__") else np.asarray(values)
    return move_to(values, xp=xp, device=array.device)


def as_like(values, array, xp):
    """Convert ``values`` to the namespace, device and dtype of ``array``."""
    if xp is np:
        return np.asarray(values, array.dtype)
    return xp.asarray(move_like(values, array, xp), dtype=array.dtype)


def is_complex(values, xp):
    """Whether an array has a complex dtype."""
    kind = "complex floating"
    return values.dtype.kind == "c" if xp is np else xp.isdtype(values.dtype, kind)


def as_floating(name, values, xp):
    """Convert an array of another library to float, unless it is float32 or float64."""
    if is_complex(values, xp):
        raise TypeError(f"{name} must be numeric, got {values!r}.")
    if values.dtype in (xp.float32, xp.float64):
        return values
    return xp.astype(values, _max_precision_float_dtype(xp, values.device))


def to_numpy(values):
    """Convert an array of another library to NumPy if dispatch is enabled."""
    return values if namespace(values) is np else move_to(values, xp=np, device="cpu")


def total(values, xp, axis=None):
    """Sum as a float64 NumPy array, accumulated in the device's widest float dtype."""
    if xp is np:
        return np.sum(values, axis=axis, dtype=np.float64)
    dtype = _max_precision_float_dtype(xp, values.device)
    return np.asarray(to_numpy(xp.sum(values, axis=axis, dtype=dtype)), np.float64)


def refuse_other_namespace(X, estimator, method):
    """Raise ValueError unless X has the namespace and device of ``coef_``."""
    if SUPPORTED:
        check_same_namespace(X, estimator, attribute="coef_", method=method)
