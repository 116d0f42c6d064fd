"""
The tie network as files: GeoJSON and GraphML texts, and a layer of lines for file drivers.

A country has hundreds of thousands of ties, and writers that build an object for each take most of a run's time over
it (GDAL 2.8 s, networkx 17 s for Denmark's 187,000; here 0.2 s each). A row of the two texts is a fixed pattern, so
whole columns are joined to text at once, some ten thousand rows at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

ROWS_AT_ONCE = 32_768  # about 10 MB of text: the files' length does not show in memory
ENDS = ("village_a", "village_b")
NODE_TEXTS = ("name", "cluster_id")
NODE_NUMBERS = ("lon", "lat")

_FORBIDDEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_ENTITIES = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}  # a parser would make spaces of the last
_GRAPHML_HEAD = """<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""

Rows = NDArray[np.intp]
Parts = list[Any]  # of a row's text: pieces that stay the same, and pyarrow arrays of those that do not


def write_tie_geojson(nodes: pd.DataFrame, ties: pd.DataFrame, path: Path) -> None:
    """
    Write ties as lines in WGS84 GeoJSON by RFC 7946, in the layout of GDAL's own writer.

    Parameters
    ----------
    nodes
        The villages: `village_id`, unique, and `lon`, `lat` in degrees, at most six decimals.
    ties
        `village_a` and `village_b`, ids of `nodes`, and numbers, each of them finite, or nan for one that is missing.
    path
        The file.
    """
    ids = _texts(nodes["village_id"], lambda text: json.dumps(text, ensure_ascii=False))
    at = _joined(["[ ", _numbers(nodes["lon"]), ", ", _numbers(nodes["lat"]), " ]"])

    def rows(part: pd.DataFrame, a: Rows, b: Rows) -> Parts:
        texts = ['{ "type": "Feature", "properties": { "village_a": ', ids.take(a), ', "village_b": ', ids.take(b)]
        for name in _numbers_of(ties):
            texts += [f', "{name}": ', pc.fill_null(_numbers(part[name]), "null")]
        line = [' }, "geometry": { "type": "LineString", "coordinates": [ ', at.take(a), ", ", at.take(b), " ] } },\n"]
        return texts + line

    with path.open("wb") as file:
        file.write(b'{\n"type": "FeatureCollection",\n"xy_coordinate_resolution": 1e-06,\n"features": [\n')
        _write_all(file, starmap(rows, _batches(nodes, ties)), last=b"\n]\n}\n", unwanted=len(",\n"))


def write_graphml(nodes: pd.DataFrame, ties: pd.DataFrame, path: Path) -> None:
    """
    Write villages and ties as GraphML.

    XML cannot hold control characters; each is replaced by U+FFFD.

    Parameters
    ----------
    nodes
        The villages: `village_id`, unique, `name`, `cluster_id` (empty for none), and `lon`, `lat` in degrees.
    ties
        As in `write_tie_geojson`; its numbers become attributes of edges, a missing one none.
    path
        The file.
    """
    numbers = _numbers_of(ties)
    keys = {name: f"d{k}" for k, name in enumerate([*NODE_TEXTS, *NODE_NUMBERS, *numbers])}
    ids = _texts(nodes["village_id"], _xml)

    def node_rows(part: pd.DataFrame, start: int) -> Parts:
        texts: Parts = ['<node id="', ids.slice(start, len(part)), '">']
        for name in NODE_TEXTS:
            texts += [f'<data key="{keys[name]}">', _texts(part[name], _xml), "</data>"]
        for name in NODE_NUMBERS:
            texts += [f'<data key="{keys[name]}">', _numbers(part[name]), "</data>"]
        return [*texts, "</node>\n"]

    def edge_rows(part: pd.DataFrame, a: Rows, b: Rows) -> Parts:
        texts: Parts = ['<edge source="', ids.take(a), '" target="', ids.take(b), '">']
        for name in numbers:
            data: Parts = [f'<data key="{keys[name]}">', _numbers(part[name]), "</data>"]
            texts += [pc.fill_null(_joined(data), "")] if part[name].isna().any() else data
        return [*texts, "</edge>\n"]

    with path.open("wb") as file:
        file.write(_GRAPHML_HEAD.encode())
        for name, key in keys.items():
            owner, kind = "edge" if name in numbers else "node", "string" if name in NODE_TEXTS else "double"
            file.write(f'<key id="{key}" for="{owner}" attr.name="{_xml(name)}" attr.type="{kind}"/>\n'.encode())
        file.write(b'<graph edgedefault="undirected">\n')
        starts = range(0, len(nodes), ROWS_AT_ONCE)
        _write_all(file, (node_rows(nodes.iloc[start : start + ROWS_AT_ONCE], start) for start in starts))
        _write_all(file, starmap(edge_rows, _batches(nodes, ties)), last=b"</graph>\n</graphml>\n")


