// The rows of a long table, drawn as they come into view.
// A block of rows far from it is one empty row, as high as its rows were or are likely to be.

const BLOCK = 50; // rows
const NEAR = "900px"; // how far beyond the window blocks are drawn
const PRINTED = 100; // rows on paper: the worst ones

class RowList {
  // `drawRow(index, place)` gives the table rows of one item.
  constructor(table, drawRow) {
    this.table = table;
    this.drawRow = drawRow;
    this.rows = [];
    this.rowHeight = 44;
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: `${NEAR} 0px` });
    addEventListener("beforeprint", () => this.blocks().slice(0, PRINTED / BLOCK).forEach((block) => this.fill(block)));
  }

  blocks() {
    return [...this.table.tBodies];
  }

  show(rows, empty) {
    this.rows = rows;
    this.observer.disconnect();
    for (const body of this.blocks()) body.remove();
    this.table.setAttribute("aria-rowcount", rows.length + 1);
    for (let from = 0; from < rows.length; from += BLOCK) {
      const body = element("tbody", { role: "rowgroup", "data-from": from });
      this.table.append(body);
      if (from === 0) this.measure(body);
      else this.leave(body, Math.min(BLOCK, rows.length - from) * this.rowHeight);
      this.observer.observe(body);
    }
    if (!rows.length) this.table.append(element("tbody", {}, empty));
  }

  measure(body) {
    this.fill(body);
    if (body.offsetHeight) this.rowHeight = body.offsetHeight / body.rows.length;
  }

  fill(body) {
    if (body.drawn) return;
    const from = Number(body.dataset.from);
    const places = this.rows.slice(from, from + BLOCK).map((_, i) => from + i);
    body.replaceChildren(...places.flatMap((place) => this.drawn(place)));
    body.drawn = true;
  }

  drawn(place) {
    const [row, ...below] = this.drawRow(this.rows[place], place);
    row.setAttribute("aria-rowindex", place + 2);
    row.dataset.place = place;
    return [row, ...below];
  }

  leave(body, height) {
    const cell = element("td");
    cell.style.height = `${height}px`;
    body.replaceChildren(element("tr", { class: "spacer", "aria-hidden": "true" }, cell));
    body.drawn = false;
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.fill(target);
      // What is open may be playing: it stays.
      else if (target.drawn && !target.querySelector(".below, :focus")) this.leave(target, target.offsetHeight);
    }
  }

  // The row at a place, drawn if it was not.
  at(place) {
    const body = this.blocks()[Math.floor(place / BLOCK)];
    if (!body) return null;
    this.fill(body);
    return body.querySelector(`tr[data-place="${place}"]`);
  }

  redraw(place) {
    const row = this.at(place);
    if (!row) return;
    if (row.nextElementSibling?.classList.contains("below")) row.nextElementSibling.remove();
    row.replaceWith(...this.drawn(place));
  }
}
