"""Other methods on the same villages, ties and limits, measured as geoklynge's plan is."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..assessment import assess, assess_sets, places_of, worth
from ..candidates import propose
from ..ensemble import shaken_ties
from ..errors import NoPlanError
from ..pipeline import Report, Run
from ..refining import refine
from ..selection import select
from ..ties import Ties
from ..village_sets import VillageSets, keep_limits, sets_by_label, sets_of
from .agreement import jaccard
from .catalogue import ABOUT_OURS, OURS, RIVALS, Rival
from .columns import NOTHING
from .known import KnownCluster, match_known
from .reasons import FOUND
from .rivals import Labels, Setting, Task, task_of
from .trials import Job, Trial, other_process

Bools = NDArray[np.bool_]
AskOne = Callable[[Sequence[Job], float], tuple[Trial, ...]]  # of one method; see `trials.Ask`

SHAKES = 3
SHAKING = 2**34  # above every number of a run of the ensemble, so that shakes are draws of their own
SHARE_FOR_SHAKES = 0.2  # of the timeout
SMALL_PEOPLE = (50.0, 2_000.0)  # of a village as the plan is meant for
ASSESSED = ("cohesion", "compactness", "stability", "score")
OWN_STAGES = ("candidates", "assessment", "refinement", "selection")  # of a run, those that other methods stand in for


@dataclass(frozen=True)
class Row:
    """
    One method beside the others.

    `setting` names the parameter that is shown; `note` says what went wrong, if anything did. `figures` has a number
    for every column, nan where there is none, and `all_settings_seconds` is what all settings took together.
    """

    method: str
    title: str
    about: str
    setting: str
    note: str
    figures: Mapping[str, float]
    all_settings_seconds: float


@dataclass(frozen=True)
class Comparison:
    """All methods, the one that serves most people best first, and what they were compared on."""

    study: str
    seed: int
    villages: int
    eligible: int
    known: int | None
    timeout_s: float
    rows: tuple[Row, ...]


def compare(
    run: Run,
    *,
    rivals: Sequence[Rival] = RIVALS,
    known: Sequence[KnownCluster] | None = None,
    timeout_s: float = 300.0,
    report: Report | None = None,
) -> Comparison:
    """
    Let other methods group the villages of a run, and measure what they find beside the run's plan.

    Every method gets the villages that may be members, their ties and the limits (`Task`). A method with a parameter
    tries a few settings, and the one with the greatest sum of score x people served within the limits is shown.

    Parameters
    ----------
    run
        A run of the study.
    rivals
        The methods; they work in another process, which none of them takes along when it fails.
    known
        Clusters that really exist, from `read_known`; those of other municipalities do not count.
    timeout_s
        Seconds that one method has for all its settings; a fifth of that for the shaken ties, and the same again for
        geoklynge's own plans on them.
    report
        Called with the name of a method as it begins; see `pipeline.Report`.

    Raises
    ------
    InputError
        If no known cluster lies in a municipality of the study.
    """
    tell: Report = report or (lambda _stage, _done, _total: None)
    real = None if known is None else _known_sets(known, run)
    tell(OURS, 0, 0)
    rows = [_own_row(run, real, timeout_s)]
    with tempfile.TemporaryDirectory(prefix="geoklynge-compare-") as folder, other_process() as ask:
        task = task_of(run.tables, run.ties, run.pool.eligible, run.study)
        basis = _Basis(run, task, _write_tasks(run, Path(folder)), real, timeout_s)
        for rival in rivals:
            tell(rival.name, 0, 0)
            rows.append(_row_of(rival, partial(ask, rival.label, rival.needs), basis))
    rows.sort(key=lambda row: -np.nan_to_num(row.figures["objective"], nan=-1.0))
    eligible = int(run.pool.eligible.sum())
    n_known = None if real is None else len(real)
    return Comparison(run.study.name, run.study.seed, len(run.pool.eligible), eligible, n_known, timeout_s, tuple(rows))


def _known_sets(known: Sequence[KnownCluster], run: Run) -> VillageSets:
    """All villages of each known cluster of the study, as `validate` counts them."""
    matched, _ = match_known(known, run.tables)
    return sets_of([one.rows for one in matched], len(run.tables.villages))


def _shakes_of(run: Run) -> Iterator[Ties]:
    """Shake the ties of a run; the same shakes for all methods."""
    for k in range(SHAKES):
        yield shaken_ties(run.ties, run.study, np.random.default_rng([run.study.seed, SHAKING + k]))


def _write_tasks(run: Run, folder: Path) -> list[Path]:
    """Write the task as it is, then as it is on shaken ties; the same shakes for all methods."""
    paths = []
    for number, ties in enumerate((run.ties, *_shakes_of(run))):
        paths.append(folder / f"task-{number}.pickle")
        paths[-1].write_bytes(pickle.dumps(task_of(run.tables, ties, run.pool.eligible, run.study)))
    return paths


@dataclass(frozen=True)
class _Basis:
    """What all methods are compared on; the first of the written tasks is `task`, the others are on shaken ties."""

    run: Run
    task: Task
    written: Sequence[Path]
    known: VillageSets | None
    timeout_s: float


def _row_of(rival: Rival, ask: AskOne, basis: _Basis) -> Row:
    """Let one method work, and measure the best of what it found."""
    run, settings = basis.run, rival.settings(basis.task)
    trials = ask([(basis.written[0], setting) for setting in settings], basis.timeout_s)
    measured = [
        (trial, measure(sets_of_labels(trial.labels, run), run, basis.known))
        for trial in trials
        if trial.labels is not None
    ]
    if not measured:
        return Row(rival.name, rival.title, rival.about, "", _troubles(trials), NOTHING, float("nan"))
    shown, figures = max(measured, key=lambda one: one[1]["objective"])  # of equals the first
    repeated = _on_shaken_ties(shown, ask, basis.written[1:], basis.timeout_s) if rival.shaken else float("nan")
    figures = {**figures, "repeated": repeated, "seconds": shown.seconds}
    seconds = float(np.nansum([trial.seconds for trial in trials]))
    note = _note(trials, len(settings), figures)
    return Row(rival.name, rival.title, rival.about, said(shown.setting), note, figures, seconds)


def _note(trials: Sequence[Trial], n_settings: int, figures: Mapping[str, float]) -> str:
    """Say what went wrong with some settings, and whether any cluster keeps the limits."""
    worked = sum(trial.labels is not None for trial in trials)
    parts = [f"{worked} of {n_settings} settings worked: {_troubles(trials)}"] if worked < n_settings else []
    if not figures["within_limits"] > 0:
        parts.append("no cluster keeps the limits")
    return "; ".join(parts)


def _troubles(trials: Sequence[Trial]) -> str:
    return "; ".join(dict.fromkeys(trial.trouble for trial in trials if trial.trouble))


def _own_row(run: Run, known: VillageSets | None, timeout_s: float) -> Row:
    """Measure the plan of the run like any other method's clusters."""
    sets = run.pool.sets.take(run.plan.chosen)
    seconds = sum(timing.seconds for timing in run.timings if timing.stage in OWN_STAGES)
    repeated = float("nan")
    if SHAKES * seconds <= timeout_s:  # the others share a fifth with their settings
        first = sets.set_of_village()[run.pool.eligible].astype(np.int64)
        repeated = _mean_agreement(first, _on_same_shakes(run))
    figures = {**measure(sets, run, known), "repeated": repeated, "seconds": seconds}
    return Row(OURS, OURS, ABOUT_OURS, f"ensemble of {len(run.pool.partitions)}", "", figures, seconds)


