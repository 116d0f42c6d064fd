"""Villages in the report: those of a cluster with what each brings, all of a study with cluster or reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from ..explaining.profiles import SIZES
from ..pipeline import Run
from .content import Content
from .report_words import Said
from .texts import Sentence

REASONS = ("not_chosen", "no_candidate", "town", "no_road")  # in the order of telling
SHORT_REASONS = {
    "not_chosen": "report.alone_not_chosen",
    "no_candidate": "report.alone_no_candidate",
    "town": "report.alone_town",
    "no_road": "report.alone_no_road",
}
SHORT_TYPES = {
    "type.hamlet": "report.hamlet",
    "type.small": "report.small",
    "type.village": "report.village",
    "type.large": "report.large",
    "type.none": "report.none",
    "type.some": "report.some",
    "type.many": "report.many",
}
SHORT_TRAITS = {"trait.central": "report.central", "trait.outlying": "report.outlying"}  # the minutes stand beside
IN_TYPE = ("trait.bare", "trait.few")
# the alphabet ends æ, ø, å; behind z stand {, | and }
AFTER_Z = str.maketrans("æäøöå", "{{||}")

Village = dict[str, Any]


def matrix(members: list[Village], brings: list[dict[str, int]], kinds: list[str], said: Said) -> Markup:
    """
    Lay out who brings what: a row a village, a column a category.

    Parameters
    ----------
    members
        The villages of a cluster.
    brings
        For each of them the number of facilities by category.
    kinds
        The categories that stand in the cluster.
    """
    labels = "".join(
        [f'<th scope="col" class="upright"><span>{escape(said.words.categories[key])}</span>' for key in kinds]
    )
    head = f'<thead><tr><th scope="col">{said.text("ui.village")}<th scope="col">{said.text("ui.people")}{labels}'
    nothing = "<td>" * len(kinds)
    rows = []
    for village, own in zip(members, brings, strict=True):
        cells = (
            "".join([f'<td class="has">{own[key]}</td>' if key in own else "<td>" for key in kinds]) if own else nothing
        )
        rows.append(
            f'<tr><th scope="row">{village["escaped"]}{_doubt(village, said)}'
            f'<td class="people">{said.people(village)}</td>{cells}'
        )
    return Markup(f'<table class="matrix">{head}<tbody>{"".join(rows)}</table>')  # noqa: S704 - escaped


def profiles(members: list[Village], minutes: Iterable[float], said: Said) -> Markup:
    """
    Tell of each village of a cluster its type, its way to the others, its standing, strengths and challenges.

    Parameters
    ----------
    members
        The villages.
    minutes
        Mean minutes of each to the others.
    """
    heads = (
        "ui.village",
        "report.type",
        "report.to_the_rest",
        "report.belongs",
        "report.traits",
    )
    head = "".join([f'<th scope="col">{said.text(key)}' for key in heads])
    rows = []
    for village, way in zip(members, minutes, strict=True):
        standing = said.text(f"standing.{village['standing']}")
        rows.append(
            f'<tr><th scope="row">{village["escaped"]}<td>{short_type(village, said)}{_whence(village, said)}'
            f"<td>{said.minutes(way)}<td>{standing} ({said.share(village['certainty'])})"
            f"<td>{both_traits(village, said)}"
        )
    return Markup(f'<table class="profiles"><thead><tr>{head}<tbody>{"".join(rows)}</table>')  # noqa: S704 - escaped


def _doubt(village: Village, said: Said) -> str:
    """Mark a village that does not surely belong."""
    if village["standing"] == "core":
        return ""
    return f' <span class="note">({said.text("standing." + village["standing"])})</span>'


def _whence(village: Village, said: Said) -> str:
    """Tell where a village's people live, on a line of its own."""
    told = said.whence(village)
    return f'<br><span class="note">{told}</span>' if told else ""


def short_type(village: Village, said: Said) -> str:
    """Name a village's type: its size, and how much stands in it."""
    size, services = village["type"]
    return f"{said.text(SHORT_TYPES[size])}, {said.text(SHORT_TYPES[services])}"


def both_traits(village: Village, said: Said) -> str:
    """Tell a village's strengths, then its challenges."""
    heads = (("strengths", "report.strengths"), ("challenges", "report.challenges"))
    told = [(said.text(key), _traits(village[kind], said)) for kind, key in heads]
    return " ".join([f"<i>{head}:</i> {few}" for head, few in told if few])


