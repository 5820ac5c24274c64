// How far counts are from the thresholds of laws, one gauge for each pack, class and recipient.

import { html } from "./view.mjs";
import { Asked } from "./api.mjs";
import { Answer, Moment } from "./parts.mjs";
import * as as from "./format.mjs";

const meters = new Asked();

export function Limits() {
  meters.from("meters", 10);
  return html`<h1 tabindex="-1">Limits</h1>
    <p class="lead">What has been counted towards the thresholds of packs, by who receives it. The nearest to its limit comes first.</p>
    <${Answer} asked=${meters}>${(all) =>
      all.meters.length
        ? html`<ul class="gauges">${[...all.meters]
            .sort((a, b) => (b.percent ?? -1) - (a.percent ?? -1))
            .map((meter) => html`<${Gauge} key=${meter.meter + meter.holder} meter=${meter} />`)}</ul>`
        : html`<p class="empty">Nothing is counted yet. Packs with <code>[[counter]]</code> count once data of their classes goes out,
            and keep it under <code>state.folder</code>.</p>`}</${Answer}>`;
}

function standing(meter) {
  const percent = meter.percent ?? 0;
  if (meter.limit === null) return ["no limit", ""];
  if (percent >= 100) return ["reached", "bad"];
  const warned = (meter.warn_at || [50, 80, 95]).filter((at) => percent >= at);
  return warned.length ? [`over ${warned.at(-1)} %`, percent >= 80 ? "bad" : "warn"] : ["below", "good"];
}

function Gauge({ meter }) {
  const [word, kind] = standing(meter);
  const percent = Math.min(100, meter.percent ?? 0);
  const marks = meter.limit ? meter.warn_at || [] : [];
  return html`<li class="panel gauge">
    <h2>${meter.class} <small>${meter.pack}</small></h2>
    <p class="holder">${meter.exporter ? html`${meter.exporter} <span aria-hidden="true">→</span><span class="hidden">to</span> ${meter.recipient}` : meter.holder}</p>
    <p class="counted"><b>${as.count(meter.counted)}</b>${meter.limit !== null && html` of ${as.count(meter.limit)}`} ${meter.unit}s
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
