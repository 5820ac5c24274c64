// What waits for a person, and what must be reported to an authority.

import { html, signal } from "./view.mjs";
import { Asked, post, may, who } from "./api.mjs";
import { route, href, go } from "./route.mjs";
import { Answer, Panel, Moment, Table, Trouble, words } from "./parts.mjs";
import * as as from "./format.mjs";

const holds = new Asked();
const reports = new Asked();
/** What somebody is about to rule: `{kind, of}`. */
const ruling = signal(null);
const problem = signal(null);

export function Holds() {
  const state = route.value.state ?? "open";
  holds.from(state === "all" ? "holds" : `holds?state=${state}`, 5);
  reports.from("reports", 15);
  return html`<h1 tabindex="-1">Holds</h1>
    <label class="inline">Show<select value=${state} onChange=${(event) => go("holds", { state: event.target.value }, true)}>
      <option value="open">open</option><option value="all">all</option></select></label>
    <${Answer} asked=${holds}>${({ holds: all }) => all.length
      ? html`<ul class="cards">${all.map((hold) => html`<${Hold} key=${hold.id} hold=${hold} />`)}</ul>`
      : html`<p class="empty">Nothing waits for a person.</p>`}</${Answer}>
    <${Panel} title="To be reported" wide=${true}><${Answer} asked=${reports}>${({ reports: all }) => html`<${Table}
      caption="Candidates for reports" rows=${all} keyed=${(r) => r.id} empty="Nothing is to be reported." columns=${[
        { name: "Due", of: (r) => html`<${Moment} at=${r.due} relative=${r.state === "open"} /> <span class="hint">${r.due}</span>` },
        { name: "Report", of: (r) => `${r.pack}/${r.report}` },
        { name: "Law", of: (r) => r.cite },
        { name: "Destination", of: (r) => r.host },
        { name: "Tags", of: (r) => words(r.tags) },
        { name: "Decisions", of: (r) => html`<a href=${href("decision", { id: r.decision })}>${as.count(r.count)}<span class="hidden"> decisions, the first of them</span></a>`, number: true },
        { name: "State", of: (r) => (r.closing ? `${r.closing.outcome} by ${r.closing.by}` : "open") },
        { name: "Action", of: (r) => r.state === "open" && may("admin") && html`<button onClick=${() => ask("close", r)}>Close<span class="hidden"> the candidate ${r.pack}/${r.report}</span></button>` },
      ]} />`}</${Answer}></${Panel}>
    ${ruling.value && html`<${Ruling} key=${ruling.value.kind + ruling.value.of.id} />`}`;
}

function Hold({ hold }) {
  return html`<li class="panel card">
    <h2>${hold.method || ""} ${hold.host}${hold.port ? `:${hold.port}` : ""}</h2>
    <p><span class=${`chip ${hold.state === "open" ? "warn" : ""}`}>${hold.state}</span> ${words(hold.tags)}</p>
    <dl class="facts">
      <div><dt>Asked</dt><dd>${as.count(hold.asked)} times, last <${Moment} at=${hold.last} relative=${true} /></dd></div>
      <div><dt>Client</dt><dd>${hold.client || "left out for your role"}</dd></div>
      ${hold.needs?.length > 0 && html`<div><dt>Missing</dt><dd>${hold.needs.join(", ")}</dd></div>`}
    </dl>
    <ul>${hold.rules.map((rule) => html`<li><b>${rule.rule}</b>: ${rule.reason} ${rule.cite && html`<cite>${rule.cite}</cite>`}</li>`)}</ul>
    ${(hold.rulings || []).map((one) => html`<p class="hint">${one.decision === "approve" ? "Approved" : "Denied"} by ${one.by}, <${Moment} at=${one.at} />: ${one.reason}
      ${one.expires && html` (until <${Moment} at=${one.expires} />)`}</p>`)}
    <p class="bar-line">${may("admin") && hold.state !== "approved" && html`
      <button class=${hold.state === "open" ? "primary" : ""} onClick=${() => ask("approve", hold)}>Approve<span class="hidden"> ${hold.host}</span></button>`}
      ${may("admin") && hold.state !== "denied" && html`
      <button onClick=${() => ask(hold.state === "approved" ? "withdraw" : "deny", hold)}>${hold.state === "approved" ? "Withdraw" : "Deny"}<span class="hidden"> ${hold.host}</span></button>`}
      <a href=${href("explore", { host: hold.host })}>Its decisions</a></p>
  </li>`;
}

function ask(kind, of) {
  problem.value = null;
  ruling.value = { kind, of };
}

const TITLES = { approve: "Let it pass", deny: "Do not let it pass", withdraw: "Withdraw the approval", close: "Close the candidate" };

function Ruling() {
  const { kind, of } = ruling.value;
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const said = Object.fromEntries([...form].filter(([, value]) => value !== ""));
    // An approval is withdrawn by a later ruling, which denies.
    const at = kind === "close" ? `reports/${of.id}/close` : `holds/${of.id}/${kind === "approve" ? "approve" : "deny"}`;
    try {
      await post(at, said);
      ruling.value = null;
      await Promise.all([holds.refresh(), reports.refresh()]);
    } catch (why) {
      problem.value = why;
    }
  };
  return html`<dialog ref=${(el) => el && !el.open && el.showModal()} onClose=${() => (ruling.value = null)} aria-labelledby="ruling-title">
    <form onSubmit=${submit}>
      <h2 id="ruling-title">${TITLES[kind]}</h2>
      <p>${of.host}, ${words(of.tags)}</p>
      <${Trouble} problem=${problem.value} />
      <label>Who decides<input name="by" required maxlength="200" defaultValue=${who.value.by === "session" ? who.value.name : ""} autocomplete="name" /></label>
      ${kind === "close"
        ? html`<label>Outcome<select name="outcome"><option value="reported">reported</option><option value="not-due">not due</option></select></label>
          <label>Note<textarea name="note" rows="2"></textarea></label>
          <label>Evidence<input name="evidence" placeholder="number of the letter" /></label>`
        : html`<label>Reason<textarea name="reason" required rows="2"></textarea></label>`}
      ${kind === "approve" && html`<label>For how long<select name="expires"><option value="8h">8 hours</option><option value="1d">1 day</option><option value="7d">7 days</option><option value="30d">30 days</option></select></label>`}
      <p class="bar-line"><button class="primary">${TITLES[kind]}</button>
        <button type="button" onClick=${() => (ruling.value = null)}>Cancel</button></p>
    </form>
  </dialog>`;
}
