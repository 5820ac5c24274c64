// Numbers, times and names as the reader's language writes them.

import { signal } from "./view.mjs";

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const universal = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const KEPT = "borderpost-utc";
const names = new Intl.DisplayNames(undefined, { type: "region", fallback: "none" });

export const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const compact = (n) => short.format(n);

/** Octets in the units of two. */
export function octets(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024;
    at += 1;
  }
  return `${at === 0 || n >= 100 ? whole.format(Math.round(n)) : n.toFixed(1)} ${units[at]}`;
}

/** Microseconds. */
export function micros(n) {
  if (n === null || n === undefined) return "–";
  if (n < 1000) return `${whole.format(n)} µs`;
  if (n < 1e6) return `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)} ms`;
  return `${(n / 1e6).toFixed(1)} s`;
}

/** Whether times are shown in UTC; the browser remembers it. */
export const inUtc = signal(kept());

function kept() {
  try {
    return localStorage.getItem(KEPT) === "1";
  } catch {
    return false;
  }
}

export function setUtc(wanted) {
  inUtc.value = wanted;
  try {
    localStorage.setItem(KEPT, wanted ? "1" : "0");
  } catch {
    // It holds until the page is left.
  }
}

export const time = (text) => (!text ? "–" : inUtc.value ? `${universal.format(new Date(text))} UTC` : here(text));
export const here = (text) => (text ? local.format(new Date(text)) : "–");
export const utc = (text) => (text ? new Date(text).toISOString().replace(".000", "") : "");

const TICKS = {
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minutes: { hour: "2-digit", minute: "2-digit" },
  hours: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  days: { day: "numeric", month: "short" },
  months: { month: "short", year: "numeric" },
};

/** Marks of an axis of times, which lie so many seconds apart, as the reader's language writes them. */
export function ticks(all, step) {
  const span = all.length ? all.at(-1) - all[0] : 0;
  const form = step >= 28 * 86400 ? "months" : step >= 86400 ? "days" : span >= 86400 ? "hours" : step >= 60 ? "minutes" : "seconds";
  const zone = inUtc.value ? { timeZone: "UTC" } : {};
  const written = new Intl.DateTimeFormat(undefined, { ...TICKS[form], ...zone });
  return all.map((at) => written.format(new Date(at * 1000)));
}

/** A day of a law or a calendar, which is the same wherever it is read. */
export function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  return calendar.format(new Date(Date.UTC(year, month - 1, date)));
}

/** How long ago, or how long until. */
export function ago(text, now = Date.now()) {
  if (!text) return "–";
  const seconds = Math.round((now - new Date(text)) / 1000);
  const size = Math.abs(seconds);
  const [n, unit] =
    size < 90 ? [size, "s"]
    : size < 5400 ? [Math.round(size / 60), "min"]
    : size < 129600 ? [Math.round(size / 3600), "h"]
    : [Math.round(size / 86400), "d"];
  return seconds >= 0 ? `${n} ${unit} ago` : `in ${n} ${unit}`;
}

/** A country's name; its code where it has none here. */
export function country(code) {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return names.of(code) || code;
  } catch {
    return code;
  }
}

/** The outcomes: their words and signs, so that colour never says anything alone. */
export const OUTCOMES = {
  allow: ["allowed", "✓"],
  log: ["logged", "≡"],
  hold: ["held", "Ⅱ"],
  require: ["asked for more", "?"],
  block: ["blocked", "✕"],
  failed: ["failed", "!"],
};

export const outcome = (name) => OUTCOMES[name || "failed"] || [name, "·"];

const WOULD = { allow: "allow", log: "log", hold: "hold", require: "ask for more", block: "block" };

/** What a rule that does not hold would do. */
export const wouldDo = (name) => `would ${WOULD[name] || name}`;
