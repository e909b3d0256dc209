// Sound: short clips beside the page with their waveforms, and the whole recording where it is.

const LEAD = 0.5; // seconds of sound before a word, so that its beginning is heard
const TAIL = 0.5; // and after it
const PEAKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MAY_PLAY = new Set(["http:", "https:", "file:"]);

// What a person types for a place becomes a URL of a folder: /mnt/x, C:\x, \\server\x, https://….
function folderUrl(typed) {
  const text = typed.trim().replaceAll("\\", "/");
  if (!text) return null;
  const drive = /^[a-z]:\//i.test(text);
  const local = drive ? `file:///${encodeURI(text)}` : text.startsWith("//") ? `file:${encodeURI(text)}` : text.startsWith("/") ? `file://${encodeURI(text)}` : text;
  try {
    const url = new URL(local.endsWith("/") ? local : `${local}/`, location.href);
    return MAY_PLAY.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// Where an archive's sounds lie, as a reviewer typed it.
const settings = {
  archive: "",
  get sounds() { return kept.get(`sounds ${this.archive}`, ""); },
  set sounds(typed) { kept.set(`sounds ${this.archive}`, typed); },
};

function soundOf(recording) {
  const base = folderUrl(settings.sounds);
  if (!base) return recording.audio ?? null;
  try {
    return base + recording.path.split("/").map(encodeURIComponent).join("/");
  } catch {
    return null; // a name that is not text
  }
}

// A bar for each peak, mirrored about the middle line.
function waveform(peaks) {
  const path = [...peaks].map((peak, i) => {
    const height = Math.max(0.6, (PEAKS.indexOf(peak) / 63) * 11);
    return `M${i + 0.5} ${(12 - height).toFixed(1)}V${(12 + height).toFixed(1)}`;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const attributes = { viewBox: `0 0 ${peaks.length} 24`, preserveAspectRatio: "none", "aria-hidden": "true", class: "wave" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  for (const name of ["played", "all"]) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name === "all" ? "path" : "rect");
    node.setAttribute("class", name);
    if (name === "all") node.setAttribute("d", path.join(""));
    else for (const [key, value] of Object.entries({ x: 0, y: 0, width: 0, height: 24 })) node.setAttribute(key, value);
    svg.append(node);
  }
  return svg;
}

class Clip {
  constructor(sound, [href, start, end, peaks]) {
    Object.assign(this, { start, end });
    this.audio = element("audio", { preload: "none", src: href });
    this.svg = waveform(peaks);
    const label = `${clock(start)} to ${clock(end)}`;
    this.button = button("", { class: "clip", "aria-label": `Play ${label}`, title: label }, (event) => {
      if (sound.playing === this.audio) return this.audio.pause();
      // The mouse chooses a place in the wave; a key plays it all.
      const box = this.svg.getBoundingClientRect();
      const part = event.detail ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
      sound.start(this.audio, part * (end - start), end - start);
    });
    this.button.append(this.svg, element("span", { class: "when" }, clock(start)));
    this.audio.addEventListener("error", () => this.button.setAttribute("disabled", ""));
  }

  draw() {
    const part = (this.audio.currentTime / (this.end - this.start)) * this.svg.viewBox.baseVal.width;
    this.svg.firstChild.setAttribute("width", this.audio.paused ? 0 : part);
    this.button.classList.toggle("playing", !this.audio.paused);
  }
}

// The sound of one opened recording: at most one of its players plays.
class Sound {
  constructor(recording) {
    this.clips = (recording.clips ?? []).map((clip) => new Clip(this, clip));
    this.href = soundOf(recording);
    this.until = Infinity;
    this.last = null;
    this.node = element("div", { class: "sound" });
    if (this.clips.length) {
      const strip = element("div", { class: "clips", role: "group", "aria-label": "The worst places" });
      strip.append(...this.clips.map((clip) => clip.button));
      this.node.append(strip);
    }
    if (this.href) this.node.append((this.whole = this.player()));
    for (const audio of this.players()) {
      for (const name of ["play", "pause", "ended", "timeupdate"]) audio.addEventListener(name, () => this.tick());
    }
  }

  player() {
    const audio = element("audio", { controls: "", preload: "none", src: this.href, "aria-label": "The whole recording" });
    audio.addEventListener("error", () => {
      this.whole = null;
      const place = element("bdi", {}, this.href);
      const advice = " Say under “Recordings lie in” where the sounds are.";
      audio.replaceWith(element("p", { class: "note", role: "status" }, "The sound cannot be played from here: ", place, ".", advice));
    });
    return audio;
  }

  players() {
    return [...this.clips.map((clip) => clip.audio), this.whole].filter(Boolean);
  }

  get playing() {
    return this.players().find((audio) => !audio.paused) ?? null;
  }

  get usable() {
    return this.players().length > 0;
  }

  // Plays seconds [from, to) of the recording and a little around them.
  play(from, to) {
    const clip = this.clips.find((one) => !one.button.disabled && from >= one.start && from < one.end);
    const shift = clip ? clip.start : 0;
    const audio = clip ? clip.audio : this.whole;
    if (audio) this.start(audio, Math.max(0, from - shift - LEAD), to - shift + TAIL);
  }

  start(audio, from, until) {
    this.pause();
    audio.currentTime = from;
    this.until = until;
    this.last = audio;
    audio.play()?.catch(() => {});
    this.watch();
  }

  pause() {
    for (const audio of this.players()) audio.pause();
  }

  // The space bar: pause, or go on from here without an end.
  toggle() {
    if (this.playing) return this.pause();
    const audio = this.last ?? this.whole ?? this.clips[0]?.audio;
    this.until = Infinity;
    this.last = audio;
    audio?.play()?.catch(() => {});
    this.watch();
  }

  // Frames come oftener than timeupdate, so that the end is not overshot by a word.
  watch() {
    requestAnimationFrame(() => {
      this.tick();
      if (this.playing) this.watch();
    });
  }

  tick() {
    const audio = this.playing;
    if (audio && audio === this.last && audio.currentTime >= this.until) audio.pause();
    for (const clip of this.clips) clip.draw();
  }
}
