"use strict";
/*
 * Words fills the texts of the language files, by the rules of texts.py.
 * Whatever it returns is plain text and is only ever put into text nodes and attributes, never into markup.
 */
const Words = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const separators = { da: [".", ","], en: [",", "."] };
  const and = { da: " og ", en: " and " };
  const percentSign = { da: "\u00a0%", en: "%" };
  let language = data.language;

  function number(value, digits) {
    const [thousands, point] = separators[language];
    const [whole, part] = value.toFixed(digits).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, thousands);
    return part ? grouped + point + part : grouped;
  }

  function percent(share, digits = 0) {
    return number(Number((share * 100).toFixed(6)), digits) + percentSign[language];
  }

  function listed(names) {
    if (names.length < 2) return names.join("");
    return names.slice(0, -1).join(", ") + and[language] + names[names.length - 1];
  }

  function date(text) {
    const whole = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
    return whole && language === "da" ? `${Number(whole[3])}.${Number(whole[2])}.${whole[1]}` : text;
  }

  function category(key) {
    return data.categories[key]?.[language] ?? key;
  }

  function fill(value, form) {
    if (/^\d$/.test(form)) return number(value, Number(form));
    if (form === "g") return number(value, [0, 1].find((digits) => Number(value.toFixed(digits)) === value) ?? 2);
    if (form === "p" || form === "q") return percent(value, form === "p" ? 0 : 2);
    if (form === "c") return listed(value.map(([key, share]) => `${category(key)} (${percent(share)})`));
    if (form === "s") return listed(value.map(([name, share]) => `${name} (${percent(share)})`));
    if (form === "k") return listed(value.map(category));
    if (form === "o") return data.topics[value][language];
    if (form === "t") return listed([].concat(value).map((key) => data.texts[language][key]));
    if (form === "n") return told(value);
    return Array.isArray(value) ? listed(value) : value;
  }

  /** A name as it is, a sentence told, or several sentences with a semicolon between. */
  function told(value) {
    if (typeof value === "string") return value;
    return typeof value[0] === "string" ? say(...value) : value.map(told).join("; ");
  }

  function say(key, args = {}) {
    const known = data.texts[language];
    const template = known[args.n === 1 && known[`${key}_one`] ? `${key}_one` : key];
    return template.replace(/\{(\w+)(?::(\w))?\}/g, (_, name, form) => fill(args[name], form || ""));
  }

  const about = (thing) => (thing.assumed ? "≈ " : "");

  return {
    data,
    number,
    /** The one of two texts, by language, that the page speaks now. */
    ours: (texts) => texts[language],
    /** How many people live in a village; ≈ before a number that is not known. */
    people: (village) => about(village) + number(village.people, 0),
    /** Where its people live, if a population grid says so. */
    whence: (village) => {
      if (village.from_grid) return say("say.village_from_grid", { n: village.people });
      if (!village.around) return "";
      return say("say.village_around", { n: village.people, own: village.people - village.around, around: village.around });
    },
    /** The plain type of a village, which rests on that number. */
    type: (village) => about(village) + village.type.map((key) => say(key)).join(", "),
    percent,
    date,
    category,
    say,
    told,
    listed,
    tell: ([key, args]) => say(key, args),
    has: (key) => Object.hasOwn(data.texts[language], key),
    get language() {
      return language;
    },
    set language(chosen) {
      if (Object.hasOwn(data.texts, chosen)) language = chosen;
    },
  };
})();

/* Villages come as columns and rows, to keep the file small. */
Words.data.villages = Words.data.villages.rows.map((row, number) =>
  Object.fromEntries([["row", number], ...Words.data.villages.columns.map((name, k) => [name, row[k]])]));

/** Make an element. Children are nodes or text; attributes that are functions listen to the event of their name. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name.startsWith("--")) made.style.setProperty(name, value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null));
  return made;
}
