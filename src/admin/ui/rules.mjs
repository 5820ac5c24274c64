// Rules that were tried, and what became of each: the one that decided first, then those that hold,
// and those that do not apart, so that nobody takes what they would do for what was done.

import { html } from "./view.mjs";
import { Outcome } from "./parts.mjs";
import * as as from "./format.mjs";

const TRUTH = { yes: ["✓", "yes"], no: ["✕", "no"], unknown: ["?", "not known"] };

const holds = (rule) => rule.truth === "yes" || rule.presumed;
const name = (rule) => `${rule.pack}/${rule.rule}`;

/** The rule by which a decision came to be, of all that were tried; where none acted, the one that would have. */
export function deciding(rules, outcome, would) {
  const found = (observed, wanted) => rules.find((rule) => (rule.mode === "observe") === observed && holds(rule) && rule.outcome === wanted);
  const one = found(false, outcome) || (would && found(true, would));
  return one && name(one);
}

/**
 * @param {{rules: object[], decided?: string, then?: string[]}} props `decided` is the rule that did, as
 *   `pack/rule`; `then` are those that are recorded as holding, where it was decided before
 */
export function Rules({ rules, decided, then }) {
  const did = (rule) => holds(rule) && (!then || then.includes(name(rule)));
  const rank = (rule) => (name(rule) === decided ? 0 : did(rule) ? 1 : holds(rule) || rule.truth === "unknown" ? 2 : 3);
  const all = [...rules].sort((a, b) => rank(a) - rank(b));
  const [told, quiet] = [all.filter((rule) => rank(rule) < 3), all.filter((rule) => rank(rule) === 3)];
  return html`${told.length === 0 && html`<p class="empty">No rule holds.</p>`}
    <ul class="rules">${told.map((rule) => html`<${One} key=${name(rule)} rule=${rule} did=${did(rule)} decided=${name(rule) === decided} />`)}</ul>
    ${quiet.length > 0 && html`<details class="others"><summary>${as.count(quiet.length)} ${quiet.length === 1 ? "rule does" : "rules do"} not hold</summary>
      <ul class="rules">${quiet.map((rule) => html`<${One} key=${name(rule)} rule=${rule} />`)}</ul></details>`}`;
}

function One({ rule, did, decided }) {
  const held = holds(rule);
  const [sign, word] = held ? TRUTH.yes : rule.truth === "unknown" ? TRUTH.unknown : ["–", "no"];
  return html`<li class=${decided ? "decided" : ""}><details open=${decided}>
    <summary><span class=${`truth ${held ? "yes" : rule.truth}`}><span class="sign" aria-hidden="true">${sign}</span>
      <span class="hidden">holds: ${word}. </span></span>
      <b>${name(rule)}</b> ${did
        ? html`<${Outcome} name=${rule.outcome} observed=${rule.mode === "observe"} />`
        : html`<span class="quietly">${as.wouldDo(rule.outcome)}${rule.mode === "observe" && ", only observing"}</span>`}
      ${decided && html` <span class="chip decides">decided</span>`}
      ${held && !did && html` <span class="chip" title="It is not among the rules that the record names; it holds by what is in force now.">not then</span>`}
      ${rule.presumed && html` <span class="chip warn">presumed</span>`}</summary>
    <p>${rule.reason}${rule.cite && html` <cite>${rule.cite}</cite>`}</p>
    <ul class="conditions">${rule.conditions.map((c) => html`<${Condition} of=${c} />`)}
      ${rule.unless.map((c) => html`<${Condition} of=${c} prefix="unless " />`)}</ul>
  </details></li>`;
}

const Condition = ({ of, prefix }) => html`<li><span class=${`truth ${of.truth}`}><span class="sign" aria-hidden="true">${TRUTH[of.truth][0]}</span>
  <span class="hidden">${TRUTH[of.truth][1]}: </span></span>${prefix || ""}${of.condition}</li>`;
