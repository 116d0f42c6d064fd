"""Doubts about the data and figures of it, as data: what can be shown, written and put on a map."""

from __future__ import annotations

from .examine import Quality, examine
from .record import WHOLE, full_record, rows_of, short_record

__all__ = ["WHOLE", "Quality", "examine", "full_record", "rows_of", "short_record"]
