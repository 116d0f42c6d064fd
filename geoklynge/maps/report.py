"""The report: one plain page to be printed and read, a page a cluster, in the chapters of a mapping report."""

from __future__ import annotations

import shapely
from markupsafe import Markup, escape

from ..identity import steps_in_use
from ..pipeline import Run
from .content import Content, content_of
from .formulas import OF_LAYER, SCORE, tie_weight
from .page import asset, environment, words_of
from .report_charts import Bar, bars
from .report_clusters import cluster_pages
from .report_overview import overview
from .report_villages import all_villages, by_size, reasons_met
from .report_words import Said, said_in
from .sketch import hatches
from .texts import Words, texts

MOST_LISTED = 40  # clusters that the table of contents names; the summary names all
CHAPTERS = {  # anchor, text of its name
    "background": "report.background",
    "results": "report.results",
    "clusters": "report.clusters",
    "outlook": "report.outlook",
    "villages": "report.villages",
    "method": "report.method",
}
BASIS = ("say.basis_roads", "say.basis_links", "say.basis_straight")
LIMITS_FIRST = ("limits.max_minutes", "limits.villages", "limits.people", "limits.town")


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
    said = said_in(words)
    named = [{**village, "escaped": escape(village["name"])} for village in content["villages"]]
    content = {**content, "villages": named}
    labels = [said.told(cluster["label"]) for cluster in content["clusters"]]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            words=words,
            h=said.text,
            heads={key: escape(text) for key, text in texts(language).items()},
            said=said,
            content=content,
            known=texts(language),
            chapters=_chapters(said),
            listed=len(labels) <= MOST_LISTED,
            clusters=cluster_pages(run, content, labels, said),
            summary=[sentence for sentence in content["head"] if sentence[0] not in BASIS],
            basis=[sentence for sentence in content["head"] if sentence[0] in BASIS],
            limits=said.items(sentence for sentence in content["parameters"] if sentence[0] in LIMITS_FIRST),
            hatches=hatches(dict.fromkeys(cluster["colour"] for cluster in content["clusters"])),
            map=_overview(run, said),
            coverage=_coverage(content, said),
            sizes=by_size(run, content),
            reasons=reasons_met(content),
            villages=all_villages(content, labels, said),
            formulas=_formulas(run, words),
            surveyed=run.ties.survey is not None,
            weights=_weights(run),
            style=Markup(asset("report.css")),  # noqa: S704
        )
    )


def _chapters(said: Said) -> dict[str, Markup]:
    """Give each chapter's heading, with its number, by its anchor."""
    return {
        anchor: Markup("{}. {}").format(number, said.text(key))
        for number, (anchor, key) in enumerate(CHAPTERS.items(), start=1)
    }


def _overview(run: Run, said: Said) -> Markup:
    """Draw all clusters on one map."""
    villages = run.result.villages
    placed = villages["cluster_id"].notna().to_numpy()
    return overview(
        run.result.clusters.geometry.to_numpy(),
        shapely.get_coordinates(villages.geometry.to_numpy()),
        placed,
        said.words.say("report.map"),
        said.words.say(
            "say.summary",
            n=len(run.result.clusters),
            clusters=len(run.result.clusters),
            placed=int(placed.sum()),
            villages=len(villages),
        ),
    )


def _coverage(content: Content, said: Said) -> Markup:
    """Draw, of each service, the share of people who have it in their village, and in their cluster."""
    rows = [
        Bar(said.words.categories[key], own, cluster, f"{said.share(own)} → {said.share(cluster)}")
        for key, own, cluster in content["coverage"]
    ]
    return bars(rows, "coverage", said.words.say("chart.coverage"), span=320)


def _weights(run: Run) -> list[tuple[str, float]]:
    """Weigh the layers as the study does, for the reader who checks a tie by hand."""
    return [(f"say.layer_{name}", getattr(run.study.ties.weights, name)) for name in run.ties.layers]


def _formulas(run: Run, words: Words) -> list[tuple[str, str, str]]:
    """List what is worked out: the key of its name, its formula, and in its place a sentence for identity."""
    return [
        *((key, formula, "" if formula else _steps(run, words)) for key, formula in OF_LAYER.items()),
        ("method.weight", tie_weight(run), ""),
        ("method.score", SCORE, ""),
        ("method.chosen", "max Σ s · Σ min(b, 2000)", ""),
    ]


def _steps(run: Run, words: Words) -> str:
    """Say which steps of identity the study's data can tell, the strongest first."""
    steps = steps_in_use(run.tables, run.study.ties.identity_steps)
    told = [
        f"{words.say(f'method.step_{name}')} {words.say('ui.hundredth', value=each)}" for name, each in steps.items()
    ]
    return "; ".join([*told[:1], *(words.say("method.step_else", step=step) for step in told[1:])])
