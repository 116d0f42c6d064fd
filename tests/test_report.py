"""The printed report: every village once, every figure the run's own, chapters in order, charts read out."""

import html
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from markupsafe import Markup, escape
from pages import HOSTILE, with_borders, with_certainty, with_hostile_names, with_moves

import geoklynge.maps
from geoklynge.maps import render_report
from geoklynge.maps.content import content_of
from geoklynge.maps.explained import _trait
from geoklynge.maps.page import words_of
from geoklynge.maps.report_charts import Bar, bars, columns
from geoklynge.maps.report_clusters import cluster_pages
from geoklynge.maps.report_outlook import questions
from geoklynge.maps.report_overview import overview
from geoklynge.maps.report_villages import alphabetical, both_traits
from geoklynge.maps.report_words import names_of, said_in
from geoklynge.maps.sketch import Dot, sketch
from geoklynge.maps.texts import Words, number, percent, texts

MAPS = Path(geoklynge.maps.__file__).parent
CHAPTERS = {
    "da": (
        "Baggrund", "Hovedresultater", "Klyngerne, én for én", "Det videre arbejde", "Alle landsbyer", "Metode og data"
    ),
    "en": (
        "Background", "Main results", "The clusters, one by one", "The work ahead", "All villages", "Method and data"
    ),
}  # fmt: skip
SECTIONS = {
    "da": ["Geografi og befolkning", "Hvorfor netop disse landsbyer", "Tilbud og mødesteder", "Landsbyerne", "Udsyn"],
    "en": ["Geography and population", "Why these villages", "Services and meeting places", "The villages", "Outlook"],
}
# words that the other language does not have too, as "by", "at" and "to"
ENGLISH = {*("the", "and", "of", "with", "which", "villages", "people", "minutes", "cluster", "clusters", "nearest")}
DANISH = {*("og", "af", "er", "fra", "som", "landsbyer", "indbyggere", "minutter", "klynge", "klynger", "ikke", "det")}


@pytest.fixture(scope="module")
def reports(sample_run):
    return {language: render_report(sample_run, language=language) for language in ("da", "en")}


@pytest.fixture(scope="module")
def report(reports):
    return reports["da"]


@pytest.fixture(scope="module")
def content(sample_run):
    return content_of(sample_run)


def plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\N{NO-BREAK SPACE}", " ").strip()


def chapter(report, anchor):
    return re.search(rf'<section class="\w+" id="{anchor}">(.*?)</section>', report, re.DOTALL)[1]


def table(part, kind):
    """Rows of all tables of a class, cell by cell, the head first."""
    tables = re.findall(rf'<table class="{kind}">(.*?)</table>', part, re.DOTALL)
    return [
        [plain(f"<{cell}") for cell in re.split(r"<(?=t[hd]\b)", row)[1:]]
        for inner in tables
        for row in inner.split("<tr")[1:]
    ]


def chart(part, kind):
    """Read what a chart says aloud: its title, and its numbers by label."""
    title, about = re.search(rf'<svg class="chart {kind}".*?<title>(.*?)</title><desc>(.*?)</desc>', part).groups()
    return plain(title), dict(each.rsplit(": ", 1) for each in plain(about).split("; "))


def drawn_bars(part, kind):
    """Lengths of a chart's inner and outer bars."""
    drawing = re.search(rf'<svg class="chart {kind}".*?</svg>', part)[0]
    paths = [re.search(rf'class="{which}" d="([^"]*)"', drawing)[1] for which in "io"]
    return [[float(length) for length in re.findall(r"M\d+ \d+h([\d.]+)", path)] for path in paths]


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_chapters_are_those_of_a_mapping_report_in_their_order(sample_run, reports, language):
    text = reports[language]
    headings = [plain(each) for each in re.findall(r"<h2>(.*?)</h2>", text)]
    numbered = [f"{number}. {name}" for number, name in enumerate(CHAPTERS[language], start=1)]
    assert headings[1:] == numbered
    contents = re.search(r"<nav.*?</nav>", text, re.DOTALL)[0]
    assert [plain(each) for each in re.findall(r'<a href="#[a-z]+">(.*?)</a>', contents)] == numbered
    for rank in range(1, len(sample_run.result.clusters) + 1):
        own = chapter(text, f"cluster-{rank}")
        assert [plain(each) for each in re.findall(r"<h4>(.*?)</h4>", own)] == SECTIONS[language]


