"""What sources answer is looked at row by row: whole, once each, where it was asked for; and what a place means."""

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import osmnx
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from replay import KEY, RECORDINGS, Reply, html_page, unavailable
from source_files import DENMARK

from geoklynge.errors import FetchError, InputError, NotAskedError, NothingThereError
from geoklynge.fetching import dagi, osm_borders, overpass, place_names, registers, statbank, wfs
from geoklynge.fetching.asking import JSON, Request
from geoklynge.fetching.client import open_client
from geoklynge.fetching.drafts import Task
from geoklynge.fetching.paging import Page, ask_pages
from geoklynge.fetching.place import DENMARK as OUTLINE
from geoklynge.fetching.place import Asked, needs_index, placed, read_place
from geoklynge.fetching.store import entry_of, kept_answer
from geoklynge.open_data import open_source

PLACE = Asked("Syddjurs", ("0706",), ("Syddjurs",))
SYDDJURS = shapely.box(10.38, 56.10, 10.75, 56.32)
INDEX = {"0101": "København", "0400": "Bornholm", "0706": "Syddjurs", "0707": "Norddjurs", "0730": "Randers"}
GEOFA, DAGI, DS, ROADS = "geofa", r"datafordeler\.dk/DAGI", r"datafordeler\.dk/DS", "interpreter"


@pytest.fixture
def replay(server, monkeypatch):
    server.asked.clear()
    server.faults.clear()
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return server


@pytest.fixture
def client(replay, tmp_path):
    opened = open_client(tmp_path / "store", inside=frozenset({replay.host()}))
    return dataclasses.replace(opened, sleep=lambda _: None)


@pytest.fixture
def task(replay, tmp_path):
    def made(key, asked=PLACE, area=SYDDJURS):
        source = open_source(key)
        moved = {
            name: value.replace("https://", f"{replay.address}/") if isinstance(value, str) else value
            for name, value in source.settings.items()
        }
        address = source.address.replace("https://", f"{replay.address}/")
        source = source.model_copy(update={"address": address, "settings": moved})
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        return Task(key, source, placed(asked, area, 5.0), folder, KEY)

    return made


def changed(change):
    """Change the JSON of an answer."""

    def fault(reply):
        content = json.loads(reply.body)
        found = change(content)
        return Reply(json.dumps(content if found is None else found).encode(), reply.status, reply.kind)

    return fault


def nodes_changed(change):
    def each(content):
        for page in content["data"].values():
            change(page["nodes"])

    return changed(each)


# ---- pages -------------------------------------------------------------------------------------------------------


def pages_of(replay, pages):
    """Serve pages, each a dict of rows, total and the number of the next."""
    for k, page in enumerate(pages):
        body = json.dumps(page).encode()
        replay.answers[f"made/{k}$"] = lambda _asked, body=body: Reply(body)


def ask_made(client, replay, pages, **options):
    pages_of(replay, pages)

    def request_of(k):
        return Request("made", f"{replay.address}/made/{k}", JSON)

    def read(content, _request):
        onward = content.get("next")
        following = None if onward is None else request_of(onward)
        return Page(content["rows"], content.get("total"), following, content.get("open", False))

    try:
        return ask_pages(client, request_of(0), read, **options)[0]
    finally:
        for k in range(len(pages)):
            del replay.answers[f"made/{k}$"]


ONE, TWO = [{"id": 1}], [{"id": 2}]


