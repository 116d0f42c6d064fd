"""Leaflet itself, made part of the page: nothing is asked of any network."""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

from xstatic.pkg import leaflet

_LINK_OF_PREFIX = re.compile(r'<a href="https://leafletjs\.com"[^>]*>')


@cache
def leaflet_script() -> str:
    """Read Leaflet's script, without its link to a web page and to a source map."""
    script = _asset("leaflet.js").decode("utf-8")
    return _LINK_OF_PREFIX.sub("<a>", re.sub(r"//# sourceMappingURL=.*\s*$", "", script))


@cache
def leaflet_style() -> str:
    """Read Leaflet's style sheet with its pictures inside."""
    style = _asset("leaflet.css").decode("utf-8")
    style = style.replace("behavior: url(#default#VML);", "")  # Internet Explorer 8 drew with it
    return re.sub(r"url\((images/[\w-]+\.png)\)", lambda match: f"url({_data_uri(match[1])})", style)


def _data_uri(name: str) -> str:
    return "data:image/png;base64," + base64.b64encode(_asset(name)).decode("ascii")


def _asset(name: str) -> bytes:
    return (Path(leaflet.BASE_DIR) / name).read_bytes()
