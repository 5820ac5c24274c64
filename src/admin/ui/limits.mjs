// How far counts are from the thresholds of laws, one gauge for each pack, class and recipient.

import { html, signal } from "./view.mjs";
import { Asked } from "./api.mjs";
import { Answer, Moment, without } from "./parts.mjs";
import * as as from "./format.mjs";

const meters = new Asked();

/** How near a count is to its limit, unrounded: 52 of 100,000 is nearer than 0 of 10,001. */
export const nearness = (meter) => (meter.limit ? meter.counted / meter.limit : -1);

export const nearest = (a, b) => nearness(b) - nearness(a) || b.counted - a.counted || a.meter.localeCompare(b.meter) || a.holder.localeCompare(b.holder);

const all = signal(false);

export function Limits() {
  const none = without("Limits");
  if (none) return none;
  meters.from("meters", 10);
  return html`<h1 tabindex="-1">Limits</h1>
    <p class="lead">What has been counted towards the thresholds of packs, by who sends or receives it. The nearest to its limit comes first.</p>
    <${Answer} asked=${meters}>${(found) => html`<${Gauges} meters=${[...found.meters].sort(nearest)} />`}</${Answer}>`;
}

/** Requests that were refused leave gauges at nothing behind: they are there for who wants them. */
function Gauges({ meters }) {
  const counted = meters.filter((meter) => meter.counted > 0);
  const idle = meters.length - counted.length;
  if (!meters.length) return html`<p class="empty">Nothing is counted yet. Packs with <code>[[counter]]</code> count once data of their classes goes out,
    and keep it under <code>state.folder</code>.</p>`;
  const shown = all.value ? meters : counted;
  return html`${shown.length > 0
      ? html`<ul class="gauges">${shown.map((meter) => html`<${Gauge} key=${meter.meter + meter.holder} meter=${meter} />`)}</ul>`
      : html`<p class="empty">Nothing that went out counts towards a limit.</p>`}
    ${idle > 0 && html`<p><button aria-pressed=${all.value} onClick=${() => (all.value = !all.value)}>${all.value ? "Hide those at nothing" : "Show all"}</button>
      <span class="hint"> ${as.count(idle)} at nothing: what was asked for and refused counts towards none.</span></p>`}`;
}

function standing(meter) {
  const percent = 100 * nearness(meter);
  if (meter.limit === null) return ["no limit", ""];
  if (percent >= 100) return ["reached", "bad"];
  const warned = (meter.warn_at || [50, 80, 95]).filter((at) => percent >= at);
  return warned.length ? [`over ${warned.at(-1)} %`, percent >= 80 ? "bad" : "warn"] : ["below", "good"];
}

/** Who sends and who receives; some laws count all that one sends, whoever receives it. */
function held({ exporter, recipient, holder }) {
  if (exporter && recipient) return html`${exporter} <span aria-hidden="true">→</span><span class="hidden">to</span> ${recipient}`;
  if (exporter) return `${exporter}, to whoever receives`;
  return recipient || holder || "a recipient that nobody knows";
}

function Gauge({ meter }) {
  const [word, kind] = standing(meter);
  const percent = Math.max(0, Math.min(100, 100 * nearness(meter)));
  const marks = meter.limit ? meter.warn_at || [] : [];
  return html`<li class="panel gauge">
    <h2>${meter.class} <small>${meter.pack}</small></h2>
    <p class="holder">${held(meter)}</p>
    <p class="counted"><b>${as.count(meter.counted)}</b>${meter.limit !== null && html` of ${as.count(meter.limit)}`} ${meter.counted === 1 && meter.limit === null ? meter.unit : `${meter.unit}s`}
      <span class=${`chip ${kind}`}>${word}</span></p>
    ${meter.limit !== null &&
    html`<svg class="gauge-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${`${Math.round(meter.percent ?? 0)} percent of the limit`}>
      <rect class="ground" width="100" height="8" rx="1" /><rect class=${`level ${kind}`} width=${percent} height="8" rx="1" />
      ${marks.map((at) => html`<line x1=${at} x2=${at} y1="0" y2="8" class="mark" />`)}</svg>`}
    <dl class="facts">
      <div><dt>Window</dt><dd>${meter.window}</dd></div>
      <div><dt>Oldest leaves</dt><dd>${meter.days_until_oldest_leaves === null ? "–" : `in ${as.count(meter.days_until_oldest_leaves)} days`}</dd></div>
      <div><dt>New a day</dt><dd>${meter.per_day === null ? "–" : meter.per_day.toFixed(1)}</dd></div>
      <div><dt>At this pace</dt><dd>${meter.crosses ? html`reached <${Moment} at=${meter.crosses} relative=${true} />, ${meter.crosses}` : "not reached"}</dd></div>
      ${meter.cite && html`<div><dt>Law</dt><dd>${meter.cite}</dd></div>`}
    </dl>
  </li>`;
}
