"use strict";
/*
 * The panel: the ranked cards with their filter and the reader's weights, the search, the other lists, the switch of
 * language, and the link that leads back to what is shown.
 */
(() => {
  const { data, say, tell, number } = Words;
  const find = (id) => document.getElementById(id);
  const cards = [];
  let link = "";
  let namesLanguage = false; // whether the address says which

  function openCard(row, { zoom = true, focus = false } = {}) {
    const card = cards[row];
    find("clusters").open = true;
    if (!card.isConnected) resetFilter();
    card.dataset.quiet = zoom ? "" : "yes";
    for (const other of cards) if (other !== card) other.open = false; // now: of two that open, both would close the other
    if (card.open) show(row);
    card.open = true;
    if (focus) card.querySelector("summary").focus();
  }

  function show(row) {
    const card = cards[row];
    if (!card.querySelector(".card-body")) card.append(Cards.body(data.clusters[row], openVillage));
    for (const other of cards) if (other !== card) other.open = false;
    Draw.choose(row);
    Draw.showAlternative(null);
    if (!card.dataset.quiet) Draw.zoomTo(row);
    card.dataset.quiet = "";
    card.scrollIntoView({ block: "nearest" });
    writeLink();
  }

  function openVillage(row) {
    Draw.openVillage(row);
  }

  function drawCards() {
    const open = cards.findIndex((card) => card.open);
    cards.length = 0;
    data.clusters.forEach((cluster, row) => {
      const card = el("details", { class: "card", id: `card-${row}`, "--colour": cluster.colour }, el("summary"));
      card.addEventListener("toggle", () => {
        if (card.open) show(row);
        else if (!cards.some((other) => other.open)) {
          Draw.choose(-1);
          Draw.showAlternative(null);
          writeLink();
        }
      });
      cards.push(card);
    });
    arrange();
    if (open >= 0) openCard(open, { zoom: false });
  }

  /** Put the cards that the filter lets pass into their order, each with its rank and score. */
  function arrange() {
    const { rank, rows } = Ranking.listed();
    for (const row of rows) {
      const summary = cards[row].querySelector("summary");
      summary.replaceChildren(...Cards.title(data.clusters[row], rank[row], Ranking.score(data.clusters[row])));
    }
    cards.forEach((card, row) => {
      if (!rows.includes(row)) card.open = false;
    });
    find("cards").replaceChildren(...rows.map((row) => cards[row]));
    find("cluster-count").textContent = number(rows.length, 0);
    find("cluster-shown").textContent = rows.length < cards.length || Ranking.isOwn()
      ? [say("ui.shown", { shown: rows.length, total: cards.length }), rows.length ? "" : say("ui.none_here"), Ranking.isOwn() ? say("ui.own_weights") : ""]
        .filter(Boolean).join(" ") : "";
    Draw.only(rows, rank);
  }

  function drawFilter() {
    const keep = (id) => [find(id), find(id).value];
    const fill = (id, options) => {
      const [select, value] = keep(id);
      select.replaceChildren(...options.map(([key, label]) => el("option", { value: key }, label)));
      select.value = value || options[0][0];
    };
    const { compare } = new Intl.Collator(Words.language);
    fill("filter-municipality", [["", say("ui.all")], ...[...Ranking.municipalities].sort(compare).map((name) => [name, name])]);
    fill("filter-lacks", [["", say("ui.any")], ...Ranking.lacking.map((key) => [key, Words.category(key)])]);
    fill("sort", Ranking.orders.map((key) => [key, say(`sort.${key}`)]));
  }

  function filter() {
    const bound = (id) => (find(id).value === "" ? null : Number(find(id).value));
    const between = (name) => [bound(`${name}-least`), bound(`${name}-most`)];
    Ranking.filter = { municipality: find("filter-municipality").value, lacks: find("filter-lacks").value,
      people: between("people"), villages: between("villages") };
    Ranking.sort = find("sort").value;
    arrange();
  }

  function resetFilter() {
    for (const input of find("filters").querySelectorAll("input")) input.value = "";
    for (const select of find("filters").querySelectorAll("select")) select.value = select.options[0].value;
    filter();
  }

  function drawWeights() {
    const item = ([key], k) => {
      const now = el("span", { class: "quiet", id: `weight-${key}-now` });
      const tellNow = () => {
        now.textContent = say("ui.weight_now", { share: Ranking.share(k) });
      };
      const slider = el("input", { type: "range", id: `weight-${key}`, min: "0", max: "3", step: "0.25",
        value: String(Ranking.factor(k)), input: () => {
          Ranking.weigh(k, Number(slider.value));
          for (const tellOther of tellAll) tellOther();
          reweigh();
        } });
      return { tellNow, node: el("li", {}, el("label", { for: slider.id }, say(`measure.${key}`)), now, slider) };
    };
    const items = data.measures.map(item);
    const tellAll = items.map(({ tellNow }) => tellNow);
    for (const tellNow of tellAll) tellNow();
    find("weight-list").replaceChildren(...items.map(({ node }) => node));
  }

  /** New weights: new ranks, and the open card's bars anew. */
  function reweigh() {
    if (data.measures.every((_, k) => Ranking.factor(k) === 0)) {
      Ranking.forget();
      drawWeights();
    }
    arrange();
    Draw.showAlternative(null);
    cards.forEach((card, row) => {
      const body = card.querySelector(".card-body");
      if (body && card.open) body.replaceWith(Cards.body(data.clusters[row], openVillage));
      else if (body) body.remove();
    });
  }

  function drawAlone() {
    const alone = data.villages.filter((village) => village.cluster < 0).sort((a, b) => b.people - a.people);
    find("alone-count").textContent = number(alone.length, 0);
    const draw = () => {
      const groups = ["not_chosen", "no_candidate", "town", "no_road"].map((why) => {
        const here = alone.filter((village) => village.why === why);
        if (!here.length) return null;
        const item = (village) => el("li", {}, el("div", { class: "member" },
          el("button", { type: "button", class: "link", click: () => openVillage(village.row) }, village.name),
          el("span", { class: "quiet" }, Words.people(village))));
        return el("div", {}, el("p", { class: "reason" }, say(`why_alone.${why}`)),
          el("ul", { class: "members short" }, here.map(item)));
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

  function drawCoverage() {
    const row = ([key, own, cluster]) => el("tr", {}, el("th", { scope: "row" }, Words.category(key)),
      [own, cluster].map((share) => el("td", {}, el("span", { class: "bar", "--share": share, "aria-hidden": "true" }),
        el("span", {}, Words.percent(share)))));
    const head = ["ui.category", "ui.own_village", "ui.own_cluster"].map((key) => el("th", { scope: "col" }, say(key)));
    find("coverage").hidden = !data.coverage.length;
    find("coverage-list").replaceChildren(el("p", { class: "note" }, say("ui.coverage_note")),
      el("table", { class: "coverage" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, data.coverage.map(row))));
  }

  function drawHelp() {
    const item = ([name, text, formula]) => [el("dt", {}, say(name)),
      el("dd", {}, say(text), formula ? el("code", {}, formula) : null)];
    find("method-list").replaceChildren(...data.method.map((sentence) => el("p", {}, tell(sentence))),
      el("h3", {}, say("ui.numbers")), el("dl", { class: "numbers" }, data.help.flatMap(item)),
      el("p", { class: "note" }, say("help.where")));
  }

  function drawData() {
    const source = (row) => el("li", {},
      el("b", {}, Words.ours(row.title) || row.file), ` · ${number(row.rows, 0)} · `,
      row.dated ? Words.date(row.dated) : `${say("ui.source_dated")}: ${say("ui.not_stated")}`,
      Words.ours(row.title) ? el("div", { class: "note" }, `${say("ui.source_file")}: ${row.file}`) : null,
      el("div", { class: "note" }, `${say("ui.source_licence")}: ${row.licence || say("ui.not_stated")}`),
      el("div", { class: "note" }, `${say("ui.source_attribution")}: ${row.attribution || say("ui.not_stated")}`));
    const finding = (row) => {
      const title = Words.has(`finding.${row.code}`) ? say(`finding.${row.code}`) : row.text;
      const line = row.line ? tell(row.line) : `${title}: ${number(row.count, 0)}`;
      return el("li", {}, line[0].toUpperCase() + line.slice(1),
        row.means && !row.line ? el("div", { class: "note" }, say(row.means)) : null,
        row.examples.length ? el("div", { class: "note" }, say("ui.examples", { names: row.examples })) : null);
    };
    const list = (rows, item) => (rows.length ? el("ul", { class: "sentences" }, rows.map(item)) : null);
    find("data-list").replaceChildren(
      el("h3", {}, say("ui.checker")), Cards.sentences(data.check.map(tell)),
      el("h3", {}, say("ui.parameters")), Cards.sentences(data.parameters.map(tell)),
      el("h3", {}, say("ui.findings")), list(data.findings, finding) || el("p", {}, say("ui.findings_none")),
      ...Quality.completeness(), ...Quality.years(),
      el("h3", {}, say("ui.sources")), list(data.sources, source) || el("p", {}, say("ui.not_stated")),
      el("p", { class: "note" }, tell(data.software)));
  }

  function drawLegend() {
    const row = (sign, key) => el("li", {}, el("span", { class: `sign ${sign}`, "aria-hidden": "true" }), say(key));
    const ties = { shown: data.ties.lines.length, total: data.ties.total };
    find("legend-list").replaceChildren(row("area", "legend.areas"), row("village core", "legend.core"),
      row("village edge", "legend.edge"), row("village contested", "legend.contested"),
      row("village alone", "legend.none"), row("sizes", "legend.size"), row("tie", "legend.ties"),
      el("li", { class: "note" }, say(ties.shown < ties.total ? "legend.ties_shown" : "legend.ties_all", ties)),
      el("li", { class: "note" }, say("legend.services")));
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
    if (target.cluster >= 0) openCard(target.cluster, { zoom: Boolean(target.isCluster), focus: true });
    else find("search").focus();
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
    find("results").replaceChildren();
    Draw.closePopups();
    drawFilter();
    drawWeights();
    drawCards();
    drawAlone();
    drawCoverage();
    drawHelp();
    drawData();
    drawLegend();
    Layers.draw();
  }

  /** The address of what is shown: language, open cluster, layers. */
  function writeLink() {
    const open = cards.findIndex((card) => card.open);
    const shown = Layers.names().join(",");
    const parts = new URLSearchParams();
    if (open >= 0) parts.set("cluster", data.clusters[open].id);
    if (shown !== Layers.usual) parts.set("layer", shown);
    if (Words.language !== data.language || namesLanguage) parts.set("lang", Words.language);
    link = parts.toString();
    if (link === window.location.hash.slice(1)) return;
    try {
      history.replaceState(null, "", `#${link}`);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // a locked-down browser: the page works, the address stays
    }
  }

  function readLink() {
    const wanted = new URLSearchParams(window.location.hash.slice(1));
    const language = wanted.get("lang");
    const row = data.clusters.findIndex((cluster) => cluster.id === wanted.get("cluster"));
    link = window.location.hash.slice(1);
    namesLanguage = wanted.has("lang");
    speak(Object.hasOwn(data.texts, language) ? language : data.language);
    Layers.show((wanted.get("layer") ?? Layers.usual).split(","));
    if (row >= 0) openCard(row);
    else for (const card of cards) card.open = false;
  }

  find("search").addEventListener("input", search);
  find("search").addEventListener("keydown", (event) => {
    const first = matches(find("search").value)[0];
    if (event.key === "Enter" && first) {
      event.preventDefault(); // it would be pressed on the card, too, to which the focus goes
      go(first);
    }
    if (event.key === "Escape") find("results").replaceChildren();
    if (event.key === "ArrowDown") find("results").querySelector("button")?.focus();
  });
  find("results").addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      find("results").replaceChildren();
      find("search").focus();
    }
    const buttons = [...find("results").querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    (next || find("search")).focus();
  });
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      speak(button.dataset.language);
      namesLanguage = true;
      writeLink();
    });
  }
  find("filters").addEventListener("input", filter);
  find("filter-reset").addEventListener("click", resetFilter);
  find("weights-reset").addEventListener("click", () => {
    Ranking.forget();
    drawWeights();
    reweigh();
  });
  find("table-open").addEventListener("click", Tables.open);
  find("table-close").addEventListener("click", () => find("table").close());
  window.addEventListener("hashchange", () => window.location.hash.slice(1) !== link && readLink());
  find("zoom-in").addEventListener("click", () => window.geoklynge.map.zoomIn());
  find("zoom-out").addEventListener("click", () => window.geoklynge.map.zoomOut());
  find("everything").addEventListener("click", Draw.showAll);
  if (window.matchMedia("(max-width: 760px)").matches) find("legend").open = false;
  Draw.start((row) => openCard(row, { zoom: false }));
  Layers.start();
  Layers.usual = Layers.names().join(",");
  readLink();
  Layers.onChange = writeLink;
  Draw.placeLegend();
})();
