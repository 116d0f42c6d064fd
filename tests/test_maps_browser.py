"""The map in a real browser, opened from disk, every other request refused and counted."""

from dataclasses import replace

import pytest
from browsing import until
from pages import with_borders, with_certainty, with_comparison, with_hostile_names

from geoklynge.maps import render_map, render_report
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of
from geoklynge.maps.texts import date, number, percent

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def text(sample_run):
    return render_map(sample_run)


COLOURED = """() => {
  const canvas = document.querySelector("canvas.leaflet-zoom-animated");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let k = 0; k < pixels.length; k += 4) if (pixels[k + 3] > 200) seen.add(pixels.slice(k, k + 3).join());
  return [...seen];
}"""


def test_the_page_opens_from_disk_and_draws(visit, text, sample_run):
    watched = visit(text)
    page = watched.page
    n_clusters, n_villages = len(sample_run.result.clusters), len(sample_run.result.villages)
    assert page.evaluate("geoklynge.layers.areas.getLayers().length") == n_clusters
    assert page.evaluate("geoklynge.layers.villages.getLayers().length") == n_villages
    drawn = set(page.evaluate(COLOURED))
    for cluster in content_of(sample_run)["clusters"]:
        red, green, blue = (int(cluster["colour"][k : k + 2], 16) for k in (1, 3, 5))
        assert f"{red},{green},{blue}" in drawn, cluster["name"]
    assert page.locator(".card").count() == n_clusters
    assert page.locator(".card-body").count() == 0  # built when opened
    assert page.locator(".place-name .hub").count() == n_clusters
    assert page.locator("#legend-list li").count() == 9
    watched.assert_calm()
    assert len([url for url in watched.asked if url.startswith("file:")]) == 1


def test_every_sentence_reads_as_in_python(visit, text, sample_run):
    page = visit(text).page
    content = content_of(sample_run)
    for language in ("da", "en"):
        words = words_of(content, language)
        told = page.evaluate(
            """(language) => {
              Words.language = language;
              const { clusters, villages, head, check, parameters, method } = Words.data;
              return [...clusters.flatMap((c) => [...c.why, ...c.certainty, ...c.ranked, ...c.change, ...c.doubles,
                ...c.by_topic.flatMap((row) => row.told)]),
                ...villages.flatMap((village) => [...village.strengths, ...village.challenges]),
                ...head, ...check, ...parameters, ...method].map(Words.tell);
            }""",
            language,
        )
        sentences = [
            s
            for c in content["clusters"]
            for part in (
                *(c[key] for key in ("why", "certainty", "ranked", "change", "doubles")),
                *(row["told"] for row in c["by_topic"]),
            )
            for s in part
        ]
        sentences += [s for village in content["villages"] for s in (*village["strengths"], *village["challenges"])]
        sentences += [*content["head"], *content["check"], *content["parameters"], *content["method"]]
        assert told == [words.tell(sentence) for sentence in sentences]
        values = [0, 0.05, 0.25, 0.5, 1.005, 2.5, 12.345, 999.95, 1000, 1234567.891]
        script = "([language, values]) => { Words.language = language; return values.map((v) => Words.number(v, 1)); }"
        assert page.evaluate(script, [language, values]) == [number(value, 1, language) for value in values]
        dates = ["2026-11-05", "2024", "", "2026-11-05T10:00", "i 2023"]
        assert page.evaluate("(dates) => dates.map(Words.date)", dates) == [date(text, language) for text in dates]
        script = "(values) => values.map((v) => Words.percent(v))"
        assert page.evaluate(script, [0.005, 0.29, 0.645, 1]) == [
            percent(v, 0, language) for v in (0.005, 0.29, 0.645, 1)
        ]


