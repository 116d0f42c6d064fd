"""What a benchmark can get wrong without anybody noticing: fits, comparisons, memory and the table of results."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ours, part_nearest, part_pairs
from benchmarks.cases import Case, measure_part
from benchmarks.checks import Pairs, compare_counts, compare_minutes, compare_pairs, cpm_quality
from benchmarks.country import tile
from benchmarks.fit import fit_growth
from benchmarks.measure import announce, call, execute, timed
from benchmarks.part_graph import check as check_graphs
from benchmarks.part_partitions import compare_quality, modularity_resolution
from benchmarks.plain_osmium import read_graph
from benchmarks.report import render
from benchmarks.results import Store, disagreements
from benchmarks.settings import Base, Settings
from benchmarks.synthetic import SMALL, make_country

TEXTS = {key: (f"Title {key}", "How.", ("pairs",)) for key in "abcdef"}
MACHINE = {"cpu": "a CPU", "cores": 2, "memory_gb": 4.0, "system": "Linux", "python": "3.11"}


# Fits


@pytest.mark.parametrize(("exponent", "factor"), [(1.0, 2.0), (2.0, 0.5), (0.0, 7.0), (1.3, 1e-3)])
def test_the_exponent_of_a_power_law_is_found(exponent, factor):
    sizes = [700, 1400, 2800, 5700, 57_000]
    growth = fit_growth(sizes, [factor * size**exponent for size in sizes])
    assert growth is not None
    assert growth.exponent == pytest.approx(exponent, abs=1e-5)
    assert growth.factor == pytest.approx(factor)
    assert (growth.r2, growth.points) == (pytest.approx(1.0), 5)


def test_noise_below_the_floor_does_not_bend_the_fit():
    growth = fit_growth([1, 2, 4, 8, 16], [0.03, 0.03, 0.4, 0.8, 1.6], at_least=0.05)
    assert growth is not None
    assert (growth.exponent, growth.points) == (pytest.approx(1.0), 3)


def test_two_sizes_are_no_growth():
    assert fit_growth([1, 2, 2], [1, 2, 2.1]) is None
    assert fit_growth([1, 2, 4], [0.0, np.nan, 1.0]) is None


# Comparisons


PAIRS = Pairs(np.array([0, 0, 1]), np.array([1, 2, 0]), np.array([5.0, 19.9, 5.0]))


def pairs(*minutes: float, drop: int = 0) -> Pairs:
    """The pairs above with other minutes, the last few missing."""
    n = 3 - drop
    return Pairs(PAIRS.origin[:n], PAIRS.destination[:n], np.array(minutes or PAIRS.minutes)[:n])


@pytest.mark.parametrize(
    ("peer", "agrees", "says"),
    [
        (pairs(), True, "3 pairs in common, 0 missing, 0 extra"),
        (pairs(5.0, 19.9, 5.0005), True, "difference 0.0005"),
        (pairs(5.0, 19.9, 5.002), False, "difference 0.002"),
        (pairs(drop=1), False, "1 missing"),
    ],
    ids=["same", "rounded", "slower", "one gone"],
)
def test_pairs_are_compared(peer, agrees, says):
    check = compare_pairs(PAIRS, peer, limit=20.0)
    assert check.agrees is agrees
    assert says in check.text


def test_only_at_the_limit_may_a_pair_be_missing():
    near = replace(PAIRS, minutes=np.array([5.0, 19.9, 19.9999]))
    assert compare_pairs(near, pairs(drop=1), limit=20.0).agrees
    assert compare_pairs(pairs(drop=1), near, limit=20.0).agrees
    assert not compare_pairs(pairs(drop=1), PAIRS, limit=20.0).agrees  # an extra one
    nothing = Pairs(np.empty(0, int), np.empty(0, int), np.empty(0))
    assert not compare_pairs(nothing, nothing, limit=20.0).agrees  # nothing compared is no agreement


def test_minutes_to_the_nearest_are_compared():
    found = {"school": np.array([1.0, np.inf]), "bank": np.array([2.0, 3.0])}
    assert compare_minutes(found, found).agrees
    assert not compare_minutes(found, {"school": np.array([1.0, 9.0]), "bank": found["bank"]}).agrees
    assert not compare_minutes(found, {"school": np.array([1.1, np.inf]), "bank": found["bank"]}).agrees
    assert not compare_minutes(found, {"school": found["school"]}).agrees
    assert "vertices 90 instead of 100" in compare_counts({"vertices": 100}, {"vertices": 90}, tolerance=0.05).text
    assert not compare_counts({"vertices": 100}, {}, tolerance=0.05).agrees


def test_quality_of_a_partition_by_hand():
    a, b, weight = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3]), np.array([0.5, 0.3, 0.4, 0.9])
    assert cpm_quality(a, b, weight, np.array([7, 7, 7, 1]), 0.1) == pytest.approx(1.2 - 3 * 0.1)
    assert cpm_quality(a, b, weight, np.arange(4), 0.1) == 0


def test_a_worse_partition_of_ours_is_a_disagreement():
    assert compare_quality(100.0, 100.5, same_objective=True, whole=True).agrees
    assert not compare_quality(100.0, 102.0, same_objective=True, whole=True).agrees
    assert not compare_quality(100.0, 90.0, same_objective=True, whole=False).agrees


def test_modularity_has_the_same_penalty_where_all_strengths_are_equal():
    n, weight = 6, np.full(6, 0.4)  # a ring: every strength 0.8
    gamma = modularity_resolution((n, np.arange(6), (np.arange(6) + 1) % 6, weight, 0.15))
    assert gamma * 0.8 * 0.8 / (2 * weight.sum()) == pytest.approx(0.15)


# Libraries on one graph


@pytest.fixture
def roads() -> dict[str, np.ndarray]:
    """A small two-way network with 40 villages, one of them without a road."""
    rng = np.random.default_rng(5)
    xy = rng.random((150, 2)) * 40_000
    near = np.argsort(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)), axis=1)[:, 1:4]
    ends = np.unique(np.sort(np.column_stack([np.repeat(np.arange(150), 3), near.ravel()])), axis=0)
    minutes = np.hypot(*(xy[ends[:, 0]] - xy[ends[:, 1]]).T) / 1000 * rng.uniform(0.8, 1.5, len(ends))
    tails, heads = np.concatenate([ends, ends[:, ::-1]]).T
    order = np.lexsort((heads, tails))
    node = rng.integers(0, 150, 40).astype(np.int32)
    node[7] = -1
    return {
        "indptr": np.searchsorted(tails[order], np.arange(151)).astype(np.int64),
        "targets": heads[order].astype(np.int32),
        "minutes": np.concatenate([minutes, minutes])[order],
        "xy": xy,
        "village_node": node,
        "village_access": np.where(node >= 0, rng.random(40), np.inf),
        "limit": np.array(20.0),
    }


@pytest.mark.parametrize(
    ("library", "method"),
    [
        ("scipy", "scipy_dijkstra"),
        ("networkx", "networkx_dijkstra"),
        ("igraph", "igraph_distances"),
        ("pandana", "pandana_range"),
        ("pandana", "pandana_lengths"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_peers_find_the_pairs_that_we_find(roads, library, method):
    pytest.importorskip(library, reason=f"{library} comes with the extra bench")
    mine = Pairs(*ours.village_pairs(roads))
    build, search = part_pairs.METHODS[method]
    origins = np.flatnonzero(roads["village_node"] >= 0)
    assert len(mine.minutes) > 100
    assert compare_pairs(mine, search(build(roads), roads, origins), limit=20.0).agrees
    slower = roads | {"minutes": roads["minutes"] * 1.001}
    assert not compare_pairs(mine, search(build(slower), slower, origins), limit=20.0).agrees


def test_a_peer_with_a_horizon_is_compared_within_it(tmp_path):
    files = {"ours": str(tmp_path / "ours.npz"), "peer": str(tmp_path / "peer.npz")}
    np.savez(files["ours"], school=np.array([1.0, 19.0, 20.0005, 50.0, np.inf]))
    np.savez(files["peer"], school=np.array([1.0, 19.0, np.inf, np.inf, np.inf]))
    assert part_nearest.check_near(**files)["agrees"]
    np.savez(files["peer"], school=np.array([1.0, np.inf, np.inf, np.inf, np.inf]))
    assert not part_nearest.check_near(**files)["agrees"]
    np.savez(files["peer"], school=np.array([1.0, 19.0, np.inf, 15.0, np.inf]))
    assert not part_nearest.check_near(**files)["agrees"]


def test_the_plain_reader_makes_the_same_graph(tmp_path):
    tile(make_country(SMALL), 1, tmp_path)
    pbf = str(tmp_path / "country.osm.pbf")
    for name, (counts, graph) in (
        ("ours", ours.pbf_to_graph(pbf)),
        ("peer", read_graph(pbf, ours.speeds(), set(ours.service_tags()))),
    ):
        kept = [counts[key] for key in ("places", "services", "vertices", "segments")]
        np.savez(tmp_path / name, **graph, counts=np.array(kept))
    files = {"ours": str(tmp_path / "ours.npz"), "peer": str(tmp_path / "peer.npz")}
    verdict = check_graphs(**files)
    assert verdict["agrees"], verdict["text"]
    np.savez(tmp_path / "peer", **graph | {"minutes": graph["minutes"] * 1.01}, counts=np.array(kept))
    assert not check_graphs(**files)["agrees"]


# Measuring, keeping, telling


def work(found: str, repetitions: int, *, value: float = 1.0) -> dict[str, object]:
    """A case of these tests: leaves a number."""
    if value < 0:
        raise ValueError("a peer broke")
    with timed() as clock:
        np.savez(found, value=value)
    return {"seconds": [clock.seconds] * repetitions, "peak_mb": clock.peak_mb, "facts": {"pairs": 3}}


def work_of_a_missing_peer(found: str, repetitions: int) -> dict[str, object]:
    """A case whose library is not here."""
    import no_such_peer

    return dict(no_such_peer.work(found, repetitions))


def same_value(ours: str, peer: str) -> dict[str, object]:
    """The check of these tests."""
    with np.load(ours) as mine, np.load(peer) as theirs:
        agrees = float(mine["value"]) == float(theirs["value"])
    return {"agrees": agrees, "text": "the same" if agrees else "another number"}


class FakePart:
    """A part with cases given by the test."""

    TITLE, ABOUT, FACTS = "Fake", "How.", ("pairs",)

    def __init__(self, *listed: Case) -> None:
        self.listed = listed

    def cases(self, _: Settings) -> tuple[Case, ...]:
        """List the cases."""
        return self.listed


def fake(name: str, **more: object) -> Case:
    """A case that calls `work`."""
    arguments = {"value": more.pop("value", 1.0)}
    return Case(name, name, "tests.test_benchmarks:work", arguments, check="tests.test_benchmarks:same_value", **more)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Two repetitions; everything in a folder of the test."""
    (tmp_path / "file").write_text("")
    base = Base("nothing", *[tmp_path / "file"] * 4)
    return Settings(base, True, 2, 60.0, (1.0,), 2, 1, {}, tmp_path / "cache", tmp_path / "results")


