"use strict";
// Draws one recording's alignment: the reference with its corrections, as an editor marks a text.
// Text enters the page by textContent and attributes only, so it can never become markup.

const LEAD = 0.5; // seconds of sound before a word, so that its beginning is heard
const LONG_RUN = 40; // correct words in a row beyond which the middle is folded away
const KEPT = 12; // words left at each end of a folded run
const KINDS = { S: "substitution", D: "deletion", I: "insertion" };

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

// "12=1S3D" to runs with their place in both token lists.
function runsOf(ops) {
  const runs = [];
  let ref = 0;
  let hyp = 0;
  for (const [, length, letter] of ops.matchAll(/(\d+)([=SDI])/g)) {
    const run = { letter, length: Number(length), ref, hyp };
    if (letter !== "I") ref += run.length;
    if (letter !== "D") hyp += run.length;
    runs.push(run);
  }
  return runs;
}

function tokensOf(text) {
  return text ? text.split(" ") : [];
}

class Alignment {
  constructor(recording) {
    this.recording = recording;
    this.ref = tokensOf(recording.ops === undefined ? "" : recording.ref);
    this.hyp = tokensOf(recording.hyp);
  }

  start(index) {
    const start = this.recording.starts?.[index] ?? -1;
    return start < 0 ? null : start / 100;
  }

  // Where to listen for a run: its first word with a time, for a gap the word before it.
  startOf(run) {
    const from = run.letter === "D" ? run.hyp - 1 : run.hyp;
    return this.start(Math.max(from, 0)) ?? this.start(run.hyp);
  }

  word(side, index, tag = "span") {
    const token = this[side][index];
    const written = this.recording[`${side}Written`]?.[index];
    const start = side === "hyp" ? this.start(index) : null;
    const title = [written && `written “${written}”`, start !== null && clock(start)];
    return element(
      tag,
      { title: title.filter(Boolean).join(" · ") || null, "data-start": start, dir: "auto" },
      token,
    );
  }

  words(side, from, length, tag) {
    const nodes = [];
    for (let i = from; i < from + length; i++) nodes.push(this.word(side, i, tag), " ");
    return nodes;
  }

  correct(run) {
    if (run.length <= LONG_RUN) return this.words("hyp", run.hyp, run.length);
    const hidden = run.length - 2 * KEPT;
    const fold = element("button", { type: "button", class: "fold" }, `… ${hidden} correct words …`);
    fold.addEventListener("click", () => {
      fold.replaceWith(...this.words("hyp", run.hyp + KEPT, hidden));
    });
    return [
      ...this.words("hyp", run.hyp, KEPT),
      fold,
      " ",
      ...this.words("hyp", run.hyp + run.length - KEPT, KEPT),
    ];
  }

  mark(run) {
    const { letter, length } = run;
    const name = length > 1 && letter !== "S" ? `${length} ${KINDS[letter]}s` : KINDS[letter];
    const mark = element("span", { class: `e ${letter}`, tabindex: "-1", role: "group", "aria-label": name });
    mark.dataset.start = this.startOf(run) ?? "";
    const key = length > 1 && letter !== "S" ? `${letter}×${length}` : letter;
    mark.append(element("b", { class: `k ${letter}`, title: name }, key));
    if (letter !== "I") mark.append(...this.words("ref", run.ref, length, "del"));
    if (letter !== "D") mark.append(...this.words("hyp", run.hyp, length, "ins"));
    mark.lastChild.remove(); // the space after the last word
    return [mark, " "];
  }

  draw() {
    const text = element("p", { class: "aligned", dir: "auto" });
    if (this.recording.ops === undefined) {
      text.append(...this.words("hyp", 0, this.hyp.length));
      return text;
    }
    for (const run of runsOf(this.recording.ops)) {
      if (run.letter === "=") text.append(...this.correct(run));
      else if (run.letter !== "S") text.append(...this.mark(run));
      else {
        for (let i = 0; i < run.length; i++) {
          text.append(...this.mark({ letter: "S", length: 1, ref: run.ref + i, hyp: run.hyp + i }));
        }
      }
    }
    return text;
  }
}

function player(recording) {
  const audio = element("audio", { controls: "", preload: "none", src: recording.audio });
  audio.addEventListener("error", () => {
    audio.replaceWith(element("p", { class: "note" }, `The sound cannot be played from here: ${recording.audio}`));
  });
  return audio;
}

// What opens below a row of the table.
function drawDetail(recording) {
  const box = element("div", { class: "detail" });
  if (recording.message || recording.kind) {
    box.append(element("p", { class: "problem", dir: "auto" }, `${recording.kind ?? "error"}: ${recording.message ?? ""}`));
  }
  if (recording.audio) box.append(player(recording));
  if (recording.cut) {
    box.append(element("p", { class: "note" }, "This page holds the texts of the worst recordings only. This one is in the transcripts, its errors in errors.parquet."));
    return box;
  }
  if (recording.ops !== undefined || recording.hyp) box.append(new Alignment(recording).draw());
  else if (recording.status === "empty") box.append(element("p", { class: "note" }, "The transcript is empty."));
  else if (recording.status === "ok") box.append(element("p", { class: "note" }, "Without a reference there is nothing to compare; the text is in the transcripts."));
  if (recording.ops === "") box.append(element("p", { class: "note" }, "Nothing was said and nothing was written."));
  if (recording.ops === undefined && recording.ref) {
    box.append(element("h4", {}, "Reference"), element("p", { class: "aligned", dir: "auto" }, recording.ref));
  }
  if (recording.ops && recording.starts && recording.audio) {
    box.append(element("p", { class: "note" }, `A click on a word plays from ${LEAD} s before it.`));
  }
  return box;
}