def test_the_language_can_be_switched(visit, text):
    watched = visit(text)
    page = watched.page
    assert page.locator("html").get_attribute("lang") == "da"
    assert page.locator("#clusters h2").inner_text() == "Klynger"
    page.locator(".card summary").first.click()
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() == "Candidate village clusters: Syddjurs"
    assert page.locator("#clusters h2").inner_text() == "Clusters"
    assert page.locator("#search").get_attribute("placeholder") == "Type a name"
    assert page.locator(".card-body h3").first.inner_text() == "Why these villages"  # the open card stays open
    assert "minutes apart on average" in page.locator(".card-body").inner_text()
    assert page.locator("label[for=layer-areas]").text_content() == "Cluster areas"
    assert page.get_by_role("button", name="English").get_attribute("aria-pressed") == "true"
    assert page.url.endswith("&lang=en")
    assert page.get_by_role("button", name="Zoom in").count() == 1
    page.reload()
    assert page.locator("html").get_attribute("lang") == "en"
    watched.assert_calm()


def test_the_address_can_ask_for_a_language(visit, text):
    assert visit(text, anchor="#lang=en").page.locator("#clusters h2").inner_text() == "Clusters"
    assert visit(text, anchor="#lang=xx").page.locator("#clusters h2").inner_text() == "Klynger"


def test_search_finds_a_cluster_and_opens_its_card(visit, text, sample_run):
    watched = visit(text)
    page = watched.page
    before = page.evaluate("geoklynge.map.getZoom()")
    clusters = sample_run.result.clusters
    row = clusters["hub"].tolist().index("Knebel")
    page.locator("#search").fill(clusters["name"][row][:4].upper())
    assert page.locator("#results button").first.inner_text().split("\n") == [clusters["name"][row], "klynge"]
    page.keyboard.press("Enter")
    opened = page.locator(f"#card-{row}[open]")
    opened.locator(".card-body").wait_for()
    assert page.evaluate("document.activeElement.parentElement.id") == f"card-{row}"  # the reader is led there
    assert "Hvorfor netop disse landsbyer" in opened.inner_text()
    assert -2 < opened.bounding_box()["y"] < 800
    page.wait_for_timeout(600)
    assert page.evaluate("geoklynge.map.getZoom()") > before
    centre = page.evaluate("geoklynge.map.getCenter()")
    west, south, east, north = sample_run.result.clusters.geometry.to_crs(4326).iloc[row].bounds
    assert west < centre["lng"] < east
    assert south < centre["lat"] < north
    watched.assert_calm()


def test_names_and_doubts_are_told_in_the_language_of_the_page(visit, sample_run):
    clusters = sample_run.result.clusters.assign(name_reason="hub")
    clusters.loc[[0, 1], ["name", "name_reason"]] = [["Mols", "district"], ["Tirstrup", "around"]]
    named = replace(sample_run, result=replace(sample_run.result, clusters=clusters))
    village = clusters["village_ids"].iloc[0].split("; ")[0]
    doubtful = with_certainty(named, {village: ("contested", 0.55, clusters["cluster_id"].iloc[1])})
    watched = visit(render_map(with_comparison(doubtful, village)))
    page = watched.page
    for language, around, doubt in (
        ("Dansk", "Tirstrup og omegn", "nærmeste skole ligger 7 min. væk i klyngen (Knebel) og 6,4 min. væk i nabo"),
        (
            "English",
            "Tirstrup and surroundings",
            "the nearest school is 7 min away in the cluster (Knebel) and 6.4 min",
        ),
    ):
        page.get_by_role("button", name=language).click()
        assert page.locator(".card .name").all_inner_texts()[:2] == ["Mols", around]
        card = page.locator("#card-0")
        if card.get_attribute("open") is None:
            card.locator("summary").first.click()
        card.locator(".card-body").wait_for()
        assert doubt in card.inner_text()
        page.evaluate(
            "(row) => Draw.openVillage(row)", sample_run.result.villages["village_id"].tolist().index(village)
        )
        assert around in page.locator(".leaflet-popup-content").inner_text()
    watched.assert_calm()


