"use strict";
/*
 * The panel: the ranked cards, the search, the other lists, and the switch of language.
 */
(() => {
  const { data, say, tell, number } = Words;
  const find = (id) => document.getElementById(id);
  const cards = [];

  function openCard(row, { zoom = true, focus = false } = {}) {
    const card = cards[row];
    find("clusters").open = true;
    card.dataset.quiet = zoom ? "" : "yes";
    if (card.open) show(row);
    card.open = true;
    if (focus) card.querySelector("summary").focus();
  }

  function show(row) {
    const card = cards[row];
    if (!card.querySelector(".card-body")) card.append(Cards.body(data.clusters[row], openVillage));
    for (const other of cards) if (other !== card) other.open = false;
    Draw.choose(row);
    if (!card.dataset.quiet) Draw.zoomTo(row);
    card.dataset.quiet = "";
    card.scrollIntoView({ block: "nearest" });
  }

  function openVillage(row) {
    Draw.openVillage(row);
  }

  function drawCards() {
    const open = cards.findIndex((card) => card.open);
    cards.length = 0;
    data.clusters.forEach((cluster, row) => {
      const card = el("details", { class: "card", id: `card-${row}`, "--colour": cluster.colour },
        el("summary", {}, Cards.title(cluster)));
      card.addEventListener("toggle", () => {
        if (card.open) show(row);
        else if (!cards.some((other) => other.open)) Draw.choose(-1);
      });
      cards.push(card);
    });
    find("cards").replaceChildren(...cards);
    find("cluster-count").textContent = number(data.clusters.length, 0);
    if (open >= 0) openCard(open, { zoom: false });
  }

  function drawAlone() {
    const alone = data.villages.filter((village) => village.cluster < 0).sort((a, b) => b.people - a.people);
    find("alone-count").textContent = number(alone.length, 0);
    const draw = () => {
      const groups = ["not_chosen", "no_candidate", "town", "no_road"].map((why) => {
        const here = alone.filter((village) => village.why === why);
        if (!here.length) return null;
        const item = (village) => el("li", {},
          el("button", { type: "button", class: "link", click: () => openVillage(village.row) }, village.name),
          el("span", { class: "quiet" }, (village.assumed ? "≈ " : "") + number(village.people, 0)));
        return el("div", {}, el("p", { class: "reason" }, say(`why_alone.${why}`)),
          el("ul", { class: "members" }, here.map(item)));
      });
      const note = alone.length ? "ui.alone_note" : "ui.alone_none";
      find("alone-list").replaceChildren(el("p", { class: "note" }, say(note)), ...groups.filter(Boolean));
    };
    drawWhenOpen("alone", draw);
  }

  /** Lists of hundreds of rows are built when somebody looks. */
  function drawWhenOpen(id, draw) {
    const section = find(id);
    section.ontoggle = () => section.open && draw();
    if (section.open) draw();
  }

  function drawData() {
    const source = (row) => el("li", {}, el("b", {}, row.file), ` · ${number(row.rows, 0)} · `,
      row.dated || `${say("ui.source_dated")}: ${say("ui.not_stated")}`,
      el("div", { class: "note" }, `${say("ui.source_licence")}: ${row.licence || say("ui.not_stated")}`),
      el("div", { class: "note" }, `${say("ui.source_attribution")}: ${row.attribution || say("ui.not_stated")}`));
    const finding = (row) => {
      const title = Words.has(`finding.${row.code}`) ? say(`finding.${row.code}`) : row.text;
      return el("li", {}, `${title}: ${number(row.count, 0)}`,
        el("div", { class: "note", lang: "en" }, row.text),
        row.examples.length ? el("div", { class: "note" }, say("ui.examples", { names: row.examples })) : null);
    };
    const list = (rows, item) => (rows.length ? el("ul", { class: "sentences" }, rows.map(item)) : null);
    find("data-list").replaceChildren(
      el("h3", {}, say("ui.checker")), Cards.sentences(data.check.map(tell)),
      el("h3", {}, say("ui.parameters")), Cards.sentences(data.parameters.map(tell)),
      el("h3", {}, say("ui.findings")), list(data.findings, finding) || el("p", {}, say("ui.findings_none")),
      el("h3", {}, say("ui.sources")), list(data.sources, source) || el("p", {}, say("ui.not_stated")),
      el("p", { class: "note" }, tell(data.software)));
  }

  function drawLegend() {
    const row = (sign, key) => el("li", {}, el("span", { class: `sign ${sign}`, "aria-hidden": "true" }), say(key));
    const ties = { shown: data.ties.lines.length, total: data.ties.total };
    find("legend-list").replaceChildren(row("area", "legend.areas"), row("village core", "legend.core"),
      row("village edge", "legend.edge"), row("village contested", "legend.contested"),
      row("village alone", "legend.none"), row("sizes", "legend.size"), row("tie", "legend.ties"),
      el("li", { class: "note" }, say(ties.shown < ties.total ? "legend.ties_shown" : "legend.ties_all", ties)), el("li", { class: "note" }, say("legend.services")));
  }

  const fold = (text) => text.toLowerCase().replace(/æ/g, "ae").replace(/ø/g, "o").replace(/å/g, "a")
    .normalize("NFKD").replace(/[\u0300-\u036f]/g, "");

  const targets = [
    ...data.clusters.map((cluster, row) => ({ name: cluster.name, cluster: row, isCluster: true })),
    ...data.villages.map((village) => ({ name: village.name, cluster: village.cluster, village: village.row })),
  ].map((target) => ({ ...target, folded: fold(target.name) }));

  function matches(words) {
    const wanted = fold(words.trim());
    if (!wanted) return [];
    const starts = targets.filter((target) => target.folded.startsWith(wanted));
    const holds = targets.filter((target) => !target.folded.startsWith(wanted) && target.folded.includes(wanted));
    return [...starts, ...holds].slice(0, 8);
  }

  function go(target) {
    find("results").replaceChildren();
    find("search").value = target.name;
    if (target.cluster >= 0) openCard(target.cluster, { zoom: Boolean(target.isCluster) });
    if (!target.isCluster) openVillage(target.village);
  }

  function search() {
    const words = find("search").value;
    const found = matches(words);
    const item = (target) => el("li", {}, el("button", { type: "button", click: () => go(target) }, target.name,
      el("span", { class: "quiet" }, target.isCluster ? say("ui.search_cluster") : placeOf(target))));
    const none = words.trim() && !found.length ? [el("li", { class: "note" }, say("ui.search_none"))] : [];
    find("results").replaceChildren(...found.map(item), ...none);
  }

  function placeOf(target) {
    const { parish, municipality } = data.villages[target.village];
    return [parish && say("say.village_parish", { name: parish }), municipality].filter(Boolean).join(", ");
  }

  function speak(language) {
    Words.language = language;
    document.documentElement.lang = Words.language;
    document.title = say("ui.title", { name: data.study });
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
    for (const node of document.querySelectorAll("[data-say-label]")) {
      node.setAttribute("aria-label", say(node.dataset.sayLabel));
      if (node.title) node.title = say(node.dataset.sayLabel);
    }
    find("search").placeholder = say("ui.search_hint");
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === Words.language));
    }
    find("head-line").replaceChildren(...data.head.map((sentence) => el("p", {}, tell(sentence))));
    find("method-list").replaceChildren(...data.method.map((sentence) => el("p", {}, tell(sentence))));
    find("results").replaceChildren();
    Draw.closePopups();
    drawCards();
    drawAlone();
    drawData();
    drawLegend();
    Draw.nameLayers();
  }

  function fromHash() {
    const wanted = new URLSearchParams(window.location.hash.slice(1)).get("lang");
    return wanted in data.texts ? wanted : data.language;
  }

  find("search").addEventListener("input", search);
  find("search").addEventListener("keydown", (event) => {
    const first = matches(find("search").value)[0];
    if (event.key === "Enter" && first) go(first);
    if (event.key === "Escape") find("results").replaceChildren();
    if (event.key === "ArrowDown") find("results").querySelector("button")?.focus();
  });
  find("results").addEventListener("keydown", (event) => {
    const buttons = [...find("results").querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    (next || find("search")).focus();
  });
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      history.replaceState(null, "", `#lang=${button.dataset.language}`);
      speak(button.dataset.language);
    });
  }
  window.addEventListener("hashchange", () => speak(fromHash()));
  find("zoom-in").addEventListener("click", () => window.geoklynge.map.zoomIn());
  find("zoom-out").addEventListener("click", () => window.geoklynge.map.zoomOut());
  find("everything").addEventListener("click", Draw.showAll);
  if (window.matchMedia("(max-width: 760px)").matches) find("legend").open = false;
  Draw.start((row) => openCard(row, { zoom: false, focus: false }));
  speak(fromHash());
  Draw.placeLegend();
})();
