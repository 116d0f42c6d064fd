"""Are village clusters that really exist found again? How well a run agrees with them, and what chance would find."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..assessment import MEASURES, assess_sets, places_of, worth
from ..pipeline import Run
from ..village_sets import VillageSets, sets_of
from .agreement import jaccard
from .baseline import random_sets
from .known import KnownCluster, Matched, match_known
from .reasons import FOUND, PARTLY, Case, Reason, Rival, explain

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

DRAWS = 200  # random sets a known cluster

Word = Literal["found", "partly", "missed"]


@dataclass(frozen=True)
class Best:
    """
    How well the best of some sets agrees with a real cluster: Jaccard by villages, and by people.

    Each is the best for itself; the set that agrees best by villages may not be the one that does by people.
    """

    villages: float
    people: float

    @property
    def verdict(self) -> Word:
        """Found from 0.5 by villages, partly from 0.3."""
        return "found" if self.villages >= FOUND else "partly" if self.villages >= PARTLY else "missed"


@dataclass(frozen=True)
class PlanCluster:
    """
    The chosen cluster that agrees best by villages with a real one.

    `missing` are the real one's villages that it lacks, `extra` its own that the real one lacks, by name.
    """

    cluster_id: str
    rank: int
    name: str
    score: float
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """The candidate that agrees best by villages: its place by score among the `of` that share a village."""

    rank: int
    of: int
    score: float
    n_villages: int


@dataclass(frozen=True)
class RealScore:
    """What the score says of a real cluster: of those of its villages that may be members."""

    score: float
    measures: dict[str, float]
    n_villages: int


@dataclass(frozen=True)
class Chance:
    """
    What connected sets of the same size, grown at random, reach: means over the draws.

    `found` is the share of draws that agree by 0.5 or more by villages (of several clusters: the sum, so many are
    to be expected), `villages` and `people` the mean Jaccard.
    """

    found: float
    villages: float
    people: float


@dataclass(frozen=True)
class Recovery:
    """
    How far one known cluster is found again.

    `cluster` and `candidate` are None where none shares a village with it, `real` where fewer than two of its
    villages may be members.
    """

    matched: Matched
    in_plan: Best
    in_pool: Best
    cluster: PlanCluster | None
    candidate: Candidate | None
    real: RealScore | None
    reason: Reason
    chance: Chance


@dataclass(frozen=True)
class Tally:
    """Counts of verdicts and mean Jaccard over all known clusters; one without data counts as missed, with 0."""

    found: int
    partly: int
    missed: int
    villages: float
    people: float


@dataclass(frozen=True)
class Validation:
    """All known clusters of a study's municipalities held against a run; `left_out` are those of other ones."""

    recoveries: tuple[Recovery, ...]
    left_out: tuple[KnownCluster, ...]
    in_plan: Tally
    in_pool: Tally
    chance: Chance
    draws: int


def validate(run: Run, known: Sequence[KnownCluster], *, draws: int = DRAWS) -> Validation:
    """
    Hold a run against clusters that really exist.

    The Jaccard index of two sets of villages is what both hold out of what either holds; a cluster is found where it
    reaches 0.5 by villages, partly from 0.3. What chance finds is measured beside it: connected sets as large as the
    real one, grown at random from a random village of its municipality that may be a member.

    Parameters
    ----------
    run
        A run of the study.
    known
        The clusters, from `read_known`.
    draws
        How many random sets a cluster, 1 or more.

    Raises
    ------
    InputError
        If no known cluster lies in a municipality of the study.
    """
    matched, left_out = match_known(known, run.tables)
    real = sets_of([one.rows for one in matched], len(run.tables.villages))
    plan = _compare(run.pool.sets.take(run.plan.chosen), run.plan.chosen, real, run)
    pool = _compare(run.pool.sets, np.arange(len(run.pool.sets)), real, run)
    members = [one.rows[run.pool.eligible[one.rows]] for one in matched]
    scores = _real_scores(members, run)
    recoveries = []
    for number, one in enumerate(matched):
        in_plan, in_pool = plan.best(number), pool.best(number)
        case = _case(one, members[number], number, plan, pool, run)
        recoveries.append(
            Recovery(
                one,
                in_plan,
                in_pool,
                _plan_cluster(one, number, plan, run),
                _candidate(number, pool, run),
                scores[number],
                explain(case, run),
                _by_chance(one, run, draws),
            )
        )
    chances = [recovery.chance for recovery in recoveries]
    return Validation(
        tuple(recoveries),
        left_out,
        _tally([recovery.in_plan for recovery in recoveries]),
        _tally([recovery.in_pool for recovery in recoveries]),
        Chance(
            sum(chance.found for chance in chances),
            float(np.mean([chance.villages for chance in chances])),
            float(np.mean([chance.people for chance in chances])),
        ),
        draws,
    )


@dataclass(frozen=True)
class _Compared:
    """Sets of the pool (`numbers` there) held against the real clusters: Jaccard of shape (sets, real clusters)."""

    sets: VillageSets
    numbers: Longs
    villages: Floats
    people: Floats

    def best(self, real: int) -> Best:
        """Best agreement with a real cluster."""
        return Best(float(self.villages[:, real].max()), float(self.people[:, real].max()))

    def nearest(self, real: int) -> int | None:
        """Which set agrees best by villages, of equals by people; None where none shares a village."""
        if not self.villages[:, real].any():
            return None
        return int(np.lexsort((-self.people[:, real], -self.villages[:, real]))[0])