@pytest.mark.parametrize("language", ["da", "en"])
def test_every_link_leads_somewhere(reports, language):
    anchors = set(re.findall(r'id="([^"]+)"', reports[language]))
    links = set(re.findall(r'href="#([^"]+)"', reports[language]))
    assert links <= anchors


def test_the_background_names_the_law(reports):
    for language, paragraphs in {
        "da": ("§ 5 c", "§ 5 d", "§ 11 a, stk. 1, nr. 23", "§ 11 e, stk. 3", "§ 5 c, stk. 2"),
        "en": ("§ 5 c", "§ 5 d", "§ 11 a(1) no. 23", "§ 11 e(3)", "§ 5 c(2)"),
    }.items():
        text = plain(chapter(reports[language], "background"))
        assert all(paragraph in text for paragraph in paragraphs)


@pytest.mark.parametrize("language", ["da", "en"])
def test_every_village_stands_once_with_its_cluster_or_the_reason_for_none(sample_run, reports, language):
    rows = table(chapter(reports[language], "villages"), "all")[1:]
    words, result = texts(language), sample_run.result
    rank = dict(zip(result.clusters["cluster_id"], result.clusters["rank"], strict=True))
    villages = result.villages.assign(parish=result.villages["parish"].fillna("")).to_dict("records")
    by_name = {(village["name"], village["parish"]): village for village in villages}
    assert Counter((row[0], row[1]) for row in rows) == Counter(by_name.keys())
    for name, parish, kind, people, where in rows:
        village = by_name[name, parish]
        assert kind == f"{words['report.' + village['size_class']]}, {words['report.' + village['services_class']]}"
        sign = "≈ " if pd.isna(village["population"]) else ""
        assert people == sign + number(village["people"], 0, language)
        if pd.isna(village["cluster_id"]):
            assert where.startswith(words[f"report.alone_{village['why_alone']}"])
        else:
            assert where.startswith(f"{rank[village['cluster_id']]}. ")
            assert (words[f"standing.{village['standing']}"] in where) == (village["standing"] != "core")


def test_villages_stand_in_the_order_of_the_danish_alphabet(report):
    names = [row[0] for row in table(chapter(report, "villages"), "all")[1:]]
    assert names == sorted(names, key=alphabetical)
    assert len(names) > 70
    assert sorted(["Aså", "Åby", "Ærø", "Zoo", "Øby"], key=alphabetical) == ["Aså", "Zoo", "Ærø", "Øby", "Åby"]


def test_reasons_are_told_in_full_and_counted(sample_run, report):
    outside = chapter(report, "villages")
    counts = sample_run.result.villages["why_alone"].value_counts()
    words = texts("da")
    told = dict(zip(re.findall(r"<dt>(.*?)</dt>", outside), re.findall(r"<dd>(.*?)</dd>", outside), strict=True))
    assert told == {f"{words[f'report.alone_{why}']}: {n}": words[f"why_alone.{why}"] for why, n in counts.items()}


def test_sizes_add_up_to_all_villages(sample_run, report):
    rows = table(chapter(report, "results"), "summary sizes")[1:]
    villages = sample_run.result.villages
    sums = np.array([[int(cell.replace(".", "")) for cell in row[1:]] for row in rows]).sum(axis=0)
    placed = int(villages["cluster_id"].notna().sum())
    assert sums.tolist() == [len(villages), round(villages["people"].sum()), placed, len(villages) - placed]


