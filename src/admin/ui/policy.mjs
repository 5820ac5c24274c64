// What is in force, what a request would get, and what a draft would change.

import { html, signal } from "./view.mjs";
import { Asked, post, may } from "./api.mjs";
import { href } from "./route.mjs";
import { Answer, Panel, Table, Trouble, Outcome, Moment, words } from "./parts.mjs";
import { Rules, deciding } from "./rules.mjs";
import { status } from "./status.mjs";
import * as as from "./format.mjs";

const policy = new Asked();
const tested = signal(null);
const draft = signal(null);
const reloaded = signal(null);

/** What was told is of what stood there then, and the fields are empty when one comes back. */
export function leavePolicy() {
  for (const told of [tested, draft, reloaded]) told.value = null;
}

/** Puts what was answered beside what was asked, unless something else has been put or written since. */
async function tell(into, asked, answer) {
  into.value = asked;
  const told = await answer.then((is) => ({ is }), (problem) => ({ problem }));
  if (into.value === asked) into.value = { ...asked, ...told, busy: false };
}

export function Policy() {
  policy.from("policy", 30);
  return html`<h1 tabindex="-1">Policy</h1>
    <${Answer} asked=${policy}>${(all) => html`
      <${Packs} all=${all} />
      <div class="split two"><${Tester} />${may("auditor") && html`<${WhatIf} />`}</div>
      <${Panel} title=${`Rules (${all.rules.length})`} id="rules" wide=${true}><${Table} caption="Rules in the order in which they are tried" rows=${all.rules}
        keyed=${(r) => r.place} empty="There is no rule: everything passes." columns=${[
          { name: "Rule", of: (r) => html`<b>${r.pack}/${r.rule}</b>` },
          { name: "Outcome", of: (r) => html`<${Outcome} name=${r.outcome} observed=${r.mode === "observe"} />` },
          { name: "Where", of: (r) => html`${r.conditions.join("; ")}${r.unless.length > 0 && html` <i>unless</i> ${r.unless.join("; ")}`}` },
          { name: "Reason", of: (r) => r.reason },
          { name: "Law", of: (r) => r.cite || "–" },
        ]} /></${Panel}>
      <${Panel} title="Lists" wide=${true}><${Table} caption="Classes, counters, parties and other lists" rows=${all.lists} columns=${[
        { name: "Kind", of: (l) => l.kind },
        { name: "Name", of: (l) => html`<b>${[l.pack, l.name].filter(Boolean).join("/")}</b>` },
        { name: "What it says", of: (l) => l.text },
        { name: "Law", of: (l) => l.cite || "–" },
      ]} /></${Panel}>`}</${Answer}>`;
}

function Packs({ all }) {
  const reload = async () => {
    try {
      await post("reload");
      reloaded.value = { fine: true };
    } catch (problem) {
      reloaded.value = { problem };
    }
    await Promise.all([policy.refresh(), status.refresh()]);
  };
  return html`<${Panel} title="Packs" wide=${true}
      aside=${may("admin") && html`<button onClick=${reload}>Read the configuration again</button>`}>
    <p role="status">${reloaded.value?.fine && "It was read, and is in force."}</p>
    ${reloaded.value?.problem && html`<${Trouble} problem=${reloaded.value.problem} />`}
    <${Table} caption="Packs in force" rows=${all.packs} keyed=${(p) => p.id} empty="No pack is in force." columns=${[
      { name: "Pack", of: (p) => html`<b>${p.id}</b>` },
      { name: "Version", of: (p) => p.version },
      { name: "Rules", of: (p) => as.count(p.rules), number: true },
      { name: "Mode", of: (p) => p.mode },
      { name: "Authority", of: (p) => p.authority || "–" },
      { name: "From", of: (p) => (p.from_day ? html`<time datetime=${p.from_day}>${as.day(p.from_day)}</time>` : "–") },
      { name: "Signed by", of: (p) => p.signer || "–" },
      { name: "Kept", of: (p) => (p.retain_years ? `${p.retain_years} years` : "–"), number: true },
      { name: "Digest", of: (p) => html`<code title=${p.digest}>${p.digest.slice(0, 19)}…</code>` },
    ]} />
    <${Difference} reload=${all.reload} />
  </${Panel}>`;
}

function Difference({ reload }) {
  if (!reload) return html`<p class="hint">The configuration has not been read again since the start.</p>`;
  return html`${!reload.ok && html`<details open><summary>Last reload: refused, <${Moment} at=${reload.at} relative=${true} />; what was in force stays in force</summary>
      <pre class="scroll" tabindex="0">${reload.problems}</pre></details>`}
    ${reload.ok ? html`<${Changes} title="Last reload: worked" of=${reload} />`
      : reload.in_force ? html`<${Changes} title="In force since the reload before" of=${reload.in_force} />`
      : html`<p class="hint">In force is what was read at the start.</p>`}`;
}

function Changes({ title, of }) {
  const { packs = [], rules = [] } = of.difference || {};
  const all = packs.length + rules.length;
  return html`<details><summary>${title}, <${Moment} at=${of.at} relative=${true} />; ${as.count(all)} ${all === 1 ? "difference" : "differences"}</summary>
    <ul>${packs.map((p) => html`<li>pack <b>${p.id}</b> ${p.change}: ${p.before || "–"} → ${p.after || "–"}</li>`)}
      ${rules.map((r) => html`<li>rule <b>${r.pack}/${r.rule}</b> ${r.change}: ${r.before || "–"} → ${r.after || "–"}</li>`)}</ul></details>`;
}

