"""What a plan's clusters mean to those who live there: what else was possible, what would change, who brings what."""

from __future__ import annotations

from .changes import change_columns
from .explain import Explanation, explain, sets_in_order
from .profiles import profile_columns

__all__ = ["Explanation", "change_columns", "explain", "profile_columns", "sets_in_order"]
