
// The report: filters in the address, cards, charts and tables of what they choose.

const WEEKS_ABOVE = 60;
const DEFAULT_DAYS = 28;
const MOST_TARGETS = 8;
const DAY = 86_400_000;

const start = Date.parse(page.from) / DAY;
const iso = (number) => new Date(number * DAY).toISOString().slice(0, 10);
const numberOf = (day) => Date.parse(day) / DAY;
const daysBetween = (from, to) => numberOf(to) - numberOf(from) + 1;

// ---- what is chosen

const counted = distinct(tables.queue_days, "report_date");
const incomplete = new Set(tables.queue_days.filter((row) => row.is_incomplete).map((row) => row.report_date));
const complete = counted.filter((day) => !incomplete.has(day));
const newest = complete.at(-1) ?? counted.at(-1) ?? page.to;
const standard = {
  from: [iso(numberOf(newest) - DEFAULT_DAYS + 1), counted[0] ?? page.from].sort().at(-1),
  to: newest,
  queue: "",
  channel: "",
};
const column = { queue: "queue_name", channel: "media_type" };
let choice = { ...standard };

function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  choice = { ...standard };
  for (const name of ["from", "to"]) if (/^\d{4}-\d\d-\d\d$/.test(said.get(name))) choice[name] = said.get(name);
  for (const name of ["queue", "channel"]) if (said.has(name)) choice[name] = said.get(name);
  for (const name of Object.keys(choice)) {
    const field = document.getElementById(name);
    field.value = choice[name];
    // A queue of another page's address: there is none of it here, and the field says so.
    if (field.value !== choice[name] && column[name]) {
      field.append(new Option(choice[name], choice[name]));
      field.value = choice[name];
    }
  }
}

function choose(changes) {
  const said = Object.entries({ ...choice, ...changes }).filter(([name, value]) => value && value !== standard[name]);
  const hash = new URLSearchParams(said).toString();
  if (hash === location.hash.slice(1)) show();
  else location.hash = hash;
}

// The filters that a table knows of, as they are chosen.
function heeded(name, { from, to, queue, channel } = choice) {
  const has = page.tables[name].columns;
  return {
    ...("report_date" in has && { from, to }),
    ...("queue_name" in has && queue && { queue }),
    ...("media_type" in has && channel && { channel }),
  };
}

const kept = new Map();

// The rows of a table that are chosen; of each table the last of them are kept.
function chosen(name, which = choice) {
  const { from, to, queue, channel } = heeded(name, which);
  const key = JSON.stringify([from, to, queue, channel]);
  if (kept.get(name)?.key !== key) {
    const rows = tables[name].filter((row) =>
      (!from || (from <= row.report_date && row.report_date <= to)) && (!queue || row.queue_name === queue) && (!channel || row.media_type === channel));
    kept.set(name, { key, rows });
  }
  return kept.get(name).rows;
}

// Which of the filters a table knows nothing of.
function unaffected(name) {
  const has = page.tables[name].columns;
  const words = [];
  if (choice.queue && !("queue_name" in has)) words.push("all queues");
  if (choice.channel && !("media_type" in has)) words.push("all channels");
  if (!("report_date" in has)) words.unshift("all days");
  return words.join(", ");
}

// ---- days, and weeks where there are many

const asDay = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const asWeek = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "2-digit", timeZone: "UTC" });
const hasWeeks = () => daysBetween(choice.from, choice.to) > WEEKS_ABOVE;

function periods() {
  const known = new Map();
  const weeks = hasWeeks();
  return ({ report_date: day }) => {
    if (!known.has(day)) {
      const number = numberOf(day);
      // The first of January 1970 was a Thursday.
      known.set(day, weeks ? asWeek.format((number - ((number + 3) % 7)) * DAY) : asDay.format(number * DAY).replace(",", ""));
    }
    return known.get(day);
  };
}

const two = (number) => String(number).padStart(2, "0");
const half_hour = ({ minute_of_day: minute }) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

// ---- what is shown

function rowsOf(chart) {
  const rows = chosen(chart.table);
  const days = new Set(rows.map((row) => row.report_date)).size;
  const found = grouped(rows, chart.by, { period: periods(), half_hour });
  if (!page.tables[chart.table].columns.day_count) for (const row of found) row.day_count = days;
  return found;
}

// Why there is nothing to draw; "" where there is something.
function reasonFor(chart, rows) {
  if (!tables[chart.table].length) return "Nothing of it was loaded in the days of this page.";
  if (!rows.length) return "There is nothing of it in what is chosen.";
  if (!chart.needs || rows.some((row) => row[chart.needs] !== null)) return "";
  return chart.nothing ?? "The source does not tell it.";
}