def test_pages_are_followed_to_the_last(client, replay):
    assert ask_made(client, replay, [{"rows": ONE, "total": 2, "next": 1}, {"rows": TWO, "total": 2}]) == [*ONE, *TWO]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([{"rows": ONE, "total": 3, "next": 1}, {"rows": TWO, "total": 3}], "2 rows came, and it counts 3"),
        ([{"rows": ONE, "total": 2, "next": 1}, {"rows": TWO, "total": 3}], "its rows became 3 while 2 were read"),
        ([{"rows": ONE, "next": 1}, {"rows": TWO, "next": 0}], "in a circle"),
        ([{"rows": ONE, "next": 1}, {"rows": [], "next": 2}, {"rows": TWO}], "a page without rows"),
        ([{"rows": ONE, "next": 1}, {"rows": ONE}], "a row came twice"),
        ([{"rows": [*ONE, *ONE]}], "a row came twice"),
    ],
)
def test_broken_pages_are_refused_and_forgotten(client, replay, pages, said):
    with pytest.raises(FetchError, match=said):
        ask_made(client, replay, pages, id_of=lambda row: row["id"])
    for k in range(len(pages)):
        assert kept_answer(entry_of(client.store, Request("made", f"{replay.address}/made/{k}", JSON))) is None


def test_good_pages_are_kept(client, replay):
    ask_made(client, replay, [{"rows": ONE}])
    assert kept_answer(entry_of(client.store, Request("made", f"{replay.address}/made/0", JSON)))


@pytest.mark.parametrize("last", [[], ONE, [*ONE, *TWO]])
def test_an_open_end_is_where_nothing_new_comes(client, replay, last):
    pages = [{"rows": rows, "next": k + 1, "open": True} for k, rows in enumerate([ONE, TWO, last])]
    assert ask_made(client, replay, pages, id_of=lambda row: row["id"]) == [*ONE, *TWO]
    assert ask_made(client, replay, pages) == [*ONE, *TWO]


# ---- WFS ---------------------------------------------------------------------------------------------------------


def uncounted(content):
    content.pop("numberMatched")
    content.pop("totalFeatures")


@pytest.mark.parametrize("with_ids", [True, False])
def test_a_wfs_that_caps_its_pages_and_does_not_count_is_read_whole(client, replay, task, with_ids):
    def change(content):
        uncounted(content)
        if not with_ids:
            for feature in content["features"]:
                del feature["id"]

    replay.breaks(GEOFA, changed(change))
    wanted = task("geofa_facilities")
    wfs.fetch(client, wanted)
    found = gpd.read_file(wanted.file())
    assert sorted(found["objekt_id"]) == sorted(
        feature["properties"]["objekt_id"] for feature in json.loads((RECORDINGS / "geofa_facilities.json").read_text())
    )


def test_a_wfs_that_heeds_no_pages_gives_everything_once(client, replay, task):
    features = json.loads((RECORDINGS / "geofa_facilities.json").read_text(encoding="utf-8"))
    replay.breaks(GEOFA, lambda _: Reply(json.dumps({"features": features}).encode()))
    wanted = task("geofa_facilities")
    wfs.fetch(client, wanted)
    assert len(gpd.read_file(wanted.file())) == len(features)


def test_a_feature_that_comes_twice_is_refused(client, replay, task):
    def change(content):
        content["features"][-1]["id"] = content["features"][0]["id"]

    replay.breaks(GEOFA, changed(change))
    with pytest.raises(FetchError, match="a row came twice"):
        wfs.fetch(client, task("geofa_facilities"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"features": [null]}', "row 1 of a page is null, no object"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
    ],
)
def test_a_strange_answer_is_one_line(client, replay, task, body, said):
    replay.breaks(GEOFA, lambda _: Reply(body))
    with pytest.raises(FetchError, match=said):
        wfs.fetch(client, task("geofa_facilities"))


# ---- GraphQL -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, {"wkt": None}, {"wkt": "POLYGON EMPTY"}])
def test_a_row_without_a_geometry_is_left_out_and_told(client, replay, task, nothing):
    whole = task("dagi_parishes")
    dagi.fetch(client, whole)
    before = gpd.read_file(whole.file())["sognekode"].tolist()
    replay.breaks(DAGI, nodes_changed(lambda nodes: nodes[0].update(geometri=nothing)), times=1)
    draft = dagi.fetch(dataclasses.replace(client, store=client.store / "other"), whole)
    after = gpd.read_file(whole.file())["sognekode"].tolist()
    assert len(set(before) - set(after)) == 1
    assert "1 rows without a geometry were left out" in draft.notes