def _traits(sentences: list[Sentence], said: Said) -> str:
    """
    Tell strengths or challenges in few words.

    What the type of the village says already is left out; of what is far away one sentence tells all.
    """
    told, far = [], []
    for sentence in sentences:
        key, facts = sentence
        if key == "trait.far":
            far.append(f"{escape(said.words.categories[facts['category'][0]])} {said.tenth(facts['minutes'])}")
        elif key in SHORT_TRAITS:
            told.append(f"{said.text(SHORT_TRAITS[key])}.")
        elif key not in IN_TYPE:
            told.append(f"{said.often(sentence)}.")
    if far:
        told.append(f"{said.text('report.far')} {', '.join(far)}.")
    return " ".join(told)


def all_villages(content: Content, labels: list[Markup], said: Said) -> list[tuple[str, Markup]]:
    """
    List every village of the study once, by municipality and name, with its cluster or the reason for none.

    Parameters
    ----------
    content
        What the pages say of the run.
    labels
        The clusters' names, in order.

    Returns
    -------
    list
        Municipality and the rows of its table.
    """
    by_municipality: dict[str, list[Village]] = {}
    for village in content["villages"]:
        by_municipality.setdefault(village["municipality"] or "", []).append(village)
    return [
        (name, Markup("".join([_row(village, content, labels, said) for village in sorted(villages, key=_by_name)])))  # noqa: S704 - escaped
        for name, villages in sorted(by_municipality.items(), key=lambda item: alphabetical(item[0]))
    ]


def alphabetical(name: str) -> str:
    """
    Give a name's place in the Danish alphabet.

    Examples
    --------
    >>> sorted(["Århus", "Ørby", "Ærø", "Zoo"], key=alphabetical)
    ['Zoo', 'Ærø', 'Ørby', 'Århus']
    """
    return name.casefold().translate(AFTER_Z)


def _by_name(village: Village) -> tuple[str, str]:
    return alphabetical(village["name"]), village["parish"] or ""


def _row(village: Village, content: Content, labels: list[Markup], said: Said) -> str:
    if village["cluster"] >= 0:
        rank = content["clusters"][village["cluster"]]["rank"]
        where = f'<a href="#cluster-{rank}">{rank}. {labels[village["cluster"]]}</a>'
        if village["standing"] != "core":
            where += f" ({said.text('standing.' + village['standing'])})"
    else:
        where = f'<span class="alone">{said.text(SHORT_REASONS[village["why"]])}</span>'
        if village["other"] >= 0:
            leaning = {"other": content["clusters"][village["other"]]["label"], "share": village["other_share"]}
            where += f"; {said.say('say.leans', **leaning)}"
        known = both_traits(village, said)
        where += f'<br><span class="note">{known}</span>' if known else ""
    return (
        f'<tr><th scope="row">{village["escaped"]}<td>{escape(village["parish"] or "")}<td>{short_type(village, said)}'
        f"{_whence(village, said)}"
        f'<td class="people">{said.people(village)}<td>{where}'
    )


def reasons_met(content: Content) -> list[tuple[str, str, int]]:
    """Count the villages in no cluster by reason: text in full, text in short, how many."""
    counts = pd.Series([village["why"] for village in content["villages"] if village["cluster"] < 0]).value_counts()
    return [(f"why_alone.{why}", SHORT_REASONS[why], int(counts[why])) for why in REASONS if why in counts]


def by_size(run: Run, content: Content) -> list[tuple[str, int, int, int, int]]:
    """Count the villages by size: text of the size, villages, people, of these villages in a cluster, and in none."""
    profiles = run.explanation.profiles
    people = [village["people"] for village in content["villages"]]
    placed = [village["cluster"] >= 0 for village in content["villages"]]
    table = pd.DataFrame({"size": profiles["size"].to_numpy(), "people": people, "placed": placed})
    sums = table.groupby("size").agg(n=("placed", "size"), people=("people", "sum"), placed=("placed", "sum"))
    return [
        (f"type.{size}", int(row["n"]), int(row["people"]), int(row["placed"]), int(row["n"] - row["placed"]))
        for size, row in sums.reindex(list(SIZES)).dropna().iterrows()
    ]
