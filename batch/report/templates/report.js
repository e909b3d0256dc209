// The table of recordings: sort, filter, open, links into it, and the keys.

class ReportPage {
  constructor(data, table) {
    this.data = data;
    settings.archive = data.archive;
    this.table = table;
    const measured = table.dataset.measured === "true";
    this.columns = columnsOf(measured);
    Object.assign(this, { sort: measured ? "errors" : "path", down: measured, slice: null, only: null, label: null });
    Object.assign(this, { rows: [], current: -1, open: null, detail: null, texts: new Map() });
    this.verdicts = new Verdicts(data);
    this.list = new RowList(table, (index, place) => this.drawRow(index, place));
    this.tally = reviewBar(this.verdicts, data, () => this.reopen());
    this.verdicts.changed = () => this.judged();
  }

  start() {
    for (const status of new Set(this.data.recordings.map((r) => r.status))) byId("status").append(element("option", { value: status }, status));
    for (const id of ["controls", "review", "table", "keys"]) byId(id).hidden = false;
    this.drawHead();
    this.listen();
    this.update();
    this.openFromHash();
  }

  // -- what is listed -------------------------------------------------------------------------

  textOf(index) {
    if (!this.texts.has(index)) {
      const r = this.data.recordings[index];
      this.texts.set(index, [r.path, r.id, r.status, r.kind, r.meta].filter(Boolean).join(" ").toLowerCase());
    }
    return this.texts.get(index);
  }

  matches(index, terms, status) {
    const r = this.data.recordings[index];
    if (status && r.status !== status) return false;
    if (this.only && !this.only.has(index)) return false;
    if (this.slice && !(r.n && this.data.slices[index][this.slice.column] === this.slice.value)) return false;
    return terms.every((term) => this.textOf(index).includes(term));
  }

  compare(column) {
    const least = Number(byId("least")?.value) || 0;
    const values = this.data.recordings.map((r) => column.value(r) ?? null);
    const short = this.data.recordings.map((r) => column.key === "wer" && spokenWords(r.n ?? [0, 0, 0]) < least);
    return (a, b) => {
      const [x, y] = [values[a], values[b]];
      if ((x === null) !== (y === null)) return x === null ? 1 : -1;
      if (short[a] !== short[b]) return short[a] ? 1 : -1;
      const order = typeof x === "string" ? inOrder(x, y) : x - y;
      return (this.down ? -order : order) || a - b;
    };
  }

  update() {
    const terms = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = byId("status").value;
    const all = this.data.recordings.map((_, index) => index);
    this.rows = all.filter((index) => this.matches(index, terms, status));
    this.rows.sort(this.compare(this.columns.find((column) => column.key === this.sort)));
    this.current = this.rows.indexOf(this.open);
    const none = element("td", { class: "none", role: "cell" }, "No recording matches. Press Esc to clear the filter.");
    this.list.show(this.rows, element("tr", { role: "row" }, none));
    this.drawCounts();
  }

  drawCounts() {
    const [some, all] = [this.rows.length, this.data.recordings.length];
    byId("shown").textContent = some === all ? counted(all, "recording") : `${grouped(some)} of ${counted(all, "recording")}`;
    const label = this.slice?.label ?? this.label;
    byId("chip").hidden = !(this.slice || this.only);
    byId("chip").textContent = `${label} ✕`;
    byId("chip").setAttribute("aria-label", `Show all recordings again, not only ${label}`);
  }

  // -- how a row looks ------------------------------------------------------------------------

  drawHead() {
    const cells = this.columns.map((column) => {
      const sorted = this.sort === column.key;
      const sorter = button(column.name, { class: "sort", title: column.title }, () => this.sortBy(column));
      return element("th", { scope: "col", role: "columnheader", class: classOf(column), "aria-sort": sorted ? (this.down ? "descending" : "ascending") : "none" }, sorter);
    });
    this.table.tHead.rows[0].replaceChildren(...cells);
  }