def _compare(sets: VillageSets, numbers: Longs, real: VillageSets, run: Run) -> _Compared:
    people = run.tables.villages["people"].to_numpy(dtype=np.float64)
    return _Compared(sets, numbers, jaccard(sets, real), jaccard(sets, real, people))


def _values(run: Run) -> Floats:
    """Tell what each candidate is worth to the plan."""
    values: Floats = worth(run.assessment)
    return values


def _chosen_cluster(village: int, run: Run) -> pd.Series:
    """Row of the written cluster that a village belongs to."""
    clusters = run.result.clusters
    cluster_id = run.result.villages["cluster_id"].iloc[village]
    row: pd.Series = clusters.loc[clusters["cluster_id"] == cluster_id].iloc[0]
    return row


def _case(one: Matched, members: Ints, number: int, plan: _Compared, pool: _Compared, run: Run) -> Case:
    nearest, values = pool.nearest(number), _values(run)
    rivals: list[Rival] = []
    if nearest is not None:
        shared = np.isin(plan.sets.member, pool.sets.rows(nearest))
        for at in np.unique(plan.sets.set_of_member()[shared]).tolist():
            cluster = _chosen_cluster(int(plan.sets.rows(at)[0]), run)
            rivals.append(Rival(str(cluster["name"]), float(values[plan.numbers[at]])))
    return Case(
        one,
        members,
        plan.best(number).villages,
        pool.best(number).villages,
        int((pool.villages[:, number] > 0).sum()),
        float(values[nearest]) if nearest is not None else 0.0,
        tuple(sorted(rivals, key=lambda rival: (-rival.value, rival.name))),
    )


def _plan_cluster(one: Matched, number: int, plan: _Compared, run: Run) -> PlanCluster | None:
    nearest = plan.nearest(number)
    if nearest is None:
        return None
    rows = plan.sets.rows(nearest)
    names = run.tables.villages["name"].to_numpy(dtype=object)
    written = _chosen_cluster(int(rows[0]), run)
    return PlanCluster(
        str(written["cluster_id"]),
        int(written["rank"]),
        str(written["name"]),
        float(run.assessment["score"].iloc[plan.numbers[nearest]]),
        tuple(sorted(str(name) for name in names[np.setdiff1d(one.rows, rows)])),
        tuple(sorted(str(name) for name in names[np.setdiff1d(rows, one.rows)])),
    )


def _candidate(number: int, pool: _Compared, run: Run) -> Candidate | None:
    nearest = pool.nearest(number)
    if nearest is None:
        return None
    scores = run.assessment["score"].to_numpy(dtype=np.float64)
    sharing = scores[pool.villages[:, number] > 0]
    rank = 1 + int((sharing > scores[nearest]).sum())
    return Candidate(rank, len(sharing), float(scores[nearest]), len(pool.sets.rows(nearest)))


def _real_scores(members: Sequence[Ints], run: Run) -> list[RealScore | None]:
    """Assess real clusters as if they were candidates."""
    several = [number for number, rows in enumerate(members) if len(rows) >= 2]
    scores: list[RealScore | None] = [None] * len(members)
    if not several:
        return scores
    sets = sets_of([members[number] for number in several], len(run.tables.villages))
    table = assess_sets(sets, places_of(run.pool, run.tables, run.ties), run.ties, run.study)
    for number, row in zip(several, table.to_dict("records"), strict=True):
        measures = {name: float(row[name]) for name in MEASURES}
        scores[number] = RealScore(float(row["score"]), measures, len(members[number]))
    return scores


def _by_chance(one: Matched, run: Run, draws: int) -> Chance:
    """Grow random sets as large as a real cluster; its random numbers hang on the seed and on its name alone."""
    limits, villages, eligible = run.study.limits, run.tables.villages, run.pool.eligible
    starts = one.home[eligible[one.home]]
    if not (len(one.rows) and len(starts)):
        return Chance(0.0, 0.0, 0.0)
    group = pd.factorize(villages["municipality_id"])[0] if limits.one_municipality else np.zeros(len(villages))
    rng = np.random.default_rng([run.study.seed, zlib.crc32(one.known.name.encode())])
    sets = random_sets(
        run.ties,
        np.where(eligible, group, -1).astype(np.int64),
        starts,
        size=len(one.rows),
        weakest_tie=limits.weakest_tie,
        draws=rng.random((draws, 1 + len(one.rows))),
    )
    compared = _compare(sets, np.arange(draws), sets_of([one.rows], len(villages)), run)
    return Chance(
        float((compared.villages >= FOUND).mean()), float(compared.villages.mean()), float(compared.people.mean())
    )


def _tally(best: Sequence[Best]) -> Tally:
    verdicts = [one.verdict for one in best]
    return Tally(
        verdicts.count("found"),
        verdicts.count("partly"),
        verdicts.count("missed"),
        float(np.mean([one.villages for one in best])),
        float(np.mean([one.people for one in best])),
    )
