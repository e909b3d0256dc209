// Draws one recording's alignment: the reference with its corrections, as an editor marks a text.

const LONG_RUN = 40; // correct words in a row beyond which the middle is folded away
const KEPT = 12; // words left at each end of a folded run
const WORD_SECONDS = 1; // how long a word may last whose end is not known
const KINDS = { S: "substitution", D: "deletion", I: "insertion" };

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

// A substitution is marked word by word, deleted and inserted words in one mark.
function marksOf(run) {
  if (run.letter !== "S") return [run];
  return Array.from({ length: run.length }, (_, i) => ({ letter: "S", length: 1, ref: run.ref + i, hyp: run.hyp + i }));
}

// "120 35 - 40": hundredths of a second, each added to the one before; - for none.
function startsOf(text) {
  let last = 0;
  return tokensOf(text).map((step) => (step === "-" ? null : (last += Number(step)) / 100));
}

// Which way a text runs: its words are isolated, so dir="auto" would see none of them.
function directionOf(text) {
  const letter = text?.match(/\p{L}/u)?.[0] ?? "";
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u.test(letter) ? "rtl" : "ltr";
}

class Alignment {
  constructor(recording) {
    this.recording = recording;
    this.ref = tokensOf(recording.ops === undefined ? "" : recording.ref);
    this.hyp = tokensOf(recording.hyp);
    this.starts = startsOf(recording.starts);
  }

  // From when to when the written words [from, to) are heard; null where none has a time.
  span(from, to) {
    const inside = this.starts.slice(from, to).filter((start) => !missing(start));
    if (!inside.length) return null;
    const after = this.starts.slice(to).find((start) => !missing(start)) ?? Infinity;
    return [inside[0], Math.min(after, inside.at(-1) + WORD_SECONDS)];
  }

  // Where to listen for a mark: its words; for a gap from the word before it to the word after.
  spanOf({ letter, length, hyp }) {
    if (letter !== "D") return this.span(hyp, hyp + length);
    const [before, after] = [this.span(Math.max(hyp - 1, 0), hyp), this.span(hyp, hyp + 1)];
    return before || after ? [(before ?? after)[0], (after ?? before)[after ? 0 : 1]] : null;
  }

  word(side, index, tag = "span") {
    const written = this.recording[`${side}Written`]?.[index];
    const span = side === "hyp" ? this.span(index, index + 1) : null;
    const title = [written && `written “${written}”`, span && clock(span[0])].filter(Boolean).join(" · ");
    const attributes = { title: title || null, dir: "auto", "data-word": side === "hyp" ? index : `r${index}` };
    if (span) Object.assign(attributes, { "data-start": span[0], "data-end": span[1] });
    return element(tag, attributes, this[side][index]);
  }

  words(side, from, length, tag) {
    const nodes = [];
    for (let i = from; i < from + length; i++) nodes.push(this.word(side, i, tag), " ");
    return nodes;
  }

  correct(run, wanted) {
    const from = run.hyp + KEPT;
    const hidden = run.length - 2 * KEPT;
    const linked = wanted >= from && wanted < from + hidden;
    if (run.length <= LONG_RUN || linked) return this.words("hyp", run.hyp, run.length);
    const fold = button(`… ${hidden} correct words …`, { class: "fold" }, () => {
      fold.replaceWith(...this.words("hyp", from, hidden));
    });
    return [...this.words("hyp", run.hyp, KEPT), fold, " ", ...this.words("hyp", from + hidden, KEPT)];
  }

  mark(run) {
    const { letter, length } = run;
    const several = length > 1;
    const name = several ? `${length} ${KINDS[letter]}s` : KINDS[letter];
    const span = this.spanOf(run);
    const mark = element("span", {
      class: `e ${letter}`, tabindex: "-1", role: "group", "aria-label": name,
      "data-start": span?.[0] ?? "", "data-end": span?.[1] ?? "",
      "data-word": letter === "D" ? `r${run.ref}` : run.hyp,
    });
    mark.run = run;
    mark.append(element("b", { class: `k ${letter}`, title: name }, several ? `${letter}×${length}` : letter));
    if (letter !== "I") mark.append(...this.words("ref", run.ref, length, "del"));
    if (letter !== "D") mark.append(...this.words("hyp", run.hyp, length, "ins"));
    mark.lastChild.remove(); // the space after the last word
    return [mark, " "];
  }

  // `wanted` is a written word that a link leads to: it is not folded away.
  draw(wanted = null) {
    const text = element("p", { class: "aligned", dir: directionOf(this.recording.hyp ?? this.recording.ref) });
    if (this.recording.ops === undefined) {
      text.append(...this.words("hyp", 0, this.hyp.length));
      return text;
    }
    for (const run of runsOf(this.recording.ops)) {
      if (run.letter === "=") text.append(...this.correct(run, wanted));
      else for (const part of marksOf(run)) text.append(...this.mark(part));
    }
    return text;
  }
}

// Which words of the reference an alignment gets right.
function rightOf(ops) {
  const right = new Set();
  for (const run of runsOf(ops)) {
    if (run.letter === "=") for (let i = 0; i < run.length; i++) right.add(run.ref + i);
  }
  return right;
}

const errorsOf = (ops) => runsOf(ops).reduce((sum, run) => sum + (run.letter === "=" ? 0 : run.length), 0);

// What an earlier run wrote, beside what this one wrote.
function drawPrevious(recording) {
  const { previous } = recording;
  const [before, now] = [rightOf(previous.ops), rightOf(recording.ops)];
  const only = (some, others) => [...some].filter((word) => !others.has(word)).length;
  const older = { ...recording, ...previous, hypWritten: previous.hypWritten, starts: undefined };
  const changes = previous.hyp === recording.hyp
    ? "The text is the same."
    : `Of the reference ${counted(only(now, before), "word")} mended, ${counted(only(before, now), "word")} broken.`;
  const text = new Alignment(older).draw();
  for (const node of text.querySelectorAll("[data-word]")) node.removeAttribute("data-word");
  for (const mark of text.querySelectorAll(".e")) mark.classList.replace("e", "was");
  const title = `Before: ${counted(errorsOf(previous.ops), "error")}`;
  return element("div", { class: "previous", role: "group", "aria-label": "The previous run" }, element("h3", {}, title), element("p", { class: "note" }, changes), text);
}
