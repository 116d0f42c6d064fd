"""The map as Folium builds it: layers, control, and the names under which the page's script finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import folium
from folium import Element, MacroElement
from jinja2 import Template

from ..pipeline import Run
from .content import BIG_STUDY, Content
from .drawing import border_lines, frame_around, land_of, light_areas, main_roads

AREA_TOLERANCE_M = 30.0
BORDER_TOLERANCE_M = 40.0
BIG_BORDER_TOLERANCE_M = 80.0
MARGIN_M = 12_000.0  # how far beyond the outermost village land and borders are drawn
LAND_STYLE = {"fillColor": "#f7f5ef", "fillOpacity": 1, "color": "#c9c7bd", "weight": 1}
BORDER_STYLES = {
    "parishes": {"color": "#7b7f86", "weight": 1, "opacity": 0.6, "dashArray": "2 4"},
    "municipalities": {"color": "#4b5563", "weight": 1.6, "opacity": 0.7},
    "roads": {"color": "#c9a36a", "weight": 1.6, "opacity": 0.8},
}

Borders = dict[str, dict[str, Any]]


class _Handles(MacroElement):
    """Lets the page's own script find map and layers by plain names."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            window.geoklynge = {
                map: {{ this.map.get_name() }},
                layers: {
                    {%- for name, layer in this.layers.items() %}
                    {{ name|tojson }}: {{ layer.get_name() }},
                    {%- endfor %}
                },
            };
        {% endmacro %}
        """
    )

    def __init__(self, map_: folium.Map, layers: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "handles"
        self.map, self.layers = map_, layers


def build_map(run: Run, content: Content, borders: Borders) -> tuple[str, str]:
    """
    Build the map.

    Areas, land, borders and roads are GeoJSON layers; villages, services and ties are empty groups that the page's
    script fills from the embedded data when they are first shown. The page has its own list of layers.

    Parameters
    ----------
    run
        For the clusters' areas.
    content
        As `content_of` gives it.
    borders
        As `border_shapes` gives them.

    Returns
    -------
    tuple of two strings
        The map's place in the page, and its script.
    """
    drawn = folium.Map(
        location=None,
        tiles=None,
        prefer_canvas=True,
        zoom_control=False,
        attributionControl=False,
        minZoom=5,
        maxZoom=16,
        zoomSnap=0.25,
    )
    layers = _layers(run, content, borders)
    for layer in layers.values():
        layer.add_to(drawn)
    _Handles(drawn, layers).add_to(drawn)
    figure: Any = drawn.get_root()
    _number(figure)
    figure.render()  # its head, with addresses of scripts on a CDN, is left where it is
    return _rendered(figure.html), _rendered(figure.script)


def _rendered(part: Element) -> str:
    return "\n".join(child.render() for child in part._children.values())


def _layers(run: Run, content: Content, borders: Borders) -> dict[str, Any]:
    layers = _border_layers(borders)
    clusters = run.result.clusters
    shapes = light_areas(clusters.geometry.to_numpy(), clusters.crs, AREA_TOLERANCE_M)
    layers["areas"] = _area_layer(shapes, content)
    for key, shown in (("ties", False), ("contested", False), ("villages", True), ("labels", True)):
        layers[key] = folium.FeatureGroup(name=key, show=shown)
    for key in content["categories"]:
        if content["services"].get(key):
            layers[f"service {key}"] = folium.FeatureGroup(name=key, show=False)
    return layers


def border_shapes(run: Run) -> Borders:
    """Draw land, borders of parishes and municipalities, and main roads, as far as the study has them, as GeoJSON."""
    tables = run.tables
    tolerance = BIG_BORDER_TOLERANCE_M if len(tables.villages) > BIG_STUDY else BORDER_TOLERANCE_M
    frame = frame_around(tables.villages, MARGIN_M)
    given = {
        key: table
        for key, table in (("municipalities", tables.municipalities), ("parishes", tables.parishes))
        if table is not None and table.geometry.notna().any()
    }
    land = [land_of(table, frame, tolerance) for table in list(given.values())[:1]]
    lines = {key: border_lines(given[key], frame, tolerance) for key in BORDER_STYLES if key in given}
    shapes = {"land": land[0] if land else None, **lines, "roads": main_roads(tables, frame, tolerance)}
    return {key: shape for key, shape in shapes.items() if shape is not None}


def _border_layers(borders: Borders) -> dict[str, Any]:
    layers: dict[str, Any] = {}
    if "land" in borders:
        layers["land"] = _shape_layer(borders["land"], LAND_STYLE, name="land")
    for key, style in BORDER_STYLES.items():
        if key in borders:
            layers[key] = _shape_layer(borders[key], style, name=key, show=key != "parishes")
    return layers


def _shape_layer(geometry: dict[str, Any], style: dict[str, Any], **options: Any) -> folium.GeoJson:
    data = {"type": "FeatureCollection", "features": [_feature("0", geometry, {})]}
    return folium.GeoJson(data, style_function=lambda _: style, interactive=False, smooth_factor=1.2, **options)


def _area_layer(shapes: list[dict[str, Any]], content: Content) -> folium.GeoJson:
    features = [
        _feature(str(number), shape, {"cluster": number, "colour": cluster["colour"]})
        for number, (shape, cluster) in enumerate(zip(shapes, content["clusters"], strict=True))
    ]

    def style(feature: dict[str, Any]) -> dict[str, Any]:
        colour = feature["properties"]["colour"]
        return {"color": colour, "weight": 1.5, "opacity": 0.9, "fillColor": colour, "fillOpacity": 0.28}

    data = {"type": "FeatureCollection", "features": features}
    return folium.GeoJson(data, name="areas", style_function=style, smooth_factor=0.8)


def _feature(identifier: str, geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "id": identifier, "geometry": geometry, "properties": properties}


def _number(figure: Element) -> None:
    """Name elements by their place in the tree: Folium draws their ids at random, and a run must give one page."""
    for number, element in enumerate(_walk(figure)):
        element._id = f"{number:04d}"


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():
        yield from _walk(child)
