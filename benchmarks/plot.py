"""The picture of the growth: seconds and peak memory of each stage over the size of the country."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .fit import fit_growth
from .report import LEAST_S, stage_medians
from .results import Result

FEWEST_SIZES = 2


def plot_growth(cases: Mapping[str, Result], path: Path) -> bool:
    """Draw it, on logarithmic axes; tells whether there was enough to draw."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    measured = [case for case in cases.values() if case["seconds"]]
    if len(measured) < FEWEST_SIZES:
        return False
    sizes = [case["facts"]["villages"] for case in measured]
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    for axis, key, label in zip(axes, ("stages", "stage_peak_mb"), ("seconds", "peak memory, MB"), strict=True):
        told = [stage_medians(case, key) for case in measured]
        for stage in dict.fromkeys(stage for run in told for stage in run):
            values = [run.get(stage, 0.0) for run in told]
            growth = fit_growth(sizes, values, at_least=LEAST_S if key == "stages" else 0.0)
            name = f"{stage}, n^{growth.exponent:.2f}" if growth else stage
            axis.plot(sizes, [max(value, 1e-3) for value in values], marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel="villages", ylabel=label)
        axis.grid(visible=True, which="both", alpha=0.2)
        axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True
