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
    const { rank } = Ranking.listed();
    const row = (cluster, place) => [told(cluster.label), number(rank[place], 0), number(Ranking.score(cluster), 1),
      number(cluster.members.length, 0), number(cluster.population, 0), say("ui.square", { value: cluster.area }),
      say("ui.minutes", { minutes: cluster.longest }), say("ui.minutes", { minutes: cluster.mean }),
      cluster.missing.map(([key]) => category(key)).join(", ")];
    return table("ui.clusters", ["ui.name", "ui.rank", "ui.score", "ui.villages", "ui.people", "ui.area", "ui.longest",
      "ui.mean", "ui.missing"], data.clusters.map(row));
  }

  const kinds = data.villages.map(() => new Set());
  for (const [key, rows] of Object.entries(data.services)) {
    for (const [, , , village] of rows) if (village >= 0) kinds[village].add(key);
  }

  function villages() {
    const { compare } = new Intl.Collator(Words.language);
    const inAlphabet = [...data.villages].sort((a, b) => compare(a.name, b.name) || a.row - b.row);
    const place = (village) => [village.cluster >= 0
      ? `${told(data.clusters[village.cluster].label)} (${say(`standing.${village.standing}`)}, ${Words.percent(village.certainty)})`
      : say(`why_alone.${village.why}`),
    village.other >= 0 && say("say.leans", { other: data.clusters[village.other].label, share: village.other_share })];
    const row = (village) => [village.name, [village.parish, village.municipality].filter(Boolean).join(", "),
      Words.people(village), Words.type(village), place(village).filter(Boolean).join("; "),
      Object.keys(data.categories).filter((key) => kinds[village.row].has(key)).map(category).join(", "),
      [...village.strengths, ...village.challenges].map(tell).join("; ")];
    return table("ui.villages", ["ui.village", "ui.place", "ui.people", "ui.type", "ui.name", "ui.services",
      "ui.traits"], inAlphabet.map(row));
  }

  function services() {
    const rows = Object.entries(data.services).flatMap(([key, list]) => list.map(([name, , , village]) =>
      [category(key), name || "", village >= 0 ? data.villages[village].name : ""]));
    return table("ui.services", ["ui.category", "ui.called", "ui.village"], rows);
  }

  /** A country's services are 20,000 rows: each table is built when somebody opens it. */
  function part(key, draw, open) {
    const section = el("details", { class: "table-part", open }, el("summary", {}, say(key)));
    const fill = () => section.children.length < 2 && section.append(draw());
    section.addEventListener("toggle", () => section.open && fill());
    if (open) fill();
    return section;
  }

  function open() {
    find("table-body").replaceChildren(part("ui.clusters", clusters, true), part("ui.villages", villages, true),
      part("ui.services", services, false));
    find("table").showModal();
  }

  return { open };
})();
