// Decisions as they are made. The server filters; what does not fit is counted, not sent.

import { html, signal, batch } from "./view.mjs";
import { to, whyNot } from "./api.mjs";
import { route, go } from "./route.mjs";
import { Decisions, Trouble, without } from "./parts.mjs";
import { Query, filters } from "./query.mjs";
import * as as from "./format.mjs";

/** So many rows are shown; older ones are in Explore. */
const SHOWN = 200;

/** After so many milliseconds a stream that was refused is asked for again, if that can help. */
const AGAIN = 5000;

const rows = signal([]);
const more = signal(0);
const paused = signal(false);
const state = signal("connecting");
const problem = signal(null);
const rate = signal(0);
let source = null;
let path = null;
let last = null;
let waiting = [];
let counted = [];

function open(wanted) {
  if (wanted === path) return;
  close();
  path = wanted;
  batch(() => {
    rows.value = [];
    more.value = 0;
    state.value = "connecting";
    problem.value = null;
  });
  last = null;
  connect();
}

/** After an end of the connection the browser goes on by `Last-Event-ID`; after our own, by `after`. */
function connect() {
  const [at, query = ""] = path.split("?");
  const params = new URLSearchParams(query);
  if (last !== null) params.set("after", last);
  const own = new EventSource(`/api/v1/${at}?${params}`);
  source = own;
  own.onerror = () => {
    const ended = own.readyState === EventSource.CLOSED;
    state.value = ended ? "ended" : "connecting";
    if (ended) explain(own, `${at}?${params}`);
  };
  // Where it begins, so that nothing is missed by who looks away before anything has come.
  own.addEventListener("begin", (event) => {
    last = event.lastEventId;
    batch(() => ([state.value, problem.value] = ["connected", null]));
  });
  own.addEventListener("decisions", (event) => {
    const news = JSON.parse(event.data);
    if (event.lastEventId) last = event.lastEventId;
    take(news.decisions, news.more || 0);
  });
}

/** A stream that is refused does not say why; its path does. What may pass is tried again. */
async function explain(own, asked) {
  const found = await whyNot(asked);
  if (source !== own) return;
  problem.value = found;
  // Who logs in again finds a new stream.
  if (found?.status === 401) return close();
  if (!found || found.status === 429 || found.status >= 500) setTimeout(() => source === own && !document.hidden && connect(), AGAIN);
}

function again() {
  source?.close();
  state.value = "connecting";
  connect();
}

function take(decisions, left) {
  const now = Date.now();
  counted.push([now, decisions.length + left]);
  counted = counted.filter(([at]) => now - at < 5000);
  batch(() => {
    rate.value = counted.reduce((n, [, of]) => n + of, 0) / 5;
    more.value += left;
    const newest = [...decisions].reverse();
    if (paused.value) waiting = [...newest, ...waiting].slice(0, SHOWN);
    else rows.value = [...newest, ...rows.value].slice(0, SHOWN);
  });
}

function close() {
  source?.close();
  source = null;
  path = null;
}

function pause() {
  batch(() => {
    paused.value = !paused.value;
    if (!paused.value) rows.value = [...waiting, ...rows.value].slice(0, SHOWN);
    waiting = [];
  });
}

// What nobody looks at is not sent.
document.addEventListener("visibilitychange", () => {
  if (!path) return;
  if (document.hidden) source?.close();
  else connect();
});

export function leaveLive() {
  if (path) close();
}

export function Live() {
  const none = without("Live");
  if (none) return none;
  const { since, until, id, ...live } = filters(route.value);
  open(to("decisions/stream", live));
  return html`<h1 tabindex="-1">Live</h1>
    <${Query} value=${live} onChange=${(wanted) => go("live", wanted)} hint="country:CN tag:health outcome:block" />
    <p class="bar-line" role="status"><span class=${`dot ${state.value}`} aria-hidden="true"></span><span>${state.value}, ${as.count(Math.round(rate.value))} a second</span>
      ${more.value > 0 && html`<span>${as.count(more.value)} more not shown</span>`}
      <button aria-pressed=${paused.value} onClick=${pause}>${paused.value ? "Go on" : "Pause"}</button></p>
    <${Trouble} problem=${problem.value} />
    ${problem.value && html`<p><button onClick=${again}>Try again</button></p>`}
    <${Decisions} caption="Decisions as they are made, newest first" rows=${rows.value} empty="Nothing has come since this page is open." />`;
}
