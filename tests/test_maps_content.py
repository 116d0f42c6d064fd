"""What the pages say agrees with the run, number by number."""

import itertools
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pages import with_borders, with_certainty, with_comparison
from pyproj import CRS

from geoklynge.maps.content import content_of
from geoklynge.maps.drawing import MUTED, border_lines, cluster_colours, frame_around, light_areas, service_signs
from geoklynge.maps.page import words_of
from geoklynge.maps.reasons import label_of
from geoklynge.tables import Finding
from geoklynge.travel import Basis


@pytest.fixture(scope="module")
def content(sample_run):
    return content_of(sample_run)


def args_of(cluster, key):
    found = [args for name, args in cluster["why"] if name == key]
    assert len(found) == 1, key
    return found[0]


def part_of(table, cluster_id):
    return table[table["cluster_id"] == cluster_id]


def test_content_is_plain_json(content):
    text = json.dumps(content, allow_nan=False)
    assert json.loads(text)["study"] == "Syddjurs"


def test_clusters_keep_rank_and_numbers(sample_run, content):
    table = sample_run.result.clusters
    assert len(content["clusters"]) == len(table)
    for cluster, row in zip(content["clusters"], table.to_dict("records"), strict=True):
        assert (cluster["name"], cluster["rank"], cluster["score"]) == (row["name"], row["rank"], row["score"])
        assert (cluster["population"], cluster["assumed"]) == (row["population"], row["n_people_assumed"])
        assert (cluster["longest"], cluster["mean"]) == (row["max_minutes"], row["mean_minutes"])
        assert content["villages"][cluster["hub"]]["name"] == row["hub"]
        names = sorted(content["villages"][member]["name"] for member in cluster["members"])
        assert names == sorted(row["villages"].split("; "))


def test_members_are_sorted_by_people(content):
    for cluster in content["clusters"]:
        people = [content["villages"][row]["people"] for row in cluster["members"]]
        assert people == sorted(people, reverse=True)


def test_measures_and_weights_make_up_the_score(content):
    assert sum(weight for _, weight in content["measures"]) == pytest.approx(1)
    for cluster in content["clusters"]:
        points = sum(
            100 * weight * value for (_, weight), value in zip(content["measures"], cluster["measures"], strict=True)
        )
        assert points == pytest.approx(cluster["score"], abs=0.11)  # the table rounds measures to 0.001


def test_sentences_carry_the_run_s_numbers(sample_run, content):
    for cluster, row in zip(content["clusters"], sample_run.result.clusters.to_dict("records"), strict=True):
        assert args_of(cluster, "say.overlap") == {"share": row["overlap"]}
        assert args_of(cluster, "say.cohesion") == {"share": row["cohesion"]}
        minutes = args_of(cluster, "say.minutes")
        assert minutes == {"mean": row["mean_minutes"], "longest": row["max_minutes"], "mode": "ui.car"}
        stability = args_of(cluster, "say.stability")
        assert stability["kept"] == pytest.approx(row["stability"] * 100)
        assert stability["runs"] == 100
        gain = args_of(cluster, "say.gain")
        present, missing = ([k for k in row[f"services_{how}"].split("; ") if k] for how in ("present", "missing"))
        assert (gain["whole"], gain["of"]) == (len(present), len(present) + len(missing))
        brings = sample_run.result.brings
        pairs = brings[brings["cluster_id"] == row["cluster_id"]].groupby("village_id")["category"].nunique()
        assert gain["part"] == pytest.approx(pairs.sum() / row["n_villages"])


def test_knebel_reads_as_the_run_says(sample_run, content):
    row = sample_run.result.clusters.set_index("hub").loc["Knebel"]
    knebel = next(cluster for cluster in content["clusters"] if cluster["rank"] == row["rank"])
    told = [words_of(content, "da").tell(sentence) for sentence in knebel["why"]]
    share = f"{row['overlap'] * 100:.0f}\N{NO-BREAK SPACE}%"
    assert (
        f"For to af klyngens landsbyer går i gennemsnit {share} af hverdagsturene til de samme steder, "
        "i eller uden for klyngen."
    ) in told
    assert "Alle lå før 2007 i Ebeltoft Kommune." in told
    assert "Alle ligger i Mols Herred." in told
    parishes = row["parishes"].split("; ")
    assert any(text.startswith(f"Landsbyerne ligger i {len(parishes)} sogne: {parishes[0]}") for text in told)
    minutes = f"{row['mean_minutes']:.1f}".replace(".", ",")
    assert any(f"i gennemsnit {minutes} minutter" in text for text in told)


