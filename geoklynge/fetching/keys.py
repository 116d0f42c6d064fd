"""Keys that sources want: from the environment or the keyring, into the request, and nowhere else."""

from __future__ import annotations

import os

from ..open_data import OpenSource

SERVICE = "geoklynge"  # under which the keyring of the operating system holds them


def key_of(source: OpenSource) -> str:
    """
    Find the key of a source; empty where there is none.

    The environment variable named by `source.key` comes first, then the entry of that name under ``geoklynge`` in the
    keyring, where the package keyring is installed.
    """
    return os.environ.get(source.key, "").strip() or _from_keyring(source.key)


def _from_keyring(name: str) -> str:
    try:
        import keyring
    except ImportError:  # an extra
        return ""
    try:
        return (keyring.get_password(SERVICE, name) or "").strip()
    except keyring.errors.KeyringError:  # locked, or this machine has none
        return ""


def how_to_get(source: OpenSource) -> str:
    """Say in one sentence where a key comes from and where it goes."""
    return f"needs a free key: get one at {source.key_from}, and put it into the environment variable {source.key}"
