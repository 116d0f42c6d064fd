"""A cluster's pages in the report: everything that its part of the template prints, ready made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shapely
from markupsafe import Markup, escape

from ..cluster_names import JOIN
from ..pipeline import Run
from .content import Content
from .report_charts import Bar, bars, columns
from .report_outlook import alternatives_told, questions
from .report_villages import matrix, profiles
from .report_words import Said, listed
from .sketch import Dot, sketch

ELSEWHERE = ("say.shared", "say.parishes", "say.municipalities")  # told with the figures and the services

Cluster = dict[str, Any]


def cluster_pages(run: Run, content: Content, labels: list[Markup], said: Said) -> list[dict[str, Any]]:
    """
    Make what is printed of each cluster.

    Parameters
    ----------
    run
        For places, areas and mean minutes.
    content
        What the pages say of it; villages bear their `escaped` names too.
    labels
        The clusters' names, in order.

    Returns
    -------
    list
        One dict a cluster, in order of rank; all texts in it are escaped.
    """
    metres = shapely.get_coordinates(run.result.villages.geometry.to_numpy()).tolist()
    mean_minutes = run.result.villages["mean_minutes"].tolist()
    areas = run.result.clusters.geometry.to_numpy()
    score, spread = _score_chart(content, said), _spread_chart(content, said)
    pages = []
    for cluster, area, label in zip(content["clusters"], areas, labels, strict=True):
        members = [content["villages"][row] for row in cluster["members"]]
        brings = [cluster["brings"].get(row, {}) for row in cluster["members"]]
        kinds = _kinds(content, brings)
        doubles = cluster["doubles"]
        pages.append(
            {
                "rank": cluster["rank"],
                "page_of": said.say("ui.page_of", rank=cluster["rank"]),
                "label": label,
                "facts": said.say("say.fact_line", n=len(members), people=cluster["population"]),
                "score": said.tenth(cluster["score"]),
                "score_of": said.say("ui.score_of", score=cluster["score"]),
                "n": len(members),
                "people": said.number(cluster["population"]),
                "longest": said.minutes(cluster["longest"]),
                "mean": said.minutes(cluster["mean"]),
                "area": said.say("report.km2", area=cluster["area"]),
                "parishes": _counted("report.parishes", cluster["parishes"], said),
                "municipalities": _counted("report.municipalities", cluster["municipalities"], said),
                "sketch": _sketch(content, cluster, area, metres, said.say("ui.sketch", name=cluster["label"])),
                "spread": spread(cluster),
                "why": said.items(sentence for sentence in cluster["why"] if sentence[0] not in ELSEWHERE),
                "open_country": tuple(said.often(sentence) for sentence in cluster["open_country"]),
                "assumed": said.say("say.assumed", n=cluster["assumed"]) if cluster["assumed"] else "",
                "kinds": len(kinds),
                "matrix": matrix(members, brings, kinds, said),
                "coverage": _coverage_chart(members, brings, kinds, said),
                "shared": _shared(cluster, said),
                "missing": _missing(cluster, said),
                "missing_from": said.say("report.missing_from", hub=content["villages"][cluster["hub"]]["name"]),
                "doubles": Markup("<br>").join([escape(said.words.tell(sentence)) for sentence in doubles]),
                "profiles": profiles(members, [mean_minutes[row] for row in cluster["members"]], said),
                "certainty": said.items(cluster["certainty"]),
                "alternatives": alternatives_told(content, cluster, said),
                "change": said.items(cluster["change"]),
                "topics": _topics(cluster, said),
                "questions": questions(content, cluster, doubles, said),
                "parts": score(cluster),
                "ranked": said.items(cluster["ranked"]),
            }
        )
    return pages


def _kinds(content: Content, brings: list[dict[str, int]]) -> list[str]:
    """List the categories that stand in a cluster, in their fixed order."""
    here = {key for counts in brings for key in counts}
    return [key for key in content["categories"] if key in here]


def _counted(key: str, joined: str, said: Said) -> tuple[Markup, Markup]:
    """Head a list of names with their kind, in the form for one or for several."""
    names = joined.split(JOIN) if joined else []
    return said.say(key, n=len(names) or 1), escape(", ".join(names)) if names else said.text("ui.not_stated")


def _sketch(
    content: Content, cluster: Cluster, area: shapely.Geometry, metres: list[list[float]], title: str
) -> Markup:
    hub = cluster["hub"]
    first = [hub, *(row for row in cluster["members"] if row != hub)]  # names of these are drawn first
    dots = []
    for row in first:
        village, (x, y) = content["villages"][row], metres[row]
        dots.append(Dot(village["name"], x, y, village["people"], village["standing"], row == hub))
    return sketch(area, dots, cluster["colour"], title)


def _score_chart(content: Content, said: Said) -> Callable[[Cluster], Markup]:
    """Prepare the chart of a score's parts: how many points of how many each measure gives."""
    measures = [(said.words.say(f"measure.{key}"), share) for key, share in content["measures"]]
    widest = max((share for _, share in measures), default=1.0)
    of, title = said.text("chart.of"), said.words.say("chart.score")

    def draw(cluster: Cluster) -> Markup:
        rows = [
            Bar(name, share * value / widest, share / widest, f"{said.tenth(100 * share * value)} {of} {most}")
            for (name, share), most, value in zip(measures, mosts, cluster["measures"], strict=True)
        ]
        return bars(rows, "score", title)

    mosts = [said.tenth(100 * share) for _, share in measures]
    return draw


