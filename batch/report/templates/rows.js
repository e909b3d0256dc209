// The columns of the table of recordings, and how a cell looks.

const spokenWords = (counts) => counts[0] + counts[1] + counts[2];
const sum = (counts) => counts[1] + counts[2] + counts[3];
const rate = (counts) => (counts && spokenWords(counts) ? sum(counts) / spokenWords(counts) : null);
const timeOf = (value) => (missing(value) ? "–" : clock(value));
const inOrder = new Intl.Collator(undefined, { numeric: true }).compare;

// Columns: name, value to sort by, text to show, whether the largest comes first.
const SCORES = [
  { key: "errors", name: "Errors", value: (r) => (r.n ? sum(r.n) : null), show: grouped, down: true },
  { key: "wer", name: "WER", value: (r) => rate(r.n), show: (value) => percent(value), down: true },
  { key: "S", name: "S", title: "Substitutions", value: (r) => r.n?.[1], show: grouped, down: true, minor: true },
  { key: "D", name: "D", title: "Deletions", value: (r) => r.n?.[2], show: grouped, down: true, minor: true },
  { key: "I", name: "I", title: "Insertions", value: (r) => r.n?.[3], show: grouped, down: true, minor: true },
  { key: "n", name: "N", title: "Words of reference", value: (r) => (r.n ? spokenWords(r.n) : null), show: grouped, down: true, minor: true },
  { key: "raw", name: "Raw", title: "Raw WER", value: (r) => rate(r.raw), show: (value) => percent(value), down: true, minor: true },
  { key: "cer", name: "CER", value: (r) => r.cer, show: (value) => percent(value), down: true, minor: true },
];
const WORDS = [{ key: "words", name: "Words", value: (r) => (r.hyp === undefined ? null : tokensOf(r.hyp).length), show: grouped, down: true }];

function columnsOf(measured) {
  return [
    { key: "path", name: "Recording", value: (r) => r.path },
    ...(measured ? SCORES : WORDS),
    { key: "duration", name: "Length", value: (r) => r.duration, show: timeOf, down: true, minor: true },
    { key: "confidence", name: "Conf.", title: "Confidence", value: (r) => r.confidence, show: (v) => v?.toFixed(2) ?? "–", down: true, minor: true },
    { key: "status", name: "Status", value: (r) => r.status },
  ];
}

function classOf(column) {
  return [`c-${column.key}`, column.show && "num", column.minor && "minor"].filter(Boolean).join(" ");
}

function cellOf(column, r) {
  const value = column.value(r);
  if (column.key === "status") return element("td", { class: "c-status", role: "cell" }, element("span", { class: `status ${r.status}` }, r.status));
  const td = element("td", { class: classOf(column), role: "cell" }, column.show(value));
  if (column.key === "wer" && value !== null) {
    const meter = element("meter", { min: 0, max: 1, value: Math.min(value, 1), "aria-hidden": "true" });
    td.replaceChildren(meter, element("span", {}, column.show(value)));
  }
  return td;
}