def rendered(settings: Settings) -> tuple[str, list[str]]:
    """The results of part b, and what disagrees in them."""
    part = {"machine": MACHINE, "versions": {"geoklynge": "0"}, "cases": Store("b", settings.results).cases}
    return render({"b": part}, TEXTS, base="nothing"), disagreements({"b": part["cases"]})


def test_a_disagreement_and_a_failure_are_told(settings):
    part = FakePart(
        fake("ours", is_ours=True),
        fake("good"),
        fake("wrong", value=2.0),
        fake("broken", value=-1.0),
        Case("gone", "gone", "tests.test_benchmarks:work_of_a_missing_peer"),
        fake("later", is_ours=True, skipped="not yet"),
    )
    measure_part("b", part, settings, again=False)
    text, wrong = rendered(settings)
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    assert wrong == ["b/wrong: another number"]
    assert "**Not everything agrees:**" in text
    assert "**DISAGREES**: another number" in rows["wrong"]
    assert "DISAGREES" not in rows["good"]
    assert "2 times" in rows["good"]
    assert "ValueError: a peer broke" in rows["broken"]
    assert "not installed: no_such_peer" in rows["gone"]
    assert "not yet" in rows["later"]


def test_what_cannot_be_compared_does_not_agree(settings):
    part = FakePart(fake("ours", is_ours=True), replace(fake("peer"), check="tests.test_benchmarks:no_such_check"))
    measure_part("b", part, settings, again=False)
    _, wrong = rendered(settings)
    assert len(wrong) == 1
    assert "could not be compared" in wrong[0]


