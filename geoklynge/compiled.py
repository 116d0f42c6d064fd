"""One switch for compiled kernels: numba where it is installed, the same functions as plain Python where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Values = TypeVar("Values", bound=NDArray[Any])

try:
    import numba
except ImportError:  # pragma: no cover - exercised by hiding numba in a test's subprocess
    HAS_NUMBA = False
else:
    HAS_NUMBA = True


def compiled(function: Function) -> Function:
    """Compile a kernel to machine code that releases the GIL and is cached on disk; as it is without numba."""
    if not HAS_NUMBA:
        return function
    kernel: Any = numba.njit(nogil=True, cache=True)(function)
    return kernel  # type: ignore[no-any-return]


@compiled
def grown(values: Values) -> Values:
    """Copy an array into one twice as long, the new half undefined."""
    longer: Any = np.empty((2 * len(values), *values.shape[1:]), dtype=values.dtype)
    longer[: len(values)] = values
    return longer  # type: ignore[no-any-return]
