"""Square cells that bring together what lies together, so that a cut-out need not look at a whole country."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

CELL_M = 2_000.0


@dataclass(frozen=True)
class Cells:
    """
    Points in the order of their cells, column by column, in a column from south to north.

    `low` is the south-western corner in metres; `shape` the number of columns and rows; `of_point` the cell of each
    point in that order, rising.
    """

    low: Floats
    shape: tuple[int, int]
    of_point: Longs

    @classmethod
    def over(cls, xy: Floats) -> tuple[Cells, Longs]:
        """Put points (metres) into cells: the cells, and the order in which the points have to be numbered."""
        if not len(xy):
            return cls(np.zeros(2), (1, 1), np.empty(0, dtype=np.int64)), np.empty(0, dtype=np.int64)
        low = xy.min(axis=0)
        at = ((xy - low) / CELL_M).astype(np.int64)
        columns, rows = (at.max(axis=0) + 1).tolist()
        cell = at[:, 0] * rows + at[:, 1]
        order = np.argsort(cell, kind="stable")
        return cls(low, (columns, rows), cell[order]), order

    def ranges(self, low: Floats, high: Floats) -> tuple[Longs, Longs]:
        """
        Find the points of all cells that a box touches.

        Returns
        -------
        tuple of arrays
            Ranges of points, rising: first one, and one after the last; no range is empty.
        """
        most = np.array(self.shape) - 1
        west, south = np.clip(np.floor((low - self.low) / CELL_M), 0, most).astype(np.int64).tolist()
        east, north = np.clip(np.floor((high - self.low) / CELL_M), 0, most).astype(np.int64).tolist()
        column = np.arange(west, east + 1) * self.shape[1]
        first = np.searchsorted(self.of_point, column + south)
        after = np.searchsorted(self.of_point, column + north, side="right")
        return first[after > first], after[after > first]