const CARDS = [
  ["queue_days", "offered_count"],
  ["queue_days", "answer_rate", "answered_count"],
  ["queue_days", "abandon_rate", "abandoned_count"],
  ["queue_days", "service_level"],
  ["queue_days", "average_speed_of_answer_seconds"],
  ["queue_days", "aht_seconds"],
  ["agent_days", "occupancy"],
];

// An e-mail may wait for a day: no mean of all channels says how soon calls are answered.
function ofChannels(name, measure) {
  const channels = grouped(chosen(name), ["media_type"]).filter((row) => row[measure] !== null);
  if (channels.length < 2) return [];
  channels.sort((one, other) => other.offered_count - one.offered_count);
  return channels.slice(0, 2).map((row) => `${inWords(measure, row[measure])} ${row.media_type}`);
}

function showCards() {
  const length = daysBetween(choice.from, choice.to);
  const before = { ...choice, from: iso(numberOf(choice.from) - length), to: iso(numberOf(choice.from) - 1) };
  const isThere = counted.length > 0 && counted[0] <= before.from;
  const sums = (which) => Object.fromEntries(["queue_days", "agent_days"].map((name) => [name, grouped(chosen(name, which), [])[0] ?? {}]));
  const [those, these] = [isThere ? sums(before) : {}, sums(choice)];
  const cards = CARDS.map(([name, measure, count]) => {
    const now = these[name][measure] ?? null;
    const card = element("div");
    const value = element("dd", inWords(measure, now), { "data-card": measure });
    const notes = [count && now !== null && `${inWords(count, these[name][count])} ${measures[count].title.toLowerCase()}`, unaffected(name)];
    const then = those[name]?.[measure] ?? null;
    const past = length === 1 ? "on the day before" : `in the ${length} days before`;
    const [was, is] = [inWords(measure, then), inWords(measure, now)];
    if (then !== null) notes.push(`${was === is ? "=" : now > then ? "▲" : "▼"} ${was} ${past}`);
    if (now === null) notes.push("not told");
    if (measure === "service_level" && these[name].service_level_target > 0) {
      for (const target of ["own_service_level", "service_level_target"]) notes.push(`${inWords(target, these[name][target])} ${measures[target].title.toLowerCase()}`);
    }
    if (measure === "average_speed_of_answer_seconds") notes.push(...ofChannels(name, measure));
    for (const note of notes) if (note) value.append(element("small", note));
    card.append(element("dt", measures[measure].title), value);
    return card;
  });
  document.getElementById("cards").replaceChildren(...cards);
}

// What the organisation promised, where it is measured: a queue's own line goes before that of all others.
function showTargets() {
  const lines = tables.service_levels.filter((line) => !choice.channel || line.media_type === choice.channel);
  const own = lines.filter((line) => line.queue_name !== null && (!choice.queue || line.queue_name === choice.queue));
  const others = lines.filter((line) => line.queue_name === null && !(choice.queue && own.some(({ media_type }) => media_type === line.media_type)));
  const told = [...others, ...own].map((line) => {
    const name = line.queue_name === null || choice.queue ? line.media_type : `${line.queue_name}, ${line.media_type}`;
    return `${name} ${Math.round(100 * line.service_level_share)} % in ${duration(line.service_level_seconds)}`;
  });
  const more = told.length > MOST_TARGETS ? ` and ${told.length - MOST_TARGETS} more` : "";
  document.getElementById("targets").textContent = told.length
    ? `Own targets are those of seeds/service_levels.csv: ${told.slice(0, MOST_TARGETS).join("; ")}${more}. Genesys counts by those that its queues have.`
    : "";
}

// Ranges that end with the newest whole day; the one that is shown is pressed.
function rangeOf(days) {
  const from = days === "all" ? counted[0] : iso(numberOf(newest) - Number(days) + 1);
  return { from: [from, counted[0]].sort().at(-1) ?? standard.from, to: newest };
}

function showRanges() {
  for (const button of document.querySelectorAll("[data-days]")) {
    const { from, to } = rangeOf(button.dataset.days);
    button.setAttribute("aria-pressed", String(choice.from === from && choice.to === to));
  }
}

function showTable(table) {
  const { table: name, by, columns, bar, chooses, warns = "" } = table.dataset;
  const rows = grouped(chosen(name, chooses ? { ...choice, [chooses]: "" } : choice), by.split(" "));
  const most = Math.max(1, ...rows.map((row) => row[bar] ?? 0));
  table.sorted ??= bar && { column: bar, down: true };
  fill(table, columns.split(" "), rows, (name, row) => {
    if (name === bar && row[bar] !== null) {
      const cell = document.createDocumentFragment();
      const length = element("span", undefined, { class: "bar", "aria-hidden": "true" });
      length.style.width = `${Math.round((90 * row[bar]) / most)}px`;
      cell.append(length, inWords(name, row[name]));
      return cell;
    }
    if (chooses && name === column[chooses]) {
      const isChosen = choice[chooses] === row[name];
      const button = element("button", row[name], { type: "button", "aria-pressed": String(isChosen), title: row[name] });
      button.addEventListener("click", () => choose({ [chooses]: isChosen ? "" : row[name] }));
      return button;
    }
    if (warns.split(" ").includes(name) && row[name] > 0) return element("span", `⚠ ${inWords(name, row[name])}`, { class: "warn" });
    return null;
  });
}

