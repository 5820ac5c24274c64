// One decision, step by step: what was known, what was asked, which rules held, and what left.

import { html, signal } from "./view.mjs";
import { Asked, get, to, may } from "./api.mjs";
import { route, href } from "./route.mjs";
import { Answer, Panel, Outcome, Moment, Table, Trouble, countries, words } from "./parts.mjs";
import { status } from "./status.mjs";
import { decider, observer, testCase, untestable } from "./case.mjs";
import * as as from "./format.mjs";

const asked = new Asked();
const proof = signal(null);
const copied = signal(null);

export function Decision() {
  const { id } = route.value;
  if (!id) return html`<h1 tabindex="-1">Decision</h1><p class="empty">No decision is named. <a href=${href("explore")}>Explore</a> finds them.</p>`;
  asked.from(`decisions/${encodeURIComponent(id)}`);
  return html`<h1 tabindex="-1">Decision</h1><p class="id"><code>${id}</code></p>
    <${Answer} asked=${asked}>${(found) => html`<${Whole} found=${found} />`}</${Answer}>`;
}

function Whole({ found }) {
  const { record, would } = found;
  const untested = untestable(record);
  return html`<div class="verdict">
      <p><${Outcome} name=${record.outcome} would=${would} /> <b>${record.method}</b> to <b class="host">${record.host || "–"}</b>
        ${record.location?.countries?.length ? html` in ${record.location.countries.map(as.country).join(" or ")}` : ""}</p>
      <p>${why(record, would)}</p>
    </div>
    <ol class="trace">
      <${Step} title="Who asked" facts=${[
        ["When", `${as.here(record.time)} here, ${as.utc(record.time)}`],
        ["Client", record.client || (found.masked ? "left out for your role" : "–")],
        ["Name", record.principal],
        ["Known by", record.authenticated],
        ["For", record.exporter?.id],
        ["Request", `${record.method} ${record.scheme || ""} ${record.path || ""}`],
        ["Trace", record.trace],
      ]} />
      <${Step} title="What data" facts=${[["Tags", words(record.tags)]]}>
        ${(record.found || []).length > 0 && html`<${Table} caption="Findings" rows=${record.found} columns=${[
          { name: "Tag", of: (f) => html`<span class="tag">${f.tag}</span>` },
          { name: "Where", of: (f) => [f.source, f.layer].filter(Boolean).join(" · ") },
          { name: "Shape", of: (f) => f.shape || "–" },
          { name: "Sure", of: (f) => f.confidence },
          { name: "Count", of: (f) => as.count(f.count), number: true },
          { name: "Distinct", of: (f) => as.count(f.distinct), number: true },
          { name: "At octet", of: (f) => as.count(f.offset), number: true },
        ]} />`}
        ${(record.data || []).length > 0 && html`<ul>${record.data.map((slice) => html`<li>${words(slice.tags)} ${about(slice)}</li>`)}</ul>`}
      </${Step}>
      <${Step} title="Where to" facts=${[
        ["Address", record.address],
        ["Countries", record.location && html`${countries(record.location.countries)} <span class="hint">${record.location.state}</span>`],
        ["Databases", databases(record.location)],
        ["Corrected by", record.location?.correction],
        ["Recipient", record.recipient && (record.recipient.name || record.recipient.party)],
        ["Port", record.port],
        ["Through", record.via],
        ["TLS", record.tls && [record.tls.version, record.tls.alpn].filter(Boolean).join(", ")],
      ]} />
      ${declared(record.context).length > 0 && html`<${Step} title="What was declared" facts=${declared(record.context)} />`}
      <${Step} title="Which rules" facts=${[]}>
        ${found.tried?.length ? html`<${Rules} rules=${found.tried} />` : html`<${Held} rules=${record.rules || []} />`}
      </${Step}>
      <${Step} title="What was counted" facts=${[]}>
        <${Table} caption="Counts" rows=${record.counts || []} empty="Nothing was counted." columns=${[
          { name: "Meter", of: (c) => c.meter },
          { name: "For", of: (c) => c.holder || "–" },
          { name: "Before", of: (c) => as.count(c.before), number: true },
          { name: "After", of: (c) => as.count(c.after), number: true },
          { name: "Limit", of: (c) => as.count(c.limit), number: true },
        ]} />
      </${Step}>
      <${Step} title="What left" facts=${[
        ["Answer", record.status],
        ["Octets out", as.octets(record.bytes_out)],
        ["Octets back", as.octets(record.bytes_in)],
        ["Time", timings(record.timings_us)],
        ["Fault", record.error && `${record.error.fault}: ${record.error.detail || record.error.code}`],
        ["Kept for", record.retain_years && `${record.retain_years} years`],
        ["Configuration", html`<code>${record.config}</code>`],
      ]} />
    </ol>
    ${found.replay && html`<${Panel} title="Against today's policy"><p>${found.replay.same ? "The same is decided today." : html`Then: ${found.replay.before}. Today: ${found.replay.now}.`}
      ${!found.replay.config_same && " The configuration has changed since."}</p></${Panel}>`}
    <p class="bar-line">
      ${!untested && html`<button onClick=${() => copy(testCase(record, known(found)))}>Copy as policy test</button>`}
      <button onClick=${() => copy(JSON.stringify(record, null, 2))}>Copy the record</button>
      ${may("auditor") && html`<button onClick=${() => prove(record.id)}>Prove it</button>`}
      <span role="status">${copied.value}</span></p>
    ${untested && html`<p class="hint">It cannot be copied as a policy test: ${untested}.</p>`}
    <${Proof} />
    <details><summary>The record as the journal has it</summary><pre class="scroll" tabindex="0">${JSON.stringify(record, null, 2)}</pre></details>`;
}

