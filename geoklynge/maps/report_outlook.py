"""Outlook of a cluster: what else was possible, and what to ask those who live there."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from .content import Content
from .report_words import Said, listed, names_of
from .texts import Sentence

MEETING_PLACES = ("community_hall", "sports_hall", "school", "grocery", "cafe_inn", "library", "church", "sports_club")
MOST_DOUBLES = 2  # asked about

Cluster = dict[str, Any]


def alternatives_told(content: Content, cluster: Cluster, said: Said) -> Markup:
    """Tell each alternative of a cluster: its figures, who would be in it too, who would not, from where they come."""
    here, villages, words = set(cluster["members"]), content["villages"], said.words
    told = []
    for other in cluster["alternatives"]:
        there = set(other["members"])
        facts = {"n": len(other["members"]), "people": other["people"], "score": other["score"]}
        parts = [said.say("report.alternative", **facts, minutes=other["longest"], common=other["common"])]
        for key, rows in (
            ("report.alternative_with", [row for row in other["members"] if row not in here]),
            ("report.alternative_without", [row for row in cluster["members"] if row not in there]),
        ):
            if rows:
                names = names_of([villages[row]["name"] for row in rows], words)
                parts.append(said.say(key, names=names))
        if other["displaces"]:
            labels = [words.told(content["clusters"][row]["label"]) for row in other["displaces"]]
            parts.append(said.say("report.alternative_from", n=len(labels), names=names_of(labels, words)))
        told.append(" ".join(parts))
    return listed(told)


def questions(content: Content, cluster: Cluster, doubles: list[Sentence], said: Said) -> Markup:
    """
    Put to the citizens' meeting what the data leaves open.

    Parameters
    ----------
    content
        What the pages say of the run.
    cluster
        One of its clusters.
    doubles
        Its places of one kind near each other.
    """
    members = [content["villages"][row] for row in cluster["members"]]
    asked = [said.say("ask.name", name=cluster["label"])]
    for standing, key in (("contested", "ask.contested"), ("edge", "ask.edge")):
        names = [village["name"] for village in members if village["standing"] == standing]
        if names:
            asked.append(said.say(key, names=names_of(names, said.words)))
    asked += [said.say(key, village=name) for key, name in _changes(cluster)]
    asked += [
        said.say("ask.double", category=facts["category"], a=facts["a"], b=facts["b"])
        for _, facts in doubles[:MOST_DOUBLES]
    ]
    if cluster["missing"]:
        asked.append(said.say("ask.missing", categories=[key for key, _ in cluster["missing"]]))
    without = _without_meeting_place(content, cluster)
    if without:
        asked.append(said.say("ask.meeting", names=names_of(without, said.words)))
    return listed(asked)


def _changes(cluster: Cluster) -> list[tuple[str, str]]:
    """Find the village whose joining or leaving would raise the score: the question, and its name."""
    asks = {"say.change_with": "ask.with", "say.change_with_from": "ask.with", "say.change_without": "ask.without"}
    return [(asks[key], facts["village"]) for key, facts in cluster["change"] if key in asks]


def _without_meeting_place(content: Content, cluster: Cluster) -> list[str]:
    """Name the villages in which the data knows of no place to meet, where it knows of such places at all."""
    if not any(key in MEETING_PLACES for counts in cluster["brings"].values() for key in counts):
        return []
    brings = cluster["brings"]
    bare = [row for row in cluster["members"] if not any(key in MEETING_PLACES for key in brings.get(row, ()))]
    return [content["villages"][row]["name"] for row in bare]