@pytest.mark.parametrize("language", ["da", "en"])
def test_a_cluster_s_figures_are_those_of_the_run(sample_run, reports, language):
    summary = table(chapter(reports[language], "results"), "summary")[1:]
    for row, line in zip(sample_run.result.clusters.to_dict("records"), summary, strict=True):
        longest, mean = (words_said(language, row[key]) for key in ("max_minutes", "mean_minutes"))
        people, score = number(row["population"], 0, language), number(row["score"], 1, language)
        assert line[0] == str(row["rank"])
        assert f"{people} " in plain(
            re.search(r'<p class="facts">(.*?)</p>', chapter(reports[language], f"cluster-{row['rank']}"))[1]
        )
        assert line[2:] == [score, str(row["n_villages"]), people, longest, mean]
        figures = [value for _, value in table(chapter(reports[language], f"cluster-{row['rank']}"), "figures")]
        assert figures == [
            f"{number(row['area_km2'], 1, language)} km²",
            row["parishes"].replace("; ", ", "), row["municipalities"].replace("; ", ", "), longest, mean,
        ]  # fmt: skip


def words_said(language, minutes):
    return Words(language, {}).say("ui.minutes", minutes=minutes)


def test_the_chart_of_minutes_counts_the_pairs(sample_run, report):
    spread = sample_run.explanation.spread
    for row in sample_run.result.clusters.to_dict("records"):
        part = chapter(report, f"cluster-{row['rank']}")
        title, told = chart(part, "columns")
        assert title == texts("da")["chart.minutes"]
        assert [int(count) for count in told.values()] == spread.query("cluster_id == @row['cluster_id']")[
            "pairs"
        ].tolist()
        assert sum(map(int, told.values())) == row["n_villages"] * (row["n_villages"] - 1) // 2
        assert list(told)[1] == "2,5-5 minutter"


def test_the_chart_of_the_score_adds_up_to_it(sample_run, content, report):
    words = texts("da")
    for row in sample_run.result.clusters.to_dict("records"):
        _, told = chart(chapter(report, f"cluster-{row['rank']}"), "score")
        assert list(told) == [words[f"measure.{key}"] for key, _ in content["measures"]]
        points = [[float(each.replace(",", ".")) for each in value.split(" af ")] for value in told.values()]
        assert sum(got for got, _ in points) == pytest.approx(row["score"], abs=0.6)  # each is rounded
        assert sum(most for _, most in points) == pytest.approx(100, abs=0.5)
        for (got, most), (key, share) in zip(points, content["measures"], strict=True):
            assert got == pytest.approx(100 * share * row[key], abs=0.0501)
            assert most == pytest.approx(100 * share, abs=0.0501)
        filled, whole = drawn_bars(chapter(report, f"cluster-{row['rank']}"), "score")
        shares = [share for _, share in content["measures"]]
        assert whole == pytest.approx([112 * share / max(shares) for share in shares], abs=0.051)
        assert filled == pytest.approx(
            [112 * share * row[key] / max(shares) for key, share in content["measures"]], abs=0.051
        )


def test_the_chart_of_services_counts_people_in_their_own_village(sample_run, report):
    brings, categories = sample_run.result.brings, sample_run.study.services.all_categories()
    people = dict(zip(sample_run.result.villages["village_id"], sample_run.result.villages["people"], strict=True))
    for row in sample_run.result.clusters.to_dict("records"):
        own = brings[brings["cluster_id"] == row["cluster_id"]]
        everyone = sum(people[village] for village in row["village_ids"].split("; "))
        expected = {
            categories[key].da: percent(sum(people[village] for village in having["village_id"]) / everyone, 0, "da")
            for key, having in own.groupby("category")
        }
        part = chapter(report, f"cluster-{row['rank']}")
        if not expected:
            assert "chart coverage" not in part
            continue
        _, told = chart(part, "coverage")
        assert told == {label: share.replace("\N{NO-BREAK SPACE}", " ") for label, share in expected.items()}


def test_the_chart_of_all_clusters_tells_before_and_after(sample_run, report):
    categories = sample_run.study.services.all_categories()
    _, told = chart(chapter(report, "results"), "coverage")
    assert told == {
        categories[key].da: f"{percent(own, 0, 'da')} → {percent(cluster, 0, 'da')}".replace("\N{NO-BREAK SPACE}", " ")
        for key, own, cluster in sample_run.explanation.coverage.itertuples(index=False)
    }


