"""The command: measure the parts asked for, then write the results anew from all that is known."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from pathlib import Path

from .cases import measure_part, say
from .plot import plot_growth
from .report import read_parts, render
from .results import disagreements
from .settings import make_settings

PARTS = {"a": "graph", "b": "pairs", "c": "nearest", "d": "partitions", "e": "whole", "f": "growth"}
HERE = Path(__file__).parent


def number(text: str) -> float:
    """Read a size: 2, 0.5 or 1/2."""
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; exit code 1 where a peer disagrees or ours did not end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to measure, such as a,b")
    parser.add_argument("--quick", action="store_true", help="once, on a small country, kept apart: for development")
    parser.add_argument("--repetitions", type=int, help="5 by default, 1 with --quick")
    parser.add_argument("--sizes", help="of part f, such as 1/8,1,4")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds a process may take")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before, too")
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the results")
    options = parser.parse_args(arguments)
    chosen = [key.strip() for key in options.only.split(",") if key.strip()]
    if unknown := sorted(set(chosen) - set(PARTS)):
        parser.error(f"no part {unknown[0]!r} (known: {', '.join(PARTS)})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped; go on with the same command"))
    sizes = tuple(number(text) for text in options.sizes.split(",")) if options.sizes else None
    settings = make_settings(
        quick=options.quick, repetitions=options.repetitions, timeout_s=options.timeout, sizes=sizes
    )
    modules = {key: importlib.import_module(f"benchmarks.part_{name}") for key, name in PARTS.items()}
    for key in [] if options.render else chosen:
        measure_part(key, modules[key], settings, again=options.again)
    parts = read_parts(settings.results)
    home = settings.results if options.quick else HERE
    texts = {key: (module.TITLE, module.ABOUT, module.FACTS) for key, module in modules.items()}
    if "f" in parts:
        plot_growth(parts["f"]["cases"], home / "growth.png")
    (home / "RESULTS.md").write_text(render(parts, texts, base=settings.base.name), encoding="utf-8")
    wrong = disagreements({key: part["cases"] for key, part in parts.items()})
    say("\n".join([f"written: {home / 'RESULTS.md'}", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
