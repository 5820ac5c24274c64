// The first page: whether all is well, and what went where.

import { html, signal } from "./view.mjs";
import { Asked, to, may } from "./api.mjs";
import { route, href, go } from "./route.mjs";
import { status, kept } from "./status.mjs";
import { Answer, Panel, Tile, Ranking, Incomplete, Moment, Trouble, Unkept, BEHIND, behind } from "./parts.mjs";
import { Chart } from "./chart.mjs";
import { WorldMap } from "./map.mjs";
import * as as from "./format.mjs";

const SPANS = [["1h", "1 hour"], ["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"]];
const RANKED = [
  ["host", "Destinations"],
  ["client", "Clients"],
  ["tag", "Classes of data"],
  ["rule", "Rules"],
];
const FILTER = { host: "host", client: "client", tag: "tag", rule: "rule", country: "country", outcome: "outcome" };

const rates = new Asked();
const places = new Asked();
const refused = new Asked();
const tops = Object.fromEntries(RANKED.map(([by]) => [by, new Asked()]));
/** The chart stops where somebody reads it. */
const still = signal(false);

/** Whole hours are counted already: of a day with five million decisions the rest of one takes longer. */
const HOURS = { "24h": 24, "7d": 7 * 24, "30d": 30 * 24 };

/** The moment since which is ranked: in the longer spans the hour it falls into counts as a whole. */
function begin(since) {
  if (!Object.hasOwn(HOURS, since)) return since;
  const at = new Date(Date.now() - HOURS[since] * 3600000);
  at.setUTCMinutes(0, 0, 0);
  return at.toISOString();
}

export function Now() {
  const since = route.value.since || "24h";
  const from = begin(since);
  if (still.value) rates.rest();
  else rates.from("rates", 1);
  // Without a journal there is nothing to rank, and no use in asking again and again.
  const has = kept();
  if (!has) return html`<${First} />${has === false && html`<${Unkept} />`}`;
  places.from(to("top", { by: "country", limit: 250, since: from }), 10);
  refused.from(to("top", { by: "country", limit: 250, since: from, outcome: "refused" }), 10);
  // Who asks most is not for viewers.
  const ranked = RANKED.filter(([by]) => by !== "client" || may("auditor"));
  ranked.forEach(([by]) => tops[by].from(to("top", { by, limit: 5, since: from }), 10));
  const spans = html`<label class="inline">Time<select value=${since}
    onChange=${(event) => go("now", { since: event.target.value }, true)}>${SPANS.map(
      ([value, name]) => html`<option value=${value}>${name}</option>`,
    )}</select></label>`;
  return html`<${First} />
    <${Incomplete} lag=${behind(status, places, ...ranked.map(([by]) => tops[by]))} />
    <div class="split">
      <${Panel} title="Where to" aside=${spans} wide=${true}>
        <${Answer} asked=${places}>${(all) => html`<${WorldMap} since=${since} flows=${flows(all, refused.value.value)} />`}</${Answer}>
      </${Panel}>
      <${Top} by="country" title="Countries" asked=${places} since=${since} />
      ${ranked.map(([by, title]) => html`<${Top} key=${by} by=${by} title=${title} asked=${tops[by]} since=${since} />`)}
    </div>`;
}

/** What there is without a journal, too. */
function First() {
  return html`<h1 tabindex="-1" class="hidden">Now</h1>
    <${Health} />
    <${Answer} asked=${rates}>${(now) => html`<${Rates} now=${now} />`}</${Answer}>`;
}

function flows(all, refused) {
  const refusals = new Map((refused?.top || []).map((row) => [row.name, row.requests]));
  return all.top.map((row) => ({ ...row, refused: refusals.get(row.name) || 0 }));
}

function Top({ by, title, asked, since }) {
  const value = asked.value.value;
  if (!value) return html`<${Panel} title=${title}><${Answer} asked=${asked}>${() => null}</${Answer}></${Panel}>`;
  return html`<${Ranking} title=${title} by=${by} rows=${value.top.slice(0, 5)}
    to=${(row) => href("explore", { [FILTER[by]]: by === "tag" ? `=${row.name}` : row.name, since })}
    at=${value.at} all=${href("explore", { by, since })} />`;
}