/** The rules by which it was so, and would be otherwise. */
function why(record, would) {
  const [own, other] = [decider(record), would && observer(record, would)];
  const by = (rule) => html`by <b>${rule.pack}/${rule.rule}</b>${rule.cite && html`, ${rule.cite}`}`;
  if (own && other) return html`${as.outcome(record.outcome)[0]} ${by(own)}; would be ${as.outcome(would)[0]} ${by(other)}`;
  if (other) return html`No rule that acts held; it would be ${as.outcome(would)[0]} ${by(other)}`;
  if (own) return by(own);
  if (record.error) return `${record.error.fault}: ${record.error.detail || record.error.code}`;
  const lifted = (record.rules || []).find((rule) => rule.lifted);
  if (lifted) return html`<b>${lifted.pack}/${lifted.rule}</b> held, and is lifted by ${lifted.lifted}`;
  return (record.rules || []).length ? "No rule that held asked for more." : "No rule held.";
}

/** What a case takes from the policy that is in force. */
function known(found) {
  const state = status.value.value;
  return { packs: state?.packs || [], observing: state?.mode === "observe", same: found.replay?.config_same ?? state?.config === found.record.config };
}

const DECLARED = {
  transaction: "Transaction",
  contract: "Contract",
  contract_has: "Clauses",
  purpose: "Purpose",
  mechanism: "Mechanism",
  consent: "Consent",
  approval: "Approval",
  recipient_kind: "The recipient is",
  phase: "Phase",
};

/** What was declared of the transfer. */
const declared = (context) =>
  Object.entries(context || {}).filter(([, value]) => value?.length)
    .map(([key, value]) => [DECLARED[key] || key, Array.isArray(value) ? value.join(", ") : value]);

