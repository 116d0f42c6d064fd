"""geoklynge inspect: what it finds, prints and leaves, in both languages; and one clear line for every mistake."""

import html
import json
import re
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from conftest import DENMARK
from pages import HOSTILE
from shapely import Point
from source_files import DATA, write
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.errors import InputError
from geoklynge.inspecting import as_document, as_page, look_at, study_at
from geoklynge.inspecting.drawing import SIGNS, Frame, frame_of, point_map
from geoklynge.maps.texts import texts
from geoklynge.study import read_study

SAMPLE = DATA / "syddjurs"
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ENGLISH = {"the", "and", "of", "with", "people", "places", "services", "which"}
DANISH = {"og", "af", "er", "fra", "som", "indbyggere", "steder", "tilbud", "ikke"}


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory) -> Path:
    """A folder with a study in which everything can be doubted."""
    folder = tmp_path_factory.mktemp("doubtful")
    write(folder, "v.csv", (
        "village_id,name,x,y,population,parish,population_year\n"
        "a,Alfa,580000,6230000,5000,Vest,2012\nb,<b>Beta</b>,584000,6230000,,Vest,\nc,Gamma,594000,6230000,900,Vest,2014\n"
        "null,Nul,0,0,7,,\n"
    ))  # fmt: skip
    write(folder, "more.csv", "village_id,name,x,y,population\nx,alfa,580900,6230000,10\n")
    write(folder, "s.csv", (
        "service_id,name,category,x,y\n"
        "s1,Skolen,school,580000,6230000\ns2,\"Kro & <i>mad</i>\",cafe_inn,580000,6247000\n"
    ))  # fmt: skip
    write(folder, "p.csv", (
        "sognekode,sognenavn,wkt\n"
        '1,Vest,"POLYGON((575000 6220000,590000 6220000,590000 6250000,575000 6250000,575000 6220000))"\n'
        '2,Øst,"POLYGON((590000 6220000,600000 6220000,600000 6250000,590000 6250000,590000 6220000))"\n'
    ))  # fmt: skip
    write(folder, "study.toml", (
        '[study]\nname = "Prøve & <fejl>"\n[sources]\nvillages = ["v.csv", "more.csv"]\nservices = "s.csv"\n'
        'parishes = "p.csv"\n'
    ))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def look(doubtful):
    return look_at(read_study(doubtful / "study.toml"), this_year=2026)


@pytest.fixture(scope="module")
def pages(look) -> dict[str, str]:
    return {language: as_page(look, language=language) for language in ("da", "en")}


