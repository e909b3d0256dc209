// The table of recordings: sort, filter, open, and the keys.

const CHUNK = 200; // rows drawn at a time
const data = JSON.parse(document.getElementById("payload").textContent);
const table = document.getElementById("table");

const sum = (counts) => counts[1] + counts[2] + counts[3];
const spokenWords = (counts) => counts[0] + counts[1] + counts[2];
const rate = (counts) => (counts && spokenWords(counts) ? sum(counts) / spokenWords(counts) : null);
const percent = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)}\u202f%`);
const grouped = (value) => (value === null || value === undefined ? "–" : String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f"));
const timeOf = (value) => (value === undefined ? "–" : clock(value));

const measured = table?.dataset.measured === "true";
// Columns: name, value to sort by, text to show, whether the largest comes first.
const COLUMNS = [
  { key: "path", name: "Recording", value: (r) => r.path },
  ...(measured
    ? [
        { key: "errors", name: "Errors", value: (r) => (r.n ? sum(r.n) : null), show: grouped, down: true },
        { key: "wer", name: "WER", value: (r) => rate(r.n), show: percent, down: true },
        { key: "S", name: "S", title: "Substitutions", value: (r) => r.n?.[1], show: grouped, down: true, minor: true },
        { key: "D", name: "D", title: "Deletions", value: (r) => r.n?.[2], show: grouped, down: true, minor: true },
        { key: "I", name: "I", title: "Insertions", value: (r) => r.n?.[3], show: grouped, down: true, minor: true },
        { key: "n", name: "N", title: "Words of reference", value: (r) => (r.n ? spokenWords(r.n) : null), show: grouped, down: true, minor: true },
        { key: "raw", name: "Raw WER", value: (r) => rate(r.raw), show: percent, down: true, minor: true },
        { key: "cer", name: "CER", value: (r) => r.cer, show: percent, down: true, minor: true },
      ]
    : [{ key: "words", name: "Words", value: (r) => (r.hyp === undefined ? null : tokensOf(r.hyp).length), show: grouped, down: true }]),
  { key: "duration", name: "Length", value: (r) => r.duration, show: timeOf, down: true, minor: true },
  { key: "confidence", name: "Confidence", value: (r) => r.confidence, show: (v) => v?.toFixed(2) ?? "–", down: true, minor: true },
  { key: "status", name: "Status", value: (r) => r.status },
];

const state = {
  sort: measured ? "errors" : "path", down: measured, shown: CHUNK,
  slice: null, only: null, rows: [], current: -1, open: null, detail: null,
};
const byId = (id) => document.getElementById(id);
const hashOf = (r) => `#r=${encodeURIComponent(r.id)}${r.channel === undefined ? "" : `:${r.channel}`}`;
const haystack = new Map();

function textOf(index) {
  if (!haystack.has(index)) {
    const r = data.recordings[index];
    haystack.set(index, [r.path, r.id, r.status, r.kind, r.meta].filter(Boolean).join(" ").toLowerCase());
  }
  return haystack.get(index);
}

function matches(index, terms, status) {
  const r = data.recordings[index];
  if (status && r.status !== status) return false;
  if (state.only && !state.only.has(index)) return false;
  if (state.slice && !(r.n && data.slices[index][state.slice.column] === state.slice.value)) return false;
  return terms.every((term) => textOf(index).includes(term));
}

function compare(column) {
  const least = Number(byId("least")?.value) || 0;
  const value = (index) => column.value(data.recordings[index]) ?? null;
  const short = (index) => column.key === "wer" && spokenWords(data.recordings[index].n ?? [0, 0, 0]) < least;
  return (a, b) => {
    const [x, y] = [value(a), value(b)];
    if ((x === null) !== (y === null)) return x === null ? 1 : -1;
    if (short(a) !== short(b)) return short(a) ? 1 : -1;
    const order = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (state.down ? -order : order) || a - b;
  };
}

