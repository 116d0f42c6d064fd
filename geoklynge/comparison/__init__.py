"""A run held against something else: clusters that really exist."""

from __future__ import annotations

from .agreement import jaccard
from .known import KnownCluster, Matched, match_known, read_known

__all__ = [
    "KnownCluster",
    "Matched",
    "jaccard",
    "match_known",
    "read_known",
]
