// What every page is made with: elements without a build step, and signals that redraw.

import { h, render, Component } from "./preact.mjs";
import htm from "./htm.module.js";
import { signal, computed, effect, batch } from "./signals-core.mjs";

export const html = htm.bind(h);
export { Component, signal, computed, effect, batch };

/**
 * Draws the tree, and again whenever a signal that was read by it has changed, at most once a frame.
 * @param {() => unknown} tree
 * @param {HTMLElement} into
 * @param {() => void} after what follows each drawing
 */
export function mount(tree, into, after) {
  let stop;
  const draw = () => {
    stop?.();
    let drawn = false;
    stop = effect(() => {
      if (drawn) return requestAnimationFrame(draw), undefined;
      drawn = true;
      render(tree(), into);
      after();
    });
  };
  draw();
}
