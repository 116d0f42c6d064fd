"""Methods side by side: measured as by hand, and whatever a method does, it is a row."""

import json
import math
import multiprocessing
import os
import re

import numpy as np
import pytest
from odd_methods import (
    alone,
    dies,
    elsewhere,
    halves,
    is_killed,
    raises,
    raises_sometimes,
    shouts,
    sleeps,
    sleeps_sometimes,
)
from rich.console import Console
from test_cli import SAMPLE, call
from worlds import study, tables_of, travel_of, villages_at

from geoklynge.assessment import COUNTED_PEOPLE_A_PLACE, MEASURES, assess
from geoklynge.candidates import propose
from geoklynge.comparison import read_known, validate
from geoklynge.comparison.catalogue import OURS, RIVALS, Rival
from geoklynge.comparison.columns import COLUMNS, NOTHING
from geoklynge.comparison.compare import (
    Comparison,
    Row,
    _write_tasks,
    agreement_of_labels,
    compare,
    measure,
    sets_of_labels,
)
from geoklynge.comparison.rivals import task_of
from geoklynge.comparison.sheet import as_html, as_json, best_of, print_sheet
from geoklynge.comparison.trials import other_process
from geoklynge.pipeline import Run
from geoklynge.selection import select
from geoklynge.ties import tie_villages
from geoklynge.village_sets import sets_of

KNOWN = SAMPLE.parent / "known_clusters.csv"
COLUMN = {column.name: column for column in COLUMNS}


def rival(label, *, settings=({},), **fields):
    return Rival(label.__name__, label.__name__, label.__doc__, label, lambda _: tuple(settings), **fields)


def row_of(comparison, name):
    return next(row for row in comparison.rows if row.method == name)


MINUTES = np.array(
    [
        # 0   1   2   3   4   5   6
        [00, 2, 3, 9, 15, 19, 50],
        [2, 00, 4, 8, 14, 18, 50],
        [3, 4, 00, 7, 13, 17, 50],
        [9, 8, 7, 00, 5, 9, 50],
        [15, 14, 13, 5, 00, 4, 50],
        [19, 18, 17, 9, 4, 00, 50],
        [50, 50, 50, 50, 50, 50, 0],
    ],
    dtype=float,
)
PEOPLE = [100, 40, 2_500, 300, 600, 200, 80]


@pytest.fixture(scope="module")
def toy():
    """Seven villages, of which the last is reached by nobody; cohesion alone makes the score."""
    only_cohesion = dict.fromkeys(tuple(name for name in MEASURES if name != "cohesion"), 0.0)
    wanted = study(
        limits={"min_villages": 2, "min_people": 300, "max_minutes": 10, "weakest_tie": 0.0},
        score={"cohesion": 1.0, **only_cohesion},
        ensemble={"members": 6},
    )
    tables = tables_of(villages_at([(k * 1000.0, 0.0) for k in range(7)], people=PEOPLE))
    minutes = np.where(MINUTES > 20, np.inf, MINUTES)
    travel = travel_of(tables, minutes)
    ties = tie_villages(tables, travel, wanted)
    pool = propose(tables, travel, ties, wanted)
    assessment = assess(pool, tables, ties, wanted)
    plan = select(pool.sets, (assessment["score"] * assessment["served"]).to_numpy(), pool.wishes)
    return Run(wanted, tables, travel, ties, pool, assessment, plan, None, None, None, ())


def test_the_columns_are_those_computed_by_hand(toy):
    sets = sets_of([np.array(rows) for rows in ([0, 1, 2], [3, 4, 5], [2, 5], [1, 0])], 7)
    # {2, 5}: 17 minutes, too far; {0, 1}: 140 people, too few
    found = measure(sets, toy, sets_of([np.array([3, 4]), np.array([0, 6]), np.array([0, 1, 2, 3])], 7))
    assert (found["clusters"], found["within_limits"]) == (4, 0.5)
    assert found["covered"] == pytest.approx(6 / 7)
    assert found["covered_small"] == pytest.approx(4 / 5)  # 0, 3, 4, 5 of 0, 3, 4, 5, 6
    weight = {(a, b): w for a, b, w in zip(toy.ties.a, toy.ties.b, toy.ties.weight, strict=True)}
    proximity = {(a, b): 2 ** -((MINUTES[a, b] / 6) ** 2) for a in range(6) for b in range(a + 1, 6)}
    assert weight == pytest.approx(proximity)  # no services, no parishes: nothing else counts

    def cohesion(rows):
        inside = sum(w for pair, w in proximity.items() if set(pair) <= set(rows))
        strength = sum(w * len(set(pair) & set(rows)) for pair, w in proximity.items())
        return 2 * inside / strength

    west, east = cohesion([0, 1, 2]), cohesion([3, 4, 5])
    assert found["cohesion"] == pytest.approx((west + east) / 2)
    assert found["score"] == pytest.approx(50 * (west + east))
    assert COUNTED_PEOPLE_A_PLACE == 2_000
    assert found["objective"] == pytest.approx(100 * west * (100 + 40 + 2_000) + 100 * east * (300 + 600 + 200))
    # nearest two of 0, 1, 2 and of 4, 5 are members; of 3 the nearest are 4 and 2
    assert found["compactness"] == pytest.approx((1 + 5 / 6) / 2)
    together = [
        np.mean([[run[a] == run[b] for a in rows for b in rows if a < b] for run in toy.pool.partitions])
        for rows in ([0, 1, 2], [3, 4, 5])
    ]
    assert found["stability"] == pytest.approx(np.mean(together))
    assert found["overlapping"] == 0
    assert found["known_found"] == 2  # 2/3 of the first, 1/3 of the second, 3/4 of the third
    assert found["known_jaccard"] == pytest.approx((2 / 3 + 1 / 3 + 3 / 4) / 3)