def test_a_place_name_keeps_its_own_place_when_another_has_no_geometry(client, replay, task):
    replay.breaks(DS, nodes_changed(lambda nodes: nodes[0].update(geometri=None)), times=1)
    wanted = task("place_names")
    draft = place_names.fetch(client, wanted)
    found = gpd.read_file(wanted.file()).set_index("id_lokalId")["skrivemaade"]
    assert "10001" not in found.index  # Knebel
    assert found["10002"] == "Vistoft"
    assert "1 rows without a geometry were left out" in draft.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda nodes: nodes.__setitem__(0, None), "row 1 of a page is null"),
        (lambda nodes: nodes.append(dict(nodes[0])), "a row came twice"),
        (lambda nodes: [node.update(geometri=None) for node in nodes], "none of its rows has a geometry"),
    ],
)
@pytest.mark.parametrize(("key", "fetch"), [("dagi_parishes", dagi.fetch), ("place_names", place_names.fetch)])
def test_rows_that_cannot_be_are_one_line(client, task, key, fetch, change, said, replay):  # noqa: PLR0917
    replay.breaks("datafordeler", nodes_changed(change))
    with pytest.raises(FetchError, match=said):
        fetch(client, task(key))


def test_a_name_out_of_use_is_left_out(client, replay, task):
    def change(nodes):
        for node in nodes:
            if node.get("skrivemaade") == "Knebel":
                node["aktualitet"] = "historisk"

    replay.breaks(DS, nodes_changed(change))
    wanted = task("place_names")
    place_names.fetch(client, wanted)
    assert not {"Knebel"} & set(gpd.read_file(wanted.file())["skrivemaade"])


def test_a_refusal_repeats_no_key(client, replay, task):
    secret = "a/b+c d%"  # noqa: S105 - none
    said = f"no access for {secret} a%2Fb%2Bc%20d%25 a/b%2Bc%20d%25 a%2Fb%2Bc+d%25"
    replay.breaks(DAGI, lambda _: Reply(json.dumps({"errors": [{"message": said}]}).encode()))
    with pytest.raises(FetchError) as refused:
        dagi.fetch(client, dataclasses.replace(task("dagi_parishes"), secret=secret))
    assert "no access for … … … …)" in str(refused.value)


def test_a_key_is_taken_out_before_a_text_is_cut(client, replay, task):
    replay.breaks(DAGI, lambda _: Reply(json.dumps({"errors": [{"message": "x" * 150 + KEY}]}).encode()))
    with pytest.raises(FetchError) as refused:
        dagi.fetch(client, task("dagi_parishes"))
    assert KEY[:6] not in str(refused.value)


# ---- registers and StatBank --------------------------------------------------------------------------------------


def test_one_bad_position_is_one_row_without_a_position(client, replay, task):
    wanted = task("school_register")
    registers.fetch_list(client, wanted)
    before = wanted.file().read_bytes()

    def change(rows):
        rows.append({**rows[0], "institutionNumber": "999999", "longitude": "1048870", "latitude": "562141"})

    replay.breaks("instreg", changed(change))
    draft = registers.fetch_list(dataclasses.replace(client, store=client.store / "other"), wanted)
    assert wanted.file().read_bytes() == before
    assert "2 rows of the register have no position" in draft.notes[0]


def test_metres_and_degrees_may_stand_in_one_column(client, replay, task):
    def change(rows):
        rows[0].update(longitude="592348", latitude="6230895")

    replay.breaks("instreg", changed(change))
    wanted = task("school_register")
    registers.fetch_list(client, wanted)
    assert "706001" in wanted.file().read_text(encoding="utf-8")


