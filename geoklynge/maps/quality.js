"use strict";
/*
 * Quality: how complete the data is, and how old.
 */
const Quality = (() => {
  const { data, say, tell, number, category } = Words;

  function table(kind, columns, rows) {
    const head = el("tr", {}, columns.map((key) => el("th", { scope: "col" }, say(key))));
    const line = ([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), rest.map((cell) => el("td", {}, cell)));
    return el("table", { class: `plain quality ${kind}` }, el("thead", {}, head), el("tbody", {}, rows.map(line)));
  }

  /** Kinds of services held against the country's average. */
  function completeness() {
    if (!data.completeness.length) return [];
    const [about, ...figures] = data.quality_said.map((sentence) => el("p", { class: "note" }, tell(sentence)));
    const row = (each) => [category(each.category), number(each.found, 0),
      each.expected === null ? "" : number(each.expected, each.expected < 10 ? 1 : 0), say(`verdict.${each.verdict}`)];
    return [el("h3", {}, say("quality.completeness")), about,
      table("complete", ["ui.category", "quality.found", "quality.expected", "quality.verdict"], data.completeness.map(row)),
      ...figures];
  }

  /** Years that the rows of each source name. */
  function years() {
    if (!data.years.length) return [];
    const year = (value) => (value === null ? "" : String(value));
    const what = (each) => (Words.has(`quality.table_${each.table}`) ? say(`quality.table_${each.table}`) : each.table);
    const row = (each) => [el("span", {}, `${each.file}: ${what(each)}`,
      each.old ? el("b", {}, ` (${say("quality.old")})`) : null),
    year(each.oldest), year(each.median), year(each.newest), number(each.undated, 0)];
    return [el("h3", {}, say("quality.years")), el("p", { class: "note" }, say("quality.years_note")),
      table("years", ["quality.source", "quality.oldest", "quality.median", "quality.newest", "quality.undated"],
        data.years.map(row))];
  }

  return { completeness, years };
})();
