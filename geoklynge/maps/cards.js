"use strict";
/*
 * Cards: what is told of one cluster, built when its card is first opened.
 */
const Cards = (() => {
  const { data, say, tell, told, number, category } = Words;
  const SAID_BY_TYPE = ["trait.bare", "trait.few"];
  const heading = (key) => el("h3", {}, say(key));
  const sentences = (list, kind = "ul") => el(kind, { class: "sentences" }, list.map((text) => el("li", {}, text)));

  function villageButton(row, onVillage) {
    const village = data.villages[row];
    return el("button", { type: "button", class: "link", click: () => onVillage(row) }, village.name);
  }

  function figures(cluster) {
    const pair = (key, value) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, value));
    return el("dl", { class: "figures" },
      pair("ui.people", (cluster.assumed ? "≈ " : "") + number(cluster.population, 0)),
      pair("ui.villages", number(cluster.members.length, 0)),
      pair("ui.area", say("ui.square", { value: cluster.area })),
      pair("ui.longest", say("ui.minutes", { minutes: cluster.longest })),
      pair("ui.mean", say("ui.minutes", { minutes: cluster.mean })));
  }

  function why(cluster) {
    const list = cluster.why.map(tell);
    return [heading("ui.why"), sentences(list),
      cluster.open_country.map((line) => el("p", { class: "note" }, tell(line))),
      cluster.assumed ? el("p", { class: "note" }, say("say.assumed", { n: cluster.assumed })) : null];
  }

  /** Each village with its plain type; its strengths and challenges fold out. */
  function members(cluster, onVillage) {
    const item = (row) => {
      const village = data.villages[row];
      const told = (key, list) => (list.length
        ? [el("dt", {}, say(key)), el("dd", {}, list.map(tell).join("; "))] : []);
      return el("li", { class: `standing-${village.standing}` },
        el("div", { class: "member" }, villageButton(row, onVillage),
          el("span", { class: "quiet" }, `${Words.people(village)} · ${say(`standing.${village.standing}`)}`)),
        el("p", { class: "note" }, Words.type(village)),
        Words.whence(village) ? el("p", { class: "note" }, Words.whence(village)) : null,
        el("dl", { class: "traits" }, told("ui.strengths", village.strengths),
          told("ui.challenges", village.challenges.filter(([key]) => !SAID_BY_TYPE.includes(key)))));
    };
    return [heading("ui.members"), el("ul", { class: "members" }, cluster.members.map(item))];
  }

  /** Pairs of villages by the minutes between them, as bars with their numbers. */
  function spread(cluster) {
    const most = Math.max(...cluster.spread, 1);
    const item = (pairs, k) => el("li", {},
      el("span", {}, say("ui.spread_step", { from: data.steps[k], to: data.steps[k + 1] })),
      el("span", { class: "bar", "--share": pairs / most, "aria-hidden": "true" }),
      el("span", { class: "quiet" }, number(pairs, 0)));
    return [heading("ui.spread"), el("ul", { class: "spread" }, cluster.spread.map(item)),
      el("p", { class: "note" }, say("ui.spread_note"))];
  }

  /** What trips of each kind go to the same places, the most first. */
  function shares(cluster) {
    if (!cluster.shared.length) return [];
    const item = ([key, share]) => el("li", {}, el("span", {}, category(key)),
      el("span", { class: "bar", "--share": share, "aria-hidden": "true" }),
      el("span", { class: "quiet" }, Words.percent(share)));
    const rows = [...cluster.shared].sort((a, b) => b[1] - a[1]);
    return [heading("ui.shares"), el("ul", { class: "spread" }, rows.map(item)),
      el("p", { class: "note" }, say("ui.shares_note"))];
  }

  function doubles(cluster) {
    if (!cluster.doubles.length) return [];
    return [heading("ui.doubles"), sentences(cluster.doubles.map(tell)), el("p", { class: "note" }, say("ui.doubles_note"))];
  }

  function alternatives(cluster) {
    if (!cluster.alternatives.length) return [heading("ui.alternatives"), el("p", {}, say("ui.alternatives_none"))];
    const names = (rows) => Words.listed(rows.map((row) => data.villages[row].name));
    const item = (other) => {
      const show = el("button", { type: "button", class: "plain-button", "aria-pressed": "false", click: () => {
        const on = show.getAttribute("aria-pressed") !== "true";
        for (const each of document.querySelectorAll(".alternatives [aria-pressed=true]")) {
          each.setAttribute("aria-pressed", "false");
        }
        show.setAttribute("aria-pressed", String(on));
        Draw.showAlternative(on ? other.members : null);
      } }, say("ui.alternative_show"));
      const facts = { n: other.members.length, people: other.people, score: other.score, longest: other.longest };
      const come = other.members.filter((row) => !cluster.members.includes(row));
      const leave = cluster.members.filter((row) => !other.members.includes(row));
      const lines = [say("say.alternative", facts),
        come.length && say("say.alternative_with", { names: names(come) }),
        leave.length && say("say.alternative_without", { names: names(leave) }),
        other.displaces.length && say("say.alternative_takes",
          { names: Words.listed(other.displaces.map((row) => told(data.clusters[row].label))) })];
      return el("li", {}, lines.filter(Boolean).map((line) => el("p", {}, line)), show);
    };
    return [heading("ui.alternatives"), el("ul", { class: "sentences alternatives" }, cluster.alternatives.map(item)),
      el("p", { class: "note" }, say("ui.alternatives_note"))];
  }

  function matrix(cluster, onVillage) {
    const rows = cluster.members.filter((row) => cluster.brings[row]);
    if (!rows.length) return [heading("ui.brings"), el("p", {}, say("ui.brings_none"))];
    const kinds = Object.keys(data.categories).filter((key) => rows.some((row) => cluster.brings[row][key]));
    const cell = (row, key) => {
      const count = cluster.brings[row][key];
      return el("td", count ? { class: "has" } : {}, count ? number(count, 0) : "");
    };
    const head = el("tr", {}, el("th", { scope: "col" }, say("ui.village")),
      kinds.map((key) => el("th", { scope: "col", class: "upright" }, el("span", {}, category(key)))));
    const body = rows.map((row) => el("tr", {}, el("th", { scope: "row" }, villageButton(row, onVillage)),
      kinds.map((key) => cell(row, key))));
    const table = el("table", { class: "matrix" }, el("thead", {}, head), el("tbody", {}, body));
    return [heading("ui.brings"),
      el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": say("ui.brings") }, table),
      el("p", { class: "note" }, say("ui.brings_note"))];
  }

  function missing(cluster) {
    if (!data.coverage.length) return []; // the data knows of no services at all
    if (!cluster.missing.length) return [heading("ui.missing"), el("p", {}, say("ui.missing_none"))];
    const item = ([key, minutes]) => el("li", {}, el("span", {}, category(key)),
      el("span", { class: "quiet" }, minutes === null ? say("ui.missing_far") : say("ui.minutes", { minutes })));
    return [heading("ui.missing"), el("ul", { class: "pairs" }, cluster.missing.map(item)),
      el("p", { class: "note" }, say("ui.missing_note", { hub: data.villages[cluster.hub].name }))];
  }

  function certainty(cluster) {
    return [heading("ui.certainty"), sentences(cluster.certainty.map(tell))];
  }

  function scoreParts(cluster) {
    const item = ([key], k) => {
      const weight = Ranking.share(k);
      const value = cluster.measures[k];
      const points = say("ui.points", { points: 100 * weight * value, most: 100 * weight });
      return el("li", {},
        el("div", { class: "measure" }, el("b", {}, say(`measure.${key}`)), el("span", { class: "quiet" }, points)),
        el("div", { class: "bar", "--share": value, "aria-hidden": "true" }),
        el("p", { class: "note" }, say(`measure.${key}_about`)));
    };
    return [heading("ui.score_parts"), el("ul", { class: "measures" }, data.measures.map(item)),
      heading("ui.change"), sentences(changes(cluster)),
      ...(cluster.ranked.length ? [heading("ui.ranked"), sentences(cluster.ranked.map(tell))] : [])];
  }

  /** By the reader's own weights another measure may cost most; what one village would change is not known for them. */
  function changes(cluster) {
    if (!Ranking.isOwn()) return cluster.change.map(tell);
    const lost = data.measures.map(([key], k) => ({ key, lost: 100 * Ranking.share(k) * (1 - cluster.measures[k]),
      most: 100 * Ranking.share(k) }));
    const most = lost.reduce((a, b) => (b.lost > a.lost ? b : a));
    return [say("say.weakest", { measure: `measure.${most.key}`, lost: most.lost, most: most.most })];
  }

  /** Only where a topic leads to another answer. */
  function topics(cluster) {
    const told = cluster.by_topic.flatMap((row) => row.told);
    return told.length ? [heading("ui.topics"), sentences(told.map(tell))] : [];
  }

  function body(cluster, onVillage) {
    return el("div", { class: "card-body" }, figures(cluster), why(cluster), members(cluster, onVillage),
      matrix(cluster, onVillage), shares(cluster), missing(cluster), doubles(cluster), spread(cluster),
      certainty(cluster), alternatives(cluster), topics(cluster), scoreParts(cluster));
  }

  function title(cluster, rank, score) {
    const line = say("say.fact_line", { n: cluster.members.length, people: cluster.population });
    return [el("span", { class: "rank" }, number(rank, 0)),
      el("span", { class: "title" }, el("span", { class: "name" }, told(cluster.label)),
        el("span", { class: "quiet" }, line)),
      el("span", { class: "score" }, el("b", {}, number(score, 1)),
        el("span", { class: "quiet" }, say("ui.score")))];
  }

  return { body, title, sentences };
})();