def test_search_folds_letters_and_opens_a_village(visit, text):
    watched = visit(text)
    page = watched.page
    page.locator("#search").fill("morke")
    names = [name.split("\n")[0] for name in page.locator("#results button").all_inner_texts()]
    assert names[:2] == ["Mørke", "Mørke"]
    page.locator("#results button").nth(1).click()
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert popup.locator("strong").inner_text() == "Mørke"
    assert "I klyngen Mørke" in popup.inner_text()
    popup.locator("summary").click()
    assert popup.locator(".pairs li").count() == 14
    page.locator("#search").fill("qqq")
    assert page.locator("#results").inner_text() == "Ingen landsby eller klynge af det navn"
    watched.assert_calm()


def test_a_card_opens_by_keyboard_and_closes_the_other(visit, text, sample_run):
    watched = visit(text)
    page = watched.page
    page.locator("#card-1 summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("#card-1[open] .card-body").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    page.locator("#card-0[open] .card-body").wait_for()
    until(page, "document.querySelectorAll('.card[open]').length === 1")
    first = sample_run.result.clusters.iloc[0]
    card = page.locator("#card-0")
    assert card.locator(".members li").count() == first["n_villages"]
    shares = card.locator(".measures .bar").evaluate_all(
        "bars => bars.map((bar) => bar.style.getPropertyValue('--share'))"
    )
    assert [float(share) for share in shares] == content_of(sample_run)["clusters"][0]["measures"]
    assert "hører sikkert til (kerne)" in card.inner_text()
    assert card.locator(".wide").evaluate("part => getComputedStyle(part).overflowX") == "auto"
    brings = sample_run.result.brings
    assert card.locator(".matrix td.has").count() == (brings["cluster_id"] == first["cluster_id"]).sum()
    watched.assert_calm()


def test_a_click_on_an_area_opens_its_card(visit, text, sample_run):
    watched = visit(text)
    page = watched.page
    villages = sample_run.result.villages.geometry
    open_ground = sample_run.result.clusters.geometry.iloc[[3]].difference(villages.buffer(1_200).union_all())
    point = open_ground.representative_point().to_crs(4326).iloc[0]
    at = page.evaluate("(at) => geoklynge.map.latLngToContainerPoint(at)", [point.y, point.x])
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    page.locator(".leaflet-tooltip").wait_for()
    assert page.locator(".leaflet-tooltip").inner_text().startswith(sample_run.result.clusters["name"].iloc[3])
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    page.locator("#card-3[open] .card-body").wait_for()
    watched.assert_calm()


def test_a_village_under_the_pointer_says_its_name(visit, text, sample_run):
    page = visit(text).page
    row = sample_run.result.villages["name"].tolist().index("Hornslet")
    hubs = page.evaluate("Draw.labelOrder.map((entry) => entry.isHub)")
    assert hubs == sorted(hubs, reverse=True)
    assert sum(hubs) == len(sample_run.result.clusters)
    at = page.evaluate("(row) => geoklynge.map.latLngToContainerPoint(Words.data.villages[row].at)", row)
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    page.locator(".leaflet-tooltip").wait_for()
    assert page.locator(".leaflet-tooltip").inner_text() == "Hornslet"
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "En by over grænsen for indbyggere" in popup.inner_text()


def test_villages_stay_on_top_of_layers_switched_on_later(visit, text, sample_run):
    page = visit(text).page
    row = sample_run.result.villages["name"].tolist().index("Knebel")
    page.locator("#layers > summary").click()
    for layer in ("Klyngernes områder", "Klyngernes områder"):
        page.locator("#layers").get_by_label(layer, exact=True).click()
    at = page.evaluate("(row) => geoklynge.map.latLngToContainerPoint(Words.data.villages[row].at)", row)
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    page.locator(".leaflet-tooltip").wait_for()
    assert page.locator(".leaflet-tooltip").inner_text() == "Knebel"


def test_signs_are_as_fine_as_the_zoom_asks(visit, text):
    page = visit(text).page

    def radii_at(zoom):
        return page.evaluate(
            """(zoom) => {
              geoklynge.map.setZoom(zoom, { animate: false });
              const areas = geoklynge.layers.areas.getLayers();
              return [geoklynge.layers.villages.getLayers()[0].getRadius(), areas[0].options.weight];
            }""",
            zoom,
        )

    near = radii_at(12)
    assert radii_at(10) == near  # from here on nothing grows
    for zoom, share in ((7.5, 0.5), (6, 0.3), (9, 0.8), (11, 1)):
        assert radii_at(zoom) == pytest.approx([share * value for value in near])


def test_villages_outside_are_listed_with_their_reason(visit, text, sample_run):
    page = visit(text).page
    page.locator("#alone > summary").click()
    page.locator("#alone-list .reason").first.wait_for()
    alone = sample_run.result.villages.query("cluster_id.isna()")
    assert page.locator("#alone-list li").count() == len(alone)
    assert page.locator("#alone-count").inner_text() == str(len(alone))
    assert page.locator("#alone-list .reason").count() == alone["why_alone"].nunique()
    town = page.locator("#alone-list div", has=page.get_by_text("En by over grænsen")).last
    assert sorted(town.locator("button").all_inner_texts()) == sorted(alone.query("why_alone == 'town'")["name"])


def test_layers_fill_when_they_are_shown(visit, sample_run):
    watched = visit(render_map(with_borders(sample_run)))
    page = watched.page
    count = "(key) => geoklynge.layers[key].getLayers().length"
    assert page.evaluate(count, "ties") == page.evaluate(count, "service school") == 0
    page.locator("#layers > summary").click()
    for label in ("Bånd mellem landsbyer", "skole", "Sognegrænser"):
        page.locator("#layers").get_by_label(label, exact=True).check()
    assert page.evaluate(count, "ties") == len(sample_run.shown_ties())
    assert page.evaluate(count, "service school") == (sample_run.tables.services["category"] == "school").sum()
    assert page.evaluate("geoklynge.map.hasLayer(geoklynge.layers.parishes)")
    assert page.evaluate("geoklynge.map.hasLayer(geoklynge.layers.municipalities)")
    watched.assert_calm()


def test_a_phone_needs_no_sideways_scroll(visit, text):
    watched = visit(text, size=(390, 844), has_touch=True, is_mobile=True)
    page = watched.page
    page.locator("#card-1 > summary").tap()
    page.locator("#card-1[open] .card-body").wait_for()
    for section in ("alone", "method", "data-section"):
        page.locator(f"#{section} > summary").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('#legend').open") is False
    assert page.locator(".folium-map").bounding_box()["height"] > 300
    watched.assert_calm()


def test_hostile_names_never_run(visit, sample_run):
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")
    other = sample_run.result.clusters["cluster_id"].iloc[1]
    doubtful = with_certainty(sample_run, {members[0]: ("contested", 0.5, other), members[1]: ("edge", 0.5, None)})
    hostile = with_hostile_names(with_comparison(doubtful, members[0]))
    watched = visit(render_map(hostile))
    page = watched.page
    page.locator("#search").fill("</script")
    for language in ("English", "Dansk"):
        page.get_by_role("button", name=language).click()
        for key in ("0", "1"):
            page.locator(f"#card-{key} > summary").click()
            page.locator(f"#card-{key}[open] .card-body").wait_for()
    for section in ("alone", "data-section"):
        page.locator(f"#{section} > summary").click()
    page.evaluate(
        """() => {
          const { map, layers } = geoklynge;
          for (const layer of Object.values(layers)) map.addLayer(layer);
          for (const layer of Object.values(layers)) layer.eachLayer((each) => {
            if (each.getTooltip()) each.openTooltip();
            if (each.getPopup()) each.openPopup();
          });
        }"""
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert "onerror=window.hacked=1" in page.locator(".card .name").first.inner_text()
    watched.assert_calm()


def test_the_report_opens_without_a_script(visit, sample_run):
    watched = visit(render_report(with_hostile_names(sample_run)), java_script_enabled=False, size=(390, 844))
    assert watched.page.locator(".cluster").count() == len(sample_run.result.clusters)
    assert watched.page.locator("img").count() == 0
    watched.assert_calm()


def test_the_report_fits_a_phone(visit, sample_run):
    watched = visit(render_report(sample_run), size=(390, 844))
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    watched.assert_calm()
