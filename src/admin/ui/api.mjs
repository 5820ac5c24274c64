// Asking the proxy. Every answer that is an error is a problem of RFC 9457.

import { signal } from "./view.mjs";

/** Who asks: `{name, role, by, expires}`; null until it is known, false where a token is wanted. */
export const who = signal(null);

/** To whom this page has shown anything. */
let reader = null;

/** Lets somebody in. What somebody else was shown goes with the page, which is loaded anew where it stands. */
export function meet(now) {
  if (reader && ["name", "role", "by"].some((key) => reader[key] !== now[key])) return anew();
  who.value = reader = now;
}

/** Nothing that any page holds stays: all that does stands in the address. */
export function anew() {
  who.value = null;
  location.reload();
}

/** Other tabs share the session, and ask anew who looks when it becomes another. */
const tabs = new BroadcastChannel("borderpost.session");
const look = () => ask("GET", "session").then(meet, () => {});
tabs.addEventListener("message", look);
addEventListener("pageshow", (event) => event.persisted && look());

export const changed = () => tabs.postMessage(null);

export class Problem extends Error {
  /** @param {number} status @param {{title?: string, detail?: string}} body */
  constructor(status, body) {
    super(body.detail || body.title || `the proxy answered ${status}`);
    this.status = status;
    this.title = body.title || `Error ${status}`;
  }
}

async function ask(method, path, body) {
  const init = { method, headers: { Accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, init);
  } catch {
    throw new Problem(0, {
      title: "The proxy does not answer",
      detail: "It may have stopped, or the network to it is down. The page goes on asking.",
    });
  }
  const kind = answer.headers.get("Content-Type") || "";
  const content = kind.includes("json") ? await answer.json() : { detail: await answer.text() };
  if (answer.status === 401) who.value = false;
  // The role may be another since the configuration was read again.
  if (answer.status === 403 && path !== "session") look();
  if (!answer.ok) throw new Problem(answer.status, content);
  return content;
}

/** Why a stream does not begin: the problem that its path is answered with, if it is. */
export async function whyNot(path) {
  const stop = new AbortController();
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, { credentials: "same-origin", signal: stop.signal });
  } catch {
    return new Problem(0, { title: "The proxy does not answer", detail: "It may have stopped, or the network to it is down." });
  }
  if (answer.ok) {
    stop.abort();
    return null;
  }
  if (answer.status === 401) who.value = false;
  const kind = answer.headers.get("Content-Type") || "";
  return new Problem(answer.status, kind.includes("json") ? await answer.json() : { detail: await answer.text() });
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body) => ask("PUT", path, body);
export const drop = (path) => ask("DELETE", path);

/** A path with those parameters that say anything. */
export function to(path, params = {}) {
  const said = Object.entries(params).filter(([, v]) => v !== undefined && v !== null && v !== "");
  const query = new URLSearchParams(said).toString();
  return query ? `${path}?${query}` : path;
}

const ROLES = ["viewer", "auditor", "admin"];

/** Whether who asks has at least this role. */
export const may = (role) =>
  Boolean(who.value) && ROLES.indexOf(who.value.role) >= ROLES.indexOf(role);

/** Those that ask on their own, and those that the last drawing showed. */
const asking = new Set();
const shown = new Set();

/** Ends the questions whose answers are not shown any more. */
export function settle() {
  for (const one of asking) if (!shown.has(one)) one.stop();
  shown.clear();
}

/**
 * What one path says, asked for again every so many seconds while somebody looks.
 * `value` is the last answer, `problem` why there is none or no newer one.
 */
export class Asked {
  constructor() {
    this.value = signal(null);
    this.problem = signal(null);
    this.busy = signal(false);
    this.path = null;
    this.timer = 0;
    this.turn = 0;
  }

  /** @param {string} path @param {number} every seconds; 0 for once */
  from(path, every = 0) {
    shown.add(this);
    if (path === this.path) return this;
    this.stop();
    asking.add(this);
    this.path = path;
    this.value.value = null;
    this.problem.value = null;
    const again = async () => {
      if (!document.hidden) await this.refresh();
      if (every && this.path === path) this.timer = setTimeout(again, every * 1000);
    };
    again();
    return this;
  }

  async refresh() {
    if (!this.path) return;
    const turn = ++this.turn;
    this.busy.value = true;
    try {
      const value = await get(this.path);
      if (turn !== this.turn) return;
      this.value.value = value;
      this.problem.value = null;
    } catch (problem) {
      if (turn === this.turn) this.problem.value = problem;
    } finally {
      if (turn === this.turn) this.busy.value = false;
    }
  }

  /** Asks no more, and keeps what was said. */
  rest() {
    shown.add(this);
    if (this.path) this.stop();
  }

  stop() {
    clearTimeout(this.timer);
    asking.delete(this);
    this.turn++;
    this.path = null;
  }
}
