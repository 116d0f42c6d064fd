"""Every figure on a cluster's card is the one in the files: sentences are read and held against the written GeoJSON."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
from conftest import DENMARK, osm_study
from written import Files, Fragment, listed, parts_of, require_claims

from geoklynge.exports import write_run
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of
from geoklynge.maps.texts import Words, texts
from geoklynge.pipeline import run

EXTRACTS = ("syddjurs", "ringkobing-skjern", "vordingborg", "samso", "bornholm")
SMALL = {"limits": {"max_minutes": 10, "min_people": 150}}  # more than fifty clusters in all
CHECKED = 50
LAYER_MEASURES = ("overlap", "complementarity", "identity")
IN_COMMON = ("school", "kindergarten", "sports_hall", "community_hall", "library", "sports_club")


@dataclass(frozen=True, eq=False)
class Card:
    """What a page says of one cluster in one language, and the files it must agree with."""

    files: Files
    said: dict
    words: Words

    @property
    def language(self) -> str:
        """Of the sentences."""
        return self.words.language

    @cached_property
    def row(self) -> pd.Series:
        """The cluster in its file."""
        return self.files.clusters.loc[self.said["id"]]

    @cached_property
    def members(self) -> pd.DataFrame:
        """Its villages in their file."""
        return self.files.members(self.said["id"])

    def told(self, key: str) -> list[str]:
        """Sentences of one part of the card."""
        return [self.words.tell(sentence) for sentence in self.said[key]]

    def by(self, danish: str, english: str) -> str:
        """Choose a fragment by language."""
        return danish if self.language == "da" else english


def written_run(a_run, folder):
    write_run(a_run, folder, pages={})
    return Files(folder), content_of(a_run)


def cards_of(files, content):
    return [
        [Card(files, said, words_of(content, language)) for language in ("da", "en")] for said in content["clusters"]
    ]


@pytest.fixture(scope="module")
def of_the_sample(sample_run, tmp_path_factory):
    return cards_of(*written_run(sample_run, tmp_path_factory.mktemp("sample") / "run"))


@pytest.fixture(scope="module")
def of_the_grid(grid_run, tmp_path_factory):
    return cards_of(*written_run(grid_run, tmp_path_factory.mktemp("grid") / "run"))


@pytest.fixture(scope="module")
def of_denmark(tmp_path_factory):
    if not DENMARK.is_dir():
        pytest.skip("the real data in ../shared/data/denmark is not here")
    folder = tmp_path_factory.mktemp("extracts")
    found = []
    for name in EXTRACTS:
        found += cards_of(*written_run(run(osm_study(f"{name}.osm.pbf", **SMALL)), folder / name))
    assert len(found) >= CHECKED
    chosen = np.random.default_rng(50).choice(len(found), CHECKED, replace=False)
    return [found[k] for k in sorted(chosen.tolist())]


@pytest.fixture(params=["sample", "grid", pytest.param("denmark", marks=pytest.mark.denmark)])
def cards(request):
    name = {"sample": "of_the_sample", "grid": "of_the_grid", "denmark": "of_denmark"}[request.param]
    return list(itertools.chain.from_iterable(request.getfixturevalue(name)))


def assert_told(card: Card, key: str, expected: list[list[Fragment]]) -> None:
    sentences = card.told(key)
    assert len(sentences) == len(expected), (sentences, expected)
    for sentence, fragments in zip(sentences, expected, strict=True):
        require_claims(sentence, fragments, card.language)


def distinct(column: pd.Series) -> list[str]:
    return sorted(set(column.dropna()))


# Why these villages


def why(card: Card) -> list[list[Fragment]]:
    row, runs = card.row, card.files.record["counts"]["repeated_calculations"]
    minutes = card.by("gennemsnit {mean.1} minutter og højst {longest.1} minutter",
                      "{mean.1} minutes apart on average and {longest.1} minutes at most")  # fmt: skip
    sentences = [[(minutes, {"mean": row["mean_minutes"], "longest": row["max_minutes"]})]]
    if "overlap" in card.files.record["tie_layers"]:
        sentences += services_shared(card)
    cohesion = card.by("{share%} af landsbyernes samlede båndstyrke", "{share%} of the strength of the villages' ties")
    stability = card.by("gruppe i {kept.0} af {runs.0} gentagne", "together in {kept.0} of {runs.0} repeated")
    return [
        *sentences,
        [(cohesion, {"share": row["cohesion"]})],
        *belonging(card),
        [(stability, {"kept": row["stability"] * runs, "runs": runs})],
        naming(card),
    ]


def services_shared(card: Card) -> list[list[Fragment]]:
    row, labels = card.row, card.words.categories
    overlap = card.by("gennemsnit {share%} af hverdagsturene", "On average, {share%} of everyday trips")
    yield [(overlap, {"share": row["overlap"]})]
    shares = {category: row[f"overlap_{category}"] for category in card.files.categories}
    most = sorted((category for category in shares if shares[category] > 0), key=lambda one: (-shares[one], one))[:4]
    if most:
        yield [("{name'} ({share%})", {"name": labels[one], "share": shares[one]}) for one in most]
    present, missing = parts_of(row["services_present"]), parts_of(row["services_missing"])
    gain = card.by("landsbyerne {whole.0} af {of.0} slags tilbud; den enkelte landsby har i gennemsnit {part.1}",
                   "villages have {whole.0} of {of.0} kinds of services; a single village has {part.1}")  # fmt: skip
    part = card.members["n_service_kinds"].mean()
    yield [(gain, {"whole": len(present), "of": len(present) + len(missing), "part": part})]


def belonging(card: Card) -> list[list[Fragment]]:
    members, language = card.members, card.language
    parishes, municipalities = distinct(members["parish"]), distinct(members["municipality"])
    if len(parishes) == 1:
        yield [(card.by("ligger i ét sogn: {names'}.", "lie in one parish: {names'}."), {"names": parishes[0]})]
    elif parishes:
        fragment = card.by("ligger i {n.0} sogne: {names'}.", "lie in {n.0} parishes: {names'}.")
        yield [(fragment, {"n": len(parishes), "names": listed(parishes, language)})]
    for column, fragment in (
        ("former_municipality", card.by("før 2007 i {name'} Kommune", "in {name'} Municipality before 2007")),
        ("historic_district", card.by("Alle ligger i {name'}.", "All of them lie in {name'}.")),
    ):
        found = members[column] if column in members else pd.Series([None])
        if found.notna().all() and len(set(found)) == 1:
            yield [(fragment, {"name": found.iloc[0]})]
    if len(municipalities) > 1:
        fragment = card.by("kommunegrænse: {names'}.", "municipal border: {names'}.")
        yield [(fragment, {"names": listed(municipalities, language)})]


def naming(card: Card) -> list[Fragment]:
    row, reason = card.row, card.row["name_reason"]
    places = listed(parts_of(row["name_from"]), card.language)
    facts = {"share": row["name_share"], "town": card.files.record["limits"]["town_people"]}
    of_people = card.by("; {share%} af klyngens indbyggere", "; {share%} of the cluster's people")
    said = {
        "district": card.by("{share%} af dem, der bor dér uden for byer med over {town.0} indbyggere",
                            "{share%} of those who live there outside towns of more than {town.0} people"),
        "municipality": card.by("Kommune, som den var før 2007: {share%} af dem, der bor dér",
                                "Municipality as it was before 2007: {share%} of those who live there"),
        "whole_parish": card.by("Sogn: {share%} af dem, der bor dér", "parish: {share%} of those who live there"),
        "parish": card.by("ligger i ét sogn", "lies in one parish"),
        "hub": of_people, "pair": of_people, "around": of_people,
    }[reason]  # fmt: skip
    by_place = [(card.by("Navnet kommer fra {places'}, der vejer", "The name comes from {places'}, which weigh"),
                 {"places": places})] if reason in {"parish", "hub", "pair", "around"} else []  # fmt: skip
    return [*by_place, (said, facts)]


def test_why_these_villages(cards):
    for card in cards:
        assert_told(card, "why", why(card))


# How sure


def certainty(card: Card) -> list[list[Fragment]]:
    members = card.members
    n_core = int((members["standing"] == "core").sum())
    one, several = (
        card.by("1 landsby hører", "1 village surely"),
        card.by("{n.0} landsbyer hører", "{n.0} villages surely"),
    )
    none = card.by("Ingen af landsbyerne", "None of the villages")
    yield [({0: none, 1: one}.get(n_core, several), {"n": n_core})]
    edge = members[members["standing"] == "edge"]
    if len(edge):
        yield [
            ("{name'} ({share%})", {"name": each["name"], "share": each["certainty"]}) for _, each in edge.iterrows()
        ]
    for _, village in members[members["standing"] == "contested"].iterrows():
        yield contested(card, village)


def contested(card: Card, village: pd.Series) -> list[Fragment]:
    could = card.by(
        "{name'} ({share%} af beregningerne) kan også høre til klyngen {other'} ({other_share%})",
        "{name'} ({share%} of the calculations) could also belong to the cluster {other'} ({other_share%})",
    )
    other = card.files.label(village["other_cluster_id"], card.language)
    facts = {"name": village["name"], "share": village["certainty"], "other": other,
             "other_share": village["other_share"]}  # fmt: skip
    fragments = [(could, facts)]
    compared = {name.removeprefix("contested_"): village[name] for name in village.index if "contested_" in name}
    if not pd.isna(compared["category"]):
        way = card.by(
            "{kind'} ligger {minutes_own g} min. væk i klyngen ({place_own'}) og {minutes_other g} min. væk i "
            "naboklyngen ({place_other'})",
            "{kind'} is {minutes_own g} min away in the cluster ({place_own'}) and {minutes_other g} min away in the "
            "neighbouring one ({place_other'})",
        ).replace(" g}", "g}")
        fragments.append((way, {**compared, "kind": card.words.categories[compared["category"]]}))
    ties = card.by(
        "gennemsnit {tie_own%} af fuld styrke til klyngens landsbyer og {tie_other%} til naboklyngens",
        "average {tie_own%} of full strength to the villages of the cluster and {tie_other%} to those",
    )
    fragments.append((ties, compared))
    if compared["parish_with_other"] and village["parish"]:
        fragments.append((card.by("deler sogn ({name'})", "shares its parish ({name'})"), {"name": village["parish"]}))
    if compared["municipality_with_other"]:
        before = card.by("lå før 2007 i {name'} Kommune", "before 2007 it was in {name'} Municipality")
        fragments.append((before, {"name": village["former_municipality"]}))
    return fragments


def test_how_sure_it_is(cards):
    for card in cards:
        assert_told(card, "certainty", list(certainty(card)))


# One change, the measure that costs most, doubles


def change(card: Card) -> list[list[Fragment]]:
    row, villages = card.row, card.files.villages
    if pd.isna(row["change_score"]):
        yield [(card.by("scoren ikke stige", "score would not rise"), {})]
    else:
        village = villages.loc[row["change_village_id"]]
        facts = {"village": village["name"], "before": row["score"], "after": row["change_score"]}
        rises = card.by("ville scoren stige mest: fra {before.1} til {after.1}",
                        "the score would rise most: from {before.1} to {after.1}")  # fmt: skip
        if row["change_kind"] == "without":
            start = card.by("Uden {village'}", "Without {village'}")
        elif pd.isna(village["cluster_id"]):
            start = card.by("Kom {village'} også med,", "With {village'} too,")
        else:
            start = card.by(
                "Kom {village'} også med, fra klyngen {other'},", "With {village'} too, from the cluster {other'},"
            )
            facts["other"] = card.files.label(village["cluster_id"], card.language)
        yield [(start, facts), (rises, facts)]
    shares = score_shares(card.files.record)
    lost = {name: 100 * share * (1 - row[name]) for name, share in shares.items() if share > 0}
    measure = max(lost, key=lost.get)
    if lost[measure] >= 0.05:
        said = card.by("»{name'}«: {lost.1} af {most.1}", "“{name'}”: {lost.1} of {most.1}")
        name = texts(card.language)[f"measure.{measure}"]
        yield [(said, {"name": name, "lost": lost[measure], "most": 100 * shares[measure]})]


def score_shares(record: dict) -> dict[str, float]:
    """Share of each measure in the score, from the weights and layers that run.json names."""
    layers = record["tie_layers"]
    blind = {name for name in LAYER_MEASURES if name not in layers} | (
        {"viability"} - ({"viability"} & {*layers}) if "overlap" not in layers else set()
    )
    weights = {name: 0 if name in blind else weight for name, weight in record["study"]["score"].items()}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def test_what_would_raise_the_score(cards):
    for card in cards:
        assert_told(card, "change", list(change(card)))


def doubles(card: Card) -> list[list[Fragment]]:
    files, members = card.files, set(card.members["village_id"])
    order = {village: row for row, village in enumerate(files.villages.index)}
    for category in (each for each in files.categories if each in IN_COMMON):
        stand = [village for village in files.stands.get(category, []) if village in members]
        pairs = itertools.combinations(sorted(set(stand), key=order.get), 2)
        apart = {pair: files.minutes[frozenset(pair)] for pair in pairs if frozenset(pair) in files.minutes}
        near = min(apart, key=apart.get, default=None)
        if near and apart[near] <= 10:
            a, b = (files.villages.loc[each, "name"] for each in near)
            fragment = card.by("{kind'}: {n.0} i klyngen; af de landsbyer, hvor det findes, ligger {a'} og {b'} "
                               "nærmest hinanden, {minutes.1} minutter",
                               "{kind'}: {n.0} in the cluster; of the villages that have one, {a'} and {b'} are "
                               "nearest to each other, {minutes.1} minutes")  # fmt: skip
            facts = {"kind": card.words.categories[category], "n": len(stand), "a": a, "b": b, "minutes": apart[near]}
            yield [(fragment, facts)]


def test_doubles(cards):
    for card in cards:
        assert_told(card, "doubles", list(doubles(card)))


# The head, and the rest of the card


def test_the_figures_at_the_head(cards):
    for card in cards:
        row, members, words, said = card.row, card.members, card.words, card.said
        head = words.say("say.fact_line", n=len(said["members"]), people=said["population"])
        fragment = card.by("{n.0} landsbyer, {people.0} indbyggere", "{n.0} villages, {people.0} people")
        require_claims(head, [(fragment, {"n": len(members), "people": members["people"].sum()})], card.language)
        score = words.say("ui.score_of", score=said["score"])
        require_claims(
            score, [(card.by("{score.1} af 100", "{score.1} of 100"), {"score": row["score"]})], card.language
        )
        for key, column in (("longest", "max_minutes"), ("mean", "mean_minutes")):
            text = words.say("ui.minutes", minutes=said[key])
            require_claims(text, [("{minutes.1} min", {"minutes": row[column]})], card.language)
        assert (row["n_villages"], row["population"]) == (len(members), round(members["people"].sum()))
        assert said["area"] == row["area_km2"]
        around = members["people_around"] if "people_around" in members else pd.Series(0, index=members.index)
        assert said["assumed"] == (members["population"].isna() & (around == 0)).sum()
        assert row.get("people_around", 0) == around[members["population"].notna()].sum()
        assert sum(said["spread"]) == len(members) * (len(members) - 1) // 2


def open_country(card: Card) -> list[list[Fragment]]:
    if "people_around" not in card.members:
        return
    known = card.members["population"].notna()
    facts = {"n": card.members["people"].sum(), "around": card.members.loc[known, "people_around"].sum()}
    all_known = (known | (card.members["people_around"] == 0)).all()
    if facts["around"]:
        some = card.by("{n.0} indbyggere bor {around.0} i det åbne land", "{n.0} people, {around.0} live in the open")
        least = card.by("{n.0} indbyggere bor mindst {around.0} i det", "{n.0} people, at least {around.0} live in the")
        yield [(some if all_known else least, facts)]


def test_people_in_the_open_country(cards):
    for card in cards:
        assert_told(card, "open_country", list(open_country(card)))


def test_areas_are_those_of_the_outlines(cards):
    files = {card.files for card in cards}
    for each in files:
        outlines = each.clusters.to_crs(each.record["crs"]).area / 1e6
        assert (abs(outlines - each.clusters["area_km2"]) < 0.06).all()


def test_how_firm_the_rank_is(cards):
    for card in cards:
        row, ranking, n_clusters = card.row, card.files.record["sensitivity"], len(card.files.clusters)
        if n_clusters == 1:
            assert card.said["ranked"] == []
            continue
        top = {"n": ranking["top_n"], "share": row["top_share"], "ways": ranking["weightings"]}
        first = (
            card.by("Den bedste klynge", "The best cluster"),
            card.by("de {n.0} bedste klynger", "the {n.0} best clusters"),
        )
        best = first[top["n"] > 1] + card.by(" i {share%} af {ways.0} andre", " in {share%} of {ways.0} other")
        ranks = {"low": row["rank_low"], "high": row["rank_high"], "of": n_clusters}
        same = card.by("er den nr. {low.0} af {of.0}", "its rank is {low.0} of {of.0}")
        between = card.by("mellem nr. {low.0} og nr. {high.0} af {of.0}", "between {low.0} and {high.0} of {of.0}")
        assert_told(card, "ranked", [[(best, top)], [(same if ranks["low"] == ranks["high"] else between, ranks)]])


def test_what_is_missing_is_so_many_minutes_from_the_hub(cards):
    for card in cards:
        hub = card.files.villages.loc[card.row["hub_id"]]
        assert [category for category, _ in card.said["missing"]] == parts_of(card.row["services_missing"])
        for category, minutes in card.said["missing"]:
            there = hub[f"minutes_{category}"]
            assert (minutes is None) == pd.isna(there)
            if minutes is not None:
                text = card.words.say("ui.minutes", minutes=minutes)
                require_claims(text, [("{minutes.1} min", {"minutes": there})], card.language)


def test_topics_keep_so_many_people_together(cards):
    for card in cards:
        members, people = card.members, card.members["people"]
        for row in card.said["by_topic"]:
            hub = members[f"topic_{row['key']}"]
            share = people.groupby(hub).sum().max() / people.sum() if hub.notna().any() else 0
            text = card.words.say("ui.topic_share", share=row["share"])
            require_claims(text, [(card.by("{share%} bliver", "{share%} stay"), {"share": share})], card.language)
            assert row["alone"] == hub.isna().sum()


def test_strengths_and_challenges_of_the_villages(of_the_sample, sample_run):
    content = content_of(sample_run)
    files = of_the_sample[0][0].files
    for language, row in itertools.product(("da", "en"), range(len(content["villages"]))):
        words, said, village = words_of(content, language), content["villages"][row], files.villages.iloc[row]
        for kind in ("strengths", "challenges"):
            for sentence in said[kind]:
                text = words.tell(sentence)
                require_claims(text, trait(sentence[0], sentence[1], village, words), language)


def trait(key: str, facts: dict, village: pd.Series, words: Words) -> list[Fragment]:
    """Say what a village's strength or challenge must tell; the key and the category are all that is taken from it."""
    danish = words.language == "da"
    minutes = "{minutes.1} minutter" if danish else "{minutes.1} minutes"
    if key in {"trait.central", "trait.outlying"}:
        return [(minutes, {"minutes": village["mean_minutes"]})]
    if key == "trait.daily":
        return [(minutes, {"minutes": max(village["minutes_grocery"], village["minutes_school"])})]
    if key == "trait.far":
        return [(minutes, {"minutes": village[f"minutes_{facts['category'][0]}"]})]
    if key == "trait.few":
        assert village["population"] < 50
        return [("50", {})]
    return []


