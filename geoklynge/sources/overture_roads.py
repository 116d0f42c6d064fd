"""Overture Maps: segments of the theme transportation as roads, their rules of access and speed made plain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from ..errors import TableError
from ..open_data import OpenSource
from ..study import Mode
from .columns import text_of
from .fields import require_field, require_parts
from .layers import Layer
from .road_tags import CLOSED, KMH_PER_MPH

MOST_OF_IT = 0.5  # a rule for a part of a line counts for the line where it holds for more than this
MODES: tuple[Mode, ...] = get_args(Mode)

Rule = dict[str, Any]
Words = dict[str, str]  # part of a rule, as we call it -> as the source does


def overture_roads(layer: Layer, known: OpenSource) -> Layer:
    """
    Take roads out of a file of the theme transportation, feature type segment.

    Overture's classes are OSM's, slip roads included in the class of their road. Each mode of travel gets a column
    ``oneway_<mode>``: ``yes`` as drawn, ``-1`` against it, ``closed`` where it may not go at all, empty where nothing
    is said. Of the rules of a segment the last that matches decides. A condition that somebody can meet (to live
    there, to deliver) opens a road and does not close one. Roads that are not built yet, or given up, are left out.

    Segments are joined where they share a vertex. Overture says which segments meet by shared connectors, and
    promises that each lies on a vertex of its segments; two segments that share a vertex and no connector would be
    joined here all the same. Roundabouts often lack the rule that makes them one-way, and nothing else tells them: such
    a one counts both ways.

    Raises
    ------
    TableError
        If a field is missing, or no segment is a road.
    """
    fields = {
        name: require_field(layer, known, name) for name in ("subtype", "road_class", "speed_limits", "access", "flags")
    }
    for column, parts in (
        ("access", ("access_type", "when", "between")),
        ("speed_limits", ("max_speed", "when", "between")),
        ("flags", ("values", "between")),
    ):
        require_parts(fields[column], known, parts, source=layer.source)
    words = {**known.fields, "denied": known.settings["denied"], "mph": known.settings["mph"]}
    kept = text_of(fields["subtype"]).eq(known.settings["subtype"]).fillna(False).to_numpy(dtype=bool)
    ends = frozenset(known.settings["not_flags"])
    kept &= ~_each(fields["flags"], lambda rules: _has_flag(rules, ends, words), False).to_numpy(dtype=bool)
    if not kept.any():
        raise TableError(
            f"none of its {len(kept)} segments is a road that is open", where=layer.source, advice="give another file"
        )
    columns = {"road_class": text_of(fields["road_class"])[kept]}
    modes: dict[str, list[str]] = known.settings["modes"]
    columns["speed_kmh"] = _each(
        fields["speed_limits"][kept], lambda rules: limit_of(rules, modes["car"], words), np.nan
    ).astype("float64")
    headings = _each(
        fields["access"][kept], lambda rules: tuple(heading_of(rules, modes[mode], words) for mode in MODES), None
    )
    for number, mode in enumerate(MODES):
        said = headings.map(lambda ways, at=number: (ways and ways[at]) or None)
        columns[f"oneway_{mode}"] = said.astype("string")
    shapes = layer.rows.geometry[kept]
    rows = gpd.GeoDataFrame(columns, geometry=shapes, crs=layer.rows.crs).reset_index(drop=True)
    return Layer(rows, layer.source, findings=layer.findings)


def _each(cells: pd.Series, read: Callable[[list[Rule]], object], empty: object) -> pd.Series:
    """Read the rules of each row that has some."""
    found = np.full(len(cells), empty, dtype=object)
    given = np.flatnonzero(cells.notna().to_numpy())
    for row, rules in zip(given, cells.iloc[given].tolist(), strict=True):
        found[row] = read(rules)
    return pd.Series(found, index=cells.index)


def _share(rule: Rule, words: Words) -> float:
    """Tell the share of the line that a rule holds for."""
    between = rule.get(words["between"])
    return 1.0 if between is None else float(between[1]) - float(between[0])


def _has_flag(rules: Iterable[Rule], ends: frozenset[str], words: Words) -> bool:
    return any(ends & set(rule.get(words["values"]) or ()) and _share(rule, words) > MOST_OF_IT for rule in rules)


def heading_of(rules: Sequence[Rule], own: Iterable[str], words: Words) -> str:
    """
    Tell which way a mode may go, from the rules of access of a segment.

    Parameters
    ----------
    rules
        In their order; the last that matches decides.
    own
        The words for the mode, also those of groups that it belongs to.
    words
        What the source calls the parts of a rule.

    Returns
    -------
    str
        ``yes``, ``-1``, ``closed``, or nothing where both ways are open.

    Examples
    --------
    >>> parts = ["access_type", "when", "between", "heading", "mode"]
    >>> words = {name: name for name in parts} | {"denied": "denied"}
    >>> one_way = {"access_type": "denied", "when": {"heading": "backward"}}
    >>> bikes_too = {"access_type": "allowed", "when": {"heading": "backward", "mode": ["bicycle"]}}
    >>> heading_of([one_way, bikes_too], ["car"], words), heading_of([one_way, bikes_too], ["bicycle"], words)
    ('yes', '')
    """
    own = frozenset(own)
    open_ = {"forward": True, "backward": True}
    for rule in rules:
        when = {key: value for key, value in (rule.get(words["when"]) or {}).items() if value is not None}
        modes, heading = when.pop(words["mode"], None), when.pop(words["heading"], None)
        denied = rule.get(words["access_type"]) == words["denied"]
        if (modes is not None and not own & set(modes)) or (denied and when) or _share(rule, words) <= MOST_OF_IT:
            continue
        for way in open_:
            if heading in {None, way}:
                open_[way] = not denied
    return {(True, True): "", (True, False): "yes", (False, True): "-1"}.get(
        (open_["forward"], open_["backward"]), CLOSED
    )


def limit_of(rules: Sequence[Rule], own: Iterable[str], words: Words) -> float:
    """
    Tell the posted limit of a segment in km/h.

    Where it changes along the way, the speed that takes as long over the whole: the harmonic mean of the limits,
    weighted by length. Limits that hold one way, at times or for some vehicles only do not count.

    Returns
    -------
    float
        nan where no limit is known for more than half of the segment.

    Examples
    --------
    >>> names = ["max_speed", "when", "between", "heading", "mode", "value", "unit"]
    >>> words = {name: name for name in names} | {"mph": "mph"}
    >>> fast = {"max_speed": {"value": 80, "unit": "km/h"}, "between": [0, 0.5]}
    >>> slow = {"max_speed": {"value": 40, "unit": "km/h"}, "between": [0.5, 1]}
    >>> round(limit_of([fast, slow], ["car"], words), 1)
    53.3
    """
    own, plain = frozenset(own), list[tuple[float, float, float]]()
    for rule in rules:
        when = {key: value for key, value in (rule.get(words["when"]) or {}).items() if value is not None}
        modes, speed = when.pop(words["mode"], None), rule.get(words["max_speed"])
        if when or (modes is not None and not own & set(modes)) or not speed:
            continue
        first, last = rule.get(words["between"]) or (0.0, 1.0)
        kmh = float(speed[words["value"]]) * (KMH_PER_MPH if speed[words["unit"]] == words["mph"] else 1.0)
        plain.append((float(first), float(last), kmh))
    steps = sorted({0.0, 1.0, *(step for first, last, _ in plain for step in (first, last))})
    known, hours = 0.0, 0.0
    for start, end in pairwise(steps):
        holding = [kmh for first, last, kmh in plain if first <= start and last >= end]
        if holding:
            known += end - start
            hours += (end - start) / holding[-1]
    return known / hours if known > MOST_OF_IT else np.nan
