"""How much of parish, association, school and history two villages share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .huff import sum_of_minima
from .study import IdentitySteps
from .tables import Tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

ASSOCIATION = "association"
COLUMN_OF_STEP = {  # of the villages table; two villages share a step where both cells say the same
    "parish": "parish_id",
    "pastorate": "pastorate",
    "former_municipality_1970": "former_municipality_1970",
    "school_district": "school_district",
    "former_municipality": "former_municipality",
    "historic_district": "historic_district",
}


def steps_in_use(tables: Tables, steps: IdentitySteps) -> dict[str, float]:
    """Name the steps that count and whose column, or source, the tables have: the strongest first, with its value."""
    value = {name: float(each) for name, each in steps.model_dump().items() if each > 0}
    known = {name for name, column in COLUMN_OF_STEP.items() if column in tables.villages}
    known |= {ASSOCIATION} if tables.associations is not None else set()
    return {name: value[name] for name in sorted(value, key=lambda each: -value[each]) if name in known}


def knows_identity(tables: Tables, steps: IdentitySteps) -> bool:
    """Tell whether the tables say of any village what a step asks for."""
    villages, associations = tables.villages, tables.associations
    return any(
        associations is not None and len(associations) > 0
        if name == ASSOCIATION
        else bool(villages[COLUMN_OF_STEP[name]].notna().any())
        for name in steps_in_use(tables, steps)
    )


def identity_of_pairs(tables: Tables, steps: IdentitySteps, a: Ints, b: Ints) -> Floats:
    """
    Measure what two villages share: the value of the strongest step that holds for both, else 0.

    Parameters
    ----------
    tables
        Villages with the columns of `COLUMN_OF_STEP`, as far as they are known, and associations.
    steps
        Value of each step.
    a, b
        Row numbers of the pairs' villages.

    Returns
    -------
    array
        0..1, shape (pairs,).
    """
    identity = np.zeros(len(a))
    for name, value in steps_in_use(tables, steps).items():
        same = _in_one_association(tables, a, b) if name == ASSOCIATION else _alike(tables, COLUMN_OF_STEP[name], a, b)
        identity = np.maximum(identity, np.where(same, value, 0.0))
    return identity


def _alike(tables: Tables, column: str, a: Ints, b: Ints) -> Bools:
    """Tell which pairs have the same text in a column; an empty cell is like nothing."""
    code = pd.factorize(tables.villages[column])[0]
    same: Bools = (code[a] == code[b]) & (code[a] >= 0)
    return same


def _in_one_association(tables: Tables, a: Ints, b: Ints) -> Bools:
    """Tell which pairs an association names or serves both of: a merge of two short lists for each pair."""
    members = tables.associations
    if members is None:
        return np.zeros(len(a), dtype=bool)
    village = pd.Index(tables.villages["village_id"]).get_indexer(pd.Index(members["village_id"]))
    number, names = pd.factorize(members[ASSOCIATION])
    known = village >= 0
    shape = (len(tables.villages), len(names))
    of_village = csr_array(coo_array((np.ones(known.sum()), (village[known], number[known])), shape=shape))
    of_village.sort_indices()
    common = sum_of_minima(
        of_village.indptr.astype(np.int64), of_village.indices.astype(np.int32), of_village.data, a, b
    )
    in_one: Bools = common > 0
    return in_one