def test_most_shared_are_the_highest_shares_in_falling_order(sample_run, content):
    for cluster, key in zip(content["clusters"], sample_run.result.clusters["cluster_id"], strict=True):
        named = args_of(cluster, "say.shared")["categories"]
        shared = part_of(sample_run.result.shared, key)
        assert [share for _, share in named] == sorted(shared["share"], reverse=True)[:4]
        for category, share in named:
            assert shared.set_index("category").loc[category, "share"] == share


def test_matrix_and_missing_are_the_run_s(sample_run, content):
    ids = sample_run.result.villages["village_id"].tolist()
    for cluster, key in zip(content["clusters"], sample_run.result.clusters["cluster_id"], strict=True):
        brings = part_of(sample_run.result.brings, key)
        told = {(ids[row], kind): n for row, counts in cluster["brings"].items() for kind, n in counts.items()}
        assert told == {(r.village_id, r.category): r.facilities for r in brings.itertuples()}
        missing = part_of(sample_run.result.missing, key)
        assert cluster["missing"] == [[r.category, r.minutes] for r in missing.itertuples()]
        present = {kind for _, kind in told}
        assert not present & {kind for kind, _ in cluster["missing"]}


def test_a_service_that_no_road_leads_to_has_no_minutes(sample_run):
    missing = sample_run.result.missing.assign(minutes=np.nan)
    run = replace(sample_run, result=replace(sample_run.result, missing=missing))
    assert {minutes for cluster in content_of(run)["clusters"] for _, minutes in cluster["missing"]} == {None}


def test_villages_say_where_they_stand(sample_run, content):
    table = sample_run.result.villages
    degrees = table.geometry.to_crs(4326)
    for village, row, point in zip(content["villages"], table.to_dict("records"), degrees, strict=True):
        assert village["at"] == pytest.approx([point.y, point.x], abs=1e-5)
        assert village["people"] == round(row["people"])
        inside = isinstance(row["cluster_id"], str)
        assert (village["cluster"] >= 0) is inside
        if inside:
            assert sample_run.result.clusters["cluster_id"].iloc[village["cluster"]] == row["cluster_id"]
            assert (village["standing"], village["why"]) == (row["standing"], None)
        else:
            assert village["why"] == row["why_alone"]
    assert sum(village["assumed"] for village in content["villages"]) == table["population"].isna().sum()


def test_minutes_to_the_nearest_stand_in_the_order_of_their_names(sample_run, content):
    row = content["villages"].index(next(v for v in content["villages"] if v["name"] == "Agri"))
    table = sample_run.result.villages
    for key, minutes in zip(content["nearest"], content["villages"][row]["minutes"], strict=True):
        assert minutes == table[f"minutes_{key}"].iloc[row]


def test_certainty_names_edge_and_contested_villages(sample_run):
    clusters = sample_run.result.clusters
    members = clusters["village_ids"].iloc[0].split("; ")
    names = sample_run.result.villages.set_index("village_id")["name"]
    changed = dict.fromkeys(members, ("core", 0.9, None))
    changed[members[0]] = ("edge", 0.61, None)
    changed[members[1]] = ("contested", 0.55, clusters["cluster_id"].iloc[1])
    certainty = content_of(with_certainty(sample_run, changed))["clusters"][0]["certainty"]
    facts = {
        "village": names[members[1]], "share": 0.55, "other": label_of(clusters.iloc[1]), "other_share": 0.45,
    }  # fmt: skip
    assert certainty == [
        ("say.core", {"n": len(members) - 2}),
        ("say.edge", {"names": [[names[members[0]], 0.61]]}),
        ("say.contested", facts),
    ]


def contested_sentence(run, language):
    """What is said of the first cluster's contested village."""
    content = content_of(run)
    sentence = next(one for one in content["clusters"][0]["certainty"] if one[0].startswith("say.contested"))
    return words_of(content, language).tell(sentence)


