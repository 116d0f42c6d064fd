"""The language files are whole, and their sentences say what they are given."""

import re
import tomllib
from pathlib import Path

import pytest

import geoklynge.maps
from geoklynge.errors import InputError
from geoklynge.explaining.profiles import SERVICES, SIZES, TRAITS
from geoklynge.maps.texts import LANGUAGES, PLACEHOLDER, Words, number, percent, texts

MAPS = Path(geoklynge.maps.__file__).parent
CATEGORIES = {"school": "skole", "church": "kirke", "bus": "bus"}


def test_both_languages_have_every_key_and_every_placeholder():
    danish, english = texts("da"), texts("en")
    assert danish.keys() == english.keys()
    for key in danish:
        assert danish[key].strip(), key
        assert english[key].strip(), key
        assert set(PLACEHOLDER.findall(danish[key])) == set(PLACEHOLDER.findall(english[key])), key


def test_languages_are_not_copies_of_each_other():
    same = {key for key, text in texts("da").items() if text == texts("en")[key] and re.search(r"[a-zæøå]{4}", text)}
    plain = {"Balance", "Score", "Stabilitet"}
    numbers = {"{minutes:1} min.", "{value:0}", "{value:1}", "{value:g}", "{value:0} km²", "{area:1} km²"}
    assert {texts("da")[key] for key in same} - plain <= numbers


def test_no_text_is_forgotten_by_the_pages():
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (MAPS, MAPS.parent / "inspecting")
        for path in folder.iterdir()
        if path.suffix in (".py", ".js", ".j2")
    )
    for key in texts("da"):
        table, _, name = key.partition(".")
        told_by_name = table in {
            "measure", "standing", "why_alone", "finding", "layer", "method", "naming", "type", "trait", "sort", "help",
            "doubt", "verdict",
        }  # fmt: skip
        assert (
            told_by_name
            or key.removesuffix("_one") in code
            or name.startswith(("layer_", "table_", "reason_", "standing_", "kind_"))
            or key in {"ui.car", "ui.bike", "ui.walk", "ui.least", "ui.most"}
        ), key


def test_every_text_that_a_page_asks_for_exists():
    for path in (*MAPS.iterdir(), *(MAPS.parent / "inspecting").iterdir()):
        if path.suffix not in (".py", ".js", ".j2"):
            continue
        asked = re.findall(
            r'["\'](?:ui|say|limits|legend|method|layer|quality|inspect|doubt)\.[a-z_]+["\']',
            path.read_text(encoding="utf-8"),
        )
        for quoted in (each for each in asked if not each.endswith(('.js"', '_"'))):
            assert quoted.strip("\"'") in texts("en"), (path.name, quoted)


def test_every_reason_and_standing_has_words():
    for language in LANGUAGES:
        for key in ("town", "no_road", "no_candidate", "not_chosen"):
            assert f"why_alone.{key}" in texts(language)
        for key in ("core", "edge", "contested"):
            assert f"standing.{key}" in texts(language)
        assert {f"trait.{code}" for code in TRAITS} <= {*texts(language)}
        assert {f"type.{name}" for name in (*SIZES, *SERVICES)} <= {*texts(language)}


def test_every_finding_of_the_project_has_a_title():
    code = "\n".join(path.read_text(encoding="utf-8") for path in MAPS.parent.rglob("*.py"))
    codes = set(re.findall(r'[fF]inding\(\s*f?"([a-z0-9_{}]+)",', code))
    assert {"population_missing", "places_without_parish"} <= codes
    for code in codes:
        for word in ("villages", "services") if "{" in code else ("",):
            assert f"finding.{re.sub(r'{[a-z]+}', word, code)}" in texts("da"), code


@pytest.mark.parametrize(
    ("value", "digits", "danish", "english"),
    [
        (0, 0, "0", "0"),
        (999, 0, "999", "999"),
        (1000, 0, "1.000", "1,000"),
        (1234567.891, 2, "1.234.567,89", "1,234,567.89"),
        (0.25, 1, "0,3", "0.3"),
        (2.5, 0, "3", "3"),
        (19.06, 1, "19,1", "19.1"),
    ],
)
def test_numbers_are_written_as_the_language_does(value, digits, danish, english):
    assert number(value, digits, "da") == danish
    assert number(value, digits, "en") == english


def test_percent_has_a_space_in_danish_that_does_not_break():
    assert percent(0.645, 0, "da") == "65\N{NO-BREAK SPACE}%"
    assert percent(0.29, 0, "da") == "29\N{NO-BREAK SPACE}%"
    assert percent(0.0012, 2, "en") == "0.12%"


@pytest.mark.parametrize(
    ("names", "danish"), [([], ""), (["A"], "A"), (["A", "B"], "A og B"), (list("ABC"), "A, B og C")]
)
def test_names_are_joined_as_in_a_sentence(names, danish):
    assert Words("da", {}).listed(names) == danish


def test_sentences_take_every_form():
    words = Words("da", CATEGORIES)
    assert words.say("say.shared", categories=[["school", 0.5], ["church", 0.126]]) == (
        "Mest er man fælles om: skole (50\N{NO-BREAK SPACE}%) og kirke (13\N{NO-BREAK SPACE}%)."
    )
    assert words.say("say.edge", names=[["Eg", 0.62]]).endswith("Eg (62\N{NO-BREAK SPACE}%).")
    assert words.say("say.no_data", categories=["bus"]) == "Der er ingen oplysninger om: bus."
    assert words.say("say.layers_used", layers=["say.layer_proximity", "say.layer_overlap"]) == (
        "Båndene hviler på nærhed og fælles tilbud."
    )
    assert (
        words.say("say.gap", gap=0.00125) == "Valget af klynger er højst 0,13\N{NO-BREAK SPACE}% fra det bedst mulige."
    )
    for value, said in ((20.0, "20"), (7.5, "7,5"), (0.25, "0,25"), (0.333, "0,33")):
        assert words.say("limits.half", value=value) == f"Nærhed er halveret ved {said} minutter"


def test_one_has_its_own_form():
    words = Words("en", {})
    assert words.say("say.fact_line", n=1, people=9) == "1 village, 9 people"
    assert words.say("say.fact_line", n=2, people=9) == "2 villages, 9 people"
    assert words.say("say.core", n=1) == "1 village surely belongs (core)."


def test_a_name_may_be_a_sentence_and_a_sentence_hold_others():
    words = Words("da", {})
    assert words.told("Mols") == "Mols"
    assert words.told(("ui.around", {"name": "Mørke"})) == "Mørke og omegn"
    assert words.say("say.village_in", name=("ui.around", {"name": "{n}"})) == "I klyngen {n} og omegn"
    assert words.told([("ui.around", {"name": name}) for name in "ab"]) == "a og omegn; b og omegn"


def test_every_reason_for_a_name_has_words():
    for reason in ("district", "municipality", "parish", "hub", "pair", "around"):
        assert all(f"naming.{reason}" in texts(language) for language in LANGUAGES)


def test_names_in_sentences_are_not_read_as_placeholders():
    assert Words("en", {}).say("say.village_in", name="{n} & <b>") == "In the cluster {n} & <b>"


def test_an_unknown_language_is_refused():
    with pytest.raises(InputError, match="no language 'de': choose one of da, en"):
        texts("de")


def test_the_files_are_plain_toml_of_texts():
    for language in LANGUAGES:
        tables = tomllib.loads((MAPS / f"{language}.toml").read_text(encoding="utf-8"))
        assert all(isinstance(text, str) for table in tables.values() for text in table.values())
