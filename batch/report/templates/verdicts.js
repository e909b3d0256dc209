// A reviewer's verdicts: kept in this browser by run, exported as a file, imported again.

const RULINGS = ["acceptable", "reference-wrong", "excluded"];
const channelOf = (recording) => recording.channel ?? null;

// The error words of a mark, named by their place in the reference so that another run has them too.
function errorsIn(run, alignment) {
  return Array.from({ length: run.length }, (_, i) => {
    const inserted = run.letter === "I";
    return {
      kind: run.letter,
      position: inserted ? run.ref : run.ref + i,
      nth: inserted ? i : 0,
      reference_word: inserted ? null : alignment.ref[run.ref + i],
      hypothesis_word: run.letter === "D" ? null : alignment.hyp[run.hyp + i],
    };
  });
}

const placeOf = (error) => (error ? [error.kind, error.position, error.nth] : null);
const targetOf = (entry) => JSON.stringify([entry.recording, entry.channel ?? null, placeOf(entry.error)]);

// An entry of a file, of known fields and types only; null where it is none.
function cleanEntry(entry) {
  const text = (value) => (typeof value === "string" ? value : null);
  const number = (value) => (Number.isInteger(value) && value >= 0 ? value : null);
  if (!entry || !text(entry.recording) || !RULINGS.includes(entry.verdict) || !text(entry.by)) return null;
  if (Number.isNaN(Date.parse(entry.given_at))) return null;
  const clean = {
    recording: entry.recording, channel: number(entry.channel), path: text(entry.path) ?? "",
    verdict: entry.verdict, note: text(entry.note) ?? "", by: entry.by, given_at: entry.given_at,
  };
  if (text(entry.reference) !== null) clean.reference = entry.reference;
  if (entry.error) {
    const { kind, position, nth } = entry.error;
    if (!KINDS[kind] || number(position) === null) return null;
    clean.error = {
      kind, position, nth: number(nth) ?? 0,
      reference_word: text(entry.error.reference_word), hypothesis_word: text(entry.error.hypothesis_word),
    };
  }
  return clean;
}

// A recording's counts, [hits, S, D, I], after the verdicts on it; null where it leaves the figure.
// The rule is that of `nightscribe score`: at a settled error the reference says what was written.
function settledCounts(recording, entries) {
  if (entries.some((entry) => !entry.error)) return null;
  const alignment = new Alignment(recording);
  const marks = runsOf(recording.ops ?? "").filter((run) => run.letter !== "=").flatMap(marksOf);
  const here = new Set(marks.flatMap((run) => errorsIn(run, alignment)).map((error) => JSON.stringify(error)));
  const counts = [...recording.n];
  for (const { error } of entries.filter((entry) => here.has(JSON.stringify(entry.error)))) {
    counts[" SDI".indexOf(error.kind)] -= 1;
    if (error.kind !== "D") counts[0] += 1;
  }
  return counts;
}

class Verdicts {
  constructor({ run, archive, verdicts }) {
    this.run = run;
    // Pages opened from files share one store, and two archives may have runs of one name.
    this.key = `verdicts.${run} ${archive}`;
    this.applied = new Map(verdicts.map((entry) => [targetOf(entry), entry]));
    // What was given here; null where an applied verdict was taken back.
    this.given = new Map(Object.entries(kept.get(this.key, {})));
    this.changed = () => {};
    this.index();
  }

  // Targets by recording: rows ask for theirs while the list is scrolled.
  index() {
    const merged = new Map([...this.applied, ...this.given]);
    this.entries = new Map([...merged].filter(([, entry]) => entry));
    this.byRecording = new Map();
    for (const entry of this.entries.values()) {
      const key = JSON.stringify([entry.recording, entry.channel ?? null]);
      this.byRecording.set(key, [...(this.byRecording.get(key) ?? []), entry]);
    }
  }

  of(recording) {
    return this.byRecording.get(JSON.stringify([recording.id, channelOf(recording)])) ?? [];
  }

  find(recording, error) {
    return this.entries.get(targetOf({ recording: recording.id, channel: channelOf(recording), error }));
  }

  // Several at once where a mark holds several words; `verdict` null takes back.
  set(recording, errors, fields) {
    for (const error of errors) {
      const entry = { recording: recording.id, channel: channelOf(recording), path: recording.path, ...fields };
      if (error) entry.error = error;
      if (entry.reference === undefined) delete entry.reference;
      const target = targetOf(entry);
      if (fields.verdict) this.given.set(target, { ...entry, given_at: now() });
      else if (this.applied.has(target)) this.given.set(target, null);
      else this.given.delete(target);
    }
    this.store();
  }

  store() {
    this.kept = kept.set(this.key, Object.fromEntries(this.given));
    this.index();
    this.changed();
  }

  // The counts of the whole, [hits, S, D, I], as the verdicts would leave them.
  total(counts, recordings) {
    const after = [...counts];
    for (const recording of recordings) {
      const entries = recording.n ? this.of(recording) : [];
      if (!entries.length) continue;
      const settled = settledCounts(recording, entries) ?? [0, 0, 0, 0];
      after.forEach((_, i) => { after[i] += settled[i] - recording.n[i]; });
    }
    return after;
  }

  // The file that `nightscribe score --verdicts` reads.
  file() {
    const verdicts = [...this.entries.values()];
    const content = { nightscribe: "verdicts", version: 1, run_id: this.run, exported_at: now(), verdicts };
    return `${JSON.stringify(content, null, 1)}\n`;
  }

  // Of two verdicts on one place the later one stays. Says how many were taken, or what is wrong.
  take(text) {
    let content;
    try {
      content = JSON.parse(text);
    } catch {
      return "This file is not JSON.";
    }
    if (content?.nightscribe !== "verdicts" || content.version !== 1 || !Array.isArray(content.verdicts)) {
      return "This is no file of verdicts that a report page exported.";
    }
    const entries = content.verdicts.map(cleanEntry);
    for (const entry of entries.filter(Boolean)) {
      const there = this.entries.get(targetOf(entry));
      if (!there || Date.parse(there.given_at) <= Date.parse(entry.given_at)) this.given.set(targetOf(entry), entry);
    }
    this.store();
    const bad = entries.filter((entry) => !entry).length;
    return `${counted(entries.length - bad, "verdict")} read${bad ? `, ${bad} could not be` : ""}.`;
  }
}

const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
