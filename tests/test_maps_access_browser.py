"""The map's page for everybody: axe, keyboard, narrow and wide screens, zoom, paper; and names that mean harm."""

import os
from importlib import resources
from pathlib import Path

import pytest
from browsing import until
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pages import with_borders, with_names

from geoklynge.maps import render_map, render_report

pytestmark = pytest.mark.browser

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")  # of the package axe-core
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SECTIONS = ("filters", "weights", "layers", "clusters", "alone", "coverage", "method", "data-section")


@pytest.fixture(scope="module")
def text(sample_run):
    return render_map(with_borders(sample_run))


def open_all(page):
    for key in SECTIONS:
        if page.locator(f"#{key}").get_attribute("open") is None:
            page.locator(f"#{key} > summary").click()
    if page.locator("#card-0").get_attribute("open") is None:
        page.locator("#card-0 > summary").click()
    page.locator("#card-0[open] .card-body").wait_for()


def violations(page):
    page.evaluate(AXE)
    found = page.evaluate("(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", LEVELS)
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:120]}"
        for each in found["violations"] if each["impact"] in ("serious", "critical", "moderate")
        for node in each["nodes"]
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["da", "en"])
@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["desk", "phone"])
def test_axe_finds_nothing(visit, text, language, size):
    page = visit(text, size=size, anchor=f"#lang={language}").page
    assert violations(page) == []
    open_all(page)
    page.locator("#shading").select_option("school")
    assert violations(page) == []


def test_axe_finds_nothing_in_tables_and_popups(visit, text):
    page = visit(text).page
    page.locator("#search").fill("mo")
    assert violations(page) == []
    page.locator("#search").fill("")
    page.evaluate("Draw.openVillage(0)")
    page.locator(".leaflet-popup-content").wait_for()
    until(page, "getComputedStyle(document.querySelector('.leaflet-popup')).opacity === '1'")
    assert violations(page) == []
    page.evaluate("() => { Draw.closePopups(); }")
    page.locator("#table-open").click()
    assert violations(page) == []


def test_axe_finds_nothing_in_the_report(visit, sample_run):
    assert violations(visit(render_report(sample_run)).page) == []


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(visit, text):
    page = visit(text).page
    open_all(page)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, a[href]")]
          .filter((node) => node.checkVisibility() && !node.disabled && node.tabIndex >= 0)
          .map((node, number) => { node.dataset.stop = number; return number; })"""
    )
    page.evaluate("document.activeElement.blur(); document.body.focus()")
    seen, bare = set(), []
    for _ in range(2 * len(wanted) + 20):
        page.keyboard.press("Tab")
        stop, outlined = page.evaluate(
            """() => {
              const node = document.activeElement;
              const style = getComputedStyle(node);
              return [node.dataset.stop ?? null, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
            }"""
        )
        if stop is not None:
            seen.add(int(stop))
            if not outlined:
                bare.append(stop)
        if len(seen) == len(wanted):
            break
    assert seen == set(wanted)
    assert bare == []


@pytest.mark.parametrize("width", [320, 390, 700, 1024, 2560])
def test_no_width_needs_a_sideways_scroll_or_a_fine_finger(visit, text, width):
    """320 px is 1280 px at a zoom of 400 %, 700 px is 1400 px at 200 %."""
    watched = visit(text, size=(width, 800))
    page = watched.page
    open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, .boxes label")]
          .filter((node) => !["range", "checkbox"].includes(node.type))
          .filter((node) => node.checkVisibility())
          .map((node) => [node.id || node.textContent, node.getBoundingClientRect()])
          .filter(([, box]) => box.height < 24 || box.width < 24).map(([name]) => name)"""
    )
    assert small == []
    watched.assert_calm()


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_motion_is_spared_whoever_asks_for_it(visit, text, wish):
    page = visit(text, reduced_motion=wish).page
    page.evaluate("() => { window.zooms = 0; geoklynge.map.on('zoomanim', () => { window.zooms += 1; }); }")
    page.locator("#card-0 > summary").click()
    page.locator("#card-0[open] .card-body").wait_for()
    page.wait_for_timeout(100)
    assert (page.evaluate("window.zooms") > 0) == (wish == "no-preference")


def test_on_paper_controls_are_gone_and_the_rest_stays(visit, text):
    page = visit(text).page
    page.emulate_media(media="print")
    for key in ("#filters", "#weights", "#layers", ".search", ".languages", ".map-buttons"):
        assert page.locator(key).is_visible() is False, key
    assert page.locator(".folium-map").is_visible()
    assert page.locator("#cards").is_visible()


ALPHABET = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.sampled_from([
        "<script>window.hacked=1</script>", "\"><img src=x onerror=window.hacked=1>", "'; window.hacked=1; //",
        "</title>", "javascript:window.hacked=1", "{{7*7}}{% raw %}", "${window.hacked=1}", "\\u003cscript\\u003e",
        "&lt;b&gt;&amp;", "Æblegård Øster Ådal", "\N{RIGHT-TO-LEFT OVERRIDE}yb\N{POP DIRECTIONAL FORMATTING}",
        "שלום عربى", "a" * 300, "]]>", "<!--", "--><svg onload=window.hacked=1>",
        "\N{ZERO WIDTH JOINER}\N{LINE SEPARATOR}x", "__proto__", "constructor",
    ]),
)  # fmt: skip


class Names(tuple):
    """Names whose representation is short: a failing example is made again from its number."""

    __slots__ = ()

    def __repr__(self):
        """Say how many they are."""
        return f"{len(self)} names"


@settings(
    max_examples=4, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
@given(st.lists(ALPHABET, min_size=50, max_size=50).map(Names))
def test_two_hundred_names_that_may_mean_harm_never_run_nor_break_the_page(visit, sample_run, names):
    watched = visit(render_map(with_names(sample_run, names)))
    page = watched.page
    open_all(page)
    page.locator("#table-open").click()
    assert page.locator("#table tbody tr").count() == len(sample_run.result.villages) + len(sample_run.result.clusters)
    page.keyboard.press("Escape")
    for name in names[:3]:
        page.locator("#search").fill(name)
    page.evaluate("Draw.openVillage(1)")
    page.evaluate("() => { for (const layer of Object.values(geoklynge.layers)) geoklynge.map.addLayer(layer); }")
    page.get_by_role("button", name="English").click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("#cards .card").count() == len(sample_run.result.clusters)
    watched.assert_calm()


@pytest.mark.parametrize("language", ["da", "en"])
def test_pictures_of_the_page_are_kept_to_be_looked_at(visit, text, language, tmp_path):
    """In the folder GEOKLYNGE_PICTURES, if there is one; that they differ from an empty page is all a test can tell."""
    folder = Path(os.environ.get("GEOKLYNGE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page = visit(text, anchor=f"#lang={language}").page
    sizes = {}

    def keep(name, **options):
        sizes[name] = len(page.screenshot(path=folder / f"{name}-{language}.png", **options))

    page.wait_for_timeout(300)
    keep("map")
    page.locator("#card-0 > summary").click()
    page.wait_for_timeout(600)
    keep("card")
    page.locator("#card-0 .matrix").scroll_into_view_if_needed()
    keep("matrix")
    page.emulate_media(media="print")
    keep("print", full_page=True)
    page.add_style_tag(content="html { filter: grayscale(1); }")
    keep("print-grey", full_page=True)
    phone = visit(text, size=(390, 844), anchor=f"#lang={language}").page
    phone.wait_for_timeout(300)
    sizes["phone"] = len(phone.screenshot(path=folder / f"phone-{language}.png"))
    assert all(size > 20_000 for size in sizes.values()), sizes
