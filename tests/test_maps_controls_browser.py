"""Every control of the map's page, used as a reader would, with the mouse or the keyboard."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from browsing import until
from pages import with_borders, with_certainty

from geoklynge.maps import render_map
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of

pytestmark = pytest.mark.browser

SET = """([id, value]) => {
  const field = document.getElementById(id);
  field.value = value;
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
}"""
SERVICES_SHOWN = """() => Object.entries(geoklynge.layers)
  .filter(([key, layer]) => key.startsWith("service ") && geoklynge.map.hasLayer(layer))
  .reduce((sum, [, layer]) => sum + layer.getLayers().length, 0)"""
RINGS = """() => Object.values(geoklynge.map._layers).filter((layer) => layer.options.radius === 9)
  .map((layer) => [layer.getLatLng().lat, layer.getLatLng().lng])"""


@pytest.fixture(scope="module")
def content(sample_run):
    return content_of(sample_run)


@pytest.fixture(scope="module")
def text(sample_run):
    return render_map(sample_run)


def names(page):
    return page.locator("#cards .card .name").all_inner_texts()


def labels(content, rows):
    words = words_of(content, "da")
    return [words.told(content["clusters"][row]["label"]) for row in rows]


def open_section(page, *keys):
    for key in keys:
        if page.locator(f"#{key}").get_attribute("open") is None:
            page.locator(f"#{key} > summary").click()


def part_of(page, name):
    """What the address says of one thing."""
    return parse_qs(urlsplit(page.url).fragment).get(name, [None])[0]


def test_the_list_can_be_filtered_and_says_so(visit, text, content):
    watched = visit(text)
    page = watched.page
    open_section(page, "filters")
    people = sorted(cluster["population"] for cluster in content["clusters"])
    least = people[len(people) // 2]
    page.locator("#people-least").fill(str(least))
    wanted = [row for row, each in enumerate(content["clusters"]) if each["population"] >= least]
    assert names(page) == labels(content, wanted)
    assert page.locator("#cluster-shown").inner_text() == f"{len(wanted)} af {len(people)} klynger vises."
    faded = page.evaluate("geoklynge.layers.areas.getLayers().filter((area) => area.options.fillOpacity < 0.1).length")
    assert faded == len(people) - len(wanted)
    page.locator("#villages-most").fill("8")
    wanted = [row for row in wanted if len(content["clusters"][row]["members"]) <= 8]
    assert names(page) == labels(content, wanted)
    page.locator("#filter-reset").click()
    assert names(page) == labels(content, range(len(people)))
    assert page.locator("#cluster-shown").inner_text() == ""
    watched.assert_calm()


def test_the_filter_knows_what_clusters_lack(visit, text, content):
    page = visit(text).page
    open_section(page, "filters")
    page.locator("#filter-lacks").select_option("school")
    lacking = [row for row, each in enumerate(content["clusters"]) if "school" in [key for key, _ in each["missing"]]]
    assert 0 < len(lacking) < len(content["clusters"])
    assert names(page) == labels(content, lacking)


def test_the_filter_knows_where_clusters_lie(visit, sample_run):
    villages = sample_run.result.villages
    east = villages["municipality"].where(villages.geometry.x < villages.geometry.x.median(), "Østkommune")
    run = replace(sample_run, result=replace(sample_run.result, villages=villages.assign(municipality=east)))
    content = content_of(run)
    page = visit(render_map(run)).page
    open_section(page, "filters")
    page.locator("#filter-municipality").select_option("Østkommune")
    there = [
        row for row, each in enumerate(content["clusters"])
        if any(content["villages"][member]["municipality"] == "Østkommune" for member in each["members"])
    ]  # fmt: skip
    assert 0 < len(there) < len(content["clusters"])
    assert names(page) == labels(content, there)


def test_a_cluster_left_out_by_the_filter_can_still_be_reached(visit, text, content):
    page = visit(text).page
    open_section(page, "filters")
    page.locator("#villages-least").fill("22")
    assert len(names(page)) == 1
    page.locator("#search").fill(content["clusters"][-1]["name"])
    page.keyboard.press("Enter")
    page.locator(f"#card-{len(content['clusters']) - 1}[open] .card-body").wait_for()


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("people", lambda cluster: -cluster["population"]),
        ("villages", lambda cluster: -len(cluster["members"])),
        ("longest", lambda cluster: cluster["longest"]),
        ("rank", lambda cluster: cluster["rank"]),
    ],
)
def test_the_list_can_be_sorted(visit, text, content, order, key):
    page = visit(text).page
    open_section(page, "filters")
    page.locator("#sort").select_option(order)
    clusters = content["clusters"]
    rows = sorted(range(len(clusters)), key=lambda row: (key(clusters[row]), clusters[row]["rank"]))
    assert names(page) == labels(content, rows)


def test_the_readers_weights_rank_anew(visit, text, content):
    watched = visit(text)
    page = watched.page
    open_section(page, "weights")
    shares = dict(content["measures"])
    factors = dict.fromkeys(shares, 1.0)
    for key, factor in (("identity", 0.0), ("viability", 3.0), ("cohesion", 2.25)):
        page.evaluate(SET, [f"weight-{key}", str(factor)])
        factors[key] = factor
    weights = np.array([shares[key] * factors[key] for key in shares])
    measures = np.array([each["measures"] for each in content["clusters"]])
    scores = 100 * measures @ weights / weights.sum()
    rows = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    assert names(page) == labels(content, rows)
    told = page.locator("#cards .card .score b").all_inner_texts()
    assert [float(each.replace(",", ".")) for each in told] == pytest.approx([scores[row] for row in rows], abs=0.051)
    assert page.locator("#cards .card .rank").all_inner_texts() == [str(place + 1) for place in range(len(rows))]
    assert "dine egne vægte" in page.locator("#cluster-shown").inner_text()
    page.locator("#card-0 > summary").click()
    page.locator("#card-0[open] .card-body").wait_for()
    points = page.locator("#card-0 .measures .measure .quiet").all_inner_texts()
    assert points[list(shares).index("identity")] == "0,0 af 0,0 point"
    lost = {key: weights[k] / weights.sum() * (1 - measures[0][k]) for k, key in enumerate(shares)}
    worst = words_of(content, "da").say(f"measure.{max(lost, key=lost.get)}")
    assert f"Flest point mistes på »{worst}«" in page.locator("#card-0").inner_text()
    assert "ville scoren stige" not in page.locator("#card-0").inner_text()
    hubs = page.locator(".place-name .hub").all_inner_texts()
    first = content["villages"][content["clusters"][rows[0]]["hub"]]["name"]
    assert f"1 {first}" in hubs
    page.locator("#weights-reset").click()
    assert names(page) == labels(content, range(len(rows)))
    assert page.locator("#cards .card .score b").first.inner_text() == f"{content['clusters'][0]['score']:.1f}".replace(
        ".", ","
    )
    watched.assert_calm()


def test_all_weights_at_nothing_are_the_studys_again(visit, text, content):
    page = visit(text).page
    open_section(page, "weights")
    for key, _ in content["measures"]:
        page.evaluate(SET, [f"weight-{key}", "0"])
    assert names(page) == labels(content, range(len(content["clusters"])))
    assert page.locator("#weight-list input").first.input_value() == "1"


def test_an_address_leads_back_to_what_was_shown(visit, text, content):
    cluster = content["clusters"][2]["id"]
    watched = visit(text, anchor=f"#cluster={cluster}&layer=areas,villages,ties,school,minutes-grocery&lang=en")
    page = watched.page
    page.locator("#card-2[open] .card-body").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    shown = page.evaluate(
        "Object.keys(geoklynge.layers).filter((key) => geoklynge.map.hasLayer(geoklynge.layers[key]))"
    )
    assert sorted(shown) == ["areas", "service school", "ties", "villages"]
    open_section(page, "layers")
    assert page.locator("#shading").input_value() == "grocery"
    assert page.locator("#layer-labels").is_checked() is False
    page.locator("#layer-labels").check()
    assert part_of(page, "layer") == "areas,ties,villages,labels,school,minutes-grocery"
    assert part_of(page, "cluster") == cluster
    page.evaluate("(hash) => { location.hash = hash; }", f"cluster={content['clusters'][0]['id']}&lang=da")
    page.locator("#card-0[open] .card-body").wait_for()
    assert page.locator("html").get_attribute("lang") == "da"
    open_section(page, "layers")
    assert page.locator("#layer-ties").is_checked() is False  # a link that names no layers shows the usual ones
    assert page.locator("#layer-labels").is_checked()
    page.evaluate("() => { location.hash = 'lang=en'; }")
    page.locator("html[lang=en]").wait_for()
    assert page.locator(".card[open]").count() == 0
    watched.assert_calm()


@pytest.mark.parametrize(
    "anchor",
    ["#cluster=nobody&layer=no,such&lang=xx", "#%E0%A4%A", "#layer=", "#cluster=%22%3E%3Cb%3E", "#lang=constructor"],
)
def test_an_address_that_says_nonsense_opens_the_map_all_the_same(visit, text, content, anchor):
    watched = visit(text, anchor=anchor)
    assert len(names(watched.page)) == len(content["clusters"])
    watched.assert_calm()


def test_only_ties_of_some_strength_are_drawn(visit, text, content):
    page = visit(text).page
    open_section(page, "layers")
    assert page.locator("#ties-least").is_disabled()
    page.locator("#layer-ties").check()
    page.evaluate(SET, ["ties-least", "0.5"])
    strong = [tie for tie in content["ties"]["lines"] if tie[2] >= 0.5]
    assert 0 < len(strong) < len(content["ties"]["lines"])
    assert page.evaluate("geoklynge.layers.ties.getLayers().length") == len(strong)
    assert page.locator("#ties-least-now").inner_text() == "0,50"


def test_all_services_and_none(visit, text, content):
    watched = visit(text)
    page = watched.page
    open_section(page, "layers")
    page.locator("#services-all").click()
    assert page.evaluate(SERVICES_SHOWN) == sum(len(rows) for rows in content["services"].values())
    assert page.locator("#service-list .service-sign").count() == len(content["services"])
    page.locator("#services-none").click()
    assert page.evaluate(SERVICES_SHOWN) == 0
    watched.assert_calm()


def test_signs_of_services_differ_in_more_than_colour(content):
    signs = [(sign["shape"], sign["hollow"]) for sign in content["categories"].values()]
    assert len(set(signs)) == len(signs) or len(signs) > 16


SHADED = """() => {
  const seen = {};
  for (const tile of document.querySelectorAll(".shading canvas")) {
    const pixels = tile.getContext("2d").getImageData(0, 0, tile.width, tile.height).data;
    for (let k = 0; k < pixels.length; k += 64) if (pixels[k + 3] === 255) {
      const key = "#" + [...pixels.slice(k, k + 3)].map((part) => part.toString(16).padStart(2, "0")).join("");
      seen[key] = (seen[key] || 0) + 1;
    }
  }
  return seen;
}"""


def test_the_map_can_be_shaded_by_minutes(visit, text, content):
    watched = visit(text)
    page = watched.page
    open_section(page, "layers")
    page.locator("#shading").select_option("school")
    until(page, "document.querySelectorAll('.shading canvas').length > 3")
    steps = page.evaluate("Shading.legend")
    column = content["nearest"].index("school")
    minutes = [village["minutes"][column] for village in content["villages"]]
    wanted = {
        colour for low, high, colour in steps
        if any(low < (each or 0.001) <= (high or 1e9) for each in minutes)
    }  # fmt: skip
    assert set(page.evaluate(SHADED)) == wanted
    assert page.locator("#shading-legend li").count() == len(steps)
    filled = page.evaluate("Math.max(...geoklynge.layers.areas.getLayers().map((area) => area.options.fillOpacity))")
    assert filled == 0
    page.locator("#shading").select_option("")
    assert page.locator(".shading canvas").count() == 0
    assert page.locator("#shading-legend li").count() == 0
    watched.assert_calm()


def test_a_village_without_a_road_has_a_shade_of_its_own(visit, sample_run):
    villages = sample_run.result.villages.copy()
    villages.loc[villages["village_id"] == "knebel", "minutes_school"] = np.nan
    page = visit(render_map(replace(sample_run, result=replace(sample_run.result, villages=villages)))).page
    open_section(page, "layers")
    page.locator("#shading").select_option("school")
    until(page, "document.querySelectorAll('.shading canvas').length > 3")
    assert "#9aa3ad" in page.evaluate(SHADED)
    assert page.locator("#shading-legend li").last.inner_text() == "ingen vej fører dertil"
    page.locator("#shading").select_option("grocery")
    assert page.locator("#shading-legend li").count() == 5
    page.evaluate("(row) => Draw.openVillage(row)", villages["village_id"].tolist().index("knebel"))
    page.locator(".leaflet-popup-content summary").click()
    assert "ingen vej fører dertil" in page.locator(".leaflet-popup-content").inner_text()
    assert page.locator(".leaflet-popup-close-button").get_attribute("aria-label") == "Luk"


def test_the_nearest_village_gives_the_shade(visit, text, content):
    """Against a plain search through all villages, on a grid of spots."""
    page = visit(text).page
    differ = page.evaluate(
        """() => {
          const metres = ([a, b], [c, d]) => geoklynge.map.distance([a, b], [c, d]);
          const bounds = geoklynge.map.getBounds();
          let differ = 0;
          for (let y = 0; y < 40; y += 1) for (let x = 0; x < 40; x += 1) {
            const at = [bounds.getSouth() + (y / 40) * (bounds.getNorth() - bounds.getSouth()),
              bounds.getWest() + (x / 40) * (bounds.getEast() - bounds.getWest())];
            const found = Shading.nearest(...at);
            const best = Words.data.villages.reduce((a, b) => (metres(at, a.at) <= metres(at, b.at) ? a : b));
            const far = metres(at, best.at);
            if (Math.abs(far - 2500) < 20) continue;
            if ((far < 2500) !== (found !== null)) differ += 1;
            else if (found && Math.abs(metres(at, found.at) - far) > 5) differ += 1;
          }
          return differ;
        }"""
    )
    assert differ == 0


def test_contested_villages_have_lines_to_both_clusters(visit, sample_run):
    villages, clusters = sample_run.result.villages, sample_run.result.clusters
    members = clusters["village_ids"].iloc[0].split("; ")
    other = clusters["cluster_id"].iloc[1]
    run = with_certainty(sample_run, {members[3]: ("contested", 0.6, other)})
    page = visit(render_map(run)).page
    open_section(page, "layers")
    page.locator("#layer-contested").check()
    told = content_of(run)["villages"]
    expected = sum((each["other"] >= 0) + (each["other"] >= 0 and each["cluster"] >= 0) for each in told)
    assert page.evaluate("geoklynge.layers.contested.getLayers().length") == expected
    row = villages["village_id"].tolist().index(members[3])
    ends = page.evaluate(
        """(row) => geoklynge.layers.contested.getLayers().map((line) => line.getLatLngs())
          .filter(([from]) => String([from.lat, from.lng]) === String(Words.data.villages[row].at))
          .map(([, to]) => [to.lat, to.lng])""",
        row,
    )
    hubs = [told[villages["village_id"].tolist().index(hub)]["at"] for hub in clusters["hub_id"].iloc[:2]]
    assert sorted(ends) == sorted(hubs)


def test_an_alternative_is_outlined_on_demand(visit, text, content):
    watched = visit(text)
    page = watched.page
    page.locator("#card-0 > summary").click()
    page.locator("#card-0[open] .card-body").wait_for()
    buttons = page.locator("#card-0 .alternatives button")
    others = content["clusters"][0]["alternatives"]
    assert buttons.count() == len(others) > 1
    for k in (0, 1):
        buttons.nth(k).click()
        places = [content["villages"][row]["at"] for row in others[k]["members"]]
        assert sorted(page.evaluate(RINGS)) == sorted(places)
        assert buttons.nth(k).get_attribute("aria-pressed") == "true"
    assert buttons.nth(0).get_attribute("aria-pressed") == "false"
    open_section(page, "weights")
    page.evaluate(SET, ["weight-cohesion", "2"])
    assert page.evaluate(RINGS) == []  # the card was made anew
    page.locator("#weights-reset").click()
    buttons.nth(1).click()
    buttons.nth(1).click()
    assert page.evaluate(RINGS) == []
    buttons.nth(0).click()
    page.locator("#card-1 > summary").click()
    until(page, "document.querySelectorAll('.card[open]').length === 1")
    assert page.evaluate(RINGS) == []
    watched.assert_calm()


def test_the_tables_hold_all_that_the_map_shows(visit, text, content):
    watched = visit(text)
    page = watched.page
    page.locator("#table-open").click()
    clusters, villages = page.locator("#table table").nth(0), page.locator("#table table").nth(1)
    assert clusters.locator("tbody th").all_inner_texts() == labels(content, range(len(content["clusters"])))
    assert sorted(villages.locator("tbody th").all_inner_texts()) == sorted(
        each["name"] for each in content["villages"]
    )
    assert villages.locator("td", has_text="kerne").count() == sum(
        each["standing"] == "core" for each in content["villages"]
    )
    town = villages.locator("tr", has=page.locator("th", has_text="Hornslet"))
    assert "skole" in town.inner_text()  # in no cluster, and its services are told
    page.locator("#table .table-part").nth(2).locator("summary").click()
    services = page.locator("#table table").nth(2)
    services.wait_for()
    assert services.locator("tbody tr").count() == sum(len(rows) for rows in content["services"].values())
    page.keyboard.press("Escape")
    assert page.locator("#table").is_visible() is False
    assert page.evaluate("document.activeElement.id") == "table-open"
    watched.assert_calm()


def test_reach_of_services_before_and_after(visit, text, content):
    page = visit(text).page
    open_section(page, "coverage")
    rows = page.locator("#coverage-list tbody tr")
    assert rows.count() == len(content["coverage"])
    words = words_of(content, "da")
    for k, (key, own, cluster) in enumerate(content["coverage"]):
        told = rows.nth(k).inner_text().split()
        assert rows.nth(k).locator("th").inner_text() == words.categories[key]
        assert [each for each in told if each.isdigit()] == [f"{100 * own:.0f}", f"{100 * cluster:.0f}"] or abs(
            100 * own % 1 - 0.5
        ) < 1e-6


def test_every_number_is_explained(visit, text, content):
    page = visit(text).page
    open_section(page, "method")
    assert page.locator("#method-list dt").count() == len(content["help"])
    assert page.locator("#method-list code").count() == sum(bool(formula) for _, _, formula in content["help"])


def test_a_page_without_a_background_names_no_other_host(text):
    policy = text.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_a_background_map_is_asked_for_only_when_turned_on(visit, sample_run):
    watched = visit(render_map(with_borders(sample_run), backgrounds=("osm", "skaermkort")))
    page = watched.page
    open_section(page, "layers")
    page.wait_for_timeout(200)
    watched.assert_calm()
    assert "OpenStreetMap Foundation" in page.locator("#online-list").inner_text()
    page.locator("#online-osm").check()
    page.wait_for_timeout(300)
    hosts = {urlsplit(url).netloc for url in watched.asked if url.startswith("http")}
    assert hosts == {"tile.openstreetmap.org"}
    land = "geoklynge.map.hasLayer(geoklynge.layers.land)"
    assert page.evaluate(land) is False  # it would hide the tiles
    assert page.locator("#attribution").inner_text() == "© OpenStreetMap"
    page.locator("#online-osm").uncheck()
    assert page.evaluate(land)
    assert page.locator("#attribution").inner_text() == ""
    assert page.locator("#online-skaermkort").is_disabled()
    page.locator("#token-skaermkort").fill("s3cret&x")
    page.get_by_role("button", name="English").click()
    assert page.locator("#token-skaermkort").input_value() == "s3cret&x"
    page.locator("#online-skaermkort").check()
    page.wait_for_timeout(300)
    asked = [url for url in watched.asked if "dataforsyningen" in url]
    assert asked
    assert all(parse_qs(urlsplit(url).query)["token"] == ["s3cret&x"] for url in asked)
    assert "s3cret" not in page.url


def test_injected_scripts_do_not_run(visit, text):
    page = visit(text).page
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.injected = 1";
          document.body.append(script);
          const picture = document.createElement("div");
          picture.innerHTML = "<img src=x onerror='window.injected = 2'><svg onload='window.injected = 3'></svg>";
          document.body.append(picture);
          const link = document.createElement("a");
          link.href = "javascript:window.injected = 4";
          document.body.append(link);
          link.click();
        }"""
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.injected") is None


def test_borders_and_land_are_layers(visit, sample_run):
    page = visit(render_map(with_borders(sample_run))).page
    open_section(page, "layers")
    assert page.locator("#layer-parishes").is_checked() is False
    assert page.locator("#layer-municipalities").is_checked()
    assert page.locator("#layer-land").count() == 0  # the ground is not for choosing
    page.locator("#layer-parishes").check()
    assert page.evaluate("geoklynge.map.hasLayer(geoklynge.layers.parishes)")


def test_an_address_that_cannot_be_written_does_not_stop_the_page(visit, text):
    """Some offices open files in a locked-down browser."""
    watched = visit(text)
    page = watched.page
    page.evaluate("() => { history.replaceState = () => { throw new DOMException('no'); }; }")
    page.locator("#card-1 > summary").click()
    page.locator("#card-1[open] .card-body").wait_for()
    assert "Hvorfor netop" in page.locator("#card-1").inner_text()