def test_parts_and_wholes_of_a_register_come_together(client, replay, task):
    east, north = "592348", "6230895"
    rows = [
        ("1", "", east, north),  # here
        ("2", "1", "", ""),  # a part of it, of no position
        ("3", "", "", ""),  # a whole of no position, with a part that is here
        ("4", "3", east, north),
        ("5", "", "", ""),  # elsewhere
        ("6", "5", "700000", "6170000"),
    ]
    head = "SorId;EntityName;EntityTypeName;HealthInstitutionSorId;HealthInstitutionEntityName;"
    head += (
        "HealthInstitutionEntityTypeName;VisitingAddressCoordETRS89z32EMeasure;VisitingAddressCoordETRS89z32NMeasure"
    )
    lines = [head, *(f"{own};n;apotek;{parent};n;apotek;{x};{y}" for own, parent, x, y in rows)]
    replay.breaks("sor-filer", lambda _: Reply("\n".join(lines).encode(), kind="text/csv"))
    wanted = task("health_register")
    registers.fetch_table(client, wanted)
    kept = [line.partition(";")[0] for line in wanted.file().read_text(encoding="utf-8").splitlines()[1:]]
    assert kept == ["1", "2", "3", "4"]


@pytest.mark.parametrize("lines", [-1, 1])
def test_other_rows_than_the_table_has_are_refused(client, replay, task, lines):
    def change(reply):
        rows = reply.body.decode("utf-8").splitlines()
        rows = rows[:-1] if lines < 0 else [*rows, rows[-1]]
        return Reply("\n".join(rows).encode(), kind=reply.kind)

    replay.breaks("v1/data", change)
    with pytest.raises(FetchError, match="rows came, and the table has 9"):
        statbank.fetch(client, task("statbank_places"))


# ---- OpenStreetMap -----------------------------------------------------------------------------------------------


def status_of(line):
    head = "Connected as: 1\nCurrent time: 2026-11-25T20:00:00Z\nAnnounced endpoint: none\nRate limit: 2\n"
    return lambda _: Reply(f"{head}{line}\n".encode(), kind="text/plain")


def slot_in(seconds):
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"Slot available after: {when:%Y-%m-%dT%H:%M:%SZ}, in {seconds} seconds."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (slot_in(7_200), "asks to wait 7"),
        ("Slot available after: tomorrow", "its status cannot be read"),
        ("Currently running queries (pid, space limit, time limit, start time):", "asks to wait 125 s"),
    ],
)
def test_overpass_without_a_free_slot_is_one_line(client, replay, task, monkeypatch, line, said):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    replay.breaks("api/status", status_of(line))
    with pytest.raises(FetchError, match=said):
        overpass.fetch(client, task("overpass"))
    assert max(slept, default=0) < client.longest_wait_s