def test_each_village_of_a_cluster_has_a_profile(sample_run, reports):
    villages = sample_run.result.villages.set_index("village_id")
    for row in sample_run.result.clusters.to_dict("records"):
        for language, text in reports.items():
            words = texts(language)
            told = {line[0]: line[1:] for line in table(chapter(text, f"cluster-{row['rank']}"), "profiles")[1:]}
            assert len(told) == row["n_villages"]
            for village in villages.loc[row["village_ids"].split("; ")].to_dict("records"):
                kind, minutes, belongs, traits = told[village["name"]]
                assert (
                    kind
                    == f"{words['report.' + village['size_class']]}, {words['report.' + village['services_class']]}"
                )
                assert minutes == words_said(language, village["mean_minutes"])
                share = percent(village["certainty"], 0, language).replace("\N{NO-BREAK SPACE}", " ")
                assert belongs == f"{words['standing.' + village['standing']]} ({share})"
                nearest = village["mean_minutes"] == villages.loc[row["village_ids"].split("; ")]["mean_minutes"].min()
                assert (words["report.central"] in traits) == nearest


def test_what_is_far_is_told_in_one_sentence(sample_run, content, report):
    traits = sample_run.explanation.traits.query("code == 'far'").dropna(subset="minutes")
    labels = {key: category["da"] for key, category in content["categories"].items()}
    names = sample_run.result.villages.set_index("village_id")["name"]
    profiles = re.findall(r'<table class="profiles">.*?</table>', report, re.DOTALL)
    for village, own in traits.groupby("village_id"):
        ways = [f"{labels[row.category]} {number(row.minutes, 1, 'da')}" for row in own.itertuples()]
        told = f"Minutter til nærmeste: {', '.join(ways)}."
        where = chapter(report, "villages") if pd.isna(cluster_of(sample_run, village)) else "".join(profiles)
        assert re.search(rf'<th scope="row">{re.escape(names[village])}<(?:(?!<tr>).)*{re.escape(told)}', where), (
            village
        )


def cluster_of(run, village):
    return run.result.villages.set_index("village_id")["cluster_id"][village]


def test_alternatives_say_who_is_in_and_who_is_not(sample_run, content, reports):
    for cluster in content["clusters"]:
        part = chapter(reports["en"], f"cluster-{cluster['rank']}").split(texts("en")["report.alternatives"])[1]
        told = [
            plain(item) for item in re.findall(r"<li>(.*?)(?=<li>|</ul>)", part.split("</ul>")[0] + "</ul>", re.DOTALL)
        ]
        if not cluster["alternatives"]:
            assert texts("en")["report.alternatives_none"] in part
            continue
        assert len(told) == len(cluster["alternatives"])
        for sentence, other in zip(told, cluster["alternatives"], strict=True):
            assert sentence.startswith(f"{len(other['members'])} villages, {other['people']:,} people, ")
            assert (
                f"score {other['score']:.1f}; {percent(other['common'], 0, 'en')} of the people are the same."
                in sentence
            )
            without = [content["villages"][row]["name"] for row in cluster["members"] if row not in other["members"]]
            assert ("Not in: " in sentence) == bool(without)
            assert all(name in sentence for name in without[:5])
            assert ("Shares villages with" in sentence) == bool(other["displaces"])


def test_questions_ask_about_what_the_data_leaves_open(sample_run):
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    other = sample_run.result.clusters["cluster_id"].iloc[1]
    run = with_certainty(sample_run, {members[0]: ("contested", 0.5, other), members[1]: ("edge", 0.6, None)})
    content = content_of(run)
    name = run.result.villages.set_index("village_id")["name"]
    cluster, said = content["clusters"][0], said_in(words_of(content, "da"))
    asked = plain(questions(content, cluster, cluster["doubles"], said).replace("<li>", "\n")).split("\n")
    assert (
        asked[0] == "Klyngen er her kaldt »Mols«. Hvad kalder I selv området, og hvor begynder og slutter det for jer?"
    )
    assert asked[1] == f"Hører {name[members[0]]} bedst til her eller hos naboerne?"
    assert asked[2] == f"Føler man sig som en del af området i {name[members[1]]}?"
    assert "Både i Egens og i Knebel er der skole: Hvad kan de to steder bruge hinanden til?" in asked
    assert asked[-2].startswith("Data kender intet af dette i klyngen: bibliotek og tankstation.")
    assert all(question.endswith("?") for question in asked)
    meeting = {"community_hall", "sports_hall", "school", "grocery", "cafe_inn", "library", "church", "sports_club"}
    brings = run.result.brings[run.result.brings["category"].isin(meeting)]
    without = [name[village] for village in by_people(run, members) if village not in set(brings["village_id"])]
    assert asked[-1] == f"Data kender intet mødested i {names_of(without, Words('da', {}))}. Hvor mødes man dér?"
    bare = {**cluster, "brings": {}, "missing": [], "change": [], "members": cluster["members"][2:3]}
    assert str(questions(content, bare, [], said)).count("<li>") == 1


