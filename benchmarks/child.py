"""The other end of `measure.call`: one function called in a fresh process."""

from __future__ import annotations

import importlib
import json
import signal
import sys
import traceback
from pathlib import Path


def main(target: str, arguments: str, value: str) -> None:
    """Call ``module:function`` with arguments from a JSON file; its result, or what went wrong, goes to another."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # lets it stop what it started itself
    module, _, function = target.partition(":")
    try:
        answer = getattr(importlib.import_module(module), function)(**json.loads(Path(arguments).read_text("utf-8")))
    except ModuleNotFoundError as error:
        answer = {"error": f"not installed: {error.name}"}
    except Exception as error:  # a peer may raise anything; the benchmark goes on and reports it
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    Path(value).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
