"""A study: what to analyse and how. Every default of the method lives here or in a file beside this one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from .errors import StudyError
from .limits import Limits, Part, Positive, Share, over
from .source_options import Sources
from .topic_options import Topic, TopicOptions

Mode = Literal["car", "bike", "walk"]


PLAIN_SPEED_KMH: dict[Mode, float] = {"car": 50.0, "bike": 15.0, "walk": 5.0}
HALF_MINUTES: dict[Mode, float] = {"car": 6.0, "bike": 12.0, "walk": 15.0}


class Category(Part):
    """
    One kind of service.

    `half_minutes` is the travel time at which a facility's pull has halved; `people_needed` the people behind one
    facility at which it counts as safe; `tags` the OSM key=value pairs that mean this category.
    """

    da: str
    en: str
    weight: Annotated[float, Field(ge=0)] = 1.0
    half_minutes: Positive = 6.0
    people_needed: Positive = 1000.0
    tags: tuple[Annotated[str, Field(pattern=r"^[^=\s]+=.*\S")], ...] = ()


class RoadSpeed(Part):
    """How fast a class of road is driven: its limit where none is posted, and the share of it that a trip keeps."""

    posted_kmh: Positive
    factor: Annotated[float, Field(gt=0, le=1)]


def _read_data_file(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def default_categories() -> Mapping[str, Category]:
    """Read the service categories that come with geoklynge, in their fixed order."""
    return {key: Category(**entry) for key, entry in _read_data_file("categories.toml").items()}


@cache
def default_speeds() -> Mapping[str, RoadSpeed]:
    """Read the driving speeds by road class that come with geoklynge."""
    return {key: RoadSpeed(**entry) for key, entry in _read_data_file("speeds.toml").items()}


@cache
def default_topics() -> Mapping[str, Topic]:
    """Read the topics that come with geoklynge, in their fixed order."""
    return {key: Topic(**entry) for key, entry in _read_data_file("topics.toml").items()}


class TravelOptions(Part):
    """
    How people move.

    `max_minutes` is the horizon: no tie and no trip to a service is longer. The last stretch between a place and its
    road is counted at `off_road_speed_kmh`. Cars drive at the speed of the road (`speed_of_class`); bikes and walkers
    keep `plain_speed_kmh` everywhere, as everybody does along straight lines (a study without roads or links), which
    are lengthened by `detour`.
    """

    mode: Mode = "car"
    max_minutes: Positive = 20.0
    off_road_speed_kmh: Positive = 20.0
    detour: Annotated[float, Field(ge=1)] = 1.3
    plain_speed_kmh: Annotated[dict[Mode, Positive], over(PLAIN_SPEED_KMH)] = PLAIN_SPEED_KMH
    speeds: dict[str, RoadSpeed] = Field(default_factory=dict)

    def speed_of_class(self) -> dict[str, RoadSpeed]:
        """Join the study's own speeds by road class over the defaults."""
        return {**default_speeds(), **self.speeds}


class TieWeights(Part):
    """
    How much each layer counts in a tie; only their proportions matter.

    `survey` counts where a study has one, and there for the pairs that people were asked about.
    """

    proximity: Annotated[float, Field(ge=0)] = 0.35
    overlap: Annotated[float, Field(ge=0)] = 0.35
    complementarity: Annotated[float, Field(ge=0)] = 0.15
    identity: Annotated[float, Field(ge=0)] = 0.15
    survey: Annotated[float, Field(ge=0)] = 0.15

    @model_validator(mode="after")
    def _some_layer_counts(self) -> TieWeights:  # one of those that every pair has: no survey asks about all
        if self.proximity + self.overlap + self.complementarity + self.identity <= 0:
            raise ValueError("at least one layer needs a weight above 0")
        return self


class IdentitySteps(Part):
    """
    What it counts, 0..1, that two villages share one of these; the strongest that they share decides, 0 is no step.

    `former_municipality_1970` is the small municipality of before 1970 (sognekommune), `former_municipality` that of
    before 2007, `historic_district` the herred. Order and values are a choice, the smaller and livelier unit first.
    """

    parish: Share = 1.0
    association: Share = 0.9
    pastorate: Share = 0.85
    former_municipality_1970: Share = 0.8
    school_district: Share = 0.75
    former_municipality: Share = 0.5
    historic_district: Share = 0.25