def test_a_village_in_two_clusters_is_counted_once_and_told(toy):
    found = measure(sets_of([np.array([0, 1, 2]), np.array([2, 3])], 7), toy)
    assert found["covered"] == pytest.approx(4 / 7)
    assert found["overlapping"] == pytest.approx(1 / 7)


def test_nothing_found_is_worth_nothing_and_has_no_measures(toy):
    for sets in (sets_of([], 7), sets_of([np.array([2, 5])], 7)):
        found = measure(sets, toy, sets_of([np.array([0, 1])], 7))
        assert (found["objective"], found["covered"], found["covered_small"]) == (0, 0, 0)
        assert (found["known_found"], found["known_jaccard"]) == (0, 0)
        assert math.isnan(found["cohesion"])
        assert math.isnan(found["score"])
    assert math.isnan(measure(sets_of([], 7), toy)["within_limits"])
    assert math.isnan(measure(sets_of([], 7), toy)["known_found"])


def test_the_plan_is_measured_as_the_pipeline_measured_it(sample_run):
    found = measure(sample_run.pool.sets.take(sample_run.plan.chosen), sample_run)
    chosen = sample_run.assessment.iloc[sample_run.plan.chosen]
    assert found["objective"] == pytest.approx(sample_run.plan.objective)
    assert found["within_limits"] == 1
    for name in ("cohesion", "compactness", "stability", "score"):
        assert found[name] == pytest.approx(chosen[name].mean())
    placed = sample_run.result.villages["cluster_id"].notna()
    assert found["covered"] == pytest.approx(placed[sample_run.pool.eligible].mean())
    assert found["overlapping"] == 0


def test_labels_become_sets_of_villages_that_may_be_members(sample_run):
    eligible = np.flatnonzero(sample_run.pool.eligible)
    labels = np.arange(len(eligible)) % 7 - 1
    labels[3] = 99  # alone
    sets = sets_of_labels(labels, sample_run)
    assert len(sets) == 6
    expected = {tuple(eligible[labels == label]) for label in range(6)}
    assert {tuple(sets.rows(k)) for k in range(len(sets))} == expected


def test_all_methods_get_the_same_shakes_and_the_first_task_is_not_shaken(toy, tmp_path):
    import pickle

    tasks = [pickle.loads(path.read_bytes()) for path in _write_tasks(toy, tmp_path)]  # noqa: S301
    true = task_of(toy.tables, toy.ties, toy.pool.eligible, toy.study)
    np.testing.assert_array_equal(tasks[0].minutes, true.minutes)
    np.testing.assert_array_equal(tasks[0].weight, true.weight)
    for shaken in tasks[1:]:
        assert (abs(shaken.minutes / true.minutes - 1) <= toy.study.ensemble.minutes_noise).all()
        assert (shaken.minutes != true.minutes).all()
        np.testing.assert_array_equal(shaken.row, true.row)
    assert len({task.minutes.tobytes() for task in tasks}) == 4
    again = [pickle.loads(path.read_bytes()) for path in _write_tasks(toy, tmp_path)]  # noqa: S301
    assert [task.weight.tobytes() for task in tasks] == [task.weight.tobytes() for task in again]


def test_groups_that_are_named_otherwise_agree_and_lone_villages_are_no_group():
    one = np.array([0, 0, 1, 1, -1, -1])
    assert agreement_of_labels(one, np.array([5, 5, 2, 2, -1, -1])) == 1
    assert agreement_of_labels(one, np.array([0, 0, 1, 1, 2, 2])) < 1
    assert agreement_of_labels(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) <= 0


