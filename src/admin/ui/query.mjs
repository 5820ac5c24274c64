// The search: words such as `country:CN outcome:block`, which are the filters of `borderpost audit`.

import { html, signal } from "./view.mjs";
import { go } from "./route.mjs";

const NAMES = ["host", "client", "tag", "country", "outcome", "would", "rule", "method", "id", "since", "until"];

/** The filters among parameters. */
export const filters = (params) =>
  Object.fromEntries(NAMES.filter((name) => params[name]).map((name) => [name, params[name]]));

const text = (wanted) =>
  Object.entries(wanted).map(([name, value]) => `${name}:${/\s/.test(value) ? `"${value}"` : value}`).join(" ");

const UUID = /^(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const URL_OF = /^[a-z][a-z0-9+.-]*:\/\//i;
/** IPv6: in brackets, maybe with a port behind them, or bare. */
const SIX = /^(?:\[([0-9a-f:.]+)\](?::\d+)?|([0-9a-f]*(?::[0-9a-f.]*){2,}))$/i;

/** The id, where a decision's id is all there is. */
const decision = (line) => UUID.exec(line.trim())?.[1].toLowerCase();

function hostOf(address) {
  const host = URL.canParse(address) && new URL(address).hostname.replace(/^\[|\]$/g, "");
  if (!host) throw new Error(`"${address}" is an address without a host.`);
  return host;
}

/** `[filter, value]` of what has colons but no name before them; null where it is something else. */
function pasted(word) {
  const id = decision(word);
  if (id) return ["id", id];
  if (URL_OF.test(word)) return ["host", hostOf(word)];
  const six = SIX.exec(word);
  return six && ["host", six[1] ?? six[2]];
}

/** Reads the words; one without a name is a host, as that is sought most. */
export function parse(line) {
  const wanted = {};
  for (const [word, name, quoted] of line.matchAll(/(\w+):"([^"]*)"|\S+/g)) {
    const own = name ? [name, quoted] : pasted(word);
    const named = own || /^(\w+):(\S+)$/.exec(word)?.slice(1);
    const [filter, value] = named || ["host", word];
    if (!NAMES.includes(filter)) throw new Error(`There is no filter "${filter}". There are ${NAMES.join(", ")}.`);
    if (filter in wanted) {
      const why = named ? "All that is sought must fit" : `"${word}" has no name before it, so that it is a host`;
      throw new Error(`${why}, and there is one ${filter} already: "${wanted[filter]}". There are ${NAMES.join(", ")}.`);
    }
    wanted[filter] = value;
  }
  return wanted;
}

const wrong = signal(null);
/** What a word without a name was taken for. */
const taken = signal(null);

export function Query({ value, onChange, hint }) {
  const submit = (event) => {
    event.preventDefault();
    const line = event.target.elements.query.value;
    try {
      const wanted = parse(line);
      wrong.value = null;
      if (decision(line)) return go("decision", { id: wanted.id });
      const alone = wanted.host && !/(^|\s)host:/.test(line);
      taken.value = alone ? wanted.host : null;
      onChange(wanted);
    } catch (why) {
      wrong.value = why.message;
    }
  };
  return html`<form class="query" role="search" onSubmit=${submit}>
    <label><span class="hidden">Search decisions</span>
      <input name="query" data-search type="search" key=${text(value)} defaultValue=${text(value)} placeholder=${hint}
        autocomplete="off" spellcheck=${false} aria-describedby=${wrong.value ? "query-wrong" : null} aria-invalid=${Boolean(wrong.value)} /></label>
    <button class="primary">Search</button>
    ${Object.keys(value).length > 0 && html`<button type="button" onClick=${() => onChange({})}>Clear</button>`}
    ${taken.value && taken.value === value.host && html`<p class="hint" role="status">“${taken.value}” has no name before it, so that it is sought as a host.
      Others are ${NAMES.slice(1).map((name) => `${name}:`).join(" ")}</p>`}
    ${wrong.value && html`<p id="query-wrong" class="wrong" role="alert">${wrong.value}</p>`}
  </form>`;
}
