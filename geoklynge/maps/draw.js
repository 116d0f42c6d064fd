"use strict";
/*
 * Draw: fills the layers that Folium has made, and answers to the panel. Names reach Leaflet as elements with text,
 * never as markup.
 */
const Draw = (() => {
  const { data, say, told, category } = Words;
  const { map, layers } = window.geoklynge;
  const { villages, clusters } = data;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const markers = [];
  const MOST_LABELS = 90;
  let chosen = -1;
  let passing = null;
  let legendHides = false;
  let onCluster = () => {};

  const box = (kind, ...lines) => el("div", { class: kind }, lines.filter(Boolean).map((line) => el("div", {}, line)));

  function villageLines(village) {
    const people = say(village.assumed ? "say.village_assumed" : "say.village_people", { n: village.people });
    const place = [village.parish && say("say.village_parish", { name: village.parish }), village.municipality];
    const lines = [Words.whence(village) || people, place.filter(Boolean).join(", ")];
    if (village.cluster >= 0) {
      lines.push(say("say.village_certainty", { share: village.certainty }));
    } else if (village.why) {
      lines.push(say(`why_alone.${village.why}`));
    }
    if (village.other >= 0) {
      lines.push(say("say.leans", { other: clusters[village.other].label, share: village.other_share }));
    }
    return lines.filter(Boolean);
  }

  function nearest(village) {
    const rows = data.nearest.map((key, k) => [key, village.minutes[k]]);
    if (!rows.some(([, minutes]) => minutes !== null)) return null;
    const item = ([key, minutes]) => el("li", {}, el("span", {}, category(key)),
      el("span", { class: "quiet" }, minutes === null ? say("ui.missing_far") : say("ui.minutes", { minutes })));
    return el("details", { class: "nearest" }, el("summary", {}, say("ui.nearest")),
      el("ul", { class: "pairs" }, rows.sort((a, b) => (a[1] ?? Infinity) - (b[1] ?? Infinity)).map(item)));
  }

  function popupOf(village) {
    const inside = village.cluster >= 0;
    const open = () => onCluster(village.cluster);
    return el("div", { class: "popup" }, el("strong", {}, village.name),
      inside ? el("button", { type: "button", class: "link", click: open },
        say("say.village_in", { name: clusters[village.cluster].label })) : null,
      villageLines(village).map((line) => el("p", {}, line)), nearest(village));
  }

  const size = (people) => Math.min(2.4 + Math.sqrt(people) / 12, 12);
  /** A whole country needs finer signs than a parish. */
  const scale = () => Math.min(1, Math.max(0.3, (map.getZoom() - 5) / 5));

  function look(village) {
    const fine = scale();
    const common = { radius: size(village.people) * fine, fillOpacity: 1, weight: 1.2 * fine, color: "#1d2733" };
    if (village.cluster < 0) return { ...common, color: "#6b7280", fillColor: "#c4c8ce" };
    const colour = clusters[village.cluster].colour;
    if (village.standing === "contested") return { ...common, fillColor: colour, color: "#c2410c", weight: 3 * fine };
    if (village.standing === "edge") {
      return { ...common, fillColor: "#ffffff", color: colour, weight: 2.2 * fine, dashArray: "3 2.5" };
    }
    return { ...common, fillColor: colour };
  }

  /**
   * A village's sign. Leaflet projects every sign when a zoom ends, just before it draws all of them: the moment to
   * fit the size to the zoom. Told by setStyle, thousands of signs would be projected and drawn once more.
   */
  const Sign = L.CircleMarker.extend({
    _project() {
      Object.assign(this.options, look(this.options.village));
      this._radius = this.options.radius;
      L.CircleMarker.prototype._project.call(this);
    },
  });

  function drawVillages() {
    // the largest first, so that small ones lie on top and can be reached
    for (const village of [...villages].sort((a, b) => b.people - a.people)) {
      const marker = new Sign(village.at, { village, ...look(village) }).addTo(layers.villages);
      marker.bindTooltip(() => box("tip", village.name));
      marker.bindPopup(() => popupOf(village), { maxWidth: 260 });
      markers[village.row] = marker;
    }
  }

  function drawAreas() {
    layers.areas.eachLayer((area) => {
      const number = area.feature.properties.cluster;
      const cluster = clusters[number];
      const line = () => say("say.fact_line", { n: cluster.members.length, people: cluster.population });
      area.bindTooltip(() => box("tip", told(cluster.label), line()), { sticky: true });
      area.on("click", () => onCluster(number));
    });
  }

  /** Fill a layer when it is first shown: most readers never switch on 25,000 services. */
  function whenShown(layer, draw) {
    const fill = () => {
      draw();
      order(); // Leaflet tells of the layer before it is filled
    };
    if (map.hasLayer(layer)) fill();
    else layer.once("add", fill);
  }

  let leastTie = 0;

  function drawTies() {
    layers.ties.clearLayers();
    for (const [a, b, weight, minutes] of data.ties.lines.filter((tie) => tie[2] >= leastTie)) {
      const line = L.polyline([villages[a].at, villages[b].at],
        { color: "#39424e", weight: 0.4 + 3 * weight, opacity: 0.08 + 0.6 * weight });
      const names = { a: villages[a].name, b: villages[b].name };
      line.bindTooltip(() => box("tip", say("say.tie", { ...names, weight, minutes })), { sticky: true });
      line.addTo(layers.ties);
    }
  }

  function drawServices(key, layer) {
    for (const [name, lat, lon, village] of data.services[key]) {
      const place = village >= 0 ? villages[village].name : "";
      Signs.mark(key, [lat, lon])
        .bindTooltip(() => box("tip", name || category(key), [category(key), place].filter(Boolean).join(", ")))
        .addTo(layer);
    }
  }

  /** Names of villages, as many as fit without covering one another: hubs first, then the largest. */
  function drawLabels() {
    const layer = layers.labels;
    layer.clearLayers();
    if (!map.hasLayer(layer)) return;
    const seen = map.getBounds().pad(-0.01);
    const taken = [];
    const close = map.getZoom() >= 10;
    const air = map.getZoom() < 8 ? 9 : 0;
    let count = 0;
    for (const { village, isHub } of Draw.labelOrder) {
      if (count >= MOST_LABELS) break;
      if ((!isHub && !close && village.people < 10000) || !seen.contains(village.at)) continue;
      const at = map.latLngToContainerPoint(village.at);
      const wide = village.name.length * (isHub ? 7.4 : 6.2) + (isHub ? 30 : 8);
      const rect = [at.x - wide / 2 - air, at.y - 23 - air, at.x + wide / 2 + air, at.y - 4 + air];
      if (taken.some((r) => r[0] < rect[2] && rect[0] < r[2] && r[1] < rect[3] && rect[1] < r[3])) continue;
      taken.push(rect);
      const html = el("span", { class: isHub ? "hub" : "" }, isHub ? `${ranks[clusterOf.get(village.row)]} ${village.name}` : village.name);
      L.marker(village.at, { interactive: false, keyboard: false,
        icon: L.divIcon({ className: "place-name", html, iconSize: [0, 0], iconAnchor: [0, 6] }) }).addTo(layer);
      count += 1;
    }
  }

  function order() {
    for (const key of ["areas", "roads", "municipalities", "parishes", "land"]) {
      if (layers[key] && map.hasLayer(layers[key])) layers[key].bringToBack();
    }
    if (map.hasLayer(layers.villages)) layers.villages.eachLayer((marker) => marker.bringToFront());
    for (const [key, layer] of Object.entries(layers)) {
      if (key.startsWith("service ") && map.hasLayer(layer)) layer.eachLayer((marker) => marker.bringToFront());
    }
  }

  /** From each contested village a line to the hub of its own cluster, and a dashed one to that of the other. */
  function drawContested() {
    for (const village of villages.filter((each) => each.other >= 0)) {
      const line = (number, dashed) => L.polyline([village.at, villages[clusters[number].hub].at],
        { color: "#c2410c", weight: 2, opacity: 0.85, dashArray: dashed ? "2 6" : null })
        .bindTooltip(() => box("tip", village.name, dashed
          ? say("say.leans", { other: clusters[number].label, share: village.other_share })
          : say("say.village_in", { name: clusters[number].label })), { sticky: true });
      if (village.cluster >= 0) line(village.cluster, false).addTo(layers.contested);
      line(village.other, true).addTo(layers.contested);
    }
  }

  const alternative = L.featureGroup();

  /** Outline what else was possible in the place of a cluster; without members, no more. */
  function showAlternative(members) {
    alternative.clearLayers();
    if (!members) {
      alternative.remove();
      return;
    }
    const places = members.map((row) => villages[row].at);
    L.polygon(around(places), { color: "#111827", weight: 2.5, dashArray: "8 6", fill: false, interactive: false })
      .addTo(alternative);
    for (const at of places) {
      L.circleMarker(at, { radius: 9, color: "#111827", weight: 2, fill: false, interactive: false }).addTo(alternative);
    }
    alternative.addTo(map);
    move(L.latLngBounds(places).pad(0.15), 13);
  }

  /** Corners of the smallest convex outline of some places (Andrew 1979). */
  function around(places) {
    const sorted = [...places].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const turns = (o, a, b) => (a[1] - o[1]) * (b[0] - o[0]) - (a[0] - o[0]) * (b[1] - o[1]);
    const half = (list) => list.reduce((hull, place) => {
      while (hull.length > 1 && turns(hull.at(-2), hull.at(-1), place) <= 0) hull.pop();
      return [...hull, place];
    }, []).slice(0, -1);
    return [...half(sorted), ...half(sorted.reverse())];
  }

  function move(bounds, most) {
    map.stop();
    map.fitBounds(bounds, { maxZoom: most, animate: !calm, ...room(28) });
  }

  /** Padding around what is to be seen, with the legend's own place left out of it. */
  function room(margin) {
    const legend = document.getElementById("legend");
    const beside = legend.open && map.getSize().x > 700 ? legend.offsetWidth + 12 : 0;
    const left = legend.classList.contains("left");
    return { paddingTopLeft: [margin + (left ? beside : 0), margin],
      paddingBottomRight: [margin + (left ? 0 : beside), margin] };
  }

  function outline(area) {
    const own = area.feature.properties.cluster === chosen;
    const shown = passing === null || passing.has(area.feature.properties.cluster);
    const filled = own ? 0.42 : 0.28;
    return { weight: own ? 3.5 : 1.5 * scale(), opacity: shown ? 0.9 : 0.25,
      fillOpacity: Shading.chosen ? 0 : shown ? filled : 0.03 }; // two colours on one spot would be a third
  }

  function restyle() {
    layers.areas.eachLayer((area) => area.setStyle(outline(area)));
  }

  function choose(number) {
    chosen = number;
    restyle();
  }

  function start(listener) {
    onCluster = listener;
    if (layers.land) map.getContainer().classList.add("by-the-sea");
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
    drawAreas();
    whenShown(layers.villages, drawVillages);
    whenShown(layers.ties, drawTies);
    whenShown(layers.contested, drawContested);
    for (const key of Object.keys(data.services)) {
      whenShown(layers[`service ${key}`], () => drawServices(key, layers[`service ${key}`]));
    }
    map.on("layeradd", ({ layer }) => Object.values(layers).includes(layer) && order());
    map.on("moveend", drawLabels);
    map.on("popupopen", ({ popup }) => popup.getElement().querySelector(".leaflet-popup-close-button")
      ?.setAttribute("aria-label", say("ui.close")));
    map.on("zoomend", () => layers.areas.eachLayer((area) => Object.assign(area.options, outline(area))));
    layers.labels.on("add", drawLabels);
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
    showAll();
    order();
  }

  function showAll() {
    const whole = L.latLngBounds(villages.map((village) => village.at));
    for (const cluster of clusters) whole.extend(cluster.bounds);
    map.fitBounds(whole, { animate: false, ...(legendHides ? room(12) : { padding: [12, 12] }) });
  }

  /** Put the legend into the lower corner where it hides fewer villages, and make room if it hides any. */
  function placeLegend() {
    const legend = document.getElementById("legend");
    const [width, height] = [legend.offsetWidth + 24, legend.offsetHeight + 24];
    const { x, y } = map.getSize();
    const under = villages.map((village) => map.latLngToContainerPoint(village.at)).filter((at) => at.y > y - height);
    const left = under.filter((at) => at.x < width).length;
    const right = under.filter((at) => at.x > x - width).length;
    legend.classList.add(left < right ? "left" : "right");
    legendHides = Math.min(left, right) > 0;
    if (legendHides) showAll();
  }

  const clusterOf = new Map(clusters.map((cluster, row) => [cluster.hub, row])); // by its hub
  let ranks = clusters.map((cluster) => cluster.rank); // beside the names: in grey print they tell areas apart
  const labelOrder = villages
    .map((village) => ({ village, isHub: clusterOf.has(village.row) }))
    .sort((a, b) => b.isHub - a.isHub || b.village.people - a.village.people || a.village.row - b.village.row);

  return {
    labelOrder,
    start,
    showAll,
    placeLegend,
    choose,
    restyle,
    showAlternative,
    tiesAtLeast(weight) {
      leastTie = weight;
      if (map.hasLayer(layers.ties)) drawTies();
    },
    /** Let the areas of clusters that the list leaves out fade. */
    only(rows, rank) {
      if (ranks.join() !== rank.join()) {
        ranks = rank;
        drawLabels();
      }
      passing = rows.length < clusters.length ? new Set(rows) : null;
      restyle();
    },
    zoomTo: (number) => move(clusters[number].bounds, 13),
    openVillage(row) {
      if (!map.hasLayer(layers.villages)) {
        map.addLayer(layers.villages);
        Layers.draw();
      }
      map.stop();
      map.setView(villages[row].at, Math.max(map.getZoom(), 12), { animate: false });
      markers[row].openPopup();
    },
    closePopups: () => map.closePopup(),
  };
})();
