// The forms for verdicts: one on an opened recording, one on the error that is chosen in it.

const ON_RECORDING = [["reference-wrong", "Reference is wrong"], ["excluded", "Exclude"]];
const ON_ERROR = [["acceptable", "Acceptable"], ["reference-wrong", "Reference is wrong"]];
const SHOWN = { acceptable: "accepted", "reference-wrong": "reference wrong", excluded: "excluded" };

function field(label, input) {
  return element("label", { class: "field" }, element("span", {}, label), input);
}

class VerdictForm {
  // `errors` are those of one mark, or [null] for the whole recording.
  constructor(verdicts, recording, errors, title) {
    Object.assign(this, { verdicts, recording, errors });
    this.note = element("input", { type: "text", autocomplete: "off", dir: "auto", maxlength: 2000 });
    this.name = element("input", { type: "text", autocomplete: "name", dir: "auto", maxlength: 200 });
    this.nameField = field("Your name, which goes with your verdicts", this.name);
    this.said = element("textarea", { rows: 3, dir: "auto", spellcheck: "true" });
    this.saidField = field("What was really said, if you write it down; without it the recording leaves the figure", this.said);
    this.buttons = (this.whole ? ON_RECORDING : ON_ERROR).map(([ruling, label]) =>
      button(label, { class: "ruling", "data-ruling": ruling }, () => this.press(ruling)));
    this.by = element("p", { class: "note", role: "status" });
    const choices = element("div", { class: "choices" }, ...this.buttons, field("Note", this.note));
    this.node = element("div", { class: "judge", role: "group", "aria-label": this.whole ? "Verdict on this recording" : "Verdict on this error" });
    this.node.append(element("p", { class: "judged" }, ...title), choices, this.nameField, this.saidField, this.by);
    for (const input of [this.note, this.said]) input.addEventListener("change", () => this.amend());
    this.name.addEventListener("change", () => this.named());
    this.fill();
  }

  get whole() {
    return this.errors[0] === null;
  }

  get entry() {
    return this.verdicts.find(this.recording, this.errors[0]);
  }

  fill() {
    this.note.value = this.entry?.note ?? "";
    this.said.value = this.entry?.reference ?? this.recording.ref ?? "";
    this.nameField.hidden = true;
    this.show();
  }

  show() {
    const { entry } = this;
    for (const node of this.buttons) node.setAttribute("aria-pressed", String(entry?.verdict === node.dataset.ruling));
    this.saidField.hidden = !(this.whole && entry?.verdict === "reference-wrong");
    this.by.hidden = !entry;
    if (entry) this.by.replaceChildren(`${SHOWN[entry.verdict]}, `, element("bdi", {}, entry.by), `, ${entry.given_at.slice(0, 10)}`);
  }

  press(ruling) {
    if (!byId("reviewer").value.trim()) {
      this.nameField.hidden = false;
      this.wanted = ruling;
      return this.name.focus();
    }
    this.rule(this.entry?.verdict === ruling ? null : ruling);
  }

  named() {
    const name = this.name.value.trim();
    if (!name) return;
    byId("reviewer").value = name;
    kept.set("reviewer", name);
    this.nameField.hidden = true;
    this.press(this.wanted);
    this.buttons.find((node) => node.dataset.ruling === this.wanted).focus();
  }

  amend() {
    if (this.entry) this.rule(this.entry.verdict);
  }

  rule(verdict) {
    const by = byId("reviewer").value.trim() || this.entry?.by;
    const said = this.said.value.trim();
    const mended = verdict === "reference-wrong" && this.whole && said && said !== this.recording.ref;
    this.verdicts.set(this.recording, this.errors, { verdict, note: this.note.value, by, reference: mended ? said : undefined });
    this.show();
  }
}

// What is said of a recording, in its row.
function tagsOf(verdicts, recording) {
  const entries = verdicts.of(recording);
  const whole = entries.filter((entry) => !entry.error).map((entry) => SHOWN[entry.verdict]);
  const errors = entries.filter((entry) => entry.error).length;
  return [...whole, errors && counted(errors, "error") + " settled"].filter(Boolean).join(" · ");
}

// Marks that are settled say so by a sign, not by colour alone.
function paintMarks(verdicts, recording, alignment, node) {
  for (const mark of node.querySelectorAll(".aligned .e")) {
    const settled = errorsIn(mark.run, alignment).every((error) => verdicts.find(recording, error));
    mark.classList.toggle("settled", settled);
    mark.setAttribute("aria-description", settled ? "settled by a verdict" : "");
  }
}

// The bar above the table: who reviews, where the sounds are, the file of verdicts.
function reviewBar(verdicts, data, onSounds) {
  const tally = () => {
    const number = verdicts.entries.size;
    const after = rate(verdicts.total(data.total, data.recordings));
    const figure = missing(after) ? "" : `: WER ${percent(after, 2)}`;
    byId("verdicts").textContent = number ? counted(number, "verdict") + figure : "No verdicts yet";
    byId("verdicts").title = "A mended reference is scored by nightscribe score --verdicts; here its recording is left out.";
    byId("export").disabled = !number;
    if (verdicts.kept === false) byId("verdicts").textContent += " (not kept: export them before you close the page)";
  };
  byId("reviewer").value = kept.get("reviewer", "");
  byId("sounds").value = settings.sounds;
  byId("reviewer").addEventListener("change", (event) => kept.set("reviewer", event.target.value.trim()));
  byId("sounds").addEventListener("change", (event) => {
    const typed = event.target.value.trim();
    event.target.setCustomValidity(typed && !folderUrl(typed) ? "A folder, or an address that begins with https://" : "");
    event.target.reportValidity();
    settings.sounds = typed;
    onSounds();
  });
  byId("export").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([verdicts.file()], { type: "application/json" }));
    const link = element("a", { href: url, download: `verdicts-${verdicts.run.replace(/[^\w.-]+/g, "-")}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
  byId("import").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (file) byId("taken").textContent = verdicts.take(await file.text());
    target.value = "";
  });
  tally();
  return tally;
}
