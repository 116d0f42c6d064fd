"""The methods to compare with: what each is called and does, the settings it may choose from, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import product

from ..errors import InputError
from . import rivals
from .rivals import Labels, Setting, Task

OURS = "geoklynge"
ABOUT_OURS = (
    "The plan of the run: candidates of an ensemble, linkage, parishes and local search, chosen together for the "
    "greatest sum of score x people served."
)
TYPICAL_PEOPLE = 4_700  # in the middle one of the real clusters whose people are known
FEWEST_PEOPLE = (1_700, 1_000, 3_000)  # of a region; 1,700 live in the smallest real cluster
CUTS = (1.0, 0.75, 0.5)  # of complete linkage, as shares of the most minutes
NEAR = (0.35, 0.5, 1.0)  # how far apart neighbours may be, as shares of the most minutes
TIMES_AS_MANY = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)  # clusters as there would be of typical ones
FEWEST_OF_HDBSCAN = (3, 5, 8)  # villages in a cluster


@dataclass(frozen=True)
class Rival:
    """
    A method to compare with.

    Attributes
    ----------
    name
        As the command line knows it.
    title, about
        As people read it, and one sentence on what it does.
    label
        Labels the villages of a task; takes a setting as keywords.
    settings
        What it may choose from; the one that comes out best is shown.
    needs
        Modules that must be installed.
    shaken
        Whether shaken ties could change what it finds.
    """

    name: str
    title: str
    about: str
    label: Callable[..., Labels]
    settings: Callable[[Task], tuple[Setting, ...]]
    needs: tuple[str, ...] = ()
    shaken: bool = True


def rivals_named(names: Collection[str]) -> tuple[Rival, ...]:
    """
    Find methods by name, in the order of the catalogue; geoklynge itself, which is always there, may be named too.

    Raises
    ------
    InputError
        If there is no such method; the message names those that there are.
    """
    known = [OURS, *(rival.name for rival in RIVALS)]
    strangers = [name for name in names if name not in known]
    if strangers:
        raise InputError(
            f"no method {strangers[0]!r}",
            where="--only",
            advice=f"choose among {', '.join(known)}",
        )
    return tuple(rival for rival in RIVALS if rival.name in names)


def _nothing_to_choose(_task: Task) -> tuple[Setting, ...]:
    return ({},)


def _mean_ties(task: Task) -> tuple[Setting, ...]:
    return tuple({"resolution": resolution} for resolution in task.resolutions)


def _modularities(task: Task) -> tuple[Setting, ...]:
    """
    Modularity's own 1, and the study's resolutions r as modularity has them.

    Modularity asks of two villages of mean strength k the mean tie ``gamma k / n``; that is r at ``gamma = r n / k``.
    """
    mean_strength = 2 * float(task.weight.sum()) / max(len(task), 1)
    translated = [r * len(task) / mean_strength for r in task.resolutions] if mean_strength > 0 else []
    return tuple({"resolution": resolution} for resolution in (1.0, *translated))


def _fewest_villages(_task: Task) -> tuple[Setting, ...]:
    """Clusters of most excess of mass (eom), none larger than allowed, or the leaves of the tree."""
    return tuple({"villages": fewest, "clusters": kind} for kind in ("eom", "leaf") for fewest in FEWEST_OF_HDBSCAN)


def _cuts(task: Task) -> tuple[Setting, ...]:
    return tuple({"minutes": share * task.limits.max_minutes} for share in CUTS)


def _numbers_of_clusters(task: Task) -> tuple[Setting, ...]:
    typical = float(task.people.sum()) / TYPICAL_PEOPLE
    numbers = (min(max(round(times * typical), 1), len(task)) for times in TIMES_AS_MANY)
    return tuple({"clusters": number} for number in dict.fromkeys(numbers))


def _neighbours(task: Task, settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Every setting with every distance of neighbours, the smallest, which came out best on the sample, first."""
    near = [share * task.limits.max_minutes for share in NEAR]
    return tuple({**setting, "near_minutes": minutes} for minutes, setting in product(near, settings))


def _floors(task: Task) -> tuple[Setting, ...]:
    floors = (max(float(people), task.limits.min_people) for people in FEWEST_PEOPLE)
    return _neighbours(task, [{"people": floor} for floor in dict.fromkeys(floors)])


def _numbers_of_regions(task: Task) -> tuple[Setting, ...]:
    return _neighbours(task, _numbers_of_clusters(task))


RIVALS = (
    Rival(
        "louvain",
        "Louvain",
        "Communities of the tie network by modularity (networkx), which compares ties with what chance would give.",
        rivals.louvain,
        _modularities,
    ),
    Rival(
        "leiden",
        "Leiden alone",
        "One Leiden partition of the tie network at one resolution, with the study's mean weights: geoklynge's first "
        "step without its ensemble, mending and choice.",
        rivals.leiden_alone,
        _mean_ties,
    ),
    Rival(
        "hdbscan",
        "HDBSCAN",
        "Dense spots of villages by travel time (scikit-learn); what lies between them stays alone.",
        rivals.hdbscan,
        _fewest_villages,
        needs=("sklearn.cluster",),
    ),
    Rival(
        "linkage",
        "complete linkage",
        "The nearest groups are joined as long as no two members are farther apart than a cut (scikit-learn).",
        rivals.complete_linkage,
        _cuts,
        needs=("sklearn.cluster",),
    ),
    Rival(
        "max-p",
        "max-p",
        "As many connected regions of a least number of people as there can be, alike inside (spopt).",
        rivals.max_p,
        _floors,
        needs=("spopt.region", "libpysal.weights"),
    ),
    Rival(
        "skater",
        "SKATER",
        "A tree that spans the villages is cut where that makes the parts most alike (spopt).",
        rivals.skater,
        _numbers_of_regions,
        needs=("spopt.region", "libpysal.weights"),
    ),
    Rival(
        "ward",
        "Ward",
        "Connected parts are joined so that they stay alike, Ward's criterion (spopt).",
        rivals.ward,
        _numbers_of_regions,
        needs=("spopt.region", "libpysal.weights"),
    ),
    Rival(
        "parish-pairs",
        "parish pairs",
        "Each parish with the one that its villages are most strongly tied to, the strongest pairs first.",
        rivals.parish_pairs,
        _nothing_to_choose,
    ),
    Rival("parishes", "parishes", "Each parish alone.", rivals.parishes, _nothing_to_choose, shaken=False),
    Rival(
        "k-means",
        "k-means",
        "Round groups of positions, whatever the roads (scikit-learn).",
        rivals.k_means,
        _numbers_of_clusters,
        needs=("sklearn.cluster", "threadpoolctl"),
        shaken=False,
    ),
)
