"""
What a cluster is called: after its landscape, its old municipality, or the places that carry it.

Real clusters are called "Mols i Udvikling", "Sydvest Salling", "Rebild Øst" or "Tannisbugt": after a landscape or a
district, or after a main place, and seldom after the largest village alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .assessment import people_by_unit
from .village_sets import VillageSets, sum_by_set

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]

JOIN = "; "
BETWEEN = " \N{EN DASH} "  # stands between two places in every language
SECOND_OF_HUB = 0.5  # a second place that weighs less than this share of the hub does not carry the name with it
SECOND_OVER_THIRD = 1.25  # it stands out where it weighs so many times as much as any in a third parish
AFTER_AREAS = ("district", "municipality", "whole_parish")  # reasons whose name is that of an area
TELLS_APART = ("municipality", "parish", "former_municipality", "village_id")  # of the hub, the first that will do

_KIND_OF_AREA = re.compile(r"\s+(herred|kommune|sogn)\s*$", re.IGNORECASE)


def hubs_of(sets: VillageSets, service_weight: Floats, people: Floats) -> Longs:
    """
    Find the hub of each set: the member that weighs most, its share of the set's people and of its services added.

    Services alone would name a cluster after a farm that happens to stand beside the church.

    Parameters
    ----------
    sets
        None of them empty.
    service_weight
        Sum of the weights of the categories that stand in each village.
    people
        People of each village.

    Returns
    -------
    array
        Rows of the villages table, one a set; of equals the first.
    """
    standing = _standing(sets, service_weight, people)
    return sets.member[_heaviest(sets, standing, np.ones(len(standing), dtype=bool))].astype(np.int64)


def name_clusters(sets: VillageSets, service_weight: Floats, eligible: Bools, villages: pd.DataFrame) -> pd.DataFrame:
    """
    Name each cluster, no two alike.

    The first of these that holds gives the name, and `name_reason` says which; of a district and a municipality the one
    of which the cluster holds the larger share:

    - `district`: more than half of the cluster's people live in one historic district, and no other cluster holds
      more of the district's (of equals the one of higher rank). It is called as people say it: Mols Herred is Mols.
    - `municipality`: all members lie in one municipality of before 2007, and more than half of its people live in the
      cluster. People in towns that may not be members count too: what is left of a municipality without its town is
      not the municipality.
    - `whole_parish`: all members lie in one parish whose name is known, and more than half of its people, towns
      included, live in the cluster. It is called after the parish.
    - `parish`: all members lie in one parish. The name is that of the hub, the member that weighs most (`hubs_of`).
    - `hub`: more than half of the cluster's people live in the hub's parish. The name is the hub's.
    - `pair`: the heaviest member outside the hub's parish weighs at least half as much as the hub and 1.25 times as
      much as any in a third parish, or there are only two parishes. The name is that of both, an en dash between.
    - `around`: no second place stands out. The name is the hub's, and whoever shows it adds "and surroundings" in the
      reader's language.

    Only what lies in the study is counted: an area that goes on beyond its edge is known in part.

    Clusters that would be called alike get in brackets what tells them apart: the hub where the name is that of an
    area, else the hub's municipality, parish, former municipality or id.

    Parameters
    ----------
    sets
        The clusters, in order of rank, none of them empty.
    service_weight
        Sum of the weights of the categories that stand in each village.
    eligible
        Villages that may be members; the others do not count in a district.
    villages
        With `village_id`, `name` and `people`, and as far as they are known `parish_id`, `parish`, `municipality`,
        `historic_district` and `former_municipality`. A village of unknown parish counts as a parish of its own.

    Returns
    -------
    pd.DataFrame
        One row a cluster: `name`; `name_reason`; `name_from`, the area or the places that the name comes from, ``; ``
        between; `name_share`, 0..1: after an area, how much of its people live in the cluster (of a district's, those
        in villages that may be members), else how much of the cluster's people live in the parishes of these places.
    """
    people = villages["people"].to_numpy(dtype=np.float64)
    standing = _standing(sets, service_weight, people)
    hub = _heaviest(sets, standing, np.ones(len(standing), dtype=bool))
    found = _after_places(sets, standing, hub, villages)
    district, municipality = _districts(sets, villages, people, eligible), _municipalities(sets, villages, people)
    found = found.unless(_whole_parishes(sets, villages, people), "whole_parish")
    found = found.unless(municipality, "municipality")
    found = found.unless(district.where(district.share >= municipality.share), "district")
    name = _told_apart(found.name, found.reason, villages.iloc[sets.member[hub]].reset_index(drop=True))
    return pd.DataFrame(
        {
            "name": name,
            "name_reason": found.reason,
            "name_from": found.source,
            "name_share": found.share.round(3),
        }
    )


def as_said(area: str) -> str:
    """
    Shorten the name of an area to what people call it.

    Examples
    --------
    >>> as_said("Mols Herred"), as_said("Djurs Sønder Herred"), as_said("Øster Lisbjerg")
    ('Mols', 'Djurs Sønder', 'Øster Lisbjerg')
    """
    return _KIND_OF_AREA.sub("", area) or area


@dataclass(frozen=True)
class _Areas:
    """The area that each cluster could be named after, None where there is none, and the share of its people."""

    word: Texts
    share: Floats

    def where(self, kept: Bools) -> _Areas:
        """Keep the areas of some clusters."""
        word = self.word.copy()
        word[~kept] = None
        return _Areas(word, np.where(kept, self.share, 0.0))


@dataclass(frozen=True)
class _Found:
    """The columns of `name_clusters`, names not told apart yet."""

    name: Texts
    reason: Texts
    source: Texts
    share: Floats

    def unless(self, areas: _Areas, reason: str) -> _Found:
        """Name after its area each cluster that has one."""
        has = np.array([word is not None for word in areas.word], dtype=bool)
        short = np.array([as_said(str(word)) for word in areas.word], dtype=object)
        return _Found(
            np.where(has, short, self.name),
            np.where(has, reason, self.reason),
            np.where(has, areas.word, self.source),
            np.where(has, areas.share, self.share),
        )


def _standing(sets: VillageSets, service_weight: Floats, people: Floats) -> Floats:
    """Weigh each entry of ``sets.member``: its share of the set's people and of its service weight, added; 0..2."""
    of_set, member = sets.set_of_member(), sets.member
    all_people, all_services = sum_by_set(sets, people)[of_set], sum_by_set(sets, service_weight)[of_set]
    standing: Floats = people[member] / np.maximum(all_people, 1.0)
    return (standing + service_weight[member] / np.maximum(all_services, 1e-9)).round(9)


