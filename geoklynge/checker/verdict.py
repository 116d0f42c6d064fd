"""Every limit of a plan verified, and every number written of it compared with the one found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import CheckFailedError
from ..limits import Facts
from ..study import Study
from ..tables import Tables
from .network import build_network
from .searching import minutes_anyhow, minutes_within

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

TOLERANCE_MINUTES = 0.01  # written numbers are rounded to 0.01
ROUNDING_MINUTES = 1e-3  # the plan adds up whole milliseconds, stretch by stretch; the checker rounds nothing


@dataclass(frozen=True)
class Verdict:
    """
    What the checker found.

    `broken` is empty when every cluster keeps every limit, and the numbers written of it (villages, people, longest
    minutes, minutes of the ties inside) are those found again.
    """

    clusters: int
    pairs: int
    largest_difference_minutes: float
    broken: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken

    def raise_if_broken(self) -> None:
        """
        Refuse a result that is wrong.

        Raises
        ------
        CheckFailedError
            With the first broken limits.
        """
        if self.broken:
            more = f"; and {len(self.broken) - 3} more" if len(self.broken) > 3 else ""
            raise CheckFailedError(f"the checker found {'; '.join(self.broken[:3])}{more}")


def check(clusters: pd.DataFrame, ties: pd.DataFrame, tables: Tables, study: Study) -> Verdict:
    """
    Verify a plan against its limits.

    Parameters
    ----------
    clusters
        One row a cluster with `cluster_id`, `village_ids` (joined by ``; ``), `n_villages`, `population` and
        `max_minutes` as they are to be written.
    ties
        `village_a`, `village_b`, `minutes`, `weight` of all ties of at least the weakest weight.
    tables
        The study's tables.
    study
        Its limits and wishes.
    """
    villages = tables.villages
    row_of = {village_id: row for row, village_id in enumerate(villages["village_id"])}
    members = {
        str(cluster_id): [str(one) for one in str(ids).split("; ")]
        for cluster_id, ids in zip(clusters["cluster_id"], clusters["village_ids"], strict=True)
    }
    broken = _broken_membership(members, row_of)
    if broken:
        return Verdict(len(members), 0, 0.0, tuple(broken))
    rows = {cluster_id: np.sort([row_of[one] for one in ids]) for cluster_id, ids in members.items()}
    broken += _broken_wishes(rows, villages, study)
    network = build_network(np.concatenate(list(rows.values())), tables, study.travel)
    links_of, people = _links_inside(rows, ties, villages, study), villages["people"].to_numpy(np.float64)
    of_place, municipality = _of_place(villages, people), pd.factorize(villages["municipality_id"])[0]
    counted = _share_of_minutes(tables, study)
    differences, pairs = [0.0], 0
    for written in clusters.to_dict("records"):
        cluster_id = str(written["cluster_id"])
        here = rows[cluster_id]
        cluster = _Cluster(written, people[here], of_place[here], municipality[here], links_of[cluster_id])
        near = minutes_within(network, here, _horizon(written, study))
        problems, difference = _judge(cluster, near, study, counted)
        if problems:  # a way round may leave the cut-out, or take longer than allowed: the whole network decides
            problems, difference = _judge(cluster, minutes_anyhow(network, here), study, counted)
        pairs += len(here) * (len(here) - 1) // 2
        differences.append(difference)
        broken += [f"{cluster_id}: {problem}" for problem in problems]
    return Verdict(len(members), pairs, float(np.max(differences)), tuple(broken))


@dataclass(frozen=True)
class _Links:
    """Strong ties inside a cluster: the places of both ends among its members, minutes and weight of each."""

    left: Longs
    right: Longs
    minutes: Floats
    weight: Floats
    hang_together: bool


@dataclass(frozen=True)
class _Cluster:
    """One cluster: what was written of it, and what the tables say of its villages, and of the places alone."""

    written: Mapping[Hashable, Any]
    people: Floats
    of_place: Floats
    municipality: Longs
    links: _Links


def _links_inside(
    rows: dict[str, Longs], ties: pd.DataFrame, villages: pd.DataFrame, study: Study
) -> dict[str, _Links]:
    """Deal the strong ties out to the clusters that hold both their ends."""
    cluster, place = (np.full(len(villages) + 1, -1, dtype=np.int64) for _ in range(2))  # the last: of no village
    for number, here in enumerate(rows.values()):
        cluster[here], place[here] = number, np.arange(len(here))
    strong = ties[ties["weight"] >= study.limits.weakest_tie]
    order = pd.Index(villages["village_id"])
    left, right = (order.get_indexer(pd.Index(strong[end])) for end in ("village_a", "village_b"))
    inside = np.flatnonzero((cluster[left] >= 0) & (cluster[left] == cluster[right]))
    inside = inside[np.argsort(cluster[left[inside]], kind="stable")]
    left, right = left[inside], right[inside]
    bounds = np.searchsorted(cluster[left], np.arange(len(rows) + 1))
    links = coo_array((np.ones(len(inside)), (left, right)), shape=(len(villages), len(villages)))
    part = connected_components(links.tocsr(), directed=False)[1]
    minutes, weight = (strong[name].to_numpy(np.float64)[inside] for name in ("minutes", "weight"))
    dealt = {}
    for number, (cluster_id, here) in enumerate(rows.items()):
        own = slice(bounds[number], bounds[number + 1])
        together = bool((part[here] == part[here[0]]).all())
        dealt[cluster_id] = _Links(place[left[own]], place[right[own]], minutes[own], weight[own], together)
    return dealt


def _of_place(villages: pd.DataFrame, people: Floats) -> Floats:
    """Leave out the open country: a town is judged by those who are known to live in it."""
    known = villages["population"].notna().to_numpy() if "people_around" in villages else np.zeros(len(people), bool)
    return np.where(known, villages["population"].to_numpy(np.float64, na_value=np.nan), people)


def _horizon(written: Mapping[Hashable, Any], study: Study) -> float:
    """Minutes beyond which a pair of the cluster breaks the limit, or belies what is written as its longest."""
    claimed = float(np.fmin(study.limits.max_minutes, float(written["max_minutes"])))
    return max(claimed, 0.0) + 2 * TOLERANCE_MINUTES


def _judge(cluster: _Cluster, minutes: Floats, study: Study, counted: float) -> tuple[list[str], float]:
    """
    List what is wrong with one cluster, and the largest difference between its minutes and those written.

    `counted` is the share of a tie's weight that its minutes decide.
    """
    limit, links = study.limits.max_minutes, cluster.links
    longest = float(minutes.max(initial=0.0))
    facts = Facts(
        n_villages=len(minutes),
        people=float(cluster.people.sum()),
        max_minutes=min(longest, limit) if longest <= limit + ROUNDING_MINUTES else longest,
        n_municipalities=len(np.unique(cluster.municipality[cluster.municipality >= 0])),
        largest_place=float(cluster.of_place.max()),
        connected=links.hang_together,
    )
    again = minutes[links.left, links.right]
    gaps = np.abs(np.append(again - links.minutes, longest - float(cluster.written["max_minutes"])))
    problems = [*study.limits.broken_by(facts), *_wrong_numbers(cluster.written, facts)]
    if not (gaps <= TOLERANCE_MINUTES).all():
        problems.append(f"minutes differ by {gaps.max():.3g} from those written")
    if _weights_too_high(links.weight, again, study, counted):
        problems.append("a tie weighs more than its minutes allow")
    return problems, float(gaps.max())


def _share_of_minutes(tables: Tables, study: Study) -> float:
    """Least share of a tie's weight that hangs on its minutes: proximity's, times that of the study's own mode."""
    given = study.ties.weights
    others = given.overlap + given.complementarity + given.identity + (given.survey if tables.survey is not None else 0)
    return given.proximity / (given.proximity + others) * study.mixture().get(study.travel.mode, 0.0)


