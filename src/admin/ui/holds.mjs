// What waits for a person, and what must be reported to an authority.

import { html, signal } from "./view.mjs";
import { Asked, get, post, to, may, who } from "./api.mjs";
import { route, href, go } from "./route.mjs";
import { Answer, Panel, Moment, Table, Trouble, countries, words } from "./parts.mjs";
import { amount } from "./amount.mjs";
import * as as from "./format.mjs";

/** So many cards are shown at once. */
const PAGE = 20;

const holds = new Asked();
const reports = new Asked();
/** What somebody is about to rule: `{kind, of}`. */
const ruling = signal(null);
const problem = signal(null);
/** What is known of the first request of each hold, by its id: `false` where there is no record. */
const firsts = signal(new Map());

export function Holds() {
  const { state = "open", hold, find = "", at = "0" } = route.value;
  holds.from(state === "all" ? "holds" : `holds?state=${state}`, 5);
  reports.from("reports", 15);
  const narrow = (more) => go("holds", { state: route.value.state, find: route.value.find, ...more }, true);
  return html`<h1 tabindex="-1">Holds</h1>
    <div class="bar-line"><label class="inline">Show<select value=${state} onChange=${(event) => narrow({ state: event.target.value })}>
      ${["open", "approved", "denied", "expired", "all"].map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
      <label class="inline grow">Find<input type="search" data-search value=${find} placeholder="host, client, tag or rule"
        onInput=${(event) => narrow({ find: event.target.value })} /></label></div>
    <${Answer} asked=${holds}>${({ holds: all }) => html`<${Cards} all=${all.filter((one) => (hold ? one.id === hold : meant(one, find)))}
      from=${Math.max(0, Number(at) || 0)} to=${(from) => narrow({ at: from || undefined })} one=${hold} />`}</${Answer}>
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

/** Whether all the words stand somewhere in what a card says. */
function meant(hold, find) {
  const said = [hold.host, hold.client, hold.method, ...hold.tags, ...hold.rules.map((rule) => rule.rule)].join(" ").toLowerCase();
  return find.toLowerCase().split(/\s+/).every((word) => said.includes(word));
}

/** A page of cards, those that were asked for last first. */
function Cards({ all, from, to: turn, one }) {
  if (!all.length) return html`<p class="empty">${one ? "There is no such hold." : "Nothing waits for a person here."}</p>`;
  const first = from < all.length ? from : 0;
  const shown = all.toSorted((a, b) => Date.parse(b.last) - Date.parse(a.last)).slice(first, first + PAGE);
  shown.forEach(learn);
  return html`<ul class="cards">${shown.map((hold) => html`<${Hold} key=${hold.id} hold=${hold} />`)}</ul>
    ${all.length > PAGE && html`<p class="bar-line pages"><span role="status">${as.count(first + 1)}–${as.count(first + shown.length)} of ${as.count(all.length)}</span>
      <button disabled=${first === 0} onClick=${() => turn(Math.max(0, first - PAGE))}>Newer</button>
      <button disabled=${first + PAGE >= all.length} onClick=${() => turn(first + PAGE)}>Older</button></p>`}`;
}

/** Asks once for the request that was held first, without who asked, so that it is no reading. */
async function learn({ id }) {
  if (firsts.value.has(id)) return;
  firsts.value.set(id, null);
  const found = await get(to(`decisions/${id}`, { personal: false })).then((one) => one.record, () => false);
  firsts.value = new Map(firsts.value).set(id, found);
}

const times = (n) => (n === 1 ? "once" : `${as.count(n)} times`);

/** The requests of a hold: of its client, to its host, which its rule holds. */
const requests = (hold) => href("explore", {
  host: hold.host,
  client: may("auditor") ? hold.client : undefined,
  rule: hold.rules[0]?.rule,
  tag: hold.tags[0],
});

/** What would go where, as far as the first request tells. */
function What({ hold, path }) {
  const first = firsts.value.get(hold.id);
  return html`${first && html`
      <div><dt>To</dt><dd>${first.location?.countries?.length ? html`${countries(first.location.countries)}
        <span class="hint">${first.location.countries.map(as.country).join(" or ")}</span>` : "a country that is not known"}</dd></div>
      <div><dt>Recipient</dt><dd>${first.recipient ? first.recipient.name || first.recipient.party : "not in the register"}</dd></div>
      <div><dt>Data</dt><dd>${(first.data || []).length ? html`<ul class="inline-list">${first.data.map((slice) => html`<li>${words(slice.tags)} ${amount(slice) || "no amount declared"}</li>`)}</ul>` : words(hold.tags)}</dd></div>
      ${first.context?.transaction && html`<div><dt>Transaction</dt><dd>${first.context.transaction}</dd></div>`}`}
    ${path !== undefined && html`<div><dt>Path</dt><dd><code>${path || "–"}</code></dd></div>`}`;
}

function Hold({ hold }) {
  return html`<li class="panel card">
    <h2>${hold.method || ""} ${hold.host}${hold.port ? `:${hold.port}` : ""}</h2>
    <p><span class=${`chip ${hold.state === "open" ? "warn" : ""}`}>${hold.state}</span> ${words(hold.tags)}</p>
    <dl class="facts">
      <${What} hold=${hold} />
      <div><dt>Asked</dt><dd>${times(hold.asked)}, last <${Moment} at=${hold.last} relative=${true} /></dd></div>
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
      <a href=${requests(hold)}>Its decisions</a>
      ${firsts.value.get(hold.id) && html`<a href=${href("decision", { id: hold.id })}>The first of them</a>`}</p>
  </li>`;
}

/** The path of the first request, which is read, and noted, only once somebody is about to rule. */
const path = signal(null);

function ask(kind, of) {
  problem.value = null;
  path.value = null;
  ruling.value = { kind, of };
  if (kind === "close" || !firsts.value.get(of.id)) return;
  get(`decisions/${of.id}`).then(({ record }) => (path.value = { id: of.id, is: record.path }), () => {});
}

/** Who leaves the page rules nothing. */
export function leaveHolds() {
  ruling.value = null;
}

const TITLES = { approve: "Let it pass", deny: "Do not let it pass", withdraw: "Withdraw the approval", close: "Close the candidate" };

function Ruling() {
  const mine = ruling.value;
  const { kind, of } = mine;
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const said = Object.fromEntries([...form].filter(([, value]) => value !== ""));
    // An approval is withdrawn by a later ruling, which denies.
    const at = kind === "close" ? `reports/${of.id}/close` : `holds/${of.id}/${kind === "approve" ? "approve" : "deny"}`;
    try {
      await post(at, said);
      if (ruling.value === mine) ruling.value = null;
      await Promise.all([holds.refresh(), reports.refresh()]);
    } catch (why) {
      if (ruling.value === mine) problem.value = why;
    }
  };
  return html`<dialog ref=${(el) => el && !el.open && el.showModal()} onClose=${() => (ruling.value = null)} aria-labelledby="ruling-title">
    <form onSubmit=${submit}>
      <h2 id="ruling-title">${TITLES[kind]}</h2>
      ${kind === "close"
        ? html`<p>${of.host}, ${words(of.tags)}</p>`
        : html`<p><b>${of.method} ${of.host}${of.port ? `:${of.port}` : ""}</b> ${words(of.tags)}</p>
          <dl class="facts"><${What} hold=${of} path=${path.value?.id === of.id ? path.value.is : undefined} />
            <div><dt>Client</dt><dd>${of.client || "left out for your role"}</dd></div>
            <div><dt>Asked</dt><dd>${times(of.asked)}</dd></div>
            <div><dt>Held by</dt><dd>${of.rules.map((rule) => html`<div><b>${rule.rule}</b>: ${rule.reason}</div>`)}</dd></div></dl>
          <p class="hint">${kind === "approve" && "It holds for all that this client sends to this host with these tags and by these rules."}</p>`}
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