def test_a_run_goes_on_where_it_stopped(settings):
    part = FakePart(fake("ours", is_ours=True), fake("peer"))
    measure_part("b", part, settings, again=False)
    first = Store("b", settings.results).cases
    measure_part(
        "b", FakePart(fake("ours", is_ours=True), replace(fake("peer"), inputs="other")), settings, again=False
    )
    second = Store("b", settings.results).cases
    assert second["ours"]["seconds"] == first["ours"]["seconds"]
    assert second["peer"]["stamp"] != first["peer"]["stamp"]


def test_estimates_look_like_estimates(settings):
    store = Store("b", settings.results)
    measured = {"ours": True, "facts": {"pairs": 9}, "stamp": "", "peak_mb": [5.0]}
    store.put("ours", measured | {"label": "geoklynge", "seconds": [1.0, 2.0, 9.0]})
    store.put(
        "peer", measured | {"label": "peer", "ours": False, "seconds": [50.0], "note": "search from 5, scaled up"}
    )
    text, _ = rendered(settings)
    assert "| geoklynge | 2 (1 to 9, 3 times) |  | 5 | 9 |" in text
    assert "| peer | ≈ 50 (once) | 25 | 5 | 9 |" in text
    assert "- peer: search from 5, scaled up." in text


def grown(villages: int, seconds: float) -> dict[str, object]:
    """A result of the growth part."""
    stages = {"sources": seconds, "ties": 0.001}
    return {
        "label": f"{villages}", "ours": True, "seconds": [seconds], "peak_mb": [10.0], "stages": [stages],
        "stage_peak_mb": [{"sources": 10.0 * villages, "ties": 3.0}], "facts": {"villages": villages, "road nodes": 8},
        "when": "2026-11-25T10:00+00:00",
    }  # fmt: skip