def _heaviest(sets: VillageSets, standing: Floats, allowed: Bools) -> Longs:
    """Find the entry of ``sets.member`` with most standing of those allowed in each set; -1 where none is."""
    entry = np.flatnonzero(allowed)
    of_set = sets.set_of_member()[entry]
    order = np.lexsort((entry, -standing[entry], of_set))
    number, first = np.unique(of_set[order], return_index=True)
    found = np.full(len(sets), -1, dtype=np.int64)
    found[number] = entry[order][first]
    return found


def _coded(villages: pd.DataFrame, column: str) -> tuple[Longs, Texts]:
    """Give each village the number of the area that a column names, -1 where it says nothing, and the areas' names."""
    if column not in villages:
        return np.full(len(villages), -1, dtype=np.int64), np.empty(0, dtype=object)
    code, words = pd.factorize(villages[column])
    return code.astype(np.int64), np.asarray(words, dtype=object)


def _districts(sets: VillageSets, villages: pd.DataFrame, people: Floats, eligible: Bools) -> _Areas:
    code, words = _coded(villages, "historic_district")
    of_set, unit, held = people_by_unit(sets, code, people)
    first = np.lexsort((of_set, -held, unit))
    leads = np.zeros(len(unit), dtype=bool)
    leads[first[np.unique(unit[first], return_index=True)[1]]] = True
    chosen = leads & (held > sum_by_set(sets, people)[of_set] / 2)
    counted = (code >= 0) & (eligible | np.isin(np.arange(len(code)), sets.member))
    living = np.bincount(code[counted], weights=people[counted], minlength=len(words))
    return _areas(len(sets), of_set[chosen], words[unit[chosen]], held[chosen] / living[unit[chosen]])


def _municipalities(sets: VillageSets, villages: pd.DataFrame, people: Floats) -> _Areas:
    code, words = _coded(villages, "former_municipality")
    of_set, unit, held = people_by_unit(sets, code, people)
    n_known = np.bincount(sets.set_of_member(), weights=code[sets.member] >= 0, minlength=len(sets))
    whole = (n_known == sets.sizes()) & (np.bincount(of_set, minlength=len(sets)) == 1)
    living = np.bincount(code[code >= 0], weights=people[code >= 0], minlength=len(words))
    chosen = whole[of_set] & (held > living[unit] / 2)
    return _areas(len(sets), of_set[chosen], words[unit[chosen]], held[chosen] / living[unit[chosen]])