def _spread_chart(content: Content, said: Said) -> Callable[[Cluster], Markup]:
    """Prepare the chart of the minutes between villages."""
    edges = [said.words.say("ui.hundredth", value=edge) for edge in content["steps"]]
    title, axis = said.words.say("chart.minutes"), said.words.say("chart.minutes_axis")
    return lambda cluster: columns(edges, cluster["spread"], title, axis)


def _coverage_chart(
    members: list[dict[str, Any]], brings: list[dict[str, int]], kinds: list[str], said: Said
) -> Markup:
    """Draw the share of a cluster's people who have each of its services in their own village."""
    everyone = max(sum(village["people"] for village in members), 1)
    having = dict.fromkeys(kinds, 0)
    for village, own in zip(members, brings, strict=True):
        for key in own:
            having[key] += village["people"]
    shares = [(key, having[key] / everyone) for key in kinds]
    rows = [Bar(said.words.categories[key], share, 1.0, said.share(round(share, 4))) for key, share in shares]
    return bars(rows, "coverage", said.words.say("chart.own"))


def _shared(cluster: Cluster, said: Said) -> Markup:
    shared = sorted(cluster["shared"], key=lambda each: -each[1])
    return said.say("report.shared", categories=shared) if shared else Markup("")


def _missing(cluster: Cluster, said: Said) -> Markup:
    nowhere, labels = said.text("ui.missing_far"), said.words.categories
    told = [
        f"{escape(labels[key])} ({nowhere if far is None else said.minutes(far)})" for key, far in cluster["missing"]
    ]
    return Markup(", ".join(told))  # noqa: S704 - escaped


def _topics(cluster: Cluster, said: Said) -> Markup:
    """Tell, topic by topic, where the villages go."""
    told, together = [], []
    for row in cluster["by_topic"]:
        name = f"<b>{escape(said.words.topics[row['key']])}</b>"
        if row["share"] == 1 and not row["told"] and not row["alone"]:
            together.append(name)
            continue
        parts = [f"{name}: {said.say('ui.topic_share', share=row['share'])}."]
        parts += [escape(said.words.tell(sentence)) for sentence in row["told"]]
        if row["alone"]:
            parts.append(said.say("ui.topic_alone", n=row["alone"]))
        told.append(" ".join(parts))
    if together:
        told.append(f"{', '.join(together)}: {said.text('report.together')}")
    return listed(told)
