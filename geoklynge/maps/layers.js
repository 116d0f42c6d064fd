"use strict";
/*
 * Layers: what the map shows, chosen in the panel: layers, kinds of services, how strong ties must be, shading, and
 * the background from a network, if the page has been given one.
 */
const Layers = (() => {
  const { data, say, category, number } = Words;
  const { map, layers } = window.geoklynge;
  const find = (id) => document.getElementById(id);
  const plain = Object.keys(layers).filter((key) => !key.startsWith("service ") && key !== "land");
  const kinds = Object.keys(data.categories).filter((key) => layers[`service ${key}`]);
  const online = {};
  const tokens = {}; // as long as the page is open, and nowhere else
  let listener = () => {};

  const isOn = (key) => map.hasLayer(layers[key]);

  function turn(key, on) {
    if (on) map.addLayer(layers[key]);
    else map.removeLayer(layers[key]);
  }

  function box(id, label, on, turned, sign = null) {
    const input = el("input", { type: "checkbox", id, checked: on, change: () => turned(input.checked) });
    return el("li", {}, input, el("label", { for: id }, sign, label));
  }

  function changed() {
    find("ties-least").disabled = !isOn("ties");
    listener();
  }

  function draw() {
    const layerBox = (key) => box(`layer-${key}`, say(`layer.${key}`), isOn(key), (on) => {
      turn(key, on);
      changed();
    });
    find("layer-list").replaceChildren(...plain.map(layerBox));
    const kindBox = (key) => box(`service-${key}`, category(key), isOn(`service ${key}`), (on) => {
      turn(`service ${key}`, on);
      changed();
    }, Signs.element(key));
    find("service-list").replaceChildren(...kinds.map(kindBox));
    const option = (key) => el("option", { value: key }, key ? category(key) : say("ui.shading_none"));
    find("shading").replaceChildren(...["", ...data.nearest].map(option));
    find("shading").value = Shading.chosen;
    drawShadingLegend();
    drawOnline();
    tellLeast();
    changed();
  }

  function drawShadingLegend() {
    const item = ([from, to, colour]) => el("li", {}, el("span", { class: "swatch", "--colour": colour }),
      to === null ? say("ui.shading_over", { from }) : say("ui.shading_step", { from, to }));
    const noRoad = Shading.someWithoutRoad
      ? [el("li", {}, el("span", { class: "swatch", "--colour": Shading.noRoad }), say("ui.missing_far"))] : [];
    find("shading-legend").replaceChildren(...(Shading.chosen ? [...Shading.legend.map(item), ...noRoad] : []));
    find("shading-note").hidden = !Shading.chosen;
  }

  function tellLeast() {
    find("ties-least-now").textContent = number(Number(find("ties-least").value), 2);
  }

  /** A background from a network: off until the reader turns it on, with a word on who then learns what. */
  function drawOnline() {
    const item = (given) => {
      const token = given.token ? el("input", { type: "password", id: `token-${given.key}`, autocomplete: "off",
        value: tokens[given.key] || null, input: () => {
          tokens[given.key] = token.value;
          if (check) check.querySelector("input").disabled = !token.value;
        } }) : null;
      const turned = (on) => {
        online[given.key]?.remove();
        delete online[given.key];
        if (on) online[given.key] = tiles(given, tokens[given.key] || "").addTo(map);
        tellOnline();
      };
      const check = box(`online-${given.key}`, given[Words.language], given.key in online, turned);
      check.querySelector("input").disabled = given.token && !tokens[given.key]; // without one, nothing would be sent back
      const note = el("p", { class: "note" }, say("ui.online_sends", { host: new URL(given.origin).host, owner: given.owner, attribution: given.attribution }));
      const ask = token && el("p", { class: "token" }, el("label", { for: token.id }, say("ui.online_token")), token);
      check.append(...[note, ask].filter(Boolean));
      return check;
    };
    find("online-list").replaceChildren(...data.backgrounds.map(item));
    find("online").hidden = !data.backgrounds.length;
  }

  /** While tiles show, they say whose they are, and the land of the page does not lie over them. */
  function tellOnline() {
    const shown = data.backgrounds.filter((given) => given.key in online);
    find("attribution").textContent = shown.map((given) => given.attribution).join(", ");
    if (!layers.land) return;
    if (shown.length) map.removeLayer(layers.land);
    else map.addLayer(layers.land);
  }

  function tiles(given, token) {
    if (!given.wms_layers) return L.tileLayer(given.address, { maxZoom: 19 });
    return L.tileLayer.wms(given.address, { layers: given.wms_layers, format: "image/png", maxZoom: 19, token });
  }

  function start() {
    find("ties-least").addEventListener("input", () => {
      tellLeast();
      Draw.tiesAtLeast(Number(find("ties-least").value));
    });
    find("shading").addEventListener("change", () => {
      Shading.by(find("shading").value);
      Draw.restyle();
      drawShadingLegend();
      listener();
    });
    for (const [id, on] of [["services-all", true], ["services-none", false]]) {
      find(id).addEventListener("click", () => {
        for (const key of kinds) turn(`service ${key}`, on);
        draw();
      });
    }
  }

  const names = () => [...plain.filter(isOn), ...kinds.filter((key) => isOn(`service ${key}`)),
    ...(Shading.chosen ? [`minutes-${Shading.chosen}`] : [])];

  /** Show just the layers of a link. */
  function show(wanted) {
    for (const key of plain) turn(key, wanted.includes(key));
    for (const key of kinds) turn(`service ${key}`, wanted.includes(key));
    const shaded = wanted.find((name) => name.startsWith("minutes-"));
    Shading.by(shaded ? shaded.slice("minutes-".length) : "");
    Draw.restyle();
    draw();
  }

  return {
    start,
    draw,
    names,
    show,
    usual: null,
    set onChange(told) {
      listener = told;
    },
  };
})();