def test_growth_is_told_with_its_exponent(tmp_path):
    from benchmarks.plot import plot_growth

    cases = {str(n): grown(n, 0.1 * n) for n in (1, 2, 4)}
    cases["40"] = {"label": "40", "ours": True, "seconds": [], "peak_mb": [], "facts": {}, "error": "out of time"}
    text = render({"f": {"machine": MACHINE, "versions": {}, "cases": cases}}, TEXTS, base="nothing")
    assert "| sources | 0.10 | 0.20 | 0.40 | n^1.00 | 1.000 |" in text
    assert "| ties | 0.00 | 0.00 | 0.00 | too few sizes |  |" in text
    assert "- 40: out of time." in text
    assert "f/40: out of time" in text
    assert plot_growth(cases, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def hold(megabytes: int) -> dict[str, float]:
    """Hold some memory in one stage and nothing in the next."""
    announce("full")
    with timed() as clock:
        block = np.ones(megabytes * 2**17)
        total = float(block.sum())
        for _ in range(20):
            total += float(block[::1000].sum())
        import time

        time.sleep(0.2)
    del block
    announce("empty")
    time.sleep(0.2)
    announce("")
    return {"peak_mb": clock.peak_mb, "total": total}


def test_peak_memory_is_that_of_the_stage():
    few, many = (call("tests.test_benchmarks:hold", {"megabytes": mb}, timeout_s=60) for mb in (1, 300))
    assert few.value is not None
    assert many.value is not None
    assert many.value["peak_mb"] - few.value["peak_mb"] == pytest.approx(299, abs=40)
    assert many.stages["full"][1] - many.stages["empty"][1] == pytest.approx(299, abs=60)
    assert many.stages["full"][0] > 0.2


def test_a_process_out_of_time_is_stopped():
    import sys

    outcome = execute([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)
    assert outcome.error == "stopped: out of time"
    assert outcome.seconds < 20
    assert execute([sys.executable, "-c", "raise SystemExit('no')"], timeout_s=30).error == "exit code 1: no"
