"use strict";
/*
 * Tables: all that the map shows, in rows, for whoever cannot see it or wants to read it in order.
 */
const Tables = (() => {
  const { data, say, tell, told, number, category } = Words;
  const find = (id) => document.getElementById(id);

  function table(caption, columns, rows) {
    const head = el("tr", {}, columns.map((key) => el("th", { scope: "col" }, say(key))));
    const line = ([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), rest.map((cell) => el("td", {}, cell)));
    return el("table", { class: "plain" }, el("caption", {}, say(caption)), el("thead", {}, head),
      el("tbody", {}, rows.map(line)));
  }

  function clusters() {
    const row = (cluster) => [told(cluster.label), number(cluster.rank, 0), number(cluster.score, 1),
      number(cluster.members.length, 0), number(cluster.population, 0), say("ui.square", { value: cluster.area }),
      say("ui.minutes", { minutes: cluster.longest }), say("ui.minutes", { minutes: cluster.mean }),
      cluster.missing.map(([key]) => category(key)).join(", ")];
    return table("ui.clusters", ["ui.name", "ui.rank", "ui.score", "ui.villages", "ui.people", "ui.area", "ui.longest",
      "ui.mean", "ui.missing"], data.clusters.map(row));
  }

  function villages() {
    const inAlphabet = [...data.villages].sort((a, b) => a.name.localeCompare(b.name, Words.language) || a.row - b.row);
    const place = (village) => (village.cluster >= 0
      ? `${told(data.clusters[village.cluster].label)} (${say(`standing.${village.standing}`)}, ${Words.percent(village.certainty)})`
      : say(`why_alone.${village.why}`));
    const here = (village) => (village.cluster >= 0 ? data.clusters[village.cluster].brings[village.row] : null) || {};
    const row = (village) => [village.name, [village.parish, village.municipality].filter(Boolean).join(", "),
      (village.assumed ? "≈ " : "") + number(village.people, 0), village.type.map((key) => say(key)).join(", "),
      place(village), Object.keys(here(village)).map(category).join(", "),
      [...village.strengths, ...village.challenges].map(tell).join("; ")];
    return table("ui.villages", ["ui.village", "ui.place", "ui.people", "ui.type", "ui.name", "ui.services",
      "ui.traits"], inAlphabet.map(row));
  }

  function open() {
    find("table-body").replaceChildren(clusters(), villages());
    find("table").showModal();
  }

  return { open };
})();
