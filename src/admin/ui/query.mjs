// The search: words such as `country:CN outcome:block`, which are the filters of `borderpost audit`.

import { html, signal } from "./view.mjs";

const NAMES = ["host", "client", "tag", "country", "outcome", "would", "rule", "method", "id", "since", "until"];

/** The filters among parameters. */
export const filters = (params) =>
  Object.fromEntries(NAMES.filter((name) => params[name]).map((name) => [name, params[name]]));

const text = (wanted) =>
  Object.entries(wanted).map(([name, value]) => `${name}:${/\s/.test(value) ? `"${value}"` : value}`).join(" ");

/** Reads the words; one without a name is a host, as that is sought most. */
export function parse(line) {
  const wanted = {};
  for (const [, name, quoted, plain, alone] of line.matchAll(/(\w+):(?:"([^"]*)"|(\S+))|(\S+)/g)) {
    const filter = alone ? "host" : name;
    if (!NAMES.includes(filter)) throw new Error(`There is no filter "${name}". There are ${NAMES.join(", ")}.`);
    if (filter in wanted) {
      const why = alone ? `"${alone}" has no name before it, so that it is a host` : "All that is sought must fit";
      throw new Error(`${why}, and there is one ${filter} already: "${wanted[filter]}". There are ${NAMES.join(", ")}.`);
    }
    wanted[filter] = alone ?? quoted ?? plain;
  }
  return wanted;
}

const wrong = signal(null);
/** What a word without a name was taken for. */
const taken = signal(null);

export function Query({ value, onChange, hint }) {
  const submit = (event) => {
    event.preventDefault();
    try {
      const wanted = parse(event.target.elements.query.value);
      wrong.value = null;
      const alone = wanted.host && !event.target.elements.query.value.includes("host:");
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
