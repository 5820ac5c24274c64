// Parts that several pages show.

import { html } from "./view.mjs";
import { href, go } from "./route.mjs";
import { kept } from "./status.mjs";
import * as as from "./format.mjs";

/**
 * What was decided: sign, word and colour; `would` is what a rule that only observes would have made
 * of it. With `observed` it is such a rule's own outcome.
 */
export function Outcome({ name, would, observed }) {
  const [word, sign] = as.outcome(name);
  const told = html`<span class=${`outcome ${name || "failed"}${observed ? " observed" : ""}`}>
    <span class="sign" aria-hidden="true">${sign}</span>${observed ? `would be ${word}` : word}${would && ", "}</span>`;
  return would ? html`${told} <span class=${`outcome observed ${would}`}>would be ${as.outcome(would)[0]}</span>` : told;
}

/** Records that may wait to be indexed before somebody should look: about a second or two of load. */
export const BEHIND = 5000;

/** By how many records the index was behind at most, by what was answered. */
export const behind = (...asked) => Math.max(0, ...asked.map((one) => one.value.value?.index?.lag ?? 0));

/** Says that lists and counts lack what is not in the index yet. */
export function Incomplete({ lag, again }) {
  if (!(lag >= BEHIND)) return null;
  return html`<p class="behind" role="status"><span class="sign" aria-hidden="true">!</span>Incomplete: the index is ${as.count(lag)} records behind
    the journal, and what is in them is not listed or counted here yet. ${again && html`<button onClick=${again}>Ask again</button>`}</p>`;
}

/** A moment: here, and in UTC where one points or listens. */
export function Moment({ at, relative }) {
  if (!at) return html`<span>–</span>`;
  const text = relative ? as.ago(at) : as.time(at);
  return html`<time datetime=${at} title=${`${as.here(at)} · ${as.utc(at)}`}>${text}</time>`;
}

/** Why something is not there. */
export function Trouble({ problem }) {
  if (!problem) return null;
  return html`<div class="trouble" role="alert">
    <strong>${problem.title || "It did not work"}</strong>${problem.message.includes("\n")
      ? html`<pre class="scroll" tabindex="0">${problem.message}</pre>`
      : html`<p>${problem.message}</p>`}
  </div>`;
}

/** Where no journal is kept, once and calmly: it is how the program is shipped, and nothing is wrong. */
export const Unkept = () => html`<p class="panel lead">No journal is kept, so there is nothing to look back at: decisions are recorded,
  ranked, searched and proved once <code>state.folder</code> is set in the configuration. Requests are decided all the same.</p>`;

/** A page that is all about the journal, where none is kept or that is not known yet; else null. */
export function without(title) {
  const has = kept();
  if (has) return null;
  return html`<h1 tabindex="-1">${title}</h1>${has === false ? html`<${Unkept} />` : html`<p class="loading">Loading …</p>`}`;
}

/** What `asked` says, or why not, or that it is on its way. */
export function Answer({ asked, children }) {
  const value = asked.value.value;
  const problem = asked.problem.value;
  return html`<${Trouble} problem=${problem} />
    ${value ? children(value) : problem ? null : html`<p class="loading">Loading …</p>`}`;
}

