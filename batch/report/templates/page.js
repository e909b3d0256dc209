"use strict";
// What every part of the page's script uses: elements, figures as text, settings, the data.
// Text enters the page by textContent and attributes only, so it can never become markup.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function button(label, attributes, onClick) {
  const node = element("button", { type: "button", ...attributes }, label);
  node.addEventListener("click", onClick);
  return node;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

const missing = (value) => value === null || value === undefined;
const percent = (value, digits = 1) => (missing(value) ? "–" : `${(value * 100).toFixed(digits)}\u202f%`);
const grouped = (value) => (missing(value) ? "–" : String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f"));
const counted = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
const tokensOf = (text) => (text ? text.split(" ") : []);

// Kept in the browser; a viewer that forbids it (a preview of a mail) only forgets.
const kept = {
  get(key, fallback) {
    try {
      return JSON.parse(localStorage.getItem(`nightscribe.${key}`)) ?? fallback;
    } catch {
      return fallback;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`nightscribe.${key}`, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  },
};

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function unpacked(text) {
  const plain = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).json();
}

// What scrolls sideways on a narrow screen can be reached by keys.
function reachable() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  }
}