@pytest.fixture(scope="module")
def side_by_side(toy):
    """What several well- and ill-behaved methods come to."""
    rivals = [
        rival(halves, settings=[{"swap": 2}, {"swap": 0}, {"swap": 3}]),
        rival(raises),
        rival(raises_sometimes, settings=[{"swap": 1}, {"swap": 0}]),
        rival(shouts, shaken=False),
        rival(alone),
        rival(elsewhere, needs=("no_such_package.part",)),
        rival(dies),
        rival(is_killed),
    ]
    return compare(toy, rivals=rivals, timeout_s=60.0)


def test_known_clusters_count_as_when_a_run_is_validated(sample_run):
    known = read_known(KNOWN)
    found = compare(sample_run, rivals=[], known=known, timeout_s=0.1)
    judged = validate(sample_run, known, draws=1)
    figures = found.rows[0].figures
    assert found.known == len(judged.recoveries) > 0
    assert figures["known_found"] == judged.in_plan.found
    assert figures["known_jaccard"] == pytest.approx(judged.in_plan.villages)
    assert math.isnan(figures["repeated"])  # three more plans take longer than a fifth of the time
    assert f"known clusters: {found.known}" in as_html(found)


def test_a_method_shows_the_best_of_its_settings(side_by_side, toy):
    row = row_of(side_by_side, "halves")
    task = task_of(toy.tables, toy.ties, toy.pool.eligible, toy.study)
    worth = {swap: measure(sets_of_labels(halves(task, swap=swap), toy), toy)["objective"] for swap in (2, 0, 3)}
    best = max(worth, key=worth.get)
    assert row.setting == f"swap {best}"
    assert row.figures["objective"] == pytest.approx(worth[best])
    assert worth[best] > min(worth.values())
    assert row.note == ""
    assert 0 < row.figures["seconds"] <= row.all_settings_seconds


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("raises", "the last line"),
        ("dies", "its process ended without an answer (exit code 7)"),
        ("is_killed", "its process was ended by SIGKILL"),
        ("elsewhere", "no_such_package is not installed"),
    ],
)
def test_a_method_that_fails_says_so_in_its_row(side_by_side, name, note):
    row = row_of(side_by_side, name)
    assert row.note == note
    assert all(math.isnan(value) for value in row.figures.values())


def test_settings_that_fail_do_not_take_the_others_along(side_by_side):
    row = row_of(side_by_side, "raises_sometimes")
    assert row.setting == "swap 0"
    assert row.note == "1 of 2 settings worked: ArithmeticError: odd"
    assert row.figures["clusters"] == 2


def test_a_method_without_a_cluster_within_the_limits_says_so(side_by_side):
    row = row_of(side_by_side, "alone")
    assert (row.note, row.figures["clusters"], row.figures["objective"]) == ("no cluster keeps the limits", 0, 0)


def test_what_shaking_does_is_told_where_it_can_do_anything(side_by_side):
    assert row_of(side_by_side, "halves").figures["repeated"] == 1  # positions are not shaken
    assert row_of(side_by_side, "alone").figures["repeated"] == 1
    assert math.isnan(row_of(side_by_side, "shouts").figures["repeated"])
    assert -1 <= row_of(side_by_side, OURS).figures["repeated"] <= 1


def test_the_rows_are_ordered_by_worth_and_those_without_come_last(side_by_side):
    worth = [row.figures["objective"] for row in side_by_side.rows]
    known = [value for value in worth if not math.isnan(value)]
    assert known == sorted(known, reverse=True)
    assert all(math.isnan(value) for value in worth[len(known) :])
    assert row_of(side_by_side, OURS).figures["objective"] == max(known)


def test_a_method_that_takes_too_long_is_stopped_and_what_it_found_before_is_shown(toy, capfd):
    several = [rival(sleeps_sometimes, settings=[{"swap": 0}, {"swap": 1}, {"swap": 2}]), rival(sleeps), rival(shouts)]
    found = compare(toy, rivals=several, timeout_s=1.5)
    assert row_of(found, "sleeps").note == "stopped after 1.5 s"
    assert math.isnan(row_of(found, "sleeps").figures["objective"])
    assert row_of(found, "sleeps_sometimes").note == "1 of 3 settings worked: stopped after 1.5 s"
    assert row_of(found, "sleeps_sometimes").setting == "swap 0"
    assert row_of(found, "shouts").figures["clusters"] == 2
    assert multiprocessing.active_children() == []
    assert capfd.readouterr() == ("", "")


def test_the_other_process_a_method_is_gone_when_nobody_asks_any_more():
    with other_process() as ask:
        assert multiprocessing.active_children() == []
        assert ask(halves, ("json",), [], 1.0) == ()
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []


def comparison_of(**figures):
    """A comparison of three methods, of which one has nothing to show; figures are those of the first two."""
    names = ("<b>first</b>", "second", "third")
    values = zip(*figures.values(), strict=True)
    rows = [
        Row(name, name, f"What {name} does.", "k 3", "", {**NOTHING, **dict(zip(figures, pair, strict=True))}, 2.5)
        for name, pair in zip(names, values, strict=False)
    ]
    rows.append(Row(names[2], names[2], "Nothing.", "", "stopped after 300 s", NOTHING, float("nan")))
    return Comparison("Ærø <script>", 7, 20, 18, None, 300.0, tuple(rows))


