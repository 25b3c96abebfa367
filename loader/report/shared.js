"use strict";

// What all pages do: unpack the tables, add up rows, write numbers, fill tables, draw charts.

const page = JSON.parse(document.getElementById("data").textContent);
const measures = page.measures;

// ---- rows

const byTime = (one, other) =>
  (one.report_date ?? "").localeCompare(other.report_date ?? "") || (one.minute_of_day ?? 0) - (other.minute_of_day ?? 0);

function unpacked(column, length) {
  if (column === null) return new Array(length).fill(null);
  if (Array.isArray(column)) return column;
  if (column.codes) return column.codes.map((code) => column.words[code]);
  const values = [];
  for (let at = 0; at < column.runs.length; at += 2) values.push(...new Array(column.runs[at + 1]).fill(column.words[column.runs[at]]));
  return values;
}

function records({ length, columns }) {
  const read = Object.entries(columns).map(([name, column]) => [name, unpacked(column, length)]);
  const rows = [];
  for (let row = 0; row < length; row += 1) {
    const record = {};
    for (const [name, values] of read) record[name] = values[row];
    rows.push(record);
  }
  return rows.sort(byTime);
}

const tables = Object.fromEntries(Object.entries(page.tables).map(([name, table]) => [name, records(table)]));

const ratio = (part, whole) => (whole > 0 && part !== null ? part / whole : null);
// What columns of a row add up to; null where one is not known.
const total = (row, columns) => columns.reduce((sum, column) => (sum === null || row[column] === null ? null : sum + row[column]), 0);
const distinct = (rows, column) => [...new Set(rows.map((row) => row[column]))].filter((value) => value !== null);

// One row per combination of `by`: numbers added up (null where none is known), truths if any is,
// and the measures that are quotients of sums. `derived` are columns made of a row.
function grouped(rows, by, derived = {}) {
  const of = by.map((column) => derived[column] ?? ((row) => row[column] ?? null));
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !by.includes(column));
  const typed = (kind) => columns.filter((column) => typeof rows.find((row) => row[column] !== null)?.[column] === kind);
  const [numbers, truths] = [typed("number"), typed("boolean")];
  const groups = new Map();
  for (const row of rows) {
    let key = "";
    for (const at of of) key += `${at(row)}\u0000`;
    let group = groups.get(key);
    if (!group) {
      group = {};
      by.forEach((column, place) => (group[column] = of[place](row)));
      for (const column of columns) group[column] = null;
      groups.set(key, group);
    }
    for (const column of numbers) if (row[column] !== null) group[column] += row[column];
    for (const column of truths) if (row[column] !== null) group[column] ||= row[column];
  }
  const found = [...groups.values()];
  for (const [name, { of: parts }] of Object.entries(measures)) {
    if (!parts?.flat().every((column) => columns.includes(column))) continue;
    for (const group of found) group[name] = ratio(...parts.map((columns) => total(group, columns)));
  }
  return found;
}

// ---- words

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const duration = (seconds) => {
  const rounded = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)}:${two(rounded % 60)} min`;
  return `${Math.floor(rounded / 3600)}:${two(Math.floor((rounded % 3600) / 60))} h`;
};
const written = {
  text: (value) => String(value),
  count: (value) => whole.format(value),
  number: (value) => value.toFixed(1),
  share: (value) => `${(100 * value).toFixed(1)} %`,
  seconds: duration,
};
const inWords = (column, value) => (value === null || value === undefined ? "–" : written[measures[column].format](value));

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// ---- tables

// Fills a table; `cell` may return a node in place of the text. A click on a heading sorts.
function fill(table, columns, rows, cell = () => null) {
  const sorted = table.sorted;
  const shown = sorted ? [...rows].sort((one, other) => compared(one[sorted.column], other[sorted.column], sorted.down)) : rows;
  const head = element("thead");
  const body = element("tbody");
  const line = head.insertRow();
  for (const column of columns) {
    const isText = measures[column].format === "text";
    const heading = element("th", undefined, { scope: "col", class: isText ? "text" : "" });
    if (sorted?.column === column) heading.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
    const button = element("button", measures[column].title, { type: "button" });
    button.addEventListener("click", () => {
      table.sorted = { column, down: sorted?.column === column ? !sorted.down : !isText };
      fill(table, columns, rows, cell);
      table.querySelectorAll("th button")[columns.indexOf(column)].focus();
    });
    heading.append(button);
    line.append(heading);
  }
  for (const row of shown) {
    const filled = body.insertRow();
    for (const column of columns) {
      const place = filled.insertCell();
      if (measures[column].format === "text") place.className = "text";
      place.append(cell(column, row) ?? inWords(column, row[column]));
    }
  }
  table.tHead?.remove();
  for (const old of [...table.tBodies]) old.remove();
  table.append(head, body);
}

// Nulls last, whichever way.
function compared(one, other, down) {
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return down ? -order : order;
}

const MOST_LINES = 500;

// ---- charts

// Draws a chart into a figure and returns what draws it again with other rows.
async function drawn(figure, chart, rows, signals = {}) {
  const space = element("div", undefined, { class: "chart" });
  const nothing = element("p", undefined, { class: "nothing", hidden: "" });
  const details = element("details");
  const table = element("table");
  const scroll = element("div", undefined, { tabindex: "0", role: "region", "aria-label": `${chart.title}, as a table` });
  scroll.append(table);
  details.append(element("summary", "as a table"), scroll);
  const below = figure.querySelectorAll("p");
  const caption = element("figcaption");
  const title = caption.appendChild(element("span", chart.title));
  caption.append(...figure.querySelectorAll("label"));
  figure.prepend(caption);
  figure.append(nothing, space, details, ...below);

  const spec = structuredClone(chart.vega);
  spec.data.find((set) => set.name === chart.table).values = rows;
  for (const signal of spec.signals ?? []) if (signal.name in signals) signal.value = signals[signal.name];
  const { view } = await window.vegaEmbed(space, spec, {
    mode: "vega", actions: false, renderer: "svg", ast: true, hover: true, logLevel: 1, tooltip: { theme: "light" },
  });
  let last = rows;
  const write = () => details.open && fill(table, chart.columns, last.slice(0, MOST_LINES));
  details.addEventListener("toggle", write);

  // Without rows what is drawn stays, and only what is said beside it changes.
  return async (fresh, { note = "", reason = "", ...others } = {}) => {
    title.replaceChildren(chart.title, ...(note ? [" ", element("small", note)] : []));
    if (!fresh) return;
    last = fresh;
    nothing.hidden = !reason;
    nothing.textContent = reason;
    space.hidden = details.hidden = Boolean(reason);
    for (const [name, value] of Object.entries(others)) if (name in view.getState().signals) view.signal(name, value);
    view.data(chart.table, fresh);
    await view.resize().runAsync();
    write();
  };
}
