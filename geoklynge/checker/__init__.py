"""
A second opinion: travel times by another road, and every limit verified.

Shares no code with the stages that made the plan (it imports errors, limits, study and tables only). Where the pipeline
rounds stretches of road to whole milliseconds, eliminates nodes and searches with its own kernel, the checker rounds
nothing, splits lines where they meet and lets SciPy search cut-outs of the whole; where the pipeline looks for the
nearest vertex in a grid, the checker asks a tree.
"""

from __future__ import annotations

from .verdict import Verdict, check

__all__ = ["Verdict", "check"]