def test_a_short_wait_for_a_slot_is_kept(client, replay, task, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    replay.breaks("api/status", status_of(slot_in(60)))
    overpass.fetch(client, task("overpass"))
    assert 50 < max(slept) <= 61


def answers_in(client):
    return {path: path.read_bytes() for path in client.store.rglob("answer.json")}


def test_a_failure_forgets_no_answer_of_another_question(client, replay, task):
    elsewhere = task("overpass", area=shapely.box(10.5, 56.2, 10.6, 56.3))
    overpass.fetch(client, elsewhere)
    kept = answers_in(client)
    assert len(kept) == 2
    client.used.clear()
    replay.breaks(ROADS, unavailable)
    with pytest.raises(FetchError, match="HTTP 503"):
        overpass.fetch(client, task("overpass"))
    assert not client.used
    replay.faults.clear()
    replay.asked.clear()
    draft = overpass.fetch(client, elsewhere)
    assert not replay.asked
    assert [question.address.endswith("(kept)") for question in draft.questions] == [True, True]
    assert all(question.size and len(question.sha256) == 64 for question in draft.questions)


def test_the_first_answer_is_kept_while_the_second_fails(client, replay, task):
    replay.breaks(ROADS, lambda reply: reply, times=1)
    replay.breaks(ROADS, unavailable)
    with pytest.raises(FetchError, match="HTTP 503"):
        overpass.fetch(client, task("overpass"))
    assert len(answers_in(client)) == 1
    assert not client.used


def test_refreshing_in_vain_leaves_the_old_answers(client, replay, task):
    overpass.fetch(client, task("overpass"))
    kept = answers_in(client)
    again = dataclasses.replace(client, refresh=True)
    replay.breaks(ROADS, html_page)
    with pytest.raises(FetchError, match="HTML"):
        overpass.fetch(again, task("overpass"))
    assert answers_in(client) == kept
    replay.faults.clear()
    replay.asked.clear()
    overpass.fetch(again, task("overpass"))
    assert len(replay.of(ROADS)) == 2


def test_offline_takes_what_osmnx_kept_and_asks_nobody(client, replay, task):
    offline = dataclasses.replace(client, offline=True, now=lambda: time.time() + 1e8)
    with pytest.raises(NotAskedError):
        overpass.fetch(offline, task("overpass"))
    assert not replay.asked
    overpass.fetch(client, task("overpass"))
    replay.asked.clear()
    overpass.fetch(offline, task("overpass"))
    assert not replay.asked


def test_a_kept_answer_that_is_cut_is_asked_again(client, replay, task):
    overpass.fetch(client, task("overpass"))
    kept = answers_in(client)
    for path, body in kept.items():
        path.write_bytes(body[: len(body) // 2])
    overpass.fetch(client, task("overpass"))
    assert answers_in(client) == kept


def test_answers_of_no_use_are_forgotten(client, replay, task):
    replay.breaks(ROADS, changed(lambda content: [thing.pop("id") for thing in content["elements"]] and None))
    with pytest.raises(FetchError, match="cannot be read"):
        overpass.fetch(client, task("overpass"))
    assert {path.parent for path in answers_in(client)} == set(client.used)


def test_out_of_memory_is_asked_once(client, replay, task):
    remark = "runtime error: Query run out of memory using about 2048 MB of RAM."
    replay.breaks(ROADS, lambda _: Reply(json.dumps({"elements": [], "remark": remark}).encode()))
    with pytest.raises(FetchError, match="out of memory"):
        overpass.fetch(client, task("overpass"))
    assert len(replay.of(ROADS)) == 1


def test_a_large_answer_is_not_read_to_its_end(client, replay, task):
    wanted = task("overpass")
    small = dataclasses.replace(wanted, source=wanted.source.model_copy(update={"at_most_mb": 0.001}))
    with pytest.raises(FetchError, match="more than 0 MB"):
        overpass.fetch(client, small)


@pytest.mark.parametrize("area", [shapely.box(11.0, 56.5, 11.1, 56.6)])
def test_a_box_in_the_sea_has_nothing_there(client, replay, task, area):
    with pytest.raises(NothingThereError, match="none there"):
        overpass.fetch(client, task("overpass", area=area))
    replay.breaks(ROADS, lambda _: Reply(b'{"elements": []}'))
    with pytest.raises(NothingThereError, match="none there"):
        overpass.fetch(client, task("overpass", area=shapely.box(11.2, 56.5, 11.3, 56.6)))


def test_osmnx_is_left_as_it_was(client, replay, task):
    http, said = osmnx._http, osmnx.settings
    before = (http._retrieve_from_cache, http._save_to_cache, said.overpass_url, said.http_accept_language)
    overpass.fetch(client, task("overpass"))
    after = (http._retrieve_from_cache, http._save_to_cache, said.overpass_url, said.http_accept_language)
    assert after == before


def test_a_road_of_both_directions_stands_once_and_one_of_one_direction_too(client, replay, task):
    wanted = task("overpass")
    overpass.fetch(client, wanted)
    roads = gpd.read_file(wanted.folder / "osm_roads.gpkg")
    both = roads[roads["oneway"] == "no"]
    assert len(both)
    assert not both.geometry.normalize().to_wkb().duplicated().any()
    ways = [
        one for one in json.loads((RECORDINGS / "overpass_ways.json").read_text())["elements"] if one["type"] == "way"
    ]
    nodes = {node for way in ways for node in way["nodes"]}
    drawn = {xy for line in roads.geometry for xy in line.coords}
    assert len(drawn) == len(nodes)  # nothing was taken for the twin of another stretch


def test_only_the_same_stretch_of_both_directions_is_a_twin(client, replay, task):
    def change(content):
        ways = [(901, "no", [101, 901, 102]), (902, "no", [101, 902, 102])]  # another way round is another road
        ways += [(903, "yes", [101, 903, 102]), (904, "yes", [102, 903, 101])]  # one for each direction: both are roads
        for ref in (901, 902, 903):
            content["elements"].append({"type": "node", "id": ref, "lat": 56.2, "lon": 10.49 + (ref - 900) / 1_000})
        for ref, oneway, nodes in ways:
            tags = {"highway": "residential", "oneway": oneway}
            content["elements"].append({"type": "way", "id": ref, "nodes": nodes, "tags": tags})

    replay.breaks(ROADS, changed(change), times=1)
    wanted = task("overpass")
    overpass.fetch(client, wanted)
    lines = [set(line.coords) for line in gpd.read_file(wanted.folder / "osm_roads.gpkg").geometry]
    assert [sum((lon, 56.2) in line for line in lines) for lon in (10.491, 10.492, 10.493)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class": "leisure", "type": "sports_hall"}, "but Syddjurs Kommune .leisure: sports_hall"),
        ({"display_name": "Norddjurs Kommune, Danmark"}, "but Norddjurs Kommune"),
    ],
)
def test_nominatim_must_know_the_municipality(client, replay, task, change, said):
    replay.breaks("nominatim", changed(lambda found: found[0].update(change)), times=1)
    with pytest.raises(FetchError, match=said):
        osm_borders.read_borders(client, task("osm_municipality"))
    assert {path.parent for path in answers_in(client)} == set(client.used)
    borders, _ = osm_borders.read_borders(dataclasses.replace(client, refresh=True), task("osm_municipality"))
    assert borders["navn"].tolist() == ["Syddjurs"]


def test_without_the_list_of_municipalities_nominatim_is_not_asked(client, replay, task):
    asked = read_place(["706"], {})
    assert asked == Asked("kommune 0706", ("0706",))
    with pytest.raises(FetchError, match="the list of their names did not come"):
        osm_borders.read_borders(client, task("osm_municipality", asked=asked))
    assert not replay.asked


# ---- places ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["Københavns Kommune"], ["0101"]),
        (["Bornholms Regionskommune"], ["0400"]),
        (["Kommune Syddjurs"], ["0706"]),
        (["Randers Kommune"], ["0730"]),
        (["randers"], ["0730"]),
        (["København, Syddjurs"], ["0101", "0706"]),
        (["Syddjurs og Norddjurs"], ["0706", "0707"]),
        (["706,707", "Randers"], ["0706", "0707", "0730"]),
        (["Syddjurs\n"], ["0706"]),
        (["Syddjurs\u00a0Kommune"], ["0706"]),
    ],
)
def test_a_name_is_understood_as_people_write_it(words, codes):
    asked = read_place(words, INDEX)
    assert list(asked.codes) == codes
    assert needs_index(words)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nosuch.gpkg", "no such file 'nosuch.gpkg'"),
        ("maps/nosuch", "no such file"),
        ("Sydd\x00jurs", "cannot be printed"),
        ("Sydd\x1bjurs", "cannot be printed"),
        ("x" * 5_000, "no municipality"),
        ("x" * 5_000 + ".gpkg", "no such file"),
        ("10.3,56.1,10.9", "no municipality '10.3,56.1,10.9'"),
        (",", "no place"),
    ],
)
def test_a_word_that_is_no_place_is_refused(word, said):
    with pytest.raises(InputError, match=said):
        read_place([word], INDEX)