def _on_same_shakes(run: Run) -> Iterator[Labels]:
    """Labels of the villages that may be members in geoklynge's own plans on shaken ties, where there is one."""
    for ties in _shakes_of(run):
        try:
            pool = propose(run.tables, run.travel, ties, run.study)
            assessment = assess(pool, run.tables, ties, run.study)
            pool, assessment = refine(pool, assessment, run.tables, ties, run.study)
            plan = select(pool.sets, worth(assessment), pool.wishes)
        except NoPlanError:
            return
        yield pool.sets.take(plan.chosen).set_of_village()[run.pool.eligible].astype(np.int64)


def _on_shaken_ties(shown: Trial, ask: AskOne, tasks: Sequence[Path], timeout_s: float) -> float:
    """Agreement of what a method found with what it finds on shaken ties; nan where that takes too long."""
    if shown.labels is None or SHAKES * shown.seconds > SHARE_FOR_SHAKES * timeout_s:
        return float("nan")
    again = ask([(task, shown.setting) for task in tasks], SHARE_FOR_SHAKES * timeout_s)
    return _mean_agreement(shown.labels, (trial.labels for trial in again if trial.labels is not None))


def _mean_agreement(first: Labels, others: Iterator[Labels]) -> float:
    """Mean of `agreement_of_labels` with all `SHAKES` others; nan where there are fewer."""
    found = [agreement_of_labels(first, other) for other in others]
    return float(np.mean(found)) if len(found) == SHAKES else float("nan")