def test_the_best_of_a_column_is_marked_and_equals_are_not_told_apart():
    found = comparison_of(objective=(10.0, 5.0), cohesion=(0.41234, 0.41199), seconds=(3.0, 0.5), clusters=(4.0, 6.0))
    assert best_of(COLUMN["objective"], found.rows) == {"<b>first</b>"}
    assert best_of(COLUMN["seconds"], found.rows) == {"second"}
    assert best_of(COLUMN["cohesion"], found.rows) == set()  # both are written 0.412
    assert best_of(COLUMN["clusters"], found.rows) == set()
    assert best_of(COLUMN["score"], found.rows) == set()


@pytest.mark.parametrize("width", [60, 100, 400])
def test_the_table_fits_the_screen_and_says_everything(width):
    found = comparison_of(objective=(1234567.0, 5.0), covered=(0.5, 0.25), score=(61.25, 70.0))
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with console.file:
        print_sheet(console, found)
        text = console.export_text()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for piece in ("1,234,567*", "50 %*", "70.0*", "61.2", "<b>first</b>", "18 of 20 villages", "seed 7"):
        assert piece in text
    assert "stopped after 300 s" in re.sub(r"\s+", " ", text)
    for column in COLUMNS:
        assert (column.head in text) == (not column.name.startswith("known"))


def test_the_page_is_plain_escaped_and_asks_for_nothing():
    page = as_html(comparison_of(objective=(10.0, 5.0), covered=(0.5, 0.25)))
    assert "Ærø &lt;script&gt;" in page
    assert "<script" not in page
    assert "<b>" not in page
    assert not re.search(r"https?:|src=|url\(|@import", page)
    assert '<td class="best">50 %</td>' in page
    assert "stopped after 300 s" in page
    for column in COLUMNS:
        assert (f"<dt>{column.head}</dt>" in page) == (not column.name.startswith("known"))
    assert page.count("<dd>") == len(COLUMNS) - 2 + 3


def test_the_document_has_every_figure_and_null_for_none():
    document = json.loads(as_json(comparison_of(objective=(10.0, 5.0), covered=(0.123456, 0.25))))
    first, _, third = document["methods"]
    assert (first["objective"], first["covered"], first["score"]) == (10, 0.1235, None)
    assert first["best_in"] == ["objective"]
    assert (third["note"], third["objective"], third["all_settings_seconds"]) == ("stopped after 300 s", None, None)
    assert set(document["columns"]) == set(COLUMN) - {"known_found", "known_jaccard"}


def test_the_command_prints_a_table_of_the_methods_asked_for():
    result = call("compare", SAMPLE / "study.toml", "--only", "parishes, parish-pairs")
    assert result.exit_code == 0, result.output
    for title in ("geoklynge", "parishes", "parish pairs"):
        assert re.search(rf"^{title} ", result.stdout, re.MULTILINE)
    assert not re.search(r"^Louvain ", result.stdout, re.MULTILINE)
    assert "78 of 80 villages may be members" in result.stdout
    stages = [line.split(":")[0] for line in result.stderr.splitlines()]
    assert stages[-3:] == ["geoklynge", "parish-pairs", "parishes"]


def test_json_and_html_hold_the_same_and_nothing_else_is_said(tmp_path):
    page = tmp_path / "new" / "compare.html"
    result = call("compare", SAMPLE / "study.toml", "--only", "linkage", "--json", "--html", page, "--known", KNOWN)
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert [row["method"] for row in document["methods"]] == ["geoklynge", "linkage"]
    ours, linkage = document["methods"]
    assert ours["objective"] > linkage["objective"] > 0
    assert ours["within_limits"] == 1
    assert 0 < ours["known_jaccard"] <= 1
    html = page.read_text(encoding="utf-8")
    assert f"{ours['objective']:,.0f}" in html
    assert "complete linkage" in html
    assert linkage["about"] in html


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "linkage,louvian"], "no method 'louvian': choose among geoklynge, louvain, leiden, hdbscan"),
        (["--html", SAMPLE], "a folder stands there"),
        (["--known", SAMPLE / "gone.csv"], "gone.csv: no such file"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(arguments, says):
    result = call("compare", SAMPLE / "study.toml", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_quiet_says_nothing():
    result = call("compare", SAMPLE / "study.toml", "--only", OURS, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_every_method_says_in_one_sentence_what_it_does():
    for method in RIVALS:
        assert method.about.endswith(".")
        assert len(method.about) <= 160
    assert len({method.name for method in RIVALS} | {OURS}) == len(RIVALS) + 1