def test_a_file_gives_a_name_of_one_line(tmp_path):
    path = tmp_path / "my \u00a0area.geojson"
    gpd.GeoDataFrame(geometry=[SYDDJURS], crs=4326).to_file(path, driver="GeoJSON")
    asked = read_place([str(path)], {})
    assert asked.name == "my area"
    assert asked.in_denmark
    path.rename(tmp_path / "my\narea.geojson")
    with pytest.raises(InputError, match="no such file"):
        read_place([str(tmp_path / "my\narea.geojson")], {})


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [
        ("Malmö", 13.0, 55.6),
        ("Helsingborg", 12.70, 56.045),
        ("Flensburg", 9.435, 54.785),
        ("Sylt", 8.31, 54.91),
        ("List", 8.43, 55.017),
        ("Ven", 12.69, 55.907),
        ("Fehmarn", 11.1, 54.45),
        ("Kullen", 12.46, 56.30),
        ("Falsterbo", 12.83, 55.39),
    ],
)
def test_what_lies_across_the_border_is_not_danish(name, lon, lat):
    box = ",".join(str(number) for number in (lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01))
    assert not read_place([box], {}).in_denmark, name


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        (11.0, 57.27),
        (11.56, 56.71),
        (10.6, 55.85),
        (12.61, 56.035),
        (12.68, 55.59),
        (15.0, 55.1),
        (9.4, 54.9),
        (8.55, 55.14),
    ],
)
def test_islands_and_towns_by_the_border_are_danish(lon, lat):
    assert shapely.contains_xy(OUTLINE, lon, lat)