# The check itself


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("6,1 minutter", [("{a.1} minutter", {"a": 6.04})]),
        ("6 minutter", [("{a.1} minutter", {"a": 6.0})]),
        ("16,1 minutter", [("6,1 minutter", {})]),
        ("12 af 14", [("{a.0} af", {"a": 12})]),
        ("12 af 14", [("af {b.0}", {"b": 14})]),
        ("12 af 14", [("{b.0}", {"b": 14}), ("{a.0}", {"a": 12})]),
        ("Sal 2: 5 %", [("{a%}", {"a": 0.05})]),
        ("Sal 2: 5 %", [("{name'}: {a%}", {"name": "Sal 3", "a": 0.05})]),
        ("1234 mennesker", [("{a.0} mennesker", {"a": 1234})]),
        ("7 %", [("{a%}", {"a": 0.0799})]),
        ("1,5", [("{a.0}", {"a": 1})]),
    ],
)
def test_a_sentence_with_a_wrong_or_unchecked_number_fails(text, fragments):
    with pytest.raises(AssertionError):
        require_claims(text, fragments, "da")


def test_a_sentence_all_of_whose_numbers_are_right_passes():
    require_claims(
        "Sal 2: 8 % af 1.234", [("{name'}: {a%} af {b.0}", {"name": "Sal 2", "a": 0.0751, "b": 1234.3})], "da"
    )
    require_claims(
        "Hall 2: 8% of 1,234.5", [("{name'}: {a%} of {b.1}", {"name": "Hall 2", "a": 0.0849, "b": 1234.46})], "en"
    )
    require_claims(
        "7 and 6.4 and 6.25", [("{a g} and {b g} and {c g}".replace(" g", "g"), {"a": 7, "b": 6.4, "c": 6.25})], "en"
    )