function Step({ title, facts, children }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return html`<li><h2>${title}</h2>
    ${known.length > 0 && html`<dl class="facts">${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
    ${children}</li>`;
}

/** Whose it is, how much, and in which form. */
const about = (slice) =>
  [
    slice.of && `of people in ${as.country(slice.of)}`,
    ...["subjects", "devices", "records"].filter((what) => slice[what] != null).map((what) => `${as.count(slice[what])} ${what}`),
    slice.state,
    slice.linked && "linked to one another",
    slice.located && "tells of a place",
  ].filter(Boolean).join(", ");

function databases(location) {
  const all = Object.entries(location?.databases || {});
  return all.length
    ? html`<ul class="inline-list">${all.map(([name, country]) => html`<li>${name}: ${country || "unknown"}${location.builds?.[name] ? ` (${String(location.builds[name]).slice(0, 10)})` : ""}</li>`)}</ul>`
    : null;
}

function timings(all) {
  if (!all) return null;
  const names = { resolve: "name", decide: "decision", connect: "connection", first_byte: "first octet", total: "all" };
  return Object.entries(names).filter(([key]) => all[key] !== undefined && all[key] !== null)
    .map(([key, name]) => `${name} ${as.micros(all[key])}`).join(" · ");
}

const TRUTH = { yes: ["✓", "yes"], no: ["✕", "no"], unknown: ["?", "not known"] };

/** Rules that were tried, those that held first, each condition with its answer. */
export function Rules({ rules }) {
  const order = { yes: 0, unknown: 1, no: 2 };
  return html`<ul class="rules">${[...rules].sort((a, b) => order[a.truth] - order[b.truth]).map(
    (rule) => html`<li><details open=${rule.truth === "yes"}>
      <summary><span class=${`truth ${rule.truth}`}><span class="sign" aria-hidden="true">${TRUTH[rule.truth][0]}</span>
        <span class="hidden">holds: ${TRUTH[rule.truth][1]}. </span></span>
        <b>${rule.pack}/${rule.rule}</b> <${Outcome} name=${rule.outcome} observed=${rule.mode === "observe"} />
        ${rule.presumed && html`<span class="chip warn">presumed</span>`}</summary>
      <p>${rule.reason}${rule.cite && html` <cite>${rule.cite}</cite>`}</p>
      <ul class="conditions">${rule.conditions.map((c) => html`<${Condition} of=${c} />`)}
        ${rule.unless.map((c) => html`<${Condition} of=${c} prefix="unless " />`)}</ul>
    </details></li>`,
  )}</ul>`;
}

const Condition = ({ of, prefix }) => html`<li><span class=${`truth ${of.truth}`}><span class="sign" aria-hidden="true">${TRUTH[of.truth][0]}</span>
  <span class="hidden">${TRUTH[of.truth][1]}: </span></span>${prefix || ""}${of.condition}</li>`;

/** Where the policy that decided is not there any more: what the record says of it. */
function Held({ rules }) {
  return html`<${Table} caption="Rules that held" rows=${rules} empty="No rule held." columns=${[
    { name: "Rule", of: (r) => `${r.pack}/${r.rule}` },
    { name: "Version", of: (r) => r.version || "–" },
    { name: "Outcome", of: (r) => html`<${Outcome} name=${r.outcome} observed=${r.mode === "observe"} />` },
    { name: "Law", of: (r) => r.cite || "–" },
    { name: "Lifted by", of: (r) => r.lifted || "–" },
  ]} />`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    copied.value = "Copied.";
  } catch {
    copied.value = "The browser does not let pages copy; the record is below.";
  }
}

async function prove(id) {
  try {
    proof.value = { id, is: await get(to(`decisions/${encodeURIComponent(id)}/proof`)) };
  } catch (problem) {
    proof.value = { id, problem };
  }
}

function Proof() {
  const { is, problem, id } = proof.value || {};
  if (id !== route.value.id) return null;
  if (problem) return html`<${Trouble} problem=${problem} />`;
  return html`<${Panel} title="Proof" wide=${true}>
    <p>Entry ${as.count(is.index)} of ${as.count(is.size)}, ${is.path.length} hashes from its leaf to the root.</p>
    <dl class="facts"><div><dt>Root</dt><dd><code>${is.root}</code></dd></div>
      <div><dt>Key</dt><dd><code>${is.key || "not signed"}</code></dd></div></dl>
    <pre class="scroll" tabindex="0">${is.checkpoint || "Not signed yet."}</pre></${Panel}>`;
}