def _weights_too_high(weight: Floats, minutes: Floats, study: Study, counted: float) -> bool:
    """Tell whether a tie outweighs its proximity together with other layers, and other modes, that are all 1."""
    most = counted * 2.0 ** -((minutes / study.ties.half_minutes[study.travel.mode]) ** 2) + 1 - counted
    return not bool((weight <= most + 1e-3).all())


def _broken_membership(members: dict[str, list[str]], row_of: dict[str, int]) -> list[str]:
    everyone = [one for ids in members.values() for one in ids]
    twice = sorted(one for one, times in Counter(everyone).items() if times > 1)
    unknown = sorted(set(everyone) - set(row_of))
    if not members:
        return ["there is no cluster"]
    return [f"village {one} is in two clusters" for one in twice] + [
        f"village {one} is not in the study" for one in unknown
    ]


def _broken_wishes(rows: dict[str, Longs], villages: pd.DataFrame, study: Study) -> list[str]:
    cluster_of = {int(row): cluster_id for cluster_id, here in rows.items() for row in here}
    by_id = {str(one): row for row, one in enumerate(villages["village_id"])}
    by_name = {str(one).casefold(): row for row, one in enumerate(villages["name"])}
    broken = []
    for group in study.planner.must_link:
        held = [cluster_of.get(by_id.get(name, by_name.get(name.casefold(), -1))) for name in group]
        if None in held or len(set(held)) > 1:
            broken.append(f"{', '.join(group)} are to be linked and are not in one cluster")
    for group in study.planner.cannot_link:
        held = [cluster_of.get(by_id.get(name, by_name.get(name.casefold(), -1))) for name in group]
        placed = [one for one in held if one is not None]
        if len(set(placed)) < len(placed):
            broken.append(f"{', '.join(group)} are to be kept apart and share a cluster")
    return broken


def _wrong_numbers(written: Mapping[Hashable, Any], facts: Facts) -> list[str]:
    wrong = []
    if written["n_villages"] != facts.n_villages:
        wrong.append(f"n_villages is {facts.n_villages}, not {written['n_villages']}")
    if not abs(written["population"] - facts.people) <= 0.5:
        wrong.append(f"population is {facts.people:.0f}, not {written['population']}")
    return wrong