@pytest.fixture(scope="module")
def doubtful_run(sample_run):
    """Vrinners, contested by the cluster that ranks second."""
    clusters = sample_run.result.clusters.assign(name_reason="hub")
    clusters.loc[1, "name"] = "Tirstrup"
    changed = {"vrinners": ("contested", 0.55, clusters["cluster_id"].iloc[1])}
    return with_certainty(replace(sample_run, result=replace(sample_run.result, clusters=clusters)), changed)


def test_a_contested_village_says_why_in_both_languages(doubtful_run):
    run = with_comparison(doubtful_run, "vrinners")
    assert contested_sentence(run, "en") == (
        "Vrinners (55% of the calculations) could also belong to the cluster Tirstrup (45%): the nearest school is "
        "7 min away in the cluster (Knebel) and 6.4 min away in the neighbouring one (Rønde); its ties have on average "
        "31% of full strength to the villages of the cluster and 30% to those of the neighbouring one."
    )
    danish = contested_sentence(run, "da").replace("\N{NO-BREAK SPACE}", " ")
    assert danish == (
        "Vrinners (55 % af beregningerne) kan også høre til klyngen Tirstrup (45 %): nærmeste skole ligger 7 min. væk "
        "i klyngen (Knebel) og 6,4 min. væk i naboklyngen (Rønde); båndene er i gennemsnit 31 % af fuld styrke til "
        "klyngens landsbyer og 30 % til naboklyngens."
    )


def test_old_borders_are_told_where_they_point_to_the_other_cluster(doubtful_run):
    run = with_comparison(doubtful_run, "vrinners", category=None, parish_with_other=True, municipality_with_other=True)
    told = contested_sentence(run, "en")
    parish, old = run.result.villages.set_index("village_id").loc["vrinners", ["parish", "former_municipality"]]
    assert "nearest" not in told
    assert told.endswith(
        f"; it shares its parish ({parish}) with villages of the neighbouring cluster; "
        f"before 2007 it was in {old} Municipality, like most of the neighbouring cluster."
    )


def test_contested_villages_of_the_sample_are_told_with_the_table_s_numbers(sample_run, content):
    told = {args["village"]: args for c in content["clusters"] for key, args in c["certainty"] if "because" in args}
    names = sample_run.result.villages.set_index("village_id")["name"]
    table = sample_run.result.contested
    assert sorted(told) == sorted(names[table["village_id"]])
    for row in table.itertuples():
        args = told[names[row.village_id]]
        assert args["other_share"] == row.other_share
        because = dict(args["because"])
        assert because["say.because_ties"] == {"own": row.tie_own, "other": row.tie_other}
        if isinstance(row.category, str):
            assert because["say.because_way"] == {
                "category": [row.category], "own": row.place_own, "other": row.place_other,
                "minutes_own": row.minutes_own, "minutes_other": row.minutes_other,
            }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "source", "danish", "english"),
    [
        (
            "district", "Mols Herred",
            "det gamle herred, Mols Herred: 66 % af dem, der bor dér uden for byer med over 5.000 indbyggere",
            "the old district, Mols Herred: 66% of those who live there outside towns of more than 5,000 people",
        ),
        (
            "municipality", "Ebeltoft Kommune",
            "Ebeltoft Kommune, som den var før 2007: 66 % af dem, der bor dér",
            "Ebeltoft Municipality as it was before 2007: 66% of those who live there",
        ),
        (
            "parish", "Tved",
            "Tved, der vejer mest i tilbud og indbyggere; hele klyngen ligger i ét sogn",
            "Tved, which weighs most in services and people; the whole cluster lies in one parish",
        ),
        (
            "hub", "Rønde",
            "Rønde, der vejer mest i tilbud og indbyggere; 66 % af klyngens indbyggere bor dér",
            "Rønde, which weighs most in services and people; 66% of the cluster's people live there",
        ),
        (
            "pair", "Tirstrup; Balle",
            "Tirstrup og Balle, der vejer mest i tilbud og indbyggere, i hver sit sogn; 66 % af klyngens indbyggere",
            "Tirstrup and Balle, which weigh most in services and people, each in a parish of its own; 66% of",
        ),
        (
            "around", "Mørke",
            "Mørke, der vejer mest i tilbud og indbyggere; 66 % af klyngens indbyggere bor dér",
            "Mørke, which weighs most in services and people; 66% of the cluster's people live there",
        ),
    ],
)  # fmt: skip
def test_a_card_says_where_the_name_comes_from(sample_run, reason, source, danish, english):
    clusters = sample_run.result.clusters.assign(name_reason=reason, name_from=source, name_share=0.66)
    content = content_of(replace(sample_run, result=replace(sample_run.result, clusters=clusters)))
    for language, said in (("da", danish), ("en", english)):
        told = words_of(content, language).tell(content["clusters"][0]["why"][-1])
        start = {"da": "Navnet kommer fra ", "en": "The name comes from "}[language]
        assert told.replace("\N{NO-BREAK SPACE}", " ").startswith(start + said)