def agreement_of_labels(one: Labels, other: Labels) -> float:
    """
    Compare two groupings of the same villages by the adjusted Rand index.

    1 for the same groups, about 0 for groups that agree as chance would. A village with label -1 is a group of its
    own: two methods that leave everybody alone agree, and one big group is something else.

    References
    ----------
    Hubert, L., Arabie, P. (1985). Comparing partitions. Journal of Classification 2, 193-218.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(*(_alone_is_a_group(labels) for labels in (one, other))))


def _alone_is_a_group(labels: Labels) -> Labels:
    return np.where(labels >= 0, labels, labels.max(initial=-1) + 1 + np.arange(len(labels)))


def sets_of_labels(labels: Labels, run: Run) -> VillageSets:
    """Make sets, as rows of the villages table, of labels of the villages that may be members; none of one village."""
    labelled = labels >= 0
    rows = np.flatnonzero(run.pool.eligible).astype(np.int32)[labelled]
    sets = sets_by_label(labels[labelled], rows, len(run.pool.eligible))
    return sets.take(sets.sizes() >= 2)


def measure(sets: VillageSets, run: Run, known: VillageSets | None = None) -> dict[str, float]:
    """
    Measure clusters of whatever origin as the pipeline measures its own; see `COLUMNS` for what each means.

    Parameters
    ----------
    sets
        The clusters, each of two villages or more.
    run
        Gives villages, ties, limits and the ensemble.
    known
        Clusters that really exist, as rows of the villages table.

    Returns
    -------
    dict
        The figures of a row but for `repeated` and `seconds`; nan where there is nothing to measure.
    """
    kept = keep_limits(sets, run.ties, run.tables.villages, run.study.limits, run.pool.wishes)
    within = sets.take(kept)
    figures = dict(NOTHING)
    figures["clusters"] = float(len(sets))
    figures["within_limits"] = float(kept.mean()) if len(sets) else float("nan")
    figures.update(_coverage(within, run))
    figures["objective"] = 0.0
    if len(within):
        table = assess_sets(within, places_of(run.pool, run.tables, run.ties), run.ties, run.study)
        figures.update({name: float(table[name].mean()) for name in ASSESSED})
        figures["objective"] = float(worth(table).sum())
    if known is not None and len(known):
        best = jaccard(sets, known).max(axis=0, initial=0.0)
        figures["known_found"] = float((best >= FOUND).sum())
        figures["known_jaccard"] = float(best.mean())
    return figures


def _coverage(within: VillageSets, run: Run) -> dict[str, float]:
    """Shares of villages that may be members: in a cluster within the limits, and in several."""
    times = np.bincount(within.member, minlength=within.n_villages)
    people = run.tables.villages["people"].to_numpy(dtype=np.float64)
    eligible = run.pool.eligible
    small = eligible & (people >= SMALL_PEOPLE[0]) & (people <= SMALL_PEOPLE[1])
    return {
        "covered_small": _share(times > 0, small),
        "covered": _share(times > 0, eligible),
        "overlapping": _share(times > 1, eligible),
    }


def _share(marked: Bools, among: Bools) -> float:
    return float(marked[among].mean()) if among.any() else float("nan")


def said(setting: Setting) -> str:
    """
    Say a setting in words.

    Examples
    --------
    >>> said({"villages": 3, "clusters": "leaf"})
    'villages 3, clusters leaf'
    >>> said({"near_minutes": 7.0})
    'near minutes 7'
    """
    words = ((name.replace("_", " "), value) for name, value in setting.items())
    return ", ".join(f"{name} {value}" if isinstance(value, str) else f"{name} {value:.4g}" for name, value in words)