def by_people(run, members):
    villages = run.result.villages.set_index("village_id").loc[members].reset_index()
    return villages.sort_values(["people", "name"], ascending=[False, True])["village_id"].tolist()


def test_a_change_is_asked_about():
    content = {"villages": [], "clusters": []}
    change = [("say.change_with_from", {"village": "Eg"}), ("say.weakest", {"measure": "measure.balance"})]
    cluster = {"members": [], "label": "X", "change": change, "missing": [], "brings": {}}
    assert "Ville det give mening, at Eg også var med?" in questions(content, cluster, [], said_in(Words("da", {})))


def test_of_many_names_a_few_are_said():
    words = Words("da", {})
    assert names_of(list("ABCDEF"), words) == "A, B, C, D, E og F"
    assert names_of(list("ABCDEFG"), words) == "A, B, C, D, E og 2 til"


def test_topics_stand_on_the_cluster_s_page(sample_run):
    cluster = sample_run.result.clusters["cluster_id"].iloc[0]
    villages = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    key = sample_run.topics[0].key
    run = with_moves(sample_run, key, {cluster: [(villages[0], villages[1:3])]})
    part = plain(chapter(render_report(run), "cluster-1"))
    assert "60 % bliver sammen." in part
    assert "2 af landsbyerne er da ikke med i nogen klynge." in part


def test_bars_are_as_long_as_their_numbers():
    drawn = str(bars([Bar("a", 0.25, 0.5, "1 of 2"), Bar("b & c", 0.0, 1.0, "0")], "x", "T & U", label=100, span=200))
    inner, outer = (re.search(rf'class="{kind}" d="([^"]*)"', drawn)[1] for kind in "io")
    assert re.findall(r"M100 \d+h([\d.]+)", inner) == ["50.0", "0.0"]
    assert re.findall(r"M100 \d+h([\d.]+)", outer) == ["100.0", "200.0"]
    assert "<title>T &amp; U</title><desc>a: 1 of 2; b &amp; c: 0</desc>" in drawn
    assert 'role="img"' in drawn


def test_columns_are_as_tall_as_their_counts():
    drawn = str(columns(["0", "5", "10", "15"], [2, 0, 4], "pairs", "minutes"))
    assert re.findall(r"v-([\d.]+)", drawn) == ["33.0", "0.0", "66.0"]
    assert re.findall(r"<text[^>]*>(\d+)</text>", drawn) == ["2", "0", "4", "0", "10"]  # every other bound
    assert "<desc>0-5 minutes: 2; 5-10 minutes: 0; 10-15 minutes: 4</desc>" in drawn
    assert "nan" not in str(columns([], [], "none", "minutes"))


def test_every_drawing_can_be_read_out(report):
    for drawing in re.findall(r"<svg.*?</svg>", report, re.DOTALL):
        assert 'aria-hidden="true"' in drawing or re.search(r'role="img"><title>[^<]+</title>', drawing)


def test_the_overview_has_every_cluster_and_village(sample_run, report):
    drawing = re.search(r'<svg class="overview.*?</svg>', chapter(report, "results"), re.DOTALL)[0]
    assert re.findall(r"<text[^>]*>(\d+)</text>", drawing) == [str(rank) for rank in sample_run.result.clusters["rank"]]
    placed = int(sample_run.result.villages["cluster_id"].notna().sum())
    dots, crosses = (re.search(rf'class="{kind}" d="(.*?)"', drawing)[1] for kind in ("dots", "crosses"))
    assert (dots.count("h0"), crosses.count("M")) == (placed, len(sample_run.result.villages) - placed)


