"""The method's table of contents: from a study to a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pandas as pd

from .assessment import assess, worth
from .candidates import Pool, propose
from .certainty import co_membership
from .checker import Verdict, check
from .clusters import Clusters, describe
from .errors import InputError
from .explaining import Explanation, change_columns, explain, profile_columns
from .open_country import count_open_country
from .progress import Tell, told_nobody
from .quality import Quality, examine
from .refining import refine
from .selection import Plan, select
from .sources import read_tables
from .study import Study
from .tables import Finding, Tables
from .ties import Ties, tie_villages
from .topics import TopicPlan, plan_topics, topic_columns
from .travel import Travel, measure_other_modes, measure_travel

Report = Callable[[str, int, int], None]  # stage, parts done, parts in all (0: not known)


@dataclass(frozen=True)
class Timing:
    """How long one stage took, in seconds, and the most memory the process had held when it ended, in megabytes."""

    stage: str
    seconds: float
    peak_memory_mb: float | None = None


@dataclass(frozen=True)
class Run:
    """Everything a study led to: enough to draw, write and compare it; nothing else is needed."""

    study: Study
    tables: Tables
    travel: Travel
    ties: Ties
    pool: Pool
    assessment: pd.DataFrame
    plan: Plan
    result: Clusters
    explanation: Explanation
    verdict: Verdict
    timings: tuple[Timing, ...]
    topics: tuple[TopicPlan, ...] = ()
    quality: Quality = field(default_factory=Quality)

    def findings(self) -> tuple[Finding, ...]:
        """Every doubt about the data, in the order of the stages."""
        return self.tables.findings + self.quality.findings + self.travel.findings + self.ties.findings

    def shown_ties(self) -> pd.DataFrame:
        """
        Ties strong enough to hold a cluster together; the others are too many and too faint to show.

        The columns of `Ties.table`, and `together`: the share of the ensemble's runs that keep the two together.
        """
        weakest = self.study.limits.weakest_tie
        shown = self.ties.weight >= weakest
        together = co_membership(self.pool.partitions, self.ties.a[shown], self.ties.b[shown])
        return self.ties.table(at_least=weakest).assign(together=together)


def run(study: Study, *, report: Report | None = None, cache: Path | None = None) -> Run:
    """
    Run a study from its sources to a checked plan.

    Parameters
    ----------
    study
        What to analyse and how.
    report
        Called with the name of a stage as it begins and as it comes forward; see `Report`.
    cache
        Folder in which parsed sources are kept from run to run; None for none.

    Raises
    ------
    InputError
        If a source or a wish cannot be used.
    NoPlanError
        If no set of villages meets the limits.
    CheckFailedError
        If the independent checker finds a broken limit; such a result is never returned.
    """
    timings: list[Timing] = []

    @contextmanager
    def stage(name: str) -> Iterator[Tell]:
        tell: Tell = partial(report, name) if report else told_nobody
        tell(0, 0)
        began = time.perf_counter()
        yield tell
        timings.append(Timing(name, round(time.perf_counter() - began, 3), peak_memory_mb()))

    with stage("sources"):
        tables = read_tables(study, cache=cache)
        _refuse_too_few(tables, study)
        quality = examine(tables, study)
    with stage("travel") as tell:
        travel = measure_travel(tables, study.travel, tell=tell)
        also = measure_other_modes(tables, study, tell=tell)
    if tables.grid is not None:
        with stage("open country") as tell:
            tables = count_open_country(tables, study, tell=tell)
    with stage("ties"):
        ties = tie_villages(tables, travel, study, also=also)
    with stage("candidates") as tell:
        pool = propose(tables, travel, ties, study, tell=tell)
    with stage("assessment"):
        assessment = assess(pool, tables, ties, study)
    with stage("refinement") as tell:
        pool, assessment = refine(pool, assessment, tables, ties, study, tell=tell)
    with stage("selection") as tell:
        plan = select(pool.sets, worth(assessment), pool.wishes, tell=tell)
        result = describe(plan, pool, assessment, tables, travel, ties, study)
    with stage("topics") as tell:
        topics = plan_topics(pool, assessment, tables, ties, study, result.villages, tell=tell)
        by_topic = topic_columns(topics, result.villages)
        result = replace(result, villages=result.villages.assign(**by_topic))
    with stage("explanation"):
        explanation = explain(result, pool, assessment, tables, travel, ties, study)
        clusters = result.clusters.assign(**change_columns(explanation.changes, result.clusters["cluster_id"]))
        villages = result.villages.assign(**profile_columns(explanation.profiles))
        result = replace(result, clusters=clusters, villages=villages)
    with stage("check"):
        verdict = check(result.clusters, ties.table(at_least=study.limits.weakest_tie), tables, study)
        verdict.raise_if_broken()
    found = (tables, travel, ties, pool, assessment, plan, result, explanation)
    return Run(study, *found, verdict, tuple(timings), topics, quality)


def _refuse_too_few(tables: Tables, study: Study) -> None:
    if len(tables.villages) < study.limits.min_villages:
        raise InputError(
            f"{len(tables.villages)} villages, and a cluster needs {study.limits.min_villages}",
            where="villages",
            advice="check study.municipalities and the files of villages",
        )


def peak_memory_mb() -> float | None:
    """Most memory this process has held so far, in megabytes; unknown on Windows."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has none
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform != "darwin" else 1024**2), 1)