function update() {
  const terms = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const status = byId("status").value;
  const all = data.recordings.map((_, index) => index);
  state.rows = all.filter((index) => matches(index, terms, status));
  state.rows.sort(compare(COLUMNS.find((column) => column.key === state.sort)));
  state.shown = CHUNK;
  state.current = state.rows.indexOf(state.open);
  draw();
}

function drawHead() {
  const cells = COLUMNS.map((column) => {
    const sorted = state.sort === column.key;
    const button = element("button", { type: "button", class: "sort", title: column.title }, column.name);
    button.addEventListener("click", () => sortBy(column));
    return element("th", { scope: "col", class: classOf(column), "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" }, button);
  });
  table.tHead.rows[0].replaceChildren(...cells);
}

function sortBy(column) {
  state.down = state.sort === column.key ? !state.down : Boolean(column.down);
  state.sort = column.key;
  if (byId("worst") && (column.key === "errors" || column.key === "wer")) byId("worst").value = column.key;
  update();
  table.tHead.querySelector("[aria-sort$=ending] button").focus();
}

const classOf = (column) => [column.show && "num", column.minor && "minor"].filter(Boolean).join(" ") || null;

function cell(column, r) {
  const value = column.value(r);
  if (column.key === "status") return element("td", {}, element("span", { class: `status ${r.status}` }, r.status));
  const td = element("td", { class: classOf(column) }, column.show(value));
  if (column.key === "wer" && value !== null) {
    const meter = element("meter", { min: 0, max: 1, value: Math.min(value, 1), "aria-hidden": "true" });
    td.replaceChildren(meter, element("span", {}, column.show(value)));
  }
  return td;
}

function row(index, place) {
  const r = data.recordings[index];
  const opened = state.open === index;
  const name = element("button", { type: "button", class: "open", "aria-expanded": String(opened) });
  name.append(element("bdi", {}, r.path));
  if (r.channel !== undefined) name.append(element("span", { class: "channel" }, `channel ${r.channel}`));
  const head = element("th", { scope: "row" }, name);
  if (r.meta) head.append(element("span", { class: "meta", dir: "auto" }, r.meta));
  const cells = COLUMNS.slice(1).map((column) => cell(column, r));
  const tr = element("tr", { class: "row", "data-place": place, "aria-current": state.current === place && "true" }, head, ...cells);
  if (!opened) return [tr];
  // Kept while it is open: an alignment may hold ten thousand words, and its sound may be playing.
  if (state.detail?.index !== index) state.detail = { index, node: drawDetail(r) };
  const below = element("td", { colspan: COLUMNS.length }, state.detail.node);
  return [tr, element("tr", { class: "below" }, below)];
}

function draw() {
  drawHead();
  const rows = state.rows.slice(0, state.shown).flatMap(row);
  if (!rows.length) rows.push(element("tr", {}, element("td", { class: "none", colspan: COLUMNS.length }, "No recording matches. Press Esc to clear the filter.")));
  table.tBodies[0].replaceChildren(...rows);
  const [some, all] = [state.rows.length, data.recordings.length];
  const noun = all === 1 ? "recording" : "recordings";
  byId("shown").textContent = some === all ? `${grouped(all)} ${noun}` : `${grouped(some)} of ${grouped(all)} ${noun}`;
  const left = state.rows.length - state.shown;
  byId("more").hidden = left <= 0;
  byId("more").textContent = `Show ${Math.min(left, CHUNK)} more of ${grouped(left)}`;
  const label = state.slice?.label ?? state.label;
  byId("chip").hidden = !(state.slice || state.only);
  byId("chip").textContent = `${label} ✕`;
  byId("chip").setAttribute("aria-label", `Show all recordings again, not only ${label}`);
}