def test_surroundings_are_named_in_the_reader_s_language(sample_run):
    reasons = ["around", *["hub"] * (len(sample_run.result.clusters) - 1)]
    clusters = sample_run.result.clusters.assign(name_reason=reasons)
    content = content_of(replace(sample_run, result=replace(sample_run.result, clusters=clusters)))
    name = clusters["name"].iloc[0]
    assert content["clusters"][0]["name"] == name
    labels = [cluster["label"] for cluster in content["clusters"]]
    assert [words_of(content, "da").told(label) for label in labels] == [f"{name} og omegn", *clusters["name"][1:]]
    assert words_of(content, "en").told(labels[0]) == f"{name} and surroundings"


def test_a_cluster_without_a_core_says_so(sample_run):
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    run = with_certainty(sample_run, dict.fromkeys(members, ("edge", 0.5, None)))
    assert content_of(run)["clusters"][0]["certainty"][0] == ("say.core_zero", {})


@pytest.mark.parametrize(
    ("basis", "said"),
    [
        (Basis.ROADS, "Rejsetiderne er beregnet langs vejnettet, i bil."),
        (Basis.LINKS, "Minutterne er målt langs 117 kendte vejforbindelser mellem landsbyerne"),
        (
            Basis.STRAIGHT_LINES,
            "Rejsetiderne er luftlinje ganget med 1,3, i bil: der er ikke brugt veje.",
        ),
    ],
)
def test_the_head_says_what_minutes_rest_on(sample_run, basis, said):
    run = replace(sample_run, travel=replace(sample_run.travel, basis=basis))
    content = content_of(run)
    told = [words_of(content, "da").tell(sentence) for sentence in content["head"]]
    assert told[-1].startswith(said)


def test_the_head_counts(sample_run, content):
    words = words_of(content, "en")
    villages = sample_run.result.villages
    placed = villages["cluster_id"].notna().sum()
    clusters = sample_run.result.clusters
    assert words.tell(content["head"][0]) == f"{len(clusters)} clusters hold {placed} of {len(villages)} villages."
    assert words.tell(content["head"][1]) == f"{clusters['population'].sum():,} people live in the clusters."
    assert words.tell(content["head"][2]).startswith(f"In {clusters['n_people_assumed'].sum()} of the villages")


def test_data_section_names_sources_findings_and_check(sample_run, content):
    assert [source["file"] for source in content["sources"]] == [
        "villages.csv", "parishes.csv", "services.csv", "links.csv",
    ]  # fmt: skip
    assert content["sources"][0]["licence"].startswith("facts with attribution")
    assert [f["text"] for f in content["findings"]] == [f.text for f in sample_run.findings()]
    told = [words_of(content, "en").tell(sentence) for sentence in content["check"]]
    pairs, clusters = sample_run.verdict.pairs, len(sample_run.result.clusters)
    assert told[0].startswith(f"An independent checker recomputed {pairs} pairs of villages in {clusters} clusters")
    assert told[1].startswith("Among the candidates the choice is proven best")
    assert told[-1] == "The data knows of no place of these kinds: doctor and playground."
    assert f"{len(sample_run.pool.sets)} candidates" in told[2]