class TieOptions(Part):
    """
    How ties are measured.

    `half_minutes` is where proximity has fallen to one half. `modes` mixes several modes of travel, each with the
    share of it that counts (only their proportions matter): children bike, adults drive. Without it `travel.mode`
    counts alone.
    """

    half_minutes: Annotated[dict[Mode, Positive], over(HALF_MINUTES)] = HALF_MINUTES
    modes: dict[Mode, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    weights: TieWeights = TieWeights()
    identity_steps: IdentitySteps = IdentitySteps()

    @model_validator(mode="after")
    def _some_mode_counts(self) -> TieOptions:
        if self.modes and sum(self.modes.values()) <= 0:
            raise ValueError("modes: at least one mode needs a share above 0")
        return self


def _require_categories(keys: Iterable[str], known: Iterable[str], *, where: str = "") -> None:
    names = list(known)
    for key in keys:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where}no category {key!r}{hint} (known: {', '.join(names)})")


class ServiceOptions(Part):
    """A study's own weights of categories, and categories of its own."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    categories: dict[str, Category] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weights_are_of_known_categories(self) -> ServiceOptions:
        _require_categories(self.weights, {**default_categories(), **self.categories})
        return self

    def all_categories(self) -> dict[str, Category]:
        """Join the study's categories and weights over the defaults, in a fixed order."""
        joined = {**default_categories(), **self.categories}
        return {
            key: category.model_copy(update={"weight": self.weights.get(key, category.weight)})
            for key, category in joined.items()
        }


Group = Annotated[tuple[str, ...], Field(min_length=2)]


class Planner(Part):
    """A planner's wishes, by village name or id: these together, these apart."""

    must_link: tuple[Group, ...] = ()
    cannot_link: tuple[Group, ...] = ()


class Ensemble(Part):
    """
    The repeated partitions behind candidates and certainty.

    Each run draws a resolution, shifts every layer weight by up to `weight_noise` and every travel time by up to
    `minutes_noise` of itself, and keeps each service with probability `service_kept`, in one of `service_versions`
    versions of the services. There are `members` runs, doubled up to `doublings` times until twice as many would
    change the share of runs that keep two villages together by less than `settled` for 95 % of the ties of at
    least `limits.weakest_tie`. A
    resolution is the mean tie weight that a community must at least reach (constant Potts model, Traag et al. 2011);
    no user is asked for it.
    """

    members: Annotated[int, Field(ge=2, le=10_000)] = 100
    doublings: Annotated[int, Field(ge=0, le=6)] = 2
    settled: Share = 0.05
    resolutions: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.06, 0.08, 0.11, 0.15, 0.20, 0.26)
    weight_noise: Share = 0.5
    minutes_noise: Share = 0.1
    service_kept: Annotated[float, Field(gt=0, le=1)] = 0.9
    service_versions: Annotated[int, Field(ge=1, le=1_000)] = 8


class ScoreWeights(Part):
    """
    How much each measure counts in the score; only their proportions matter.

    The defaults give about a third of the score to each of the three things that make a village cluster (DGI 2017):
    that the villages hang together in one place (cohesion, compactness, stretch, stability: 6 of 17), that they share
    everyday life and can carry it (overlap, complementarity, viability, balance: 5), and that they share place
    identity (6). Cohesion counts most of its group: that the villages are a unit, geographically or otherwise, is what
    the Danish campaign of 2017-18 chose clusters on.
    """

    cohesion: Annotated[float, Field(ge=0)] = 3.0
    overlap: Annotated[float, Field(ge=0)] = 2.0
    complementarity: Annotated[float, Field(ge=0)] = 1.0
    identity: Annotated[float, Field(ge=0)] = 6.0
    compactness: Annotated[float, Field(ge=0)] = 1.0
    stretch: Annotated[float, Field(ge=0)] = 1.0
    viability: Annotated[float, Field(ge=0)] = 1.0
    balance: Annotated[float, Field(ge=0)] = 1.0
    stability: Annotated[float, Field(ge=0)] = 1.0

    @model_validator(mode="after")
    def _some_measure_counts(self) -> ScoreWeights:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("at least one measure needs a weight above 0")
        return self