function toggle(place) {
  const index = state.rows[place];
  state.open = state.open === index ? null : index;
  select(place);
  const fragment = state.open === null ? "#recordings" : hashOf(data.recordings[index]);
  try { history.replaceState(null, "", fragment); } catch { /* some viewers forbid it */ }
}

function select(place) {
  state.current = place;
  state.shown = Math.max(state.shown, place + 1);
  draw();
  const tr = table.querySelector(`tr[data-place="${place}"]`);
  tr?.querySelector("button.open").focus({ preventScroll: true });
  tr?.scrollIntoView({ block: state.open === state.rows[place] ? "start" : "nearest" });
}

function step(by) {
  const place = Math.min(Math.max(state.current + by, 0), state.rows.length - 1);
  if (place < 0 || place === state.current) return;
  if (state.open === null) select(place);
  else toggle(place);
}

function stepError(by) {
  const marks = [...table.querySelectorAll(".detail .e")];
  if (!marks.length) return;
  const at = marks.indexOf(document.activeElement);
  const next = marks[at < 0 ? (by > 0 ? 0 : marks.length - 1) : (at + by + marks.length) % marks.length];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "center" });
}

function play(target) {
  const audio = table.querySelector(".detail audio");
  const start = target.closest("[data-start]")?.dataset.start;
  if (!audio || start === undefined || start === "") return;
  audio.currentTime = Math.max(0, Number(start) - LEAD);
  audio.play().catch(() => {});
}

function space() {
  const audio = table.querySelector(".detail audio");
  if (!audio) return false;
  if (document.activeElement.matches(".e") && audio.paused) play(document.activeElement);
  else if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
  return true;
}

function clear() {
  byId("filter").value = "";
  byId("status").value = "";
  state.slice = state.only = state.label = null;
  document.activeElement.blur();
  update();
}

const KEYS = {
  j: () => step(1), k: () => step(-1), n: () => stepError(1), p: () => stepError(-1),
  "/": () => byId("filter").focus(), Escape: clear, " ": space,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea, audio");
  if (typing && event.key !== "Escape") return;
  const action = KEYS[event.key];
  if (action && action() !== false) event.preventDefault();
}

// A slice or a word error, chosen elsewhere on the page, narrows the table.
function narrow({ slice = null, only = null, label }) {
  Object.assign(state, { slice, only, label });
  byId("filter").value = byId("status").value = "";
  update();
  byId("recordings").scrollIntoView();
}

function onChoose(button) {
  const { column, value, kind, place } = button.dataset;
  if (kind) {
    const words = [...button.querySelectorAll("del, ins")].map((word) => word.textContent).join(" → ");
    narrow({ only: new Set(data.places[kind][place]), label: `${KINDS[kind]} ${words}` });
  } else narrow({ slice: { column: Number(column), value, label: `${data.columns[column]}: ${value}` } });
}

function openFromHash() {
  const index = data.recordings.findIndex((r) => hashOf(r) === location.hash);
  if (index >= 0 && state.open !== index) toggle(state.rows.indexOf(index));
}

function listen() {
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["filter", "status", "least"]) byId(id)?.addEventListener("input", update);
  byId("worst")?.addEventListener("input", (event) => {
    Object.assign(state, { sort: event.target.value, down: true });
    update();
  });
  byId("more").addEventListener("click", () => { state.shown += CHUNK; draw(); });
  byId("chip").addEventListener("click", clear);
  table.tBodies[0].addEventListener("click", (event) => {
    const tr = event.target.closest("tr.row");
    if (tr && !getSelection().toString()) toggle(Number(tr.dataset.place));
    else play(event.target);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-column], button[data-kind]");
    if (button) onChoose(button);
  });
  addEventListener("hashchange", openFromHash);
}

if (table) {
  for (const status of new Set(data.recordings.map((r) => r.status))) byId("status").append(element("option", { value: status }, status));
  for (const id of ["controls", "table", "keys"]) byId(id).hidden = false;
  listen();
  update();
  openFromHash();
}
