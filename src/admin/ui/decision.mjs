// One decision, step by step: what was known, what was asked, which rules held, and what left.

import { html, signal } from "./view.mjs";
import { Asked, get, to, may } from "./api.mjs";
import { route, href } from "./route.mjs";
import { Answer, Panel, Outcome, Table, Trouble, countries, words } from "./parts.mjs";
import { status } from "./status.mjs";
import { Rules } from "./rules.mjs";
import { amount } from "./amount.mjs";
import { decider, observer, testCase, untestable } from "./case.mjs";
import * as as from "./format.mjs";

const asked = new Asked();
const proof = signal(null);
const copied = signal(null);
/** What is in force, for the jurisdictions that packs name. */
const policy = new Asked();

export function Decision() {
  const { id } = route.value;
  if (!id) return html`<h1 tabindex="-1">Decision</h1><p class="empty">No decision is named. <a href=${href("explore")}>Explore</a> finds them.</p>`;
  asked.from(`decisions/${encodeURIComponent(id)}`);
  policy.from("policy");
  return html`<h1 tabindex="-1">Decision</h1><p class="id"><code>${id}</code></p>
    <${Answer} asked=${asked}>${(found) => html`<${Whole} found=${found} />`}</${Answer}>`;
}

function Whole({ found }) {
  const { record, would } = found;
  const untested = untestable(record, found.tried);
  return html`<${Head} found=${found} />
    <ol class="trace">
      <${Step} title="Who asked" facts=${[
        ["When", `${as.here(record.time)} here, ${as.utc(record.time)}`, true],
        ["Client", record.client || (found.masked ? "left out for your role" : "–")],
        ["Name", record.principal],
        ["Known by", record.authenticated],
        ["For", record.exporter?.id],
        ["Request", `${record.method} ${record.scheme || ""} ${record.path || ""}`, true],
        ["Trace", record.trace, true],
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
        ${(record.data || []).length > 0 && html`<ul>${record.data.map((slice) => html`<li>${words(slice.tags)} ${amount(slice)}</li>`)}</ul>`}
      </${Step}>
      <${Step} title="Where to" facts=${[
        ["Address", record.address],
        ["Countries", record.location && html`${countries(record.location.countries)} <span class="hint">${record.location.state}</span>`],
        ["Databases", databases(record.location), true],
        ["Corrected by", record.location?.correction],
        ["Recipient", record.recipient && (record.recipient.name || record.recipient.party)],
        ["Port", record.port],
        ["Through", record.via],
        ["TLS", record.tls && [record.tls.version, record.tls.alpn].filter(Boolean).join(", ")],
      ]} />
      ${declared(record.context).length > 0 && html`<${Step} title="What was declared" facts=${declared(record.context)} />`}
      <${Step} title="Which rules" facts=${[]}>
        ${found.tried?.length
          ? html`${found.replay?.config_same === false && html`<p class="hint">As the policy of now has them; the configuration has changed since it was decided.</p>`}
            <${Rules} rules=${found.tried} decided=${by(record, would)} then=${(record.rules || []).map(nameOf)} />`
          : html`<${Held} rules=${record.rules || []} />`}
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
        ["Kept for", record.retain_years && `${record.retain_years} years`],
        ["Time", timings(record.timings_us), true],
        ["Fault", fault(record), true],
        ["Configuration", html`<code>${record.config}</code>`, true],
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

/** What was decided and why, in words, before anything else: who decides about it reads no further. */
function Head({ found }) {
  const { record, would } = found;
  const [own, other] = [decider(record), would && observer(record, would)];
  const helps = remedy(found);
  const facts = [
    ["Rule", own && named(own)],
    ["Law", own?.cite],
    [own ? "Watched by" : "Rule", other && html`${named(other)}, which only observes`],
    [own ? "Its law" : "Law", other?.cite],
    ["What helps", helps],
  ].filter(([, value]) => value);
  return html`<div class=${`verdict ${record.outcome || "failed"}`}>
    <p class="head"><${Outcome} name=${record.outcome} would=${would} /> <b>${record.method}</b> to <b class="host">${record.host || "–"}</b>
      ${record.location?.countries?.length ? html` in ${record.location.countries.map(as.country).join(" or ")}` : ""}</p>
    <p class="reason">${why(found)}</p>
    ${facts.length > 0 && html`<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
  </div>`;
}

const named = (rule) => html`<b>${rule.pack}/${rule.rule}</b>`;
const nameOf = (rule) => rule && `${rule.pack}/${rule.rule}`;

/** The rule that decided, or would have, where none did. */
const by = (record, would) => nameOf(decider(record) || (would && observer(record, would)));

const fault = ({ error }) => error && `${error.fault}: ${error.detail || error.code}`;

/** The reason in words: as the client was told it, or as the rule has it. */
function why(found) {
  const { record, would } = found;
  const said = (rule) => found.tried?.find((one) => nameOf(one) === nameOf(rule))?.reason;
  const [own, other] = [decider(record), would && observer(record, would)];
  const refused = record.error?.fault === "policy" && record.error.detail;
  const [reason, watched] = [refused || (own && said(own)), other && said(other)];
  if (own && other) return html`${sentence(reason || "A rule decided")} It would be ${as.outcome(would)[0]}: ${sentence(watched || nameOf(other))}`;
  if (other) return html`No rule that acts held; it would be ${as.outcome(would)[0]} by <b>${nameOf(other)}</b>${watched && html`: ${sentence(watched)}`}`;
  if (reason) return sentence(reason);
  if (own) return html`By <b>${nameOf(own)}</b>.`;
  if (record.error) return fault(record);
  const lifted = (record.rules || []).find((rule) => rule.lifted);
  if (lifted) return html`<b>${lifted.pack}/${lifted.rule}</b> held, and is lifted by ${lifted.lifted}`;
  return (record.rules || []).length ? "No rule that held asked for more." : "No rule held.";
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** So many changes are told at once. */
const CHANGES = 3;

/** What would get another answer. */
function remedy({ record, changes = [] }) {
  if (!["hold", "require", "block"].includes(record.outcome)) return null;
  // Other data helps more than another rule, and both more than that rules act no longer.
  const own = decider(record);
  const rank = (text) => (text.includes("`mode = ") ? 3 : !text.includes("rule `") ? 0 : own && text.includes(`rule \`${own.rule}\``) ? 1 : 2);
  const all = changes.toSorted((a, b) => rank(a) - rank(b));
  const few = all.filter((text) => rank(text) < 2).slice(0, CHANGES);
  const more = all.filter((text) => !few.includes(text));
  const one = (text) => html`<li>${text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part))}</li>`;
  if (!record.hold && !all.length) return null;
  return html`${record.hold && html`<p>A person can let it pass: it waits under <a href=${href("holds", { state: "all", hold: record.hold })}>Holds</a>.</p>`}
    ${few.length > 0 && html`<ul>${few.map(one)}</ul>`}
    ${more.length > 0 && html`<details><summary>${as.count(more.length)} more</summary><ul>${more.map(one)}</ul></details>`}`;
}

/** What a case takes from the policy that is in force. */
function known(found) {
  const state = status.value.value;
  return { packs: state?.packs || [], jurisdictions: policy.value.value?.jurisdictions || [], observing: state?.mode === "observe", same: found.replay?.config_same ?? state?.config === found.record.config };
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

/** Letters that fit into a column. */
const WIDE = 24;

function Step({ title, facts, children }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return html`<li><h2>${title}</h2>
    ${known.length > 0 && html`<dl class="facts">${known.map(([name, value, long]) => html`<div class=${long || value.length > WIDE ? "long" : ""}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
    ${children}</li>`;
}

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
