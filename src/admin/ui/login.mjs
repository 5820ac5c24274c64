// A token, or a login at the issuer, becomes a session; the page keeps neither.

import { html, signal } from "./view.mjs";
import { get, post, meet, changed } from "./api.mjs";
import { Trouble } from "./parts.mjs";

/** Where one was before the login: what comes back from the issuer always comes back to `/`. */
const BACK = "borderpost.back";

const problem = signal(null);
/** `{token, oidc}`: by what one may log in; null until it is known. */
const ways = signal(null);
let asked = false;

async function look() {
  asked = true;
  try {
    ways.value = await get("session/ways");
  } catch (why) {
    problem.value = why;
    ways.value = { token: true, oidc: null };
  }
}

async function enter(event) {
  event.preventDefault();
  const field = event.target.elements.token;
  try {
    const now = await post("session", { token: field.value.trim() });
    problem.value = null;
    changed();
    meet(now);
  } catch (why) {
    problem.value = why;
  } finally {
    field.value = "";
  }
}

function leave() {
  sessionStorage.setItem(BACK, location.search);
}

/** What the address was before a login elsewhere; once. */
export function before() {
  const search = sessionStorage.getItem(BACK);
  sessionStorage.removeItem(BACK);
  return search;
}

export function Login() {
  if (!asked) look();
  const { token, oidc } = ways.value || {};
  return html`<main class="login">
    <h1>borderpost</h1>
    <p>This proxy wants to know who looks.</p>
    <${Trouble} problem=${problem.value} />
    ${oidc && html`<p><a class="button primary" href="/oidc/login" onClick=${leave}>Sign in at ${oidc}</a></p>`}
    ${(token || (ways.value && !oidc)) && html`<form onSubmit=${enter}>
      <p>${oidc ? "Or paste" : "Paste"} a token that its configuration names under <code>[[admin.token]]</code>.</p>
      <label>Token<input name="token" type="password" autocomplete="off" required autofocus=${!oidc} /></label>
      <button class=${oidc ? "" : "primary"}>Sign in</button>
    </form>`}
  </main>`;
}