def plain(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_every_doubt_is_found(look):
    quality = look.quality
    assert quality.outside_parish["village_id"].tolist() == ["c"]
    assert quality.outside_parish["metres"].tolist() == [4_000.0]
    assert quality.without_people["village_id"].tolist() == ["b"]
    assert quality.far_services[["service_id", "metres"]].to_numpy().tolist() == [["s2", 17_000.0]]
    assert quality.merged[["row_id", "into_id", "metres"]].to_numpy().tolist() == [["x", "a", 900.0]]
    assert quality.odd_positions["row_id"].tolist() == ["null"]
    assert {found.code for found in look.findings()} >= {
        "outside_parish", "services_far", "positions_odd", "sources_old", "population_missing", "villages_merged",
    }  # fmt: skip


def test_the_command_prints_tables_and_leaves_a_page(doubtful):
    result = call("inspect", doubtful, "--language", "en")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Data of Prøve & <fejl>\nPlaces: 3, 1 of them without a known population. ")
    for text in (
        "Places outside the parish that their own row names: 1.", "Does the data know the services?",
        "Kro & <i>mad</i>",
        "17,000", "Øst", "the same name within 3 km in an earlier source", f"page: {doubtful / 'inspect.html'}",
    ):  # fmt: skip
        assert text in result.stdout, text
    page = (doubtful / "inspect.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert [path.name for path in doubtful.iterdir() if path.name.startswith(".")] == []
    again = call("inspect", doubtful / "study.toml", "--language", "en", "--quiet")
    assert (again.exit_code, again.output) == (0, "")
    assert (doubtful / "inspect.html").read_text(encoding="utf-8") == page


def test_danish_is_the_default_and_has_no_english(doubtful, tmp_path):
    result = call("inspect", doubtful, "--html", tmp_path / "side.html")
    assert result.exit_code == 0
    assert "Kender data tilbuddene?" in result.stdout
    assert f"side: {tmp_path / 'side.html'}" in result.stdout
    words = result.stdout.replace(str(tmp_path), "").lower()
    assert not ENGLISH & set(re.findall(r"[a-zæøå]+", words))


@pytest.mark.parametrize(("language", "foreign"), [("da", ENGLISH), ("en", DANISH)])
def test_no_word_of_the_other_language_on_the_page(pages, language, foreign):
    named = r"Børne- og Undervisnings\w+|De Samvirkende Købmænd\S*|[\w.-]+/[\w./-]*|gengivet på|\w+ og \w+husene\w*"
    text = re.sub(named, "", plain(pages[language]))
    assert not foreign & set(re.findall(r"[a-zæøå]+", text.lower()))


def test_json_is_one_document_and_writes_no_page(doubtful, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(doubtful, folder, ignore=shutil.ignore_patterns("inspect.html"))
    result = call("inspect", folder, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["study"] == "Prøve & <fejl>"
    assert [row["row_id"] for row in document["merged"]] == ["x"]
    assert document["outside_parish"][0]["lies_in"] == "Øst"
    assert sum(row["rows"] for row in document["source_rows"]) == 7
    assert {row["category"]: row["verdict"] for row in document["completeness"]}["bus"] == "no_figure"
    assert not (folder / "inspect.html").exists()
    assert call("inspect", folder, "--json", "--html", tmp_path / "x.html").exit_code == 0
    assert (tmp_path / "x.html").is_file()


def test_all_doubts_are_points_for_a_gis(doubtful, tmp_path):
    result = call("inspect", doubtful, "--json", "--geojson", tmp_path / "doubts.geojson")
    assert result.exit_code == 0
    points = gpd.read_file(tmp_path / "doubts.geojson")
    assert points["doubt"].value_counts().to_dict() == {
        "merged": 1, "outside_parish": 1, "without_people": 1, "far_services": 1, "odd_positions": 1,
    }  # fmt: skip
    at = points.to_crs(25832).set_index("doubt").geometry
    assert at["far_services"].distance(Point(580_000, 6_247_000)) < 0.2
    assert at["merged"].distance(Point(580_000, 6_230_000)) < 0.2
    assert points.set_index("doubt").loc["far_services", ["name", "metres"]].tolist() == ["Kro & <i>mad</i>", 17_000]


def test_the_document_has_every_finding(look):
    document = json.loads(as_document(look))
    assert [found["code"] for found in document["findings"]] == [found.code for found in look.findings()]


def test_a_finished_run_is_inspected_where_its_sources_are(tmp_path):
    assert call("run", SAMPLE / "study.toml", "--out", tmp_path / "out", "--quiet").exit_code == 0
    record = json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))
    for place in (tmp_path / "out", tmp_path / "out/run.json"):
        result = call("inspect", place, "--json")
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        for key in ("completeness", "source_years", "source_rows"):
            assert document[key] == record[key]
        told = [found["code"] for found in document["findings"]]
        assert told == [found["code"] for found in record["quality"] if found["code"] in told]
    assert call("inspect", tmp_path / "out", "--quiet").exit_code == 0
    assert call("check", tmp_path / "out").exit_code == 0  # the page beside it changes nothing


def test_run_json_has_numbers_where_inspect_has_rows(tmp_path):
    assert call("run", SAMPLE / "study.toml", "--out", tmp_path / "out", "--quiet").exit_code == 0
    record = json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))
    assert record["doubts"] == {"outside_parish": 0, "without_people": 45, "far_services": 0, "odd_positions": 0}
    assert record["merged"] == {"count": 0, "by_reason": {}, "examples": []}
    assert {row["source"]: row["rows"] for row in record["source_rows"]} == {"villages.csv": 80, "services.csv": 161}
    school = next(row for row in record["completeness"] if row["category"] == "school")
    assert (school["found"], school["facilities"], school["year"]) == (18, 1821, 2018)


