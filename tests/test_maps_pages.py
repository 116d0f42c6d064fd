"""Map and report as text: whole, alike from run to run, asking nothing of any network, names escaped."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace

import pytest
from pages import HOSTILE, with_borders, with_certainty, with_comparison, with_hostile_names

from geoklynge.assessment import MEASURES
from geoklynge.errors import InputError
from geoklynge.maps import render_map, render_pages, render_report
from geoklynge.maps.leaflet import leaflet_script, leaflet_style
from geoklynge.maps.page import SCRIPTS, json_for_script

OUTSIDE = re.compile(
    r"""(?:src|href|action|data|poster|srcset)\s*=\s*\\?["']?(?!data:)(?:https?:)?//|url\(\s*["']?(?!data:)[^#)]|@import"""
)
RENDERERS = [render_map, render_report]


@pytest.fixture(scope="module")
def page(sample_run):
    return render_map(sample_run)


@pytest.fixture(scope="module")
def report(sample_run):
    return render_report(sample_run)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("change", [lambda run: run, with_borders], ids=["plain", "borders"])
def test_the_same_run_gives_the_same_bytes(sample_run, render, change):
    run = change(sample_run)
    assert render(run) == render(run)


@pytest.mark.parametrize("language", ["da", "en"])
def test_all_pages_together_are_those_that_each_renderer_gives(sample_run, language):
    assert render_pages(sample_run, language=language) == {
        "map.html": render_map(sample_run, language=language),
        "report.html": render_report(sample_run, language=language),
    }
    with pytest.raises(InputError, match="no language"):
        render_pages(sample_run, language="xx")


@pytest.mark.parametrize("render", RENDERERS)
def test_nothing_is_fetched_from_anywhere(sample_run, render):
    text = render(with_borders(sample_run))
    assert OUTSIDE.findall(text) == []
    assert "sourceMappingURL" not in text
    assert not re.search(r"cdn|jquery|bootstrap|awesome|fetch\(|XMLHttpRequest\(|\$\.ajax|import\(|\beval\(", text)
    links = set(re.findall(r'href="([^"]*)"', re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)))
    assert all(link in ("data:,", "report.html") or link.startswith("#") for link in links)


def test_the_policy_allows_our_scripts_and_nothing_else(page):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    sums = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == sums
    assert len(scripts) == 2 + len(SCRIPTS)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_leaflet_is_whole_and_carries_its_pictures():
    assert leaflet_script().startswith("/* @preserve\n * Leaflet 1.")
    assert leaflet_script().rstrip().endswith("});")
    assert leaflet_style().count("url(data:image/png;base64,") == 3
    assert "images/" not in leaflet_style()


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize(
    ("language", "words"), [("da", "Forslag til landsbyklynger"), ("en", "Candidate village clusters")]
)
def test_the_language_asked_for_opens(sample_run, render, language, words):
    text = render(sample_run, language=language)
    assert f'<html lang="{language}">' in text
    assert f"<title>{words}: Syddjurs</title>" in text


@pytest.mark.parametrize("render", RENDERERS)
def test_an_unknown_language_is_refused(sample_run, render):
    with pytest.raises(InputError, match="no language 'sv'"):
        render(sample_run, language="sv")


def test_the_map_holds_both_languages_and_opens_in_one(sample_run, page):
    data = data_of(page)
    assert set(data["texts"]) == {"da", "en"}
    assert data["language"] == "da"
    assert data_of(render_map(sample_run, language="en"))["language"] == "en"
    assert (data["categories"]["school"]["da"], data["categories"]["school"]["en"]) == ("skole", "school")


def test_the_map_has_layers_for_what_there_is(sample_run, page):
    for key in ("areas", "ties", "villages", "labels"):
        assert f'"{key}": ' in page
    assert '"service school": ' in page
    assert '"service doctor": ' not in page  # the sample has none
    assert '"parishes": ' not in page  # no borders
    bordered = render_map(with_borders(sample_run))
    assert all(f'"{key}": ' in bordered for key in ("land", "parishes", "municipalities"))


