// Looking back: a search, counts over time to brush, a ranking, and the decisions themselves.

import { html, signal, batch } from "./view.mjs";
import { Asked, get, to, may } from "./api.mjs";
import { route, href, go } from "./route.mjs";
import { Answer, Panel, Decisions, Trouble, Ranking, Incomplete, without, BEHIND, behind } from "./parts.mjs";
import { Query, filters } from "./query.mjs";
import { Chart } from "./chart.mjs";
import { status } from "./status.mjs";
import * as as from "./format.mjs";

const DIMENSIONS = ["host", "country", "tag", "rule", "pack", "client", "principal", "method", "outcome"];
/** Rankings of people are not for viewers. */
const PEOPLE = ["client", "principal"];
const series = new Asked();
const top = new Asked();
const page = new Asked();
const older = signal({ of: null, rows: [], next: null, busy: false, problem: null });

const DAY = 86400;

/** How far the chart goes back where nobody says. */
const BACK = 30 * DAY;

/** The seconds of a time such as `7d`; null where it is none. */
function lasting(text) {
  const short = /^(\d+)([smhdw])$/.exec(text || "");
  return short && short[1] * { s: 1, m: 60, h: 3600, d: DAY, w: 7 * DAY }[short[2]];
}

/** Since when, where only the end is said; as it is said, so that it is the same whenever it is asked. */
function before(until) {
  const seconds = lasting(until);
  if (seconds !== null) return `${seconds + BACK}s`;
  const begin = new Date(Date.parse(until) - BACK * 1000);
  return Number.isNaN(begin.getTime()) ? undefined : begin.toISOString();
}

/** So wide that there are some hundred steps. */
function span({ since, until }) {
  const now = Date.now() / 1000;
  const moment = (text, otherwise) => {
    const seconds = lasting(text);
    if (seconds !== null) return now - seconds;
    return text ? Date.parse(text) / 1000 : otherwise;
  };
  const [from, to] = [moment(since, now - BACK), moment(until, now)];
  const steps = [60, 300, 900, 3600, 4 * 3600, DAY, 7 * DAY];
  return { from, to, step: steps.find((step) => (to - from) / step <= 300) || 30 * DAY };
}

export function Explore() {
  const none = without("Explore");
  if (none) return none;
  const wanted = filters(route.value);
  const dimensions = DIMENSIONS.filter((name) => may("auditor") || !PEOPLE.includes(name));
  const by = dimensions.includes(route.value.by) ? route.value.by : "host";
  const charted = { ...wanted, since: wanted.since || (wanted.until && before(wanted.until)) };
  const { from, to: end, step } = span(charted);
  series.from(to("series", { ...charted, step }));
  top.from(to("top", { ...wanted, by, limit: 15 }));
  page.from(to("decisions", { ...wanted, limit: 50 }));
  const search = (more) => go("explore", { ...more, by: route.value.by });
  const brush = (a, b) => search({ ...wanted, since: new Date(a * 1000).toISOString(), until: new Date(b * 1000).toISOString() });
  const grouping = html`<label class="inline">Group by<select value=${by}
    onChange=${(event) => go("explore", { ...wanted, by: event.target.value }, true)}>${dimensions.map(
      (name) => html`<option value=${name}>${name}</option>`,
    )}</select></label>`;
  const lag = behind(series, top, page, status);
  const again = () => Promise.all([series, top, page, status].map((one) => one.refresh()));
  return html`<h1 tabindex="-1">Explore</h1>
    <${Incomplete} lag=${lag} again=${again} />
    <${Query} value=${wanted} onChange=${search} hint="country:CN tag:health outcome:block since:7d" />
    <p class="bar-line">Save as <a href=${`/api/v1/${to("decisions/export", { ...wanted, format: "csv" })}`} download="decisions.csv">CSV</a>
      <a href=${`/api/v1/${to("decisions/export", { ...wanted, format: "ndjson" })}`} download="decisions.ndjson">NDJSON</a>
      <span class="hint">The address of this page has the whole search.</span></p>
    <${Panel} title="Over time" wide=${true} aside=${html`<span class="hint">Draw over the chart to look closer.</span>`}>
      <${Answer} asked=${series}>${(all) => html`<${Over} all=${all} from=${from} end=${end} onSelect=${brush} />`}</${Answer}>
    </${Panel}>
    <${Answer} asked=${top}>${(all) => html`<${Ranking} by=${by} title="Most frequent" rows=${all.top}
        to=${(row) => href("explore", { ...wanted, ...narrowed(by, row.name), by: route.value.by })}
        aside=${grouping} />`}</${Answer}>
    <${Panel} title="Decisions" wide=${true}><${Answer} asked=${page}>${(first) => html`<${List} first=${first} />`}</${Answer}></${Panel}>`;
}

/** The filter that a row of a ranking stands for. */
function narrowed(by, name) {
  if (by === "principal") return { client: name };
  if (by === "pack") return { rule: `${name}/` };
  // Rankings count a tag alone, without those below it.
  if (by === "tag") return { tag: `=${name}` };
  return { [by]: name };
}

function Over({ all, from, end, onSelect }) {
  const first = Math.floor(from / all.step) * all.step;
  const xs = [];
  for (let at = first; at <= end && xs.length < 5000; at += all.step) xs.push(at);
  const sums = {};
  for (const bucket of all.buckets) {
    const at = Math.round((Date.parse(bucket.begin) / 1000 - first) / all.step);
    const line = (sums[bucket.outcome || "failed"] ||= new Array(xs.length).fill(0));
    if (at >= 0 && at < xs.length) line[at] += bucket.requests;
  }
  const looks = {
    allow: ["good"],
    log: ["info", [6, 3]],
    hold: ["warn", [2, 3]],
    require: ["warn", [6, 2]],
    block: ["bad"],
    failed: ["ink-2", [8, 3, 2, 3]],
  };
  const lines = Object.entries(looks)
    .filter(([name]) => sums[name])
    .map(([name, [colour, dash]]) => ({ name: as.outcome(name)[0], colour, dash, values: sums[name] }));
  if (!lines.length) return html`<p class="empty">Nothing recorded in this time.</p>`;
  return html`<${Chart} label="Requests by outcome over time" xs=${xs} lines=${lines} onSelect=${onSelect} />`;
}

// That this list was read is noted in the journal: a record or two are always behind.
const nothing = (lag, unseen) =>
  unseen.length ? `Nothing was recorded that fits: ${unseen.join("; ")}` : lag >= BEHIND ? `Nothing that fits is in the index so far; ${as.count(lag)} records are not in it yet.` : "Nothing was recorded that fits.";

function List({ first }) {
  const more = older.value.of === first ? older.value : { rows: [], next: first.next, busy: false, problem: null };
  const load = async () => {
    older.value = { ...more, of: first, busy: true };
    try {
      const got = await get(to("decisions", { ...filters(route.value), limit: 200, cursor: more.next }));
      batch(() => (older.value = { of: first, rows: [...more.rows, ...got.decisions], next: got.next, busy: false, problem: null }));
    } catch (problem) {
      older.value = { ...more, of: first, busy: false, problem };
    }
  };
  return html`${first.masked && html`<p class="hint">Clients, names and paths are left out for your role.</p>`}
    <${Decisions} caption="Decisions, newest first" rows=${[...first.decisions, ...more.rows]} empty=${nothing(first.index.lag, first.unseen)} />
    <${Trouble} problem=${more.problem} />
    ${more.next && html`<p><button onClick=${load} disabled=${more.busy}>${more.busy ? "Loading …" : "Older ones"}</button></p>`}`;
}
