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
        axes: [axis, { ...axis, size: 56, values: (_, all) => all.map((n) => value(n)) }],
        scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
        legend: { live: true },
        cursor: { drag: { x: Boolean(onSelect), y: false, setScale: false } },
        hooks: {
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
    const last = xs.length > 60 ? xs.length - 60 : 0;
    return html`<figure class="chart">
      <div ref=${(el) => (this.place = el || this.place)} role="img"></div>
      <details><summary>The same as a table</summary>
        <div class="scroll" tabindex="0" role="group" aria-label=${`${label}, as a table`}><table>
          <caption class="hidden">${label}</caption>
          <thead><tr><th scope="col">Time</th>${lines.map((l) => html`<th scope="col" class="number">${l.name}</th>`)}</tr></thead>
          <tbody>${xs.slice(last).map(
            (x, at) => html`<tr key=${x}><th scope="row">${as.time(x * 1000)}</th>
              ${lines.map((l) => html`<td class="number">${l.values[last + at] == null ? "–" : value(l.values[last + at])}</td>`)}</tr>`,
          )}</tbody></table></div>
      </details>
    </figure>`;
  }
}