def test_nameless_examples_and_folders_are_not_told(sample_run):
    source = replace(sample_run.tables.sources[0], path="/home/somebody/data/villages.csv")
    finding = Finding("services_merged", 2, "merged", ("<NA>", "Aldi"))
    run = replace(sample_run, tables=replace(sample_run.tables, sources=(source,), findings=(finding,)))
    content = content_of(run)
    assert content["findings"][0]["examples"] == ["Aldi"]
    assert [source["file"] for source in content["sources"]] == ["villages.csv"]


def test_an_example_without_a_name_is_told_by_the_label_of_its_category(sample_run):
    finding = Finding("services_merged", 2, "merged", ("Aldi", "church"))
    content = content_of(replace(sample_run, tables=replace(sample_run.tables, findings=(finding,))))
    names = content["findings"][0]["examples"]
    assert [words_of(content, language).say("ui.examples", names=names) for language in ("da", "en")] == [
        "For eksempel: Aldi og kirke",
        "For example: Aldi and church",
    ]


def test_a_gap_and_a_broken_limit_are_told(sample_run):
    run = replace(
        sample_run,
        plan=replace(sample_run.plan, gap=0.0123),
        verdict=replace(sample_run.verdict, broken=("9 minutes too many", "and more")),
    )
    told = [words_of(content_of(run), "en").tell(sentence) for sentence in content_of(run)["check"]]
    assert told[:2] == [
        "The checker found faults: 9 minutes too many; and more",
        "The choice of clusters is at most 1.23% from the best possible.",
    ]


def test_parameters_are_the_study_s(sample_run):
    limits = sample_run.study.limits.model_copy(update={"one_municipality": True, "max_people": 9_000.0})
    planner = sample_run.study.planner.model_copy(update={"cannot_link": (("Knebel", "Agri"),)})
    run = replace(sample_run, study=sample_run.study.model_copy(update={"limits": limits, "planner": planner}))
    content = content_of(run)
    told = [words_of(content, "en").tell(sentence) for sentence in content["parameters"]]
    assert "At most 20 minutes between two villages of a cluster" in told
    assert "300-9,000 people in a cluster" in told
    assert "Only villages of one municipality" in told
    assert "A cluster hangs together over ties of at least 0.1" in told
    assert told[-1] == "The planner's wish, apart: Knebel and Agri"


def test_ties_are_all_there_in_a_small_study_strongest_last(sample_run, content):
    shown = sample_run.shown_ties()
    lines = content["ties"]["lines"]
    assert len(lines) == len(shown) == content["ties"]["total"]
    weights = [line[2] for line in lines]
    assert weights == sorted(weights)
    ids = sample_run.result.villages["village_id"].tolist()
    strongest = shown.loc[shown["weight"].idxmax()]
    assert weights[-1] == round(strongest["weight"], 2)
    a, b, weight, minutes = lines[0]
    row = shown[(shown["village_a"] == ids[a]) & (shown["village_b"] == ids[b])].iloc[0]
    assert (weight, minutes) == (round(row["weight"], 2), round(row["minutes"], 1))


def test_a_big_study_embeds_its_strongest_ties_only(sample_run, content, monkeypatch):
    monkeypatch.setattr("geoklynge.maps.content.BIG_STUDY", 79)
    monkeypatch.setattr("geoklynge.maps.content.TIES_OF_A_BIG_STUDY", 10)
    ties = content_of(sample_run)["ties"]
    assert ties["lines"] == content["ties"]["lines"][-10:]
    assert ties["total"] == len(sample_run.shown_ties())


def test_services_stand_where_the_tables_say(sample_run, content):
    services = sample_run.tables.services
    assert sum(len(rows) for rows in content["services"].values()) == len(services)
    school = services[services["category"] == "school"].iloc[0]
    name, lat, lon, village = content["services"]["school"][0]
    point = services.geometry.to_crs(4326).loc[school.name]
    assert (name, lat, lon) == (school["name"], pytest.approx(point.y, abs=1e-5), pytest.approx(point.x, abs=1e-5))
    assert sample_run.result.villages["village_id"].iloc[village] == school["village_id"]


def test_missing_cells_are_none_not_words(sample_run):
    villages = sample_run.result.villages.copy()
    villages.loc[0, ["parish", "municipality"]] = None
    services = sample_run.tables.services.assign(name=None, village_id=None)
    run = replace(
        sample_run,
        result=replace(sample_run.result, villages=villages),
        tables=replace(sample_run.tables, services=services, findings=(Finding("x", 1, "text"),)),
    )
    content = content_of(run)
    assert (content["villages"][0]["parish"], content["villages"][0]["municipality"]) == (None, None)
    assert content["services"]["school"][0][0] is None
    assert content["services"]["school"][0][3] == -1