def tie_layer(points: NDArray[np.float64], nodes: pd.DataFrame, ties: pd.DataFrame) -> Any:
    """
    Give ties as straight lines, a batch of rows at a time.

    Parameters
    ----------
    points
        Where each village of `nodes` stands, in the reference system that the layer is to have; shape (nodes, 2).
    nodes, ties
        As in `write_tie_geojson`.

    Returns
    -------
    pyarrow.RecordBatchReader
        The two ends, the numbers of `ties`, null where missing, and `geometry`, lines as well-known binary.
    """
    numbers = _numbers_of(ties)
    texts = [(end, pa.string()) for end in ENDS]
    schema = pa.schema([*texts, *((name, pa.float64()) for name in numbers), ("geometry", pa.binary())])
    ids = _texts(nodes["village_id"], str)

    def batches() -> Iterator[Any]:
        for part, a, b in _batches(nodes, ties):
            columns = [pa.array(part[name].to_numpy(dtype=np.float64), from_pandas=True) for name in numbers]
            yield pa.record_batch([ids.take(a), ids.take(b), *columns, _lines(points[a], points[b])], schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _lines(start: NDArray[np.float64], end: NDArray[np.float64]) -> Any:
    """Well-known binary of lines of two points: a fixed number of bytes, so that all are made at once."""
    row = [("order", "u1"), ("kind", "<u4"), ("points", "<u4"), ("at", "<f8", (4,))]
    lines = np.empty(len(start), dtype=row)
    lines["order"], lines["kind"], lines["points"] = 1, shapely.GeometryType.LINESTRING + 1, 2
    lines["at"] = np.hstack([start, end])
    offsets = np.arange(len(lines) + 1, dtype=np.int32) * lines.itemsize
    return pa.Array.from_buffers(pa.binary(), len(lines), [None, pa.py_buffer(offsets), pa.py_buffer(lines)])


def _numbers_of(ties: pd.DataFrame) -> list[str]:
    return [name for name in ties.columns if name not in ENDS]


def _batches(nodes: pd.DataFrame, ties: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, Rows, Rows]]:
    """Give some rows of ties after the others, with both ends as row numbers of `nodes`."""
    known = pd.Index(nodes["village_id"])
    for start in range(0, len(ties), ROWS_AT_ONCE):
        part = ties.iloc[start : start + ROWS_AT_ONCE]
        a, b = (known.get_indexer(part[end]) for end in ENDS)
        yield part, a, b


def _write_all(file: BinaryIO, batches: Iterable[Parts], *, last: bytes = b"", unwanted: int = 0) -> None:
    """Write batches of rows, then `last`; of the last row, `unwanted` bytes at its end are left out."""
    pending = memoryview(b"")
    for parts in batches:
        file.write(pending)
        text = _joined(parts)
        # the characters of a string array lie in one piece of memory, row after row
        pending = memoryview(text.buffers()[2])[: pc.sum(pc.binary_length(text)).as_py()]
    file.write(pending[: len(pending) - unwanted] if len(pending) else pending)
    file.write(last)


def _joined(parts: Parts) -> Any:
    return pc.binary_join_element_wise(*parts, "")


def _texts(values: pd.Series, written: Callable[[str], str]) -> Any:
    return pa.array([written(str(value)) for value in values], pa.string())


def _numbers(values: pd.Series) -> Any:
    """
    Write numbers with as few digits as tell them apart, always as decimals: 1 could be read as another type.

    A nan is null.
    """
    plain = pc.cast(pa.array(values.to_numpy(dtype=np.float64) + 0.0, from_pandas=True), pa.string())  # no -0
    return pc.if_else(pc.match_substring_regex(plain, "[.e]"), plain, pc.binary_join_element_wise(plain, ".0", ""))


def _xml(text: str) -> str:
    return escape(_FORBIDDEN_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text), _XML_ENTITIES)
