"""Background maps from a network, for pages whose maker wants to offer them; without one, a page asks nobody."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from ..errors import InputError


@cache
def known_backgrounds() -> dict[str, dict[str, Any]]:
    """Read the background maps that can be offered, by key."""
    text = resources.files(__package__).joinpath("backgrounds.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    return {key: {"key": key, "token": False, "wms_layers": None, **entry} for key, entry in given.items()}


def backgrounds_of(keys: Iterable[str]) -> list[dict[str, Any]]:
    """
    Find background maps by their keys, in the order given.

    Raises
    ------
    InputError
        If one is not known.
    """
    known = known_backgrounds()
    chosen = list(dict.fromkeys(keys))
    for key in chosen:
        if key not in known:
            raise InputError(f"no background map {key!r}", advice=f"choose among {', '.join(known)}")
    return [known[key] for key in chosen]