def test_neighbours_have_different_colours(sample_run):
    areas = sample_run.result.clusters.geometry.to_numpy()
    colours = cluster_colours(areas)
    near = [(a, b) for a, b in itertools.combinations(range(len(areas)), 2) if areas[a].distance(areas[b]) < 6_000]
    assert near
    assert all(colours[a] != colours[b] for a, b in near)


def test_more_neighbours_than_colours_share_them_evenly():
    areas = np.array([shapely.box(i, 0, i + 1, 1) for i in range(18)], dtype=object)
    colours = cluster_colours(areas)
    assert {colours.count(colour) for colour in MUTED} == {2}


def test_service_signs_are_distinct_up_to_sixteen():
    signs = service_signs([str(k) for k in range(16)])
    assert len({(sign["colour"], sign["hollow"]) for sign in signs.values()}) == 16


def test_areas_keep_common_borders_and_five_decimals():
    wiggle = [(0, y + (7 if y % 20 else 0)) for y in range(0, 2001, 10)]
    left = shapely.Polygon([(-1000, 0), *wiggle, (-1000, 2000)])
    right = shapely.Polygon([(1000, 0), *wiggle, (1000, 2000)])
    moved = shapely.transform(np.array([left, right], dtype=object), lambda xy: xy + np.array([600_000, 6_200_000]))
    a, b = light_areas(moved, CRS(25832), 30.0)
    shared = {tuple(p) for p in a["coordinates"][0]} & {tuple(p) for p in b["coordinates"][0]}
    assert len(a["coordinates"][0]) < 20
    assert len(shared) >= 2
    assert all(round(value, 5) == value for point in a["coordinates"][0] for value in point)


def test_borders_are_drawn_once_and_cut_to_the_frame(sample_run):
    tables = with_borders(sample_run).tables
    frame = frame_around(tables.villages, 1_000.0)
    lines = shapely.geometry.shape(border_lines(tables.municipalities, frame, 10.0))
    assert lines.is_valid
    west, south, east, north = tables.villages.total_bounds
    in_metres = shapely.union_all(tables.municipalities.geometry[:2].boundary)
    once = shapely.length(in_metres)
    assert once == pytest.approx(2 * (east - west) + 3 * (north - south))
    drawn = shapely.length(shapely.transform(lines, lambda xy: np.column_stack(to_metres(xy, tables.crs))))
    assert drawn == pytest.approx(once, rel=1e-3)


def test_border_lines_lose_bends_but_still_meet():
    x = np.linspace(0, 4000, 81)
    wave = np.column_stack([573_000 + x, 6_230_000 + 40 * np.sin(x / 60)])
    (west, _), (middle, height), (east, _) = wave[[0, 40, 80]]
    shapes = [
        shapely.Polygon([*wave, (east, 6_228_000), (west, 6_228_000)]),
        shapely.Polygon([*wave[:41], (middle, 6_232_000), (west, 6_232_000)]),
        shapely.Polygon([*wave[40:], (east, 6_232_000), (middle, 6_232_000)]),
    ]
    borders = gpd.GeoDataFrame(geometry=shapes, crs=25832)
    frame = shapely.box(*borders.total_bounds).buffer(100)
    lines = shapely.geometry.shape(border_lines(borders, frame, 80.0))
    assert shapely.get_num_coordinates(lines) < 30
    metres = shapely.transform(lines, lambda xy: np.column_stack(to_metres(xy, borders.crs)))
    assert metres.hausdorff_distance(shapely.union_all([shape.boundary for shape in shapes])) < 80
    ends = [end for line in metres.geoms for end in (line.coords[0], line.coords[-1])]
    assert sum(np.hypot(end[0] - middle, end[1] - height) < 2 for end in ends) == 3


def to_metres(xy, crs):
    from pyproj import Transformer

    return Transformer.from_crs(4326, crs, always_xy=True).transform(xy[:, 0], xy[:, 1])
