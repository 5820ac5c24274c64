// The search: words such as `country:CN outcome:block`, which are the filters of `borderpost audit`.

import { html, signal } from "./view.mjs";

const NAMES = ["host", "client", "tag", "country", "outcome", "would", "rule", "method", "id", "since", "until"];

/** The filters among parameters. */
export const filters = (params) =>
  Object.fromEntries(NAMES.filter((name) => params[name]).map((name) => [name, params[name]]));

const text = (wanted) =>
  Object.entries(wanted).map(([name, value]) => `${name}:${/\s/.test(value) ? `"${value}"` : value}`).join(" ");

/** Reads the words; what is none is a host, as that is sought most. */
export function parse(line) {
  const wanted = {};
  for (const [, name, quoted, plain, alone] of line.matchAll(/(\w+):(?:"([^"]*)"|(\S+))|(\S+)/g)) {
    if (alone) wanted.host = alone;
    else if (NAMES.includes(name)) wanted[name] = quoted ?? plain;
    else throw new Error(`There is no filter "${name}". There are ${NAMES.join(", ")}.`);
  }
  return wanted;
}

const wrong = signal(null);

export function Query({ value, onChange, hint }) {
  const submit = (event) => {
    event.preventDefault();
    try {
      const wanted = parse(event.target.elements.query.value);
      wrong.value = null;
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
    ${wrong.value && html`<p id="query-wrong" class="wrong" role="alert">${wrong.value}</p>`}
  </form>`;
}