class Study(Part):
    """A whole study, checked and frozen. `folder` is where relative source paths start."""

    name: Annotated[str, Field(min_length=1)]
    municipalities: tuple[str, ...] = ()
    crs: str | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    folder: Path = Path()
    sources: Sources = Sources()
    travel: TravelOptions = TravelOptions()
    ties: TieOptions = TieOptions()
    limits: Limits = Limits()
    services: ServiceOptions = ServiceOptions()
    topics: TopicOptions = TopicOptions()
    planner: Planner = Planner()
    ensemble: Ensemble = Ensemble()
    score: ScoreWeights = ScoreWeights()

    @model_validator(mode="after")
    def _parts_agree(self) -> Study:
        if self.limits.max_minutes > self.travel.max_minutes:
            raise ValueError(
                f"limits.max_minutes {self.limits.max_minutes:g} is above travel.max_minutes "
                f"{self.travel.max_minutes:g}: travel beyond that is not measured, so raise travel.max_minutes too"
            )
        if not (self.sources.villages or self.sources.osm):
            raise ValueError("sources: name at least one file of villages, or an osm file")
        if "osm" in self.sources.villages and not self.sources.osm:
            raise ValueError('sources.villages names "osm", but sources.osm names no file')
        for key, topic in self.topics.own().items():
            _require_categories(topic.categories, self.services.all_categories(), where=f"topics.{key}: ")
        return self

    def all_topics(self) -> dict[str, Topic]:
        """Join the study's own topics over the defaults, in a fixed order; none where they are switched off."""
        return {**default_topics(), **self.topics.own()} if self.topics.enabled else {}

    def mixture(self) -> dict[Mode, float]:
        """Tell the share of each mode in the ties: above 0, summing to 1, in the order car, bike, walk."""
        given = self.ties.modes or {self.travel.mode: 1.0}
        total = sum(given.values())
        return {mode: given[mode] / total for mode in get_args(Mode) if given.get(mode, 0.0) > 0}

    def path_of(self, source: str) -> Path:
        """Resolve a source's path against the folder of the study file."""
        return self.folder / source


HEAD_KEYS = ("name", "municipalities", "crs", "seed")


def read_study(path: Path | str, *, seed: int | None = None) -> Study:
    """
    Read a study file.

    Parameters
    ----------
    path
        A TOML file with the tables ``study``, ``sources`` and, where defaults do not fit, ``travel``, ``ties``,
        ``limits``, ``services``, ``topics``, ``planner``, ``ensemble`` and ``score``.
    seed
        Takes the place of the file's seed.

    Raises
    ------
    StudyError
        If the file is missing or not TOML, or a key is unknown or a value out of range; everything that is wrong
        stands in one message.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise StudyError("no such file", where=str(path), advice="give the path of a study file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"not readable as TOML ({error})", where=str(path), advice="save it as UTF-8 TOML") from None
    head = content.pop("study", None)
    if not isinstance(head, dict):
        raise StudyError("no table [study]", where=str(path), advice='begin with [study] and name = "…"')
    strangers = sorted({*head} - {*HEAD_KEYS} | {*content} & {*HEAD_KEYS, "folder"})
    if strangers:
        known = ", ".join(HEAD_KEYS)
        raise StudyError(f"[study] takes {known} and nothing else (found {', '.join(strangers)})", where=str(path))
    fields = {**content, **head, "folder": path.parent}
    if seed is not None:
        fields["seed"] = seed
    try:
        return Study(**fields)
    except ValidationError as error:
        raise StudyError("; ".join(_say(problem) for problem in error.errors()), where=str(path)) from None


def _say(problem: Any) -> str:
    """Turn one pydantic finding into words, with the nearest known key for an unknown one."""
    place = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        return f"unknown key {place!r}" + (f", did you mean {near[0]!r}?" if near else f" (known: {', '.join(known)})")
    message = str(problem["msg"]).removeprefix("Value error, ")
    return (
        f"{place}: {message} (found {problem['input']!r})"
        if place and problem["type"] != "value_error"
        else (f"{place}: {message}" if place else message)
    )


def _keys_beside(loc: tuple[str | int, ...]) -> list[str]:
    """List the keys that a study knows at the place of an unknown one."""
    model: Any = Study
    for step in loc[:-1]:
        if hasattr(model, "model_fields"):
            field = model.model_fields.get(step)
            model = field.annotation if field else Topic  # in [topics], the one table that takes keys of one's own
        else:  # a table of tables, such as services.categories: every key leads to one of the same kind
            model = get_args(model)[-1]
    return [key for key in getattr(model, "model_fields", {}) if key != "folder"]


def source_bytes(study: Study) -> int:
    """How large the files of a study are together; those that are not there, and folders, count as nothing."""
    names = {name for table in Sources.model_fields for name in getattr(study.sources, table)}
    paths = [study.folder / name for name in names]
    return sum(path.stat().st_size for path in paths if path.is_file())
