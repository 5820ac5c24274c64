// Where requests went: the outline of the land without borders, and a bubble for each country.

import { html } from "./view.mjs";
import { href } from "./route.mjs";
import { WIDTH, HEIGHT, LAND, ANCHORS } from "./world.mjs";
import * as as from "./format.mjs";

/** @param {{flows: {name: string, requests: number, refused: number}[], since: string}} props */
export function WorldMap({ flows, since }) {
  const most = Math.max(1, ...flows.map((flow) => flow.requests));
  const placed = flows.filter((flow) => ANCHORS[flow.name]);
  const elsewhere = flows.filter((flow) => !ANCHORS[flow.name]);
  // The area tells the count; the largest first, so that small ones lie above.
  const bubbles = placed.toSorted((a, b) => b.requests - a.requests).map((flow) => {
    const [x, y] = ANCHORS[flow.name];
    const radius = 8 + 46 * Math.sqrt(flow.requests / most);
    const text = `${as.country(flow.name)}: ${as.count(flow.requests)} requests, ${as.count(flow.refused)} refused`;
    return html`<a key=${flow.name} href=${href("explore", { country: flow.name, since })} aria-label=${text}>
      <circle cx=${x} cy=${y} r=${radius} class=${flow.refused ? "bubble refused" : "bubble"}><title>${text}</title></circle>
      ${flow.refused > 0 && html`<text x=${x} y=${y} class="glyph" aria-hidden="true">✕</text>`}
    </a>`;
  });
  return html`<figure class="map">
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label="Destinations by country">
      <path d=${LAND} class="land" aria-hidden="true" />${bubbles}
    </svg>
    <figcaption>Area: requests. ✕: some were refused. Positions of countries, no borders.
      ${elsewhere.length > 0 && html` Not on the map: ${elsewhere.map((f) => `${f.name} (${as.count(f.requests)})`).join(", ")}.`}
    </figcaption>
  </figure>`;
}