def _areas(n_sets: int, of_set: Longs, word: Texts, share: Floats) -> _Areas:
    areas = _Areas(np.full(n_sets, None, dtype=object), np.zeros(n_sets))
    areas.word[of_set], areas.share[of_set] = word, share
    return areas


def _parishes(villages: pd.DataFrame) -> Longs:
    """Give each village the number of its parish, told by ids, else by names; one that is unknown is its own."""
    code = _coded(villages, "parish_id")[0]
    if (code < 0).all():
        code = _coded(villages, "parish")[0]
    return np.where(code >= 0, code, code.max(initial=-1) + 1 + np.arange(len(code)))


def _whole_parishes(sets: VillageSets, villages: pd.DataFrame, people: Floats) -> _Areas:
    code = _parishes(villages)
    named = villages["parish"] if "parish" in villages else pd.Series(None, index=villages.index, dtype=object)
    words = named.astype(object).where(named.notna(), None).groupby(code).first().to_dict()
    of_set, unit, held = people_by_unit(sets, code, people)
    living = np.bincount(code, weights=people)
    alone = np.bincount(of_set, minlength=len(sets)) == 1
    word = np.array([words[each] for each in unit.tolist()], dtype=object)
    chosen = alone[of_set] & (held > living[unit] / 2) & np.array([each is not None for each in word], dtype=bool)
    return _areas(len(sets), of_set[chosen], word[chosen], held[chosen] / living[unit[chosen]])


def _after_places(sets: VillageSets, standing: Floats, hub: Longs, villages: pd.DataFrame) -> _Found:
    names = villages["name"].to_numpy(dtype=object)[sets.member]
    people = villages["people"].to_numpy(dtype=np.float64)
    of_set, parish = sets.set_of_member(), _parishes(villages)[sets.member]
    at_hub = parish == parish[hub][of_set]
    second = _heaviest(sets, standing, ~at_hub)
    at_second = ~at_hub & (parish == parish[second][of_set])  # where there is none, the hub's: all are at the hub
    third = _heaviest(sets, standing, ~at_hub & ~at_second)

    def share_at(chosen: Bools) -> Floats:
        here = np.bincount(of_set, weights=people[sets.member] * chosen, minlength=len(sets))
        total = sum_by_set(sets, people)
        return np.divide(here, total, out=np.zeros(len(sets)), where=total > 0)

    of_third = np.where(third >= 0, standing[third], 0.0)
    stands_out = (standing[second] >= SECOND_OF_HUB * standing[hub]) & (
        standing[second] >= SECOND_OVER_THIRD * of_third
    )
    reason = np.select(
        [second < 0, share_at(at_hub) > 0.5, (third < 0) | stands_out], ["parish", "hub", "pair"], "around"
    ).astype(object)
    both = reason == "pair"
    return _Found(
        np.where(both, names[hub] + BETWEEN + names[second], names[hub]),
        reason,
        np.where(both, names[hub] + JOIN + names[second], names[hub]),
        np.where(both, share_at(at_hub | at_second), share_at(at_hub)),
    )


def _told_apart(name: Texts, reason: Texts, hubs: pd.DataFrame) -> Texts:
    """Put behind names that occur twice what makes them differ; `hubs` are the rows of the clusters' hubs."""
    after_area = np.isin(reason.astype(str), AFTER_AREAS)
    told = [hubs["name"].where(after_area), *(hubs[column] for column in TELLS_APART if column in hubs)]
    unique = name.copy()
    for column in told:
        alike = _alike(unique)
        words = column.astype(object).where(column.notna(), None).to_numpy(dtype=object)
        useful = alike & np.array(
            [word is not None and str(word) != str(own) for word, own in zip(words, name, strict=True)]
        )
        tried = np.where(useful, name + " (" + words.astype(str) + ")", unique)
        unique = np.where(useful & ~_alike(tried), tried, unique)
    taken: set[str] = set()
    for k, one in enumerate(unique):  # a village may itself be called "Mols (Knebel)"
        number, free = 1, str(one)
        while free.casefold() in taken:
            number += 1
            free = f"{one} {number}"
        taken.add(free.casefold())
        unique[k] = free
    return unique


def _alike(names: Texts) -> Bools:
    """Mark the names that another row has too, whatever their case."""
    return pd.Series(names).str.casefold().duplicated(keep=False).to_numpy(dtype=bool)
