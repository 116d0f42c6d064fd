"""A study file is read whole or refused with everything that is wrong in one message."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from worlds import study

from geoklynge.errors import StudyError
from geoklynge.limits import Facts, Limits
from geoklynge.study import IdentitySteps, Study, TieOptions, default_categories, default_speeds, read_study

HEAD = '[study]\nname = "Ærø"\n[sources]\nvillages = "villages.csv"\n'


@pytest.fixture
def refusal(tmp_path):
    """What is said of a study file with this text, without the file's name."""

    def read(text):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StudyError) as caught:
            read_study(path)
        assert caught.value.exit_code == 2
        assert caught.value.where == str(path)
        return str(caught.value).removeprefix(f"{path}: ")

    return read


def read_text(folder, text, **options):
    path = Path(folder) / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path, **options)


def test_the_shortest_study_has_the_defaults_of_the_design(tmp_path):
    found = read_text(tmp_path, HEAD)
    assert (found.name, found.municipalities, found.sources.villages) == ("Ærø", (), ("villages.csv",))
    assert (found.travel.mode, found.travel.max_minutes) == ("car", 20)
    assert found.ties.half_minutes["car"] == 6
    weights = found.ties.weights
    assert (weights.proximity, weights.overlap, weights.complementarity, weights.identity) == (0.35, 0.35, 0.15, 0.15)
    limits = found.limits
    assert (limits.max_minutes, limits.min_villages, limits.max_villages) == (20, 3, 30)
    assert (limits.min_people, limits.max_people, limits.town_people) == (300, 15_000, 5_000)
    assert not limits.one_municipality


def test_a_byte_order_mark_is_read_over(tmp_path):
    assert read_text(tmp_path, "\ufeff" + HEAD).name == "Ærø"


def test_paths_start_at_the_folder_of_the_file(tmp_path):
    found = read_text(tmp_path, HEAD)
    assert found.path_of("villages.csv") == tmp_path / "villages.csv"
    assert found.path_of("/data/villages.csv") == Path("/data/villages.csv")


def test_a_seed_given_beside_the_file_wins(tmp_path):
    text = HEAD.replace("[sources]", "seed = 7\n[sources]")
    assert read_text(tmp_path, text).seed == 7
    assert read_text(tmp_path, text, seed=0).seed == 0


def test_one_file_or_several(tmp_path):
    found = read_text(tmp_path, HEAD.replace('"villages.csv"', '["osm", "more.csv"]\nosm = "a.pbf"'))
    assert found.sources.villages == ("osm", "more.csv")
    assert found.sources.osm == ("a.pbf",)


