// Where one is: all of it stands in the address, so that a page can be sent to somebody.

import { signal } from "./view.mjs";

export const PAGES = [
  ["now", "Now"],
  ["live", "Live"],
  ["limits", "Limits"],
  ["explore", "Explore"],
  ["holds", "Holds"],
  ["policy", "Policy"],
  ["audit", "Audit"],
];

/** `{page, ...parameters}` of the address. */
export const route = signal(read());

function read() {
  const params = Object.fromEntries(new URLSearchParams(location.search));
  return { ...params, page: params.page || "now" };
}

/** Whether another page was gone to whose heading has not been focused yet. */
let arriving = false;

/** Once a page is drawn: who came by a link or key goes on from its heading. */
export function arrive() {
  const heading = arriving && document.querySelector("main h1");
  if (!heading) return;
  arriving = false;
  heading.focus({ preventScroll: true });
}

function enter() {
  route.value = read();
}

addEventListener("popstate", () => {
  arriving = true;
  enter();
});

/** The address of a page. */
export function href(page, params = {}) {
  const said = Object.entries(params).filter(([, v]) => v !== undefined && v !== null && v !== "");
  const query = new URLSearchParams([["page", page], ...said]);
  return `/?${query}`;
}

/** Goes there; `instead` leaves no step back. */
export function go(page, params = {}, instead = false) {
  const address = href(page, params);
  if (address !== location.pathname + location.search) {
    history[instead ? "replaceState" : "pushState"](null, "", address);
  }
  // A search goes on in its field.
  if (page !== route.value.page) arriving = true;
  enter();
}

/** Back to where one was: an address of our own first page, by its search. */
export function restore(search) {
  history.replaceState(null, "", `/?${new URLSearchParams(search)}`);
  enter();
}

/** Follows links to our own pages without loading them. */
export function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname !== "/" || link.download || url.hash) return;
  event.preventDefault();
  history.pushState(null, "", url.pathname + url.search);
  arriving = true;
  enter();
  scrollTo(0, 0);
}
