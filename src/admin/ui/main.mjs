// The frame around all pages: who looks, where one is, and keys.

import { html, mount, signal, effect } from "./view.mjs";
import { who, get, drop, settle, meet, anew, changed } from "./api.mjs";
import { route, PAGES, href, follow, arrive, restore } from "./route.mjs";
import { status } from "./status.mjs";
import { inUtc, setUtc } from "./format.mjs";
import { Login, before } from "./login.mjs";
import { Now } from "./now.mjs";
import { Live, leaveLive } from "./live.mjs";
import { Limits } from "./limits.mjs";
import { Explore } from "./explore.mjs";
import { Decision } from "./decision.mjs";
import { Holds, leaveHolds } from "./holds.mjs";
import { Policy, leavePolicy } from "./policy.mjs";
import { Audit } from "./audit.mjs";

const VIEWS = {
  now: Now,
  live: Live,
  limits: Limits,
  explore: Explore,
  decision: Decision,
  holds: Holds,
  policy: Policy,
  audit: Audit,
};

/** What ends once another page is gone to. */
const LEAVE = { live: leaveLive, holds: leaveHolds, policy: leavePolicy };

const help = signal(false);

const KEYS = [
  ["/", "to the search"],
  ["j  k", "to the next or last row"],
  ["Enter", "open the row"],
  ["g then n l i e h p a", "to Now, Live, Limits, Explore, Holds, Policy, Audit"],
  ["?", "this help"],
];

function Help() {
  return html`<dialog ref=${(el) => el && !el.open && el.showModal()} onClose=${() => (help.value = false)}
      aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl class="keys">${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <form method="dialog"><button>Close</button></form>
  </dialog>`;
}

function Frame() {
  if (who.value === false) return html`<${Login} />`;
  if (!who.value) return html`<p class="loading">Loading …</p>`;
  status.from("status", 5);
  const page = route.value.page;
  const View = Object.hasOwn(VIEWS, page) ? VIEWS[page] : Now;
  const state = status.value.value;
  const open = state?.holds_open || 0;
  return html`<a class="skip" href="#content">To the content</a>
    <header class="top">
      <a class="brand" href=${href("now")}><img src="/ui/icon.svg" alt="" width="22" height="22" />borderpost</a>
      <nav aria-label="Pages"><ul>${PAGES.map(
        ([name, title]) => html`<li><a href=${href(name)} aria-current=${name === page || (page === "decision" && name === "explore") ? "page" : null}>
          ${title}${name === "holds" && open > 0 && html` <span class="badge">${open}<span class="hidden"> open</span></span>`}</a></li>`,
      )}</ul></nav>
      <p class="mode">${state && html`<span class=${`chip ${state.mode}`}>${state.mode === "observe" ? "observing, nothing is blocked" : "enforcing"}</span>`}
        ${state?.draining && html`<span class="chip warn">draining</span>`}
        ${who.value.by !== "local" && html`<span class="who"><b>${who.value.name}</b><span class="chip">${who.value.role}</span></span>`}
        ${who.value.by === "session" && html`<button class="quiet" onClick=${leave}>Sign out</button>`}
        <button class="quiet" aria-pressed=${inUtc.value} aria-label="Times in UTC" onClick=${() => setUtc(!inUtc.value)}>UTC</button>
        <button class="quiet" onClick=${() => (help.value = true)} aria-label="Keys">?</button></p>
    </header>
    <main id="content" tabindex="-1"><${View} /></main>
    ${help.value && html`<${Help} />`}`;
}

async function leave() {
  await drop("session").catch(() => {});
  changed();
  anew();
}

async function begin() {
  try {
    meet(await get("session"));
    const search = before();
    if (!search) return;
    changed();
    restore(search);
  } catch {
    who.value = false;
  }
}

/** When `g` was pressed, not when a busy page came to it. */
let prefix = -Infinity;
function keys(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.metaKey || event.ctrlKey || event.altKey || help.value) return;
  const jump = { n: "now", l: "live", i: "limits", e: "explore", h: "holds", p: "policy", a: "audit" };
  if (event.timeStamp - prefix < 1500 && jump[event.key]) {
    prefix = -Infinity;
    document.querySelector(`nav a[href="${href(jump[event.key])}"]`)?.click();
  } else if (event.key === "g") prefix = event.timeStamp;
  else if (event.key === "?") help.value = true;
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) search.select();
    else document.querySelector(`nav a[href="${href("explore")}"]`)?.click();
  } else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  else return;
  event.preventDefault();
}

/** To the next row that can be opened. */
function step(by) {
  const links = [...document.querySelectorAll("main tbody tr a")].filter(
    (link, at, all) => link.closest("tr") !== all[at - 1]?.closest("tr"),
  );
  const at = links.findIndex((link) => link === document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
}

addEventListener("keydown", keys);
addEventListener("click", follow);
effect(() => {
  const title = PAGES.find(([name]) => name === route.value.page)?.[1] || "Decision";
  document.title = `${title} · borderpost`;
});
effect(() => {
  for (const [name, end] of Object.entries(LEAVE)) if (route.value.page !== name) end();
});
mount(() => html`<${Frame} />`, document.getElementById("app"), () => {
  settle();
  arrive();
});
begin();
