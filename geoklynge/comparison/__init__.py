"""A run held against something else: clusters that really exist, other methods."""

from __future__ import annotations

from .agreement import jaccard
from .known import KnownCluster, Matched, match_known, read_known
from .validation import Recovery, Validation, validate

__all__ = [
    "KnownCluster",
    "Matched",
    "Recovery",
    "Validation",
    "jaccard",
    "match_known",
    "read_known",
    "validate",
]