function Rates({ now }) {
  const xs = now.observed.map((_, at) => Date.parse(now.begin) / 1000 + at);
  const sum = (...names) => now.observed.map((_, at) => names.reduce((n, name) => n + now.outcomes[name][at], 0));
  const total = now.total;
  const lines = [
    { name: "allowed", colour: "good", values: sum("allow") },
    { name: "logged", colour: "info", values: sum("log"), dash: [6, 3] },
    { name: "held or asked", colour: "warn", values: sum("hold", "require"), dash: [2, 3] },
    { name: "blocked", colour: "bad", values: sum("block") },
    { name: "would be refused", colour: "bad", values: now.would_refuse, dash: [4, 4] },
    { name: "failed", colour: "ink-2", values: sum("failed"), dash: [8, 3, 2, 3] },
  ];
  const latency = [
    { name: "median", colour: "info", values: now.added_p50_us },
    { name: "99 of 100 below", colour: "warn", values: now.added_p99_us, dash: [6, 3] },
  ];
  const tiles = [
    ["allowed", total.allow, "✓", "good"],
    ["logged", total.log, "≡", "info"],
    ["held or asked", total.hold + total.require, "Ⅱ", "warn"],
    ["blocked", total.block, "✕", "bad"],
    ["failed", total.failed, "!", ""],
  ];
  const seen = html`<a href=${href("explore", { would: "refused", since: "1h" })}>of what went out</a>`;
  return html`<${Panel} title="The last ten minutes" wide=${true}
      aside=${html`<button class="quiet" aria-pressed=${still.value} onClick=${() => (still.value = !still.value)}>${still.value ? "Go on" : "Pause"}</button>`}>
    <dl class="tiles">${tiles.map(([name, n, sign, kind]) => html`<${Tile} key=${name} name=${name} value=${as.count(n)} sign=${sign} kind=${kind} />`)}
      <${Tile} name="would be refused" value=${as.count(total.would_refuse)} sign="◌" kind=${total.would_refuse ? "warn" : ""} hint=${seen} />
      <${Tile} name="added by us" value=${as.micros(total.added_p50_us)} hint=${`99 of 100 below ${as.micros(total.added_p99_us)}`} /></dl>
    <div class="charts"><${Chart} label="Requests a second by outcome" xs=${xs} lines=${lines} />
      <${Chart} label="Time added by the proxy" xs=${xs} lines=${latency} value=${as.micros} /></div>
  </${Panel}>`;
}

function Health() {
  const state = status.value.value;
  if (!state) return html`<${Trouble} problem=${status.problem.value} />`;
  const oldest = Math.max(0, ...state.databases.map((db) => db.age_days ?? 0));
  const journal = state.journal;
  const items = [
    ["Requests", state.draining ? "draining" : state.ready ? "taken" : "not ready", state.ready && !state.draining],
    ["Databases", state.databases.length ? `${state.databases.length}, oldest ${oldest} d` : "none", state.databases.length > 0 && oldest <= 45],
    ["Packs", `${state.packs.length} in force`, state.packs.length > 0],
    ["Journal", journal?.kept ? (journal.healthy ? `${as.count(journal.head)} entries` : "cannot be written") : "not kept", Boolean(journal?.kept && journal.healthy)],
    journal?.kept && ["Gaps", as.count(journal.gaps), !journal.gaps],
    journal?.kept && ["Index", state.index ? `${as.count(state.index.lag)} behind` : "none", Boolean(state.index) && state.index.lag < BEHIND],
    ["Last reload", state.reload ? (state.reload.ok ? "worked" : "refused") : "none yet", state.reload?.ok !== false],
    ["Holds", `${state.holds_open} open`, state.holds_open === 0],
    ["Reports", `${state.reports_open} due`, state.reports_open === 0],
  ].filter(Boolean);
  return html`<${Trouble} problem=${status.problem.value} />
    <section class="health" aria-label="Health"><ul>${items.map(
      ([name, text, fine]) => html`<li class=${fine ? "fine" : "look"}><span class="sign" aria-hidden="true">${fine ? "✓" : "!"}</span>
        <span><b>${name}</b> ${text}<span class="hidden">${fine ? ", well" : ", to be looked at"}</span></span></li>`,
    )}<li class="fine"><span><b>Up</b> since <${Moment} at=${state.started} relative=${true} />, version ${state.version}</span></li></ul></section>`;
}