@pytest.mark.parametrize(
    ("addition", "says"),
    [
        ("[limit]\nmax_minutes = 9", "unknown key 'limit', did you mean 'limits'?"),
        ("[limits]\nmax_minuts = 9", "unknown key 'limits.max_minuts', did you mean 'max_minutes'?"),
        ("[ties.weights]\nproximty = 1", "unknown key 'ties.weights.proximty', did you mean 'proximity'?"),
        ("[ties.identity_steps]\nparsh = 1", "unknown key 'ties.identity_steps.parsh', did you mean 'parish'?"),
        ("[ties.identity_steps]\nclub = 1", "unknown key 'ties.identity_steps.club' (known: parish, association, past"),
        (
            '[services.categories.sauna]\nda = "s"\nen = "s"\nwieght = 2',
            "unknown key 'services.categories.sauna.wieght', did you mean 'weight'?",
        ),
        ("[services.weights]\nskool = 3", "services: no category 'skool'; did you mean 'school'? (known: school, "),
        ("[services.weights]\nzzz = 3", "services: no category 'zzz' (known: school, "),
        (
            "[limits.people_where_unknown]\nvillge = 3",
            "limits: people_where_unknown: no kind 'villge' (known: hamlet, ",
        ),
        ("[topics]\nenabeld = false", "topics: unknown key 'enabeld', did you mean 'enabled'? (a topic is a table"),
        ("[topics]\nzzz = 3", "topics: unknown key 'zzz' (a topic is a table of da, en and categories)"),
        (
            '[topics.health]\nda = "h"\nen = "h"\ncategories = ["docter"]',
            "topics.health: no category 'docter'; did you mean 'doctor'? (known: school, ",
        ),
        (
            '[topics.health]\nda = "h"\nen = "h"\ncategories = ["doctor"]\ncatgories = []',
            "unknown key 'topics.health.catgories', did you mean 'categories'?",
        ),
        (
            '[topics."Sundhed!"]\nda = "h"\nen = "h"\ncategories = ["doctor"]',
            "topics: topic 'Sundhed!': name it with a-z, 0-9 and _",
        ),
        ("[planner]\nwishes = []", "unknown key 'planner.wishes' (known: must_link, cannot_link)"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(refusal, addition, says):
    assert refusal(HEAD + addition).startswith(says)


@pytest.mark.parametrize(
    ("addition", "says"),
    [
        ("[limits]\nmin_villages = 9\nmax_villages = 4", "limits: min_villages 9 is above max_villages 4"),
        ("[limits]\nmin_people = 900\nmax_people = 400", "limits: min_people 900 is above max_people 400"),
        (
            "[limits]\nmax_minutes = 30",
            (
                "limits.max_minutes 30 is above travel.max_minutes 20: travel beyond that is not measured, "
                "so raise travel.max_minutes too"
            ),
        ),
        (
            "[ties.weights]\nproximity = 0\noverlap = 0\ncomplementarity = 0\nidentity = 0",
            "ties.weights: at least one layer needs a weight above 0",
        ),
        (
            "[ties.weights]\nproximity = 0\noverlap = 0\ncomplementarity = 0\nidentity = 0\nsurvey = 1",
            "ties.weights: at least one layer needs a weight above 0",
        ),
        ("[ties.modes]\ncar = 0\nbike = 0", "ties: modes: at least one mode needs a share above 0"),
        (
            "[score]\n" + "\n".join(f"{name} = 0" for name in study().score.model_dump()),
            "score: at least one measure needs a weight above 0",
        ),
    ],
)
def test_values_that_contradict_one_another_are_refused(refusal, addition, says):
    assert refusal(HEAD + addition) == says


@pytest.mark.parametrize(
    "addition",
    [
        "[limits]\nmin_villages = 4\nmax_villages = 4",
        "[limits]\nmin_people = 900\nmax_people = 900",
        "[limits]\nmax_minutes = 30\n[travel]\nmax_minutes = 30",
        "[ties.weights]\nproximity = 0.1\noverlap = 0\ncomplementarity = 0\nidentity = 0",
    ],
)
def test_limits_that_just_agree_are_taken(tmp_path, addition):
    assert read_text(tmp_path, HEAD + addition).name == "Ærø"


@pytest.mark.parametrize(
    ("addition", "place", "found"),
    [
        ('[travel]\nmode = "boat"', "travel.mode", "'boat'"),
        ("[limits]\nmin_villages = 1", "limits.min_villages", "1"),
        ("[limits]\nmin_villages = 2.5", "limits.min_villages", "2.5"),
        ("[limits]\nmax_minutes = 0", "limits.max_minutes", "0"),
        ("[limits]\nmax_minutes = inf", "limits.max_minutes", "inf"),
        ("[limits]\nmax_people = nan", "limits.max_people", "nan"),
        ("[limits]\nweakest_tie = 1.1", "limits.weakest_tie", "1.1"),
        ('[limits]\nmax_people = "many"', "limits.max_people", "'many'"),
        ("[travel]\ndetour = 0.9", "travel.detour", "0.9"),
        ("[ties.weights]\nidentity = -0.1", "ties.weights.identity", "-0.1"),
        ("[ties.weights]\nsurvey = -0.1", "ties.weights.survey", "-0.1"),
        ("[ties.identity_steps]\npastorate = 1.1", "ties.identity_steps.pastorate", "1.1"),
        ("[ties.modes]\nbike = -1", "ties.modes.bike", "-1"),
        ("[ties.modes]\nboat = 1", "ties.modes.boat.[key]", "'boat'"),
        ("[ties.half_minutes]\ncar = 0", "ties.half_minutes.car", "0"),
        ("[ensemble]\nmembers = 1", "ensemble.members", "1"),
        ("[ensemble]\nresolutions = []", "ensemble.resolutions", "[]"),
        ('[planner]\nmust_link = ["Knebel", "Agri"]', "planner.must_link.0", "'Knebel'"),
        ('[planner]\ncannot_link = [["Knebel"]]', "planner.cannot_link.0", "['Knebel']"),
        ("[planner]\nmust_link = [[]]", "planner.must_link.0", "[]"),
        ("[travel.speeds.motorway]\nposted_kmh = 110\nfactor = 1.5", "travel.speeds.motorway.factor", "1.5"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_was_found(refusal, addition, place, found):
    said = refusal(HEAD + addition)
    assert said.startswith(f"{place}: ")
    assert f"(found {found})" in said


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_has_32_bits(refusal, seed):
    assert refusal(HEAD.replace("[sources]", f"seed = {seed}\n[sources]")).startswith("seed: ")


def test_all_that_is_wrong_stands_in_one_message(refusal):
    said = refusal(HEAD + '[limits]\nmax_minuts = 1\nmin_people = -1\nmax_villages = "a"\n[travel]\nmode = "boat"')
    assert said.count("; ") == 3
    for part in ("'limits.max_minuts'", "limits.min_people: ", "limits.max_villages: ", "travel.mode: "):
        assert part in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no table [study]"),
        ("study = 3", "no table [study]"),
        ("[study", "not readable as TOML"),
        ('[study]\nname = ""\n[sources]\nvillages = "v.csv"', "name: "),
        ("[study]\n[sources]\nvillages = 'v.csv'", "name: Field required"),
        ('[study]\nname = "x"', "sources: name at least one file of villages, or an osm file"),
        (HEAD.replace("villages.csv", "osm"), 'sources.villages names "osm", but sources.osm names no file'),
    ],
)
def test_a_file_that_is_no_study_is_refused(refusal, text, says):
    assert refusal(text).startswith(says)


def test_a_file_that_is_not_there_or_not_utf8_is_refused(tmp_path):
    with pytest.raises(StudyError, match="no such file"):
        read_study(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(HEAD.encode("latin-1"))
    with pytest.raises(StudyError, match="not readable as TOML"):
        read_study(path)


def test_one_key_of_a_table_leaves_the_other_defaults():
    limits = Limits(people_where_unknown={"hamlet": 20})
    assert limits.people_where_unknown == {**Limits().people_where_unknown, "hamlet": 20}
    ties = TieOptions(half_minutes={"bike": 9})
    assert ties.half_minutes == {"car": 6, "bike": 9, "walk": 15}
    speeds = study(travel={"speeds": {"primary": {"posted_kmh": 60, "factor": 1}}}).travel.speed_of_class()
    assert speeds == {**default_speeds(), "primary": speeds["primary"]}
    assert speeds["primary"].posted_kmh == 60


def parts_of(model, path="study"):
    """Every frozen part of a study."""
    yield path, model
    for name, value in model:
        if isinstance(value, BaseModel):
            yield from parts_of(value, f"{path}.{name}")


def test_a_study_is_frozen_through_and_through():
    found = dict(parts_of(study()))
    assert len(found) == 12
    for part in found.values():
        name = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, getattr(part, name))


def test_a_mixture_of_modes_is_shares_that_sum_to_one_in_a_fixed_order():
    assert study().mixture() == {"car": 1.0}
    assert study(travel={"mode": "bike"}).mixture() == {"bike": 1.0}
    mixed = study(ties={"modes": {"walk": 0, "bike": 3, "car": 7}})
    assert list(mixed.mixture().items()) == [("car", pytest.approx(0.7)), ("bike", pytest.approx(0.3))]
    assert study(ties={"modes": {"bike": 5}}).mixture() == {"bike": 1.0}  # though cars set the limits


def test_steps_of_identity_can_be_changed_one_by_one(tmp_path):
    steps = read_text(tmp_path, HEAD + "[ties.identity_steps]\nschool_district = 0.9\nhistoric_district = 0").ties
    assert steps.identity_steps == IdentitySteps(school_district=0.9, historic_district=0)
    assert list(IdentitySteps().model_dump().values()) == [1.0, 0.9, 0.85, 0.8, 0.75, 0.5, 0.25]


def test_topics_of_ones_own_join_or_replace_the_default_ones(tmp_path):
    assert list(read_text(tmp_path, HEAD).all_topics()) == ["learning", "sports", "shopping"]
    text = (
        HEAD
        + """
[services.categories.sauna]
da = "s"
en = "s"
[topics.heat]
da = "varme"
en = "warmth"
categories = ["sauna", "church"]
[topics.shopping]
da = "mad"
en = "food"
categories = ["grocery"]
"""
    )
    topics = read_text(tmp_path, text).all_topics()
    assert list(topics) == ["learning", "sports", "shopping", "heat"]
    assert topics["heat"].categories == ("sauna", "church")
    assert (topics["shopping"].en, topics["shopping"].categories) == ("food", ("grocery",))
    assert read_text(tmp_path, text + "[topics]\nenabled = false").all_topics() == {}
    with pytest.raises(ValidationError, match="frozen"):
        read_text(tmp_path, text).topics.heat = topics["shopping"]


def test_a_study_with_topics_survives_being_written(tmp_path):
    found = study(topics={"health": {"da": "h", "en": "h", "categories": ["doctor"]}})
    assert Study.model_validate(found.model_dump(mode="json")).all_topics() == found.all_topics()


def test_default_tables_are_not_shared_between_studies():
    assert study().limits.people_where_unknown is not study().limits.people_where_unknown


def test_categories_of_a_study_join_the_defaults_in_a_fixed_order():
    own = {"sauna": {"da": "sauna", "en": "sauna", "weight": 0.3}}
    services = study(services={"categories": own, "weights": {"school": 9, "sauna": 0.7}}).services.all_categories()
    assert list(services) == [*default_categories(), "sauna"]
    assert (services["school"].weight, services["sauna"].weight) == (9, 0.7)
    assert services["grocery"] == default_categories()["grocery"]
    assert default_categories()["school"].weight == 3


# Limits judge facts.

KEPT = Facts(
    n_villages=5, people=1000, max_minutes=12.0, n_municipalities=2, largest_place=400, connected=True, links_kept=True
)
LIMITS = Limits()


def facts(**changed):
    return Facts(**{**KEPT.__dict__, **changed})


def test_facts_within_all_limits_break_none():
    assert LIMITS.broken_by(KEPT) == ()


@pytest.mark.parametrize(
    ("fact", "at", "beyond", "says"),
    [
        ("n_villages", 3, 2, "2 villages, at least 3 wanted"),
        ("n_villages", 30, 31, "31 villages, at most 30 allowed"),
        ("people", 300, 299, "299 people, at least 300 wanted"),
        ("people", 15_000, 15_001, "15001 people, at most 15000 allowed"),
        ("max_minutes", 20.0, 20.001, "20.001 minutes between two members, at most 20 allowed"),
        ("max_minutes", 20.0, float("inf"), "inf minutes between two members, at most 20 allowed"),
        ("max_minutes", 20.0, float("nan"), "nan minutes between two members, at most 20 allowed"),
        ("largest_place", 5000, 5001, "a place of 5001 people, at most 5000 allowed"),
        ("connected", True, False, "not connected by ties of at least 0.1"),
        ("links_kept", True, False, "a must-link or cannot-link of the planner is not kept"),
    ],
)
def test_a_limit_holds_at_its_bound_and_breaks_just_beyond(fact, at, beyond, says):
    assert LIMITS.broken_by(facts(**{fact: at})) == ()
    assert LIMITS.broken_by(facts(**{fact: beyond})) == (says,)


def test_one_municipality_is_a_limit_only_where_a_study_says_so():
    one = Limits(one_municipality=True)
    assert LIMITS.broken_by(facts(n_municipalities=7)) == ()
    assert one.broken_by(facts(n_municipalities=1)) == ()
    assert one.broken_by(facts(n_municipalities=0)) == ()
    assert one.broken_by(facts(n_municipalities=2)) == ("2 municipalities, one allowed",)


def test_every_broken_limit_is_named():
    worst = Facts(1, 0, 99, 3, 9000, connected=False, links_kept=False)
    assert len(Limits(one_municipality=True).broken_by(worst)) == 7


@given(
    st.builds(
        Facts,
        n_villages=st.integers(2, 40),
        people=st.floats(0, 20_000),
        max_minutes=st.floats(0, 40),
        n_municipalities=st.integers(0, 3),
        largest_place=st.floats(0, 9000),
        connected=st.booleans(),
        links_kept=st.booleans(),
    ),
    st.builds(
        lambda few, more, poor, rich, minutes, one: Limits(
            min_villages=few, max_villages=few + more, min_people=poor, max_people=poor + rich,
            max_minutes=minutes, one_municipality=one,
        ),
        st.integers(2, 9), st.integers(0, 30), st.floats(0, 1000), st.floats(1, 9000), st.floats(1, 30), st.booleans(),
    ),
)  # fmt: skip
def test_limits_are_kept_exactly_when_every_comparison_holds(fact, limits):
    kept = (
        limits.min_villages <= fact.n_villages <= limits.max_villages
        and limits.min_people <= fact.people <= limits.max_people
        and fact.max_minutes <= limits.max_minutes
        and fact.largest_place <= limits.town_people
        and (fact.n_municipalities <= 1 or not limits.one_municipality)
        and fact.connected
        and fact.links_kept
    )
    assert (not limits.broken_by(fact)) == kept


def test_a_study_made_in_python_is_checked_as_a_file_is():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Study(name="x", sources={"villages": "v.csv"}, limts={})


@pytest.mark.parametrize("again", ["a.csv", "./a.csv", "sub/../a.csv"])
def test_a_file_named_twice_is_refused(refusal, again):
    text = HEAD + f'services = ["a.csv", "b.csv", "{again}"]\n'
    assert refusal(text) == "sources: services names 'a.csv' twice"


def test_a_file_may_serve_two_tables(tmp_path):
    assert read_text(tmp_path, HEAD + 'services = "villages.csv"\n').sources.services == ("villages.csv",)


@pytest.mark.parametrize("tag", ["amenity", "=bank", "amenity=", "amenity bank"])
def test_a_tag_that_is_no_pair_is_refused(refusal, tag):
    text = HEAD + f'[services.categories.sauna]\nda = "Sauna"\nen = "Sauna"\ntags = ["leisure=sauna", "{tag}"]\n'
    assert "services.categories.sauna.tags.1: String should match pattern" in refusal(text)


def test_many_sets_are_judged_as_each_by_itself():
    worse = {"n_villages": 2, "people": 16_000, "max_minutes": float("nan"), "largest_place": 6_000, "connected": False}
    each = [KEPT, *(facts(**{fact: value}) for fact, value in worse.items())]
    columns = {name: np.array([getattr(one, name) for one in each]) for name in worse}
    many = Facts(**columns, n_municipalities=np.array([one.n_municipalities for one in each]))
    assert LIMITS.kept_by(many).tolist() == [not LIMITS.broken_by(one) for one in each] == [True] + [False] * 5