  sortBy(column) {
    this.down = this.sort === column.key ? !this.down : Boolean(column.down);
    this.sort = column.key;
    if (byId("worst") && (column.key === "errors" || column.key === "wer")) byId("worst").value = column.key;
    this.drawHead();
    this.update();
    this.table.tHead.querySelector("[aria-sort$=ending] button").focus();
  }

  drawRow(index, place) {
    const r = this.data.recordings[index];
    const opened = this.open === index;
    const name = element("button", { type: "button", class: "open", "aria-expanded": String(opened) }, element("bdi", {}, r.path));
    if (!missing(r.channel)) name.append(" ", element("span", { class: "channel" }, `channel ${r.channel}`));
    const head = element("th", { scope: "row", role: "rowheader" }, name, element("span", { class: "tags" }, tagsOf(this.verdicts, r)));
    if (r.meta) head.append(element("span", { class: "meta", dir: "auto" }, r.meta));
    const cells = this.columns.slice(1).map((column) => cellOf(column, r));
    const tr = element("tr", { class: "row", role: "row", "aria-current": this.current === place && "true" }, head, ...cells);
    if (!opened) return [tr];
    return [tr, element("tr", { class: "below", role: "row" }, element("td", { role: "cell" }, this.detail.node))];
  }

  judged() {
    for (const tr of this.table.querySelectorAll("tr.row")) {
      tr.querySelector(".tags").textContent = tagsOf(this.verdicts, this.data.recordings[this.rows[tr.dataset.place]]);
    }
    this.detail?.paint();
    this.tally();
  }

  // -- opening --------------------------------------------------------------------------------

  toggle(place, word = null) {
    const index = this.rows[place];
    const before = this.rows.indexOf(this.open);
    const opens = this.open !== index;
    this.detail?.sound.pause();
    this.open = opens ? index : null;
    this.detail = opens ? new Detail(this.data.recordings[index], this.verdicts, word) : null;
    if (before >= 0 && before !== place) this.list.redraw(before);
    this.list.redraw(place);
    this.select(place);
    this.remember();
  }

  // Drawn again, for sounds that lie elsewhere now.
  reopen() {
    if (this.open === null) return;
    this.detail.sound.pause();
    this.detail = new Detail(this.data.recordings[this.open], this.verdicts, null);
    if (this.rows.includes(this.open)) this.list.redraw(this.rows.indexOf(this.open));
  }

  select(place) {
    const row = this.list.at(place);
    if (!row) return;
    this.table.querySelector("[aria-current]")?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    this.current = place;
    row.querySelector("button.open").focus({ preventScroll: true });
    row.scrollIntoView({ block: this.open === this.rows[place] ? "start" : "nearest" });
  }

  step(by) {
    const place = Math.min(Math.max(this.current + by, 0), this.rows.length - 1);
    if (place < 0 || place === this.current) return;
    if (this.open === null) this.select(place);
    else this.toggle(place);
  }

  choose(node) {
    node.focus({ preventScroll: true });
    if (node.matches(".e")) this.detail.choose(node);
    this.remember(node.dataset.word);
  }

  stepError(by) {
    const marks = this.detail?.marks() ?? [];
    if (!marks.length) return;
    const at = marks.indexOf(this.detail.chosen);
    const next = marks[at < 0 ? (by > 0 ? 0 : marks.length - 1) : (at + by + marks.length) % marks.length];
    this.choose(next);
    next.scrollIntoView({ block: "center" });
  }

  space() {
    const sound = this.detail?.sound;
    if (!sound?.usable) return false;
    if (document.activeElement.matches(".e") && !sound.playing) this.detail.play(document.activeElement);
    else sound.toggle();
    return true;
  }

  clear() {
    byId("filter").value = byId("status").value = "";
    this.slice = this.only = this.label = null;
    document.activeElement.blur();
    this.update();
  }

  // A slice or a word error, chosen elsewhere on the page, narrows the table.
  narrow({ slice = null, only = null, label }) {
    Object.assign(this, { slice, only, label });
    byId("filter").value = byId("status").value = "";
    this.update();
    byId("recordings").scrollIntoView();
  }

