"""How to get every source by hand, for whoever sits behind a firewall."""

from __future__ import annotations

from collections.abc import Sequence

from ..open_data import open_sources
from .catalogue import INDEX


def instructions(keys: Sequence[str] = ()) -> str:
    """
    Write down, source by source, what to download where and under which name to save it.

    Parameters
    ----------
    keys
        Of the sources; all by default.
    """
    parts = [
        "Download these files with a browser and save them, under the names given, in one folder; then run",
        "`geoklynge fetch PLACE --into THAT_FOLDER --offline`: it takes what lies there and asks nobody; without",
        "--offline it asks for the rest. Name a municipality by its number then. Every file asks for the attribution",
        "beside it.",
    ]
    for key, source in open_sources().items():
        if key == INDEX or (keys and key not in keys):
            continue
        parts += [
            "",
            f"{source.file}  ({key}: {source.en})",
            f"  from   {source.homepage}",
            f"  how    {source.by_hand}",
            f"  say    {source.attribution} ({source.licence})",
        ]
        if source.key:
            parts.append(f"  key    free: {source.key_from}")
    return "\n".join(parts)
