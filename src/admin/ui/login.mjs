// A token becomes a session; the page never keeps it.

import { html, signal } from "./view.mjs";
import { who, post } from "./api.mjs";
import { Trouble } from "./parts.mjs";

const problem = signal(null);

async function enter(event) {
  event.preventDefault();
  const field = event.target.elements.token;
  try {
    who.value = await post("session", { token: field.value.trim() });
    problem.value = null;
  } catch (why) {
    problem.value = why;
  } finally {
    field.value = "";
  }
}

export function Login() {
  return html`<main class="login">
    <h1>borderpost</h1>
    <p>This proxy wants to know who looks. Paste a token that its configuration names under <code>[[admin.token]]</code>.</p>
    <${Trouble} problem=${problem.value} />
    <form onSubmit=${enter}>
      <label>Token<input name="token" type="password" autocomplete="off" required autofocus /></label>
      <button class="primary">Sign in</button>
    </form>
  </main>`;
}