def test_escaped_json_reads_back():
    text = json_for_script({"name": HOSTILE})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"name": HOSTILE}


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("language", ["da", "en"])
def test_hostile_names_stay_text(sample_run, render, language):
    plain = render(sample_run, language=language)
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    other = sample_run.result.clusters["cluster_id"].iloc[1]
    doubtful = with_certainty(sample_run, {members[0]: ("contested", 0.5, other)})
    text = render(with_hostile_names(with_comparison(doubtful, members[0])), language=language)
    assert "<img" not in text
    assert "\u2028" not in "".join(re.findall(r"<script.*?</script>", text, re.DOTALL))
    assert "49<!--" not in text
    for tag in ("</script", "<script", "<style", "<!--"):
        assert text.count(tag) == plain.count(tag), tag
    assert html.escape(HOSTILE, quote=False)[:30] in text


def test_the_report_shows_every_cluster_and_village(sample_run, report):
    around = {"around": " og omegn"}
    for row in sample_run.result.clusters.to_dict("records"):
        section = report.split(f'<section class="cluster" id="cluster-{row["rank"]}">')[1].split("</section>")[0]
        assert f'<h3 class="title">{row["name"]}{around.get(row["name_reason"], "")}</h3>' in section
        for name in row["villages"].split("; "):
            assert (
                len(re.findall(rf'<th scope="row">{re.escape(name)} ?<', section)) == 2
            )  # what it brings; its profile
        assert section.count("<circle") == row["n_villages"]
        score = section.split('class="chart score"')[1].split("</svg>")[0]
        assert len(re.findall(r"M\d+ \d+h", re.search(r'class="i" d="([^"]*)"', score)[1])) == len(MEASURES)
    alone = sample_run.result.villages.query("cluster_id.isna()")
    everywhere = report.split('id="villages"')[1].split("</section>")[0]
    for village in alone.to_dict("records"):
        assert f'<th scope="row">{village["name"]}<' in everywhere


def test_the_report_gives_each_reason_once(sample_run, report):
    words = data_of(render_map(sample_run))["texts"]["da"]
    why = set(sample_run.result.villages["why_alone"].dropna())
    for key in ("town", "no_road", "no_candidate", "not_chosen"):
        assert report.count(f"<dd>{words[f'why_alone.{key}']}</dd>") == (key in why)


def test_the_report_counts_what_villages_bring(sample_run, report):
    brings = sample_run.result.brings
    knebel = sample_run.result.clusters.set_index("hub").loc["Knebel"]
    section = report.split(f'id="cluster-{knebel["rank"]}"')[1].split("</section>")[0]
    counts = [int(count) for count in re.findall(r'<td class="has">(\d+)</td>', section)]
    assert sorted(counts) == sorted(brings[brings["cluster_id"] == knebel["cluster_id"]]["facilities"])
    for kind in knebel["services_missing"].split("; "):
        label = sample_run.study.services.all_categories()[kind].da
        minutes = sample_run.result.missing.set_index(["cluster_id", "category"]).loc[
            (knebel["cluster_id"], kind), "minutes"
        ]
        assert f"{label} ({minutes:.1f} min.)".replace(f"{minutes:.1f}", f"{minutes:.1f}".replace(".", ",")) in section


def test_the_report_marks_doubtful_villages(sample_run):
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    other = sample_run.result.clusters["cluster_id"].iloc[1]
    run = with_certainty(sample_run, {members[0]: ("contested", 0.5, other)})
    text = render_report(run)
    name = run.result.villages.set_index("village_id")["name"][members[0]]
    assert f'{name} <span class="note">(uafklaret)</span>' in text
    assert f"{name} (50\N{NO-BREAK SPACE}% af beregningerne) kan også høre til klyngen" in text


def test_the_report_has_formulas_licences_and_no_script(report):
    assert "<script" not in report
    assert "p = 2^(-(t / h)²)" in report
    assert "CC BY 4.0 (GeoNames)" in report
    assert "Indeholder data fra GeoDanmark og GeoFA" in report


@pytest.mark.parametrize("render", RENDERERS)
def test_a_study_with_neither_services_alone_nor_findings_still_renders(sample_run, render):
    result = sample_run.result
    bare = replace(
        result,
        brings=result.brings.head(0),
        missing=result.missing.head(0),
        shared=result.shared.head(0),
    )
    tables = replace(sample_run.tables, sources=(), findings=())
    text = render(replace(sample_run, result=bare, tables=tables))
    assert "Syddjurs" in text