@pytest.mark.denmark
def test_all_municipalities_are_danish():
    path = DENMARK / "dagi_kommuner.geojson"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    areas = gpd.read_file(path)
    assert len(areas) == 99
    assert areas.geometry.representative_point().within(OUTLINE).all()
    metric = areas.geometry.make_valid().to_crs(25832)
    beyond = metric.difference(gpd.GeoSeries([OUTLINE], crs=4326).to_crs(25832).iloc[0]).area
    assert beyond.max() < 1e6  # square metres


@settings(max_examples=40, deadline=None)
@given(
    halo=st.floats(0.0, 20.0),
    n=st.integers(8, 80),
    seed=st.integers(0, 2**32 - 1),
    at=st.tuples(st.floats(8.2, 15.0), st.floats(54.6, 57.6)),
    size=st.floats(0.002, 1.5),
)
def test_a_reach_holds_its_place_and_a_question_its_reach(halo, n, seed, at, size):
    random = np.random.default_rng(seed)
    angles = np.linspace(0.0, 2 * np.pi, n, endpoint=False)
    radii = size * random.uniform(0.1, 1.0, n)  # a jagged star
    area = shapely.Polygon(np.column_stack([at[0] + radii * np.cos(angles), at[1] + radii * np.sin(angles)]))
    reach = placed(Asked("star", shape=area), area, halo).reach
    assert reach.covers(area)
    assert overpass.asked_area(reach).covers(reach)
    metres = gpd.GeoSeries([area, reach], crs=4326).segmentize(0.01).to_crs(25832)
    wanted_m = max(halo, 0.1) * 1_000.0
    assert shapely.distance(metres.iloc[0], metres.iloc[1].boundary) > 0.95 * wanted_m


def test_a_place_without_an_area_is_one_line():
    with pytest.raises(FetchError, match="holds no area"):
        placed(Asked("nowhere"), shapely.Polygon(), 5.0)