@pytest.mark.parametrize(("language", "foreign"), [("da", ENGLISH), ("en", DANISH)])
def test_no_word_of_the_other_language(sample_run, language, foreign):
    text = render_report(with_borders(sample_run), language=language)
    body = text.split("<body>")[1]
    body = re.sub(r'<span class="note" lang="en">.*?</span>|<code class="file">.*?</code>', "", body)
    body = re.sub(
        r'<table class="sources">.*?</table>', "", body, flags=re.DOTALL
    )  # licences stand as their givers say
    found = Counter(re.findall(r"[a-zæøå]+", plain(re.sub(r"<[^>]*>", " ", body)).lower()))
    assert {word: found[word] for word in foreign & found.keys()} == {}


@pytest.mark.parametrize("language", ["da", "en"])
def test_nothing_reads_like_a_closure_list(reports, language):
    lead = texts(language)["ui.lead"]
    text = plain(reports[language]).replace(lead, "").lower()
    assert not re.search(
        r"nedlæg|nedluk|afvikl|urentab|lukningstru|skal lukk|bør lukk|should close|shut down|unviable", text
    )


def test_hostile_names_stay_text_in_every_chapter(sample_run):
    run = with_hostile_names(sample_run)
    text = render_report(run)
    assert HOSTILE not in text
    assert "<img" not in text
    assert "<script" not in text
    for anchor in ("background", "results", "cluster-1", "villages", "method"):
        assert html.escape(HOSTILE)[:24] in chapter(text, anchor)


def test_a_study_in_which_all_is_unknown_still_renders(sample_run):
    villages = sample_run.result.villages.assign(parish=None, municipality=None)
    clusters = sample_run.result.clusters.assign(parishes="", municipalities="")
    result = replace(
        sample_run.result,
        villages=villages,
        clusters=clusters,
        brings=sample_run.result.brings.head(0),
        missing=sample_run.result.missing.head(0),
        shared=sample_run.result.shared.head(0),
    )
    explained = sample_run.explanation
    nothing = ("alternatives", "changes", "doubles", "coverage", "traits")
    empty = replace(explained, **{name: getattr(explained, name).head(0) for name in nothing})
    text = render_report(replace(sample_run, result=result, explanation=empty))
    assert "Kommune ikke oplyst" in chapter(text, "villages")
    assert texts("da")["ui.brings_none"] in chapter(text, "cluster-1")
    assert texts("da")["report.alternatives_none"] in chapter(text, "cluster-1")


def test_every_text_that_the_report_asks_for_exists():
    for path in sorted(MAPS.iterdir()):
        if path.suffix in (".py", ".j2"):
            asked = re.findall(r'["\'](?:report|chart|ask)\.[a-z_0-9]+["\']', path.read_text(encoding="utf-8"))
            assert {each.strip("\"'") for each in asked} - {"report.html", "report.css"} <= texts("en").keys(), (
                path.name
            )


def test_all_that_a_cluster_s_page_prints_is_escaped(sample_run):
    run = with_hostile_names(sample_run)
    content, said = content_of(run), said_in(words_of(content_of(run), "en"))
    named = [{**village, "escaped": escape(village["name"])} for village in content["villages"]]
    labels = [said.told(cluster["label"]) for cluster in content["clusters"]]
    for page in cluster_pages(run, {**content, "villages": named}, labels, said):
        for key, value in page.items():
            parts = value if isinstance(value, tuple) else (value,)
            assert all(isinstance(part, (Markup, int)) or part == "" for part in parts), key
            assert HOSTILE not in "".join(map(str, parts)), key


def dots_in_a_crowd(n):
    """The hub in the middle of others that leave no room for its name."""
    around = [Dot(f"V{k}", 9.0 * np.cos(k), 9.0 * np.sin(k), 900.0, "core", is_hub=False) for k in range(n)]
    return [Dot("Hub", 0.0, 0.0, 5000.0, "core", is_hub=True), *around]


