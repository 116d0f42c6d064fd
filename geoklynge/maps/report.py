"""The report: one plain page to be printed and read, a page a cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import shapely
from markupsafe import Markup

from ..identity import steps_in_use
from ..pipeline import Run
from .content import Content, content_of
from .page import asset, environment, words_of
from .sketch import Dot, sketch
from .texts import Words, texts

REASONS = ("not_chosen", "no_candidate", "town", "no_road")  # in the order of telling
WEIGHT, WEIGHT_WITH_SURVEY = "λ₁ p + λ₂ o + λ₃ m + λ₄ d", "λ₁ p + λ₂ o + λ₃ m + λ₄ d + λ₅ a"
FORMULAS = (  # text of the name, formula
    ("method.proximity", "p = 2^(-(t / h)²)"),
    ("method.huff", "q(i, f) = k(f) · e^(-β · t(i, f)) / Σ"),
    ("method.overlap", "o = Σ w(c) · Σ min(q(i, f), q(j, f)) / Σ w(c)"),
    ("method.complementarity", "m = p · Σ w(c) · [i ≠ j] / Σ w(c)"),
    ("method.identity", ""),
    ("method.weight", WEIGHT),
    ("method.score", "100 · Σ v · x / Σ v"),
    ("method.chosen", "max Σ s · Σ min(b, 2000)"),
)


def render_report(run: Run, *, language: str = "da") -> str:
    """
    Render a run as a page for paper: no script, no network.

    Parameters
    ----------
    run
        A checked run.
    language
        ``da`` or ``en``.

    Returns
    -------
    str
        The page. The same run gives the same bytes.

    Raises
    ------
    InputError
        If there is no such language.
    """
    texts(language)
    return report_page(run, content_of(run), language)


def report_page(run: Run, content: Content, language: str) -> str:
    """Render the report of a run whose content is at hand."""
    words = words_of(content, language)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            words=words,
            **_phrases(words),
            content=content,
            known=texts(language),
            clusters=_clusters(run, content, words),
            alone=_alone(content),
            formulas=_formulas(run, words),
            surveyed=run.ties.survey is not None,
            weights=_weights(run),
            style=Markup(asset("report.css")),  # noqa: S704
        )
    )


def _phrases(words: Words) -> dict[str, Callable[..., str]]:
    """Texts that stand on the page by the thousand; each is made once, and Jinja's macros take three times as long."""

    @cache
    def number(value: float) -> str:
        return words.say("ui.whole", value=value)

    def people(value: float, assumed: bool) -> str:
        return ("≈ " if assumed else "") + number(value)

    return {
        "h": cache(words.say),
        "number": number,
        "people": people,
        "minutes": cache(lambda value: words.say("ui.minutes", minutes=value)),
    }


def _clusters(run: Run, content: Content, words: Words) -> list[dict[str, Any]]:
    """Join to each cluster what its page shows: its villages, its matrix and its sketch."""
    metres = shapely.get_coordinates(run.result.villages.geometry.to_numpy()).tolist()
    areas = run.result.clusters.geometry.to_numpy()
    villages = content["villages"]
    pages = []
    for cluster, area in zip(content["clusters"], areas, strict=True):
        hub = cluster["hub"]
        first = [hub, *(row for row in cluster["members"] if row != hub)]  # names of these are drawn first
        dots = [_dot(villages[row], metres[row], is_hub=row == hub) for row in first]
        title = words.say("ui.sketch", name=cluster["label"])
        pages.append(
            {
                **cluster,
                "villages": [{**villages[row], "brings": cluster["brings"].get(row, {})} for row in cluster["members"]],
                "kinds": _kinds(content, cluster),
                "sketch": sketch(area, dots, cluster["colour"], title),
            }
        )
    return pages


def _dot(village: dict[str, Any], metres: list[float], *, is_hub: bool) -> Dot:
    return Dot(village["name"], metres[0], metres[1], village["people"], village["standing"], is_hub)


def _kinds(content: Content, cluster: dict[str, Any]) -> list[str]:
    """List the categories that stand in a cluster, in their fixed order."""
    here = {key for counts in cluster["brings"].values() for key in counts}
    return [key for key in content["categories"] if key in here]


def _alone(content: Content) -> list[tuple[str, list[dict[str, Any]]]]:
    """Group the villages in no cluster by the reason, the largest first."""
    alone = sorted(
        (village for village in content["villages"] if village["cluster"] < 0),
        key=lambda village: (-village["people"], village["name"]),
    )
    groups = ((why, [village for village in alone if village["why"] == why]) for why in REASONS)
    return [(why, villages) for why, villages in groups if villages]


def _weights(run: Run) -> list[tuple[str, float]]:
    """Weigh the layers as the study does, for the reader who checks a tie by hand."""
    return [(f"say.layer_{name}", getattr(run.study.ties.weights, name)) for name in run.ties.layers]


def _formulas(run: Run, words: Words) -> list[tuple[str, str, str]]:
    """List what is worked out: the key of its name, its formula, and in its place a sentence for identity."""
    told = []
    for key, formula in FORMULAS:
        sentence = _steps(run, words) if key == "method.identity" else ""
        told.append(
            (key, WEIGHT_WITH_SURVEY if formula == WEIGHT and run.ties.survey is not None else formula, sentence)
        )
    return told


def _steps(run: Run, words: Words) -> str:
    """Say which steps of identity the study's data can tell, the strongest first."""
    steps = steps_in_use(run.tables, run.study.ties.identity_steps)
    told = [
        f"{words.say(f'method.step_{name}')} {words.say('ui.hundredth', value=each)}" for name, each in steps.items()
    ]
    return "; ".join([*told[:1], *(words.say("method.step_else", step=step) for step in told[1:])])