export function Panel({ title, id, aside, children, wide }) {
  const name = id || `p-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return html`<section class=${wide ? "panel wide" : "panel"} aria-labelledby=${name}>
    <header><h2 id=${name}>${title}</h2>${aside}</header>
    ${children}
  </section>`;
}

export function Tile({ name, value, hint, sign, kind }) {
  return html`<div class=${`tile ${kind || ""}`}>
    <dt>${sign && html`<span class="sign" aria-hidden="true">${sign}</span>`}${name}</dt>
    <dd>${value}</dd>${hint && html`<dd class="hint">${hint}</dd>`}
  </div>`;
}

/**
 * A table that scrolls by itself where it is too wide.
 * @param {{caption: string, columns: {name: string, of: Function, number?: boolean}[]}} props
 */
export function Table({ caption, columns, rows, empty, keyed, onOpen, hide = true, kind = "" }) {
  if (!rows.length) return html`<p class="empty">${empty || "Nothing yet."}</p>`;
  const name = (c) => `c-${c.name.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const cell = (c, said) => html`<td role="cell" class=${`${name(c)}${c.number ? " number" : ""}${said === "–" ? " none" : ""}`}>${said}</td>`;
  // The roles are said, as a table that is drawn as cards is none by itself.
  return html`<div class=${`scroll ${kind}`} tabindex="0" role="group" aria-label=${caption}>
    <table role="table">
      <caption class=${hide ? "hidden" : ""}>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${columns.map((c) => html`<th role="columnheader" scope="col" class=${c.number ? "number" : ""}>${c.name}</th>`)}</tr></thead>
      <tbody role="rowgroup">${rows.map(
        (row, at) => html`<tr key=${keyed ? keyed(row) : at} data-row=${at} role="row"
          onClick=${onOpen && ((event) => event.target.closest("a,button") || onOpen(row))}
          class=${onOpen ? "opens" : ""}>
          ${columns.map((c) => cell(c, c.of(row)))}
        </tr>`,
      )}</tbody>
    </table>
  </div>`;
}

/** Decisions, a row each; where it is narrow, a card each. */
export function Decisions({ caption, rows, empty }) {
  return html`<${Table} kind="decisions" caption=${caption} columns=${DECISION_COLUMNS} rows=${rows} empty=${empty}
    keyed=${(row) => row.sequence} onOpen=${openDecision} />`;
}

/** A ranking with bars; each name leads to what it stands for. */
export function Ranking({ title, by, rows, to, all, aside, at, sum = "requests" }) {
  // What takes long to count is counted seldom.
  const old = at && Date.now() - Date.parse(at) > 15000 && html`<small>as of <${Moment} at=${at} /></small>`;
  const most = Math.max(1, ...rows.map((row) => row[sum]));
  return html`<${Panel} title=${title} aside=${aside || html`${old}<a href=${all}>View all<span class="hidden"> ${title}</span></a>`}>
    ${rows.length
      ? html`<table class="ranking"><caption class="hidden">${title}</caption>
        <thead class="hidden"><tr><th scope="col">${title}</th><th scope="col">Requests</th></tr></thead>
        <tbody>${rows.map(
          (row) => html`<tr key=${row.name}>
            <th scope="row">${row.name === null ? html`<i>none named</i>` : html`<a href=${to(row)} title=${row.name}>${ranked(by, row.name)}</a>`}
              <span class="bar" aria-hidden="true" ref=${(el) => el && (el.style.width = `${(100 * row[sum]) / most}%`)}></span></th>
            <td class="number">${as.count(row[sum])}</td></tr>`,
        )}</tbody></table>`
      : html`<p class="empty">Nothing recorded in this time.</p>`}
  </${Panel}>`;
}

function ranked(by, name) {
  if (by === "outcome") return as.outcome(name)[0];
  return by === "country" && name !== "unknown" ? `${as.country(name)} (${name})` : name;
}

export const countries = (list) =>
  (list || []).length ? list.map((c) => html`<abbr title=${as.country(c)}>${c}</abbr> `) : "–";

export const words = (list) =>
  (list || []).length ? list.map((w) => html`<span class="tag">${w}</span> `) : "–";

/** The first, which decided, and how many held besides: all of them make a row that nobody reads. */
function ruled([first, ...others]) {
  if (!first) return "–";
  if (!others.length) return first;
  const rest = others.join(", ");
  return html`${first} <abbr class="hint" title=${rest}>+${others.length}<span class="hidden">: ${rest}</span></abbr>`;
}

/** The columns of lists of decisions: what was decided, where to and of what come before the rest. */
const DECISION_COLUMNS = [
  {
    name: "Outcome",
    of: (r) => html`<a href=${href("decision", { id: r.id })} class="plain"><${Outcome} name=${r.outcome} would=${r.would} /></a>`,
  },
  { name: "Time", of: (r) => html`<${Moment} at=${r.time} />` },
  { name: "Destination", of: (r) => html`<span class="host">${r.host || "–"}</span>` },
  { name: "Country", of: (r) => countries(r.countries) },
  { name: "Tags", of: (r) => words(r.tags) },
  { name: "Rules", of: (r) => ruled(r.rules || []) },
  { name: "Client", of: (r) => r.principal || r.client || "–" },
  { name: "Method", of: (r) => r.method },
  { name: "Status", of: (r) => r.status ?? r.fault ?? "–", number: true },
  { name: "Out", of: (r) => as.octets(r.bytes_out), number: true },
];

const openDecision = (row) => go("decision", { id: row.id });