const ORDER = ["allow", "log", "hold", "require", "block"];

/** What the strongest rule that holds and only observes would make of it, where it would go out. */
function would({ outcome, rules }) {
  if (outcome !== "allow" && outcome !== "log") return null;
  const observing = rules.filter((rule) => rule.mode === "observe" && (rule.truth === "yes" || rule.presumed));
  const strongest = Math.max(0, ...observing.map((rule) => ORDER.indexOf(rule.outcome)));
  return strongest > ORDER.indexOf(outcome) ? ORDER[strongest] : null;
}

const split = (text) => text.split(/[\s,]+/).filter(Boolean);

function Tester() {
  const submit = (event) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.target));
    const body = { url: form.url, method: form.method, tags: split(form.tags) };
    if (form.at) body.at = form.at;
    if (form.address) body.address = form.address;
    if (form.meter) body.counted = { [form.meter]: Number(form.before || 0) };
    tell(tested, { of: body }, post("policy/test", body));
  };
  const { of, is, problem } = tested.value || {};
  return html`<${Panel} title="What would a request get?">
    <form class="grid" onSubmit=${submit} onInput=${() => (tested.value = null)}>
      <label class="all">Address<input name="url" type="url" required placeholder="https://api.example.com/upload" /></label>
      <label>Method<select name="method">${["GET", "POST", "PUT", "PATCH", "DELETE", "CONNECT"].map((m) => html`<option>${m}</option>`)}</select></label>
      <label>Tags of its data<input name="tags" placeholder="health, id" /></label>
      <label>At its IP address<input name="address" placeholder="not looked up if empty" /></label>
      <label>As of<input name="at" type="date" /></label>
      <label>Counted before, meter<input name="meter" placeholder="pack/counter/class" /></label>
      <label>so many<input name="before" type="number" min="0" /></label>
      <p class="all"><button class="primary">Decide</button> <span class="hint">Nothing is sent.</span></p>
    </form>
    <div role="status"><${Trouble} problem=${problem} />
    ${is && html`<${Asking} of=${of} /><p class="result"><${Outcome} name=${is.outcome} would=${would(is)} /> ${is.outcome === "undecided"
        ? "Where it would go is not known: say it under “At its IP address”."
        : is.why}</p>
      ${is.changes?.length > 0 && html`<p>Another answer with: ${is.changes.join("; ")}.</p>`}
      <${Rules} rules=${is.rules} decided=${deciding(is.rules, is.outcome, would(is))} />`}</div>
  </${Panel}>`;
}

/** The request that an answer is of. */
const Asking = ({ of: { method, url, tags, address, at, counted = {} } }) => html`<p class="id"><b>${method}</b> <code>${url}</code> ${tags.length > 0 && words(tags)}
  ${address && ` at ${address}`}${at && html` as of <time datetime=${at}>${as.day(at)}</time>`}
  ${Object.entries(counted).map(([meter, n]) => ` after ${as.count(n)} of ${meter}`)}</p>`;

/** A whole pack, which what-if takes as it is. */
const EXAMPLE = `[pack]
id = "corp"
version = "1"
title = "Draft"
authority = "Our own policy"
as_of = 2026-01-01
effective_from = 2026-01-01

[[rule]]
id = "no-health-abroad"
outcome = "block"
reason = "health data does not go abroad"
cite = "Our own policy, 4.2"
[rule.when]
tags = ["health"]
`;

function example(event) {
  const field = event.target.form.elements.pack;
  if (!field.value) {
    field.value = EXAMPLE;
    draft.value = null;
  }
  field.focus();
}

/** How many there are, and which of them are not in the table. */
function counts({ asked, changed, left, changes }) {
  const more = [
    changes.length < changed && `the first ${as.count(changes.length)} of ${as.count(changed)} are listed`,
    left > 0 && `${as.count(left)} could not be decided again`,
  ].filter(Boolean).join("; ");
  return `${as.count(changed)} of ${as.count(asked)} would get another answer${more && `: ${more}`}.`;
}

function WhatIf() {
  const submit = (event) => {
    event.preventDefault();
    const form = Object.fromEntries(new FormData(event.target));
    tell(draft, { busy: true }, post("policy/whatif", { pack: form.pack, last: Number(form.last) }));
  };
  const { is, problem, busy } = draft.value || {};
  return html`<${Panel} title="What would a draft change?">
    <form onSubmit=${submit} onInput=${() => (draft.value = null)}>
      <label>Draft of a pack<textarea name="pack" required rows="8" spellcheck=${false} class="code"
        placeholder=${EXAMPLE}></textarea></label>
      <p><button type="button" onClick=${example}>Begin with an example</button></p>
      <label class="inline">over the last<select name="last">${[100, 1000, 10000].map((n) => html`<option value=${n}>${as.count(n)}</option>`)}</select> decisions</label>
      <button class="primary" disabled=${busy}>${busy ? "Deciding …" : "Decide them again"}</button>
    </form>
    <div role="status"><${Trouble} problem=${problem} />
    ${is && html`<p class="result">${counts(is)}</p>
      <${Table} caption="Decisions that would change" rows=${is.changes} empty="Nothing would change." keyed=${(c) => c.sequence} columns=${[
        { name: "Time", of: (c) => html`<${Moment} at=${c.time} />` },
        { name: "Destination", of: (c) => html`<a href=${href("decision", { id: c.id })}>${c.host || "–"}</a>` },
        { name: "Then", of: (c) => c.before },
        { name: "With the draft", of: (c) => c.after },
      ]} />`}</div>
  </${Panel}>`;
}
