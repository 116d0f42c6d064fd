"use strict";
/*
 * Cards: what is told of one cluster, built when its card is first opened.
 */
const Cards = (() => {
  const { data, say, tell, told, number, category } = Words;
  const heading = (key) => el("h3", {}, say(key));
  const sentences = (list, kind = "ul") => el(kind, { class: "sentences" }, list.map((text) => el("li", {}, text)));

  function villageButton(row, onVillage) {
    const village = data.villages[row];
    return el("button", { type: "button", class: "link", click: () => onVillage(row) }, village.name);
  }

  function figures(cluster) {
    const pair = (key, value) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, value));
    return el("dl", { class: "figures" },
      pair("ui.people", number(cluster.population, 0)),
      pair("ui.longest", say("ui.minutes", { minutes: cluster.longest })),
      pair("ui.mean", say("ui.minutes", { minutes: cluster.mean })));
  }

  function why(cluster) {
    const list = cluster.why.map(tell);
    return [heading("ui.why"), sentences(list),
      cluster.assumed ? el("p", { class: "note" }, say("say.assumed", { n: cluster.assumed })) : null];
  }

  function members(cluster, onVillage) {
    const item = (row) => {
      const village = data.villages[row];
      const people = (village.assumed ? "≈ " : "") + number(village.people, 0);
      return el("li", { class: `standing-${village.standing}` }, villageButton(row, onVillage),
        el("span", { class: "quiet" }, people));
    };
    return [heading("ui.members"), el("ul", { class: "members" }, cluster.members.map(item))];
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
    const item = ([key, weight], k) => {
      const value = cluster.measures[k];
      const points = say("ui.points", { points: 100 * weight * value, most: 100 * weight });
      return el("li", {},
        el("div", { class: "measure" }, el("b", {}, say(`measure.${key}`)), el("span", { class: "quiet" }, points)),
        el("div", { class: "bar", "--share": value, "aria-hidden": "true" }),
        el("p", { class: "note" }, say(`measure.${key}_about`)));
    };
    return [heading("ui.score_parts"), el("ul", { class: "measures" }, data.measures.map(item)),
      ...(cluster.ranked.length ? [heading("ui.ranked"), sentences(cluster.ranked.map(tell))] : [])];
  }

  /** Only where a topic leads to another answer. */
  function topics(cluster) {
    const told = cluster.by_topic.flatMap((row) => row.told);
    return told.length ? [heading("ui.topics"), sentences(told.map(tell))] : [];
  }

  function body(cluster, onVillage) {
    return el("div", { class: "card-body" }, figures(cluster), why(cluster), members(cluster, onVillage),
      certainty(cluster), topics(cluster), matrix(cluster, onVillage), missing(cluster), scoreParts(cluster));
  }

  function title(cluster) {
    const line = say("say.fact_line", { n: cluster.members.length, people: cluster.population });
    return [el("span", { class: "rank" }, number(cluster.rank, 0)),
      el("span", { class: "title" }, el("span", { class: "name" }, told(cluster.label)),
        el("span", { class: "quiet" }, line)),
      el("span", { class: "score" }, el("b", {}, number(cluster.score, 1)),
        el("span", { class: "quiet" }, say("ui.score")))];
  }

  return { body, title, sentences };
})();