function showFreshness() {
  const line = document.getElementById("freshness");
  const read = tables.resources.map((row) => row.read_at).filter(Boolean).sort().at(-1);
  const counts = tables.resources.filter((row) => /queue_(aggregates|intervals)$/.test(row.resource));
  const through = counts.map((row) => row.loaded_through).filter(Boolean).sort()[0];
  const zone = tables.settings[0]?.report_time_zone;
  if (!read) return line.append(element("span", "Nothing has been loaded and built yet: make load, make transform.", { class: "warn" }));
  line.append(
    through ? `Queues counted through ${through} UTC, last read ${read} UTC. ` : `Last read ${read} UTC. `,
    `Days and hours are those of ${zone}. `,
  );
  const open = counted.filter((day) => incomplete.has(day));
  if (open.length) {
    const days = open.slice(-3).map((day) => asDay.format(numberOf(day) * DAY));
    const more = open.length > 3 ? ` and ${open.length - 3} days before` : "";
    line.append(element("span", `Not whole, and pale: ${days.join("; ")}${more}.`, { class: "warn" }));
  }
}

const figures = [];
let times = 0;

async function show() {
  const time = (times += 1);
  showCards();
  showTargets();
  showRanges();
  document.querySelectorAll("table[data-table]").forEach(showTable);
  for (const figure of figures) {
    const { chart, again, measure, pick } = figure;
    const note = unaffected(chart.table);
    const key = JSON.stringify([heeded(chart.table), measure?.value, pick?.value]);
    if (key === figure.key) await again(null, { note });
    else {
      let rows = rowsOf(chart);
      if (pick) rows = rows.filter((row) => row[chart.pick] === pick.value);
      if (measure) for (const row of rows) row.value = row[measure.value];
      const unit = measure && measures[measure.value].format === "share" ? ".0%" : ",.0f";
      await again(rows, { note, reason: reasonFor(chart, rows), unit, weeks: hasWeeks() });
      figure.key = key;
    }
    // A newer choice draws the rest.
    if (time !== times) return;
  }
  document.documentElement.dataset.shown = location.hash.slice(1);
}

const FURTHER = ["own_service_level", "service_level_target", "containment_share", "repeat_share"];

function showWords() {
  const list = document.querySelector("#words dl");
  for (const measure of [...CARDS.map(([, measure]) => measure), ...FURTHER]) list.append(element("dt", measures[measure].title), element("dd", measures[measure].definition));
}

async function begin() {
  for (const name of ["queue", "channel"]) {
    const field = document.getElementById(name);
    for (const value of distinct(tables.queue_days, column[name]).sort()) field.append(new Option(value, value));
  }
  for (const name of ["from", "to"]) {
    const field = document.getElementById(name);
    [field.min, field.max] = [page.from, page.to];
  }
  for (const name of Object.keys(choice)) {
    const field = document.getElementById(name);
    field.addEventListener("change", () => choose({ [name]: field.value || standard[name] }));
  }
  const form = document.getElementById("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    choose(standard);
  });
  for (const button of document.querySelectorAll("[data-days]")) button.addEventListener("click", () => choose(rangeOf(button.dataset.days)));
  window.addEventListener("hashchange", () => {
    readAddress();
    show();
  });

  for (const table of document.querySelectorAll("table[data-table]")) {
    if (!tables[table.dataset.table]) {
      table.remove();
      continue;
    }
    const region = element("div", undefined, { class: "table", tabindex: "0", role: "region", "aria-label": table.caption.firstChild.textContent.trim() });
    table.replaceWith(region);
    region.append(table);
  }
  readAddress();
  showFreshness();
  showWords();
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const chart = page.charts[figure.dataset.chart];
    const measure = figure.querySelector("select[data-measure]");
    let pick = null;
    if (chart.pick) {
      const label = element("label", measures[chart.pick].title);
      pick = label.appendChild(element("select"));
      for (const value of distinct(tables[chart.table], chart.pick).sort()) pick.append(new Option(value, value));
      figure.append(label);
    }
    figures.push({ chart, measure, pick, again: await drawn(figure, chart, []) });
    for (const field of [measure, pick]) field?.addEventListener("change", show);
  }
  await show();
  document.documentElement.dataset.ready = Math.round(performance.now());
}

begin();
