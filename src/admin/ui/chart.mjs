// Lines and stacked areas over time (uPlot), in the colours of the page, beside a table for who does
// not see them.

import uPlot from "./uPlot.esm.js";
import { html, Component, signal, effect } from "./view.mjs";
import * as as from "./format.mjs";

/** Counts changes of the colour scheme: a canvas does not follow it by itself. */
export const scheme = signal(0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  scheme.value += 1;
});

/** So wide that the longest of some numbers fits beside the chart. */
const room = (numbers) => Math.max(56, 22 + 7 * Math.max(0, ...numbers.map((text) => text.length)));

/** A colour of the page, as a canvas takes it. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/**
 * @typedef {{name: string, colour: string, values: number[], dash?: number[], scale?: string}} Line
 * @param {{lines: Line[], xs: number[], label: string, value?: (n: number) => string,
 *   onSelect?: (from: number, to: number) => void}} props `xs` in seconds
 */
export class Chart extends Component {
  /** Where one points, as a place in `xs`; and whether the table is open. */
  at = signal(null);
  open = signal(false);

  componentDidMount() {
    this.stop = effect(() => {
      scheme.value;
      this.build();
    });
    this.watch = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (this.plot && width && width !== this.plot.width) {
        this.plot.setSize({ width, height: this.plot.height });
      }
    });
    this.watch.observe(this.place);
  }

  componentDidUpdate() {
    const names = this.props.lines.map((line) => line.name).join();
    if (names !== this.names) this.build();
    else this.plot?.setData(this.data());
  }

  componentWillUnmount() {
    this.stop();
    this.watch.disconnect();
    this.plot?.destroy();
  }

  data() {
    return [this.props.xs, ...this.props.lines.map((line) => line.values)];
  }

  build() {
    const { lines, value = as.compact, onSelect, height = 180, label } = this.props;
    this.names = lines.map((line) => line.name).join();
    this.plot?.destroy();
    const [ink, grid] = [colour("ink-2"), colour("rule")];
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, font: "12px system-ui" };
    const times = { ...axis, space: 90, values: (_, all, __, ___, step) => as.ticks(all, step) };
    const series = lines.map((line) => {
      const stroke = colour(line.colour);
      return {
        label: line.name,
        stroke,
        width: 2,
        dash: line.dash,
        points: { show: false },
        value: (_, n) => (n === null || n === undefined ? "–" : value(n)),
      };
    });
    this.plot = new uPlot(
      {
        width: Math.max(200, Math.floor(this.place.clientWidth)),
        height,
        tzDate: as.inUtc.value ? (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC") : undefined,
        series: [{ value: (_, at) => (at ? as.time(at * 1000) : "–") }, ...series],
        axes: [times, { ...axis, size: (_, all) => room(all || []), values: (_, all) => all.map((n) => value(n)) }],
        scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
        // Its own has no dashes and no times of the reader's language; see `Legend`.
        legend: { show: false },
        cursor: { drag: { x: Boolean(onSelect), y: false, setScale: false } },
        hooks: {
          setCursor: [(plot) => (this.at.value = plot.cursor.idx ?? null)],
          setSelect: [
            (plot) => {
              if (onSelect && plot.select.width > 4) {
                const at = (px) => plot.posToVal(px, "x");
                onSelect(at(plot.select.left), at(plot.select.left + plot.select.width));
              }
            },
          ],
        },
      },
      this.data(),
      this.place,
    );
    this.plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
    this.place.setAttribute("aria-label", label);
  }

  render({ xs, lines, value = as.compact, label }) {
    const at = this.at.value;
    const told = (values, at) => (values[at] == null ? "–" : value(values[at]));
    return html`<figure class="chart">
      <div ref=${(el) => (this.place = el || this.place)} role="img"></div>
      <ul class="legend" aria-hidden="true">${lines.map((line) => html`<li><${Swatch} line=${line} /><b>${line.name}</b>${at !== null && ` ${told(line.values, at)}`}</li>`)}
        <li class="hint">${at !== null && xs[at] ? as.time(xs[at] * 1000) : ""}</li></ul>
      <details onToggle=${(event) => (this.open.value = event.target.open)}><summary>The same as a table</summary>
        ${this.open.value && html`<div class="scroll" tabindex="0" role="group" aria-label=${`${label}, as a table`}><table>
          <caption class="hidden">${label}</caption>
          <thead><tr><th scope="col">Time</th>${lines.map((l) => html`<th scope="col" class="number">${l.name}</th>`)}</tr></thead>
          <tbody>${xs.map((_, at) => xs.length - 1 - at).map(
            (at) => html`<tr key=${xs[at]}><th scope="row">${as.time(xs[at] * 1000)}</th>
              ${lines.map((l) => html`<td class="number">${told(l.values, at)}</td>`)}</tr>`,
          )}</tbody></table></div>`}
      </details>
    </figure>`;
  }
}

/** A piece of the line as it is drawn, with its dashes: two may have the same colour. */
const Swatch = ({ line }) => html`<svg viewBox="0 0 28 10" aria-hidden="true"><line x1="0" x2="28" y1="5" y2="5"
  class=${`line ${line.colour}`} stroke-width="2.5" stroke-dasharray=${line.dash ? line.dash.join(" ") : null} /></svg>`;