def test_mistakes_are_one_line_and_leave_nothing(doubtful, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    broken = tmp_path / "broken"
    shutil.copytree(doubtful, broken, ignore=shutil.ignore_patterns("inspect.html"))
    (broken / "v.csv").write_text("village_id,name,x,y,population\na,A,580000,here,1\n", encoding="utf-8")
    for place, said in (
        (empty, "holds neither study.toml nor run.json"),
        (tmp_path / "none.toml", "no such file"),
        (tmp_path / "run.json", "not a record of a run"),
        (broken, "v.csv, row 1, column 'y'"),
    ):
        result = call("inspect", place)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith("geoklynge: ")
        assert result.stderr.count("\n") == 1
        assert said in result.stderr
    assert not (broken / "inspect.html").exists()
    result = call("inspect", doubtful, "--html", empty)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "choose another --html" in result.stderr
    assert call("inspect", doubtful, "--language", "de").exit_code == 2


def test_a_folder_with_a_study_file_is_that_study(doubtful):
    study, home = study_at(doubtful)
    assert (study.name, home) == ("Prøve & <fejl>", doubtful)
    with pytest.raises(InputError, match=r"study\.toml"):
        study_at(doubtful.parent)


def test_names_that_mean_harm_stay_text(look):
    tables = look.tables
    hostile = replace(
        look,
        study=look.study.model_copy(update={"name": HOSTILE}),
        tables=replace(
            tables,
            sources=tuple(replace(each, path=HOSTILE, licence=HOSTILE, attribution=HOSTILE) for each in tables.sources),
        ),
        quality=replace(
            look.quality,
            **{
                name: getattr(look.quality, name).assign(name=HOSTILE)
                for name in ("merged", "outside_parish", "without_people", "far_services", "odd_positions")
            },
            years=look.quality.years.assign(source=HOSTILE, dated=HOSTILE),
            accounts=look.quality.accounts.assign(source=HOSTILE),
        ),
    )
    for page in (as_page(hostile, language="da"), as_page(look, language="en")):
        tags = {tag.lower() for tag in re.findall(r"<([a-zA-Z!][\w-]*)", page)}
        assert tags <= {
            "!doctype", "html", "head", "meta", "title", "link", "style", "body", "svg", "defs", "path", "header", "h1",
            "p", "nav", "ul", "li", "a", "main", "section", "h2", "h3", "h4", "div", "table", "caption", "span",
            "thead", "tr", "th", "tbody", "td", "figure", "figcaption", "desc", "use", "text", "footer",
        }  # fmt: skip
        assert "onerror" not in "".join(re.findall(r"<[^>]*>", page))
        assert "49" not in re.findall(r"\{\{.*?\}\}", page)


def test_the_page_is_complete_without_network_and_script(pages):
    for language, page in pages.items():
        assert f'<html lang="{language}">' in page
        assert not re.search(r"<script|https?://|url\(", page)
        assert page.count("<h1>") == 1
        captions, tables_ = page.count("<caption>"), len(re.findall(r"<table[ >]", page))
        assert captions == tables_ > 5
        drawings = re.findall(r'<svg viewBox="[^"]*" role="img">(.*?)</svg>', page, re.DOTALL)
        assert len(drawings) == 4  # places, doubts, schools, inns
        assert all(each.startswith("<title>") and "<desc>" in each for each in drawings)
        anchors = set(re.findall(r'href="#([\w-]+)"', page))
        assert anchors <= set(re.findall(r'id="([\w-]+)"', page))


def test_the_page_draws_every_place_and_marks_every_doubt(look, pages):
    drawings = re.findall(r'<svg viewBox="[^"]*" role="img">.*?</svg>', pages["en"], re.DOTALL)
    dots = re.search(r'class="dot" d="([^"]*)"', drawings[0])[1]
    assert dots.count("h0") == len(look.tables.villages) == 3
    for sign, count in (("square", 1), ("ring", 1), ("cross", 1), ("triangle", 1)):
        marks = re.search(rf'class="{sign}" d="([^"]*)"', drawings[1])[1]
        assert marks.count(SIGNS[sign]) == count, sign


def test_points_in_a_frame_lie_where_they_should(look):
    frame = frame_of(look.tables)
    # the parish that all rows name, 575 to 590 km, and Gamma at 594 km; 30 km from north to south decide the scale
    assert frame.scale == pytest.approx(600 / 30_000)
    corners = frame.place(np.array([[575_000.0, 6_250_000.0], [594_000.0, 6_220_000.0], [0.0, 0.0]]))
    np.testing.assert_allclose(corners, [[10, 10], [frame.wide - 10, frame.high - 10]], atol=1e-6)
    drawn = point_map(frame, [("dot", np.array([[590_000.0, 6_235_000.0]] * 3))], "<t>", "&")
    assert drawn.count("h0") == 1
    assert "<title>&lt;t&gt;</title><desc>&amp;</desc>" in drawn


@pytest.mark.parametrize(
    ("kilometres", "bar"), [(7.3, "5 km"), (2.0, "2 km"), (1.99, "1 km"), (0.35, "0.2 km"), (120, "100 km")]
)
def test_the_bar_is_a_round_length(kilometres, bar):
    frame = Frame(0, 0, 1 / 100, kilometres * 40, 100.0, "")
    assert f">{bar}</text>" in point_map(frame, [], "", "")


def test_more_rows_than_the_page_shows_are_counted(tmp_path):
    rows = "\n".join(f"v{k},Sted {k},{580000 + 1000 * k},6230000," for k in range(60))
    write(tmp_path, "v.csv", f"village_id,name,x,y,population\n{rows}\n")
    write(tmp_path, "study.toml", '[study]\nname = "Mange"\n[sources]\nvillages = "v.csv"\n')
    page = plain(as_page(look_at(read_study(tmp_path / "study.toml")), language="en"))
    assert "The first 40 of 60; geoklynge inspect --json has all." in page
    printed = call("inspect", tmp_path, "--language", "en").stdout
    assert "The first 10 of 60" in printed


def test_a_study_of_two_places_and_nothing_else_has_a_page(tmp_path):
    write(tmp_path, "v.csv", "village_id,name,lat,lon,population\na,A,56.2,10.5,90\nb,B,56.2,10.5,90\n")
    write(tmp_path, "study.toml", '[study]\nname = "To"\n[sources]\nvillages = "v.csv"\n')
    assert call("inspect", tmp_path).exit_code == 0
    assert texts("da")["inspect.doubts_none"] in (tmp_path / "inspect.html").read_text(encoding="utf-8")


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_a_municipality_of_real_data(syddjurs_study):
    from geoklynge.sources import default_cache

    look = look_at(syddjurs_study, cache=default_cache(), this_year=2026)
    page = plain(as_page(look, language="da"))
    assert "Steder, der er slået sammen" in page
    assert look.quality.people == look.tables.villages["people"].sum()
    assert "none" in set(look.quality.completeness["verdict"])


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1200, 900), (390, 844)], ids=["desk", "phone"])
def test_the_page_is_for_everybody(visit, pages, size):
    watched = visit(pages["da"], size=size)
    page = watched.page
    page.evaluate(AXE)
    found = page.evaluate("(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", LEVELS)
    assert [(each["id"], each["nodes"][0]["html"][:100]) for each in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    watched.assert_calm()