  // -- links: #r=<id>:<channel>&w=<word> ------------------------------------------------------

  keyOf(r) {
    return encodeURIComponent(r.id) + (missing(r.channel) ? "" : `:${r.channel}`);
  }

  remember(word = null) {
    const r = this.data.recordings[this.open];
    const fragment = r ? `#r=${this.keyOf(r)}${word === null ? "" : `&w=${word}`}` : "#recordings";
    try { history.replaceState(null, "", fragment); } catch { /* some viewers forbid it */ }
  }

  openFromHash() {
    const [, key, word] = location.hash.match(/^#r=([^&]*)(?:&w=(r?\d+))?$/) ?? [];
    const index = key === undefined ? -1 : this.data.recordings.findIndex((r) => this.keyOf(r) === key);
    if (index < 0) return;
    if (!this.rows.includes(index)) this.clear();
    const number = word && !word.startsWith("r") ? Number(word) : null;
    const place = this.rows.indexOf(index);
    if (this.open === index) this.select(place);
    else this.toggle(place, number);
    const node = word && this.detail.find(word);
    if (!node) return;
    if (!node.hasAttribute("tabindex")) node.setAttribute("tabindex", "-1");
    this.choose(node);
    node.scrollIntoView({ block: "center" });
  }

  // -- listening ------------------------------------------------------------------------------

  onChoose({ dataset }) {
    const { column, value, kind, place } = dataset;
    if (!kind) return this.narrow({ slice: { column: Number(column), value, label: `${this.data.columns[column]}: ${value}` } });
    const words = [...document.querySelectorAll(`button[data-kind="${kind}"][data-place="${place}"] :is(del, ins)`)];
    const label = `${KINDS[kind]} ${words.map((word) => word.textContent).join(" → ")}`;
    this.narrow({ only: new Set(this.data.places[kind][place]), label });
  }

  onClick({ target }) {
    const chooser = target.closest("button[data-column], button[data-kind]");
    if (chooser) return this.onChoose(chooser);
    const row = target.closest("#table tr.row");
    if (row) return getSelection().toString() || this.toggle(Number(row.dataset.place));
    const word = this.detail && target.closest(".aligned [data-word]");
    if (!word) return;
    const mark = target.closest(".e");
    this.choose(mark ?? word);
    mark?.scrollIntoView({ block: "nearest" }); // not under its form
    this.detail.play(word);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea, audio, summary");
    if (typing && event.key !== "Escape") return;
    if (event.key === " " && event.target.matches("button:not(.open)")) return;
    const keys = {
      j: () => this.step(1), k: () => this.step(-1), n: () => this.stepError(1), p: () => this.stepError(-1),
      a: () => this.detail?.accept() ?? false, "/": () => byId("filter").focus(), Escape: () => this.clear(), " ": () => this.space(),
    };
    const action = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (action && action() !== false) event.preventDefault();
  }

  listen() {
    byId("controls").addEventListener("submit", (event) => event.preventDefault());
    for (const id of ["filter", "status", "least"]) byId(id)?.addEventListener("input", () => this.update());
    byId("worst")?.addEventListener("input", (event) => {
      Object.assign(this, { sort: event.target.value, down: true });
      this.drawHead();
      this.update();
    });
    byId("chip").addEventListener("click", () => this.clear());
    document.addEventListener("click", (event) => this.onClick(event));
    document.addEventListener("keydown", (event) => this.onKey(event));
    addEventListener("hashchange", () => this.openFromHash());
  }
}

async function main() {
  reachable();
  addEventListener("resize", reachable);
  const table = byId("table");
  if (!table) return;
  try {
    new ReportPage(await unpacked(byId("payload").textContent), table).start();
    document.documentElement.dataset.ready = "true";
    performance.mark("nightscribe-ready");
  } catch (error) {
    byId("unreadable").hidden = false;
    throw error;
  }
}

main();