def test_a_sketch_names_its_hub_whatever_stands_around_it():
    dots = dots_in_a_crowd(60)
    drawn = str(sketch(shapely.box(-100, -60, 100, 60), dots, "#44aa99", "T"))
    assert re.findall(r'class="[em]? ?hub">(.*?)<', drawn) == ["Hub"]
    assert drawn.count("<circle") == len(dots)
    assert drawn.count("<text") < len(dots)  # names that would cover another are left out


def test_names_on_a_sketch_cover_no_other(sample_run, content):
    villages = sample_run.result.villages
    for cluster, area in zip(content["clusters"], sample_run.result.clusters.geometry, strict=True):
        xy = shapely.get_coordinates(villages.geometry.iloc[cluster["members"]].to_numpy()).tolist()
        names = [content["villages"][row]["name"] for row in cluster["members"]]
        dots = [Dot(name, x, y, 100.0, "core", is_hub=False) for name, (x, y) in zip(names, xy, strict=True)]
        boxes = []
        for x, y, anchor, name in re.findall(
            r'<text x="(-?\d+)" y="(-?\d+)"(?: class="([em])")?>([^<]+)</text>', str(sketch(area, dots, "#44aa99", "T"))
        ):
            wide = 6.0 * len(html.unescape(name))
            left = float(x) - {"": 0.0, "m": wide / 2, "e": wide}[anchor]
            boxes.append(shapely.box(left, float(y) - 9, left + wide, float(y) + 3))
        named = shapely.STRtree(boxes[:-1])  # the last text is the scale's
        first, second = named.query(boxes[:-1], predicate="overlaps")
        assert all(boxes[a].intersection(boxes[b]).area < 12 for a, b in zip(first, second, strict=True))


def test_the_scale_of_a_sketch_is_a_kilometre():
    dots = [Dot("A", 0.0, 0.0, 1.0, "core", is_hub=True), Dot("B", 3000.0, 0.0, 1.0, "edge", is_hub=False)]
    drawn = str(sketch(shapely.box(0, -10, 3000, 10), dots, "#44aa99", "T"))
    a, b = (float(x) for x in re.findall(r'cx="([\d.]+)"', drawn))
    assert float(re.search(r"h([\d.]+)\" class=\"scale", drawn)[1]) == pytest.approx((b - a) / 3, abs=0.1)


def test_many_clusters_have_no_numbers_on_the_map():
    areas = np.array([shapely.box(k, 0, k + 1, 1) for k in range(200)], dtype=object)
    points, placed = np.array([[0.5, 0.5], [199.5, 0.5]]), np.array([True, False])
    drawn = str(overview(areas, points, placed, "T", "D"))
    assert drawn.count("<text") == 0
    assert str(overview(areas[:150], points, placed, "T", "D")).count("<text") == 150


def test_what_is_shared_stands_from_most_to_least(sample_run, report):
    categories = sample_run.study.services.all_categories()
    for row in sample_run.result.clusters.to_dict("records"):
        own = sample_run.result.shared.query("cluster_id == @row['cluster_id'] and share > 0")
        told = re.search(
            r"Så stor en del af turene går til de samme steder: (.*?)\.</p>", chapter(report, f"cluster-{row['rank']}")
        )
        pairs = re.findall(
            r"([^,()]+?) \((\d+)%\)", plain(told[1]).replace(" %", "%").replace(" og ", ", ").replace(", ", ",")
        )
        shares = [int(share) for _, share in pairs]
        assert shares == sorted(shares, reverse=True)
        assert {name for name, _ in pairs} >= {
            categories[key].da for key in own["category"] if " " not in categories[key].da
        }
        assert len(pairs) == len(own)


def test_what_stands_in_the_village_is_not_minutes_away(content):
    said = said_in(words_of(content, "da"))
    village = {"strengths": _trait("daily", [(None, 0.0)]), "challenges": []}
    assert both_traits(village, said) == "<i>Styrker:</i> Dagligvarer og skole i landsbyen."
    village = {"strengths": _trait("daily", [(None, 2.5)]), "challenges": [("trait.bare", {}), ("trait.few", {})]}
    assert both_traits(village, said) == "<i>Styrker:</i> Dagligvarer og skole inden for 2,5 minutter."
