// What opens below a row: sound, alignment, verdicts, the previous run.

class Detail {
  constructor(recording, verdicts, wanted) {
    Object.assign(this, { recording, verdicts });
    this.sound = new Sound(recording);
    this.alignment = new Alignment(recording);
    this.node = element("div", { class: "detail" });
    this.node.append(...this.problem(), this.sound.node, ...this.text(wanted), ...this.review());
    this.paint();
  }

  problem() {
    const { kind, message } = this.recording;
    return kind || message ? [element("p", { class: "problem", dir: "auto" }, `${kind ?? "error"}: ${message ?? ""}`)] : [];
  }

  note(text) {
    return element("p", { class: "note" }, text);
  }

  text(wanted) {
    const { cut, ops, hyp, ref, status, previous } = this.recording;
    if (cut) return [this.note("This page holds the texts of the worst recordings only. This one is in the transcripts, its errors in errors.parquet.")];
    const nodes = [];
    if (ops !== undefined || hyp) {
      const now = this.alignment.draw(wanted);
      const title = element("h3", {}, `Now: ${counted(errorsOf(ops ?? ""), "error")}`);
      nodes.push(previous ? element("div", { class: "sides" }, drawPrevious(this.recording), element("div", { role: "group", "aria-label": "This run" }, title, now)) : now);
    } else if (status === "empty") nodes.push(this.note("The transcript is empty."));
    else if (status === "ok") nodes.push(this.note("Without a reference there is nothing to compare; the text is in the transcripts."));
    if (ops === "") nodes.push(this.note("Nothing was said and nothing was written."));
    if (ops === undefined && ref) nodes.push(element("h3", {}, "Reference"), element("p", { class: "aligned", dir: "auto" }, ref));
    return nodes;
  }

  review() {
    const { ops } = this.recording;
    if (ops === undefined) return [];
    this.slot = element("div", { class: "slot" });
    const form = new VerdictForm(this.verdicts, this.recording, [null], ["This recording"]);
    return [this.slot, form.node];
  }

  marks() {
    return [...this.node.querySelectorAll(".aligned .e")];
  }

  // The form of the error that was chosen; the old one goes.
  choose(mark) {
    if (this.chosen === mark) return;
    this.chosen?.classList.remove("chosen");
    this.chosen = mark;
    mark.classList.add("chosen");
    const words = [...mark.querySelectorAll("del, ins")].map((word) => element(word.localName, { dir: "auto" }, word.textContent));
    const title = [element("b", { class: `k ${mark.run.letter}` }, mark.run.letter), ...words.slice(0, 12).flatMap((word) => [word, " "]), words.length > 12 ? "…" : ""];
    this.form = new VerdictForm(this.verdicts, this.recording, errorsIn(mark.run, this.alignment), title);
    this.slot.replaceChildren(this.form.node);
  }

  accept() {
    if (!this.chosen) return false;
    this.form.press("acceptable");
    return true;
  }

  paint() {
    if (this.recording.ops) paintMarks(this.verdicts, this.recording, this.alignment, this.node);
  }

  play(target) {
    const node = target.closest("[data-start]");
    if (!node || node.dataset.start === "") return;
    this.sound.play(Number(node.dataset.start), Number(node.dataset.end));
  }

  // The word of a link; its mark where it is an error.
  find(word) {
    const node = this.node.querySelector(`.aligned [data-word="${CSS.escape(word)}"]`);
    return node?.closest(".e") ?? node;
  }
}
