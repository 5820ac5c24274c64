// The journal: whether anything was changed, what is signed, and for how long it is kept.

import { html, signal } from "./view.mjs";
import { Asked, get, post, to, may } from "./api.mjs";
import { Answer, Panel, Tile, Table, Trouble, Moment, without } from "./parts.mjs";
import * as as from "./format.mjs";

const journal = new Asked();
const check = signal(null);
const readings = new Asked();
const older = signal({});

export function Audit() {
  const none = without("Audit");
  if (none) return none;
  journal.from("journal", 15);
  return html`<h1 tabindex="-1">Audit</h1>
    <${Answer} asked=${journal}>${(all) => html`<${Whole} all=${all} />`}</${Answer}>`;
}

function Whole({ all }) {
  const { status } = all;
  const signed = status.checkpoint;
  return html`<dl class="tiles">
      <${Tile} name="entries" value=${as.count(status.head)} sign=${status.healthy ? "✓" : "!"} kind=${status.healthy ? "good" : "bad"} hint=${status.healthy ? "being written" : "cannot be written"} />
      <${Tile} name="signed up to" value=${signed ? as.count(signed.size) : "–"} hint=${signed && html`<${Moment} at=${signed.at} relative=${true} />`} />
      <${Tile} name="gaps" value=${as.count(status.gaps)} sign=${status.gaps ? "!" : "✓"} kind=${status.gaps ? "bad" : "good"} />
      <${Tile} name="waiting" value=${as.count(status.queue)} />
      <${Tile} name="files" value=${as.count(all.segments.length)} hint=${as.octets(all.segments.reduce((n, s) => n + s.octets, 0))} />
    </dl>
    <${Verify} last=${all.verification} />
    <${Panel} title="Who signs" wide=${true}>
      <dl class="facts"><div class="long"><dt>Key</dt><dd><code>${all.key || "none yet"}</code></dd></div>
        <div class="long"><dt>Folder</dt><dd><code>${all.folder}</code></dd></div></dl>
      <p class="hint">Keep the key elsewhere: <code>borderpost audit verify --key</code> checks with it, without this proxy.</p>
      ${signed && html`<details><summary>The last signed checkpoint</summary><pre class="scroll" tabindex="0">${signed.note}</pre></details>`}
    </${Panel}>
    ${all.gaps.length > 0 && html`<${Panel} title="Gaps" wide=${true}><${Table} caption="Gaps" rows=${all.gaps} columns=${gapColumns(all.gaps)} /></${Panel}>`}
    <div class="split two">
      <${Panel} title="Kept for"><${Table} caption="Retention" rows=${all.retention?.classes || []} empty="Everything is kept." columns=${[
        { name: "Class", of: (c) => c.name },
        { name: "Days", of: (c) => (c.days === null ? "for ever" : as.count(c.days)), number: true },
        { name: "By", of: (c) => html`<code>${c.setting}</code>` },
      ]} /><p class="hint">${all.retention?.sweep ? "What is over is dropped every day." : "Nothing is dropped by itself: borderpost audit retain does it."}</p></${Panel}>
      <${Panel} title="Legal holds"><${Table} caption="Legal holds" rows=${all.legal_holds} empty="None: retention drops what is over." columns=${[
        { name: "Name", of: (h) => html`<b>${h.name}</b>` },
        { name: "State", of: (h) => (h.open ? "open" : "over") },
        { name: "Reason", of: (h) => h.reason },
        { name: "Of", of: (h) => ["host", "client", "tag", "rule"].filter((key) => h[key]).map((key) => `${key} ${h[key]}`).join(", ") || "everything" },
      ]} /></${Panel}>
    </div>
    ${may("auditor") && html`<${Readings} />`}
    <${Panel} title="Files" wide=${true}><${Table} caption="Files of the journal" rows=${[...all.segments].reverse()} keyed=${(s) => s.file} columns=${[
      { name: "File", of: (s) => html`<code>${s.file}</code>` },
      { name: "First entry", of: (s) => as.count(s.first), number: true },
      { name: "Entries", of: (s) => as.count(s.entries), number: true },
      { name: "Size", of: (s) => as.octets(s.octets), number: true },
      { name: "State", of: (s) => (s.sealed ? "sealed" : "open") },
    ]} /></${Panel}>`;
}

/** Who read personal fields: of that itself something is noted. */
function Readings() {
  readings.from("journal/readings?limit=20");
  return html`<${Panel} title="Who read personal fields" wide=${true} aside=${html`<button class="quiet" onClick=${() => readings.refresh()}>Ask again</button>`}>
    <${Answer} asked=${readings}>${(first) => html`<${Read} first=${first} />`}</${Answer}></${Panel}>`;
}

function Read({ first }) {
  const more = older.value.of === first ? older.value : { of: first, rows: [], next: first.next };
  const load = async () => {
    try {
      const got = await get(to("journal/readings", { limit: 100, cursor: more.next }));
      older.value = { of: first, rows: [...more.rows, ...got.readings], unread: [...(more.unread ?? []), ...got.unread], next: got.next };
    } catch (problem) {
      older.value = { ...more, problem };
    }
  };
  return html`<${Table} caption="Readings, newest first" rows=${[...first.readings, ...more.rows]} keyed=${(r) => r.sequence}
      empty=${more.next ? "Nobody of late." : "Nobody."} columns=${[
      { name: "When", of: (r) => html`<${Moment} at=${r.at} />` },
      { name: "Who", of: (r) => html`<b>${r.who}</b>${r.subject && html` <span class="hint">${r.subject}</span>`}` },
      { name: "What", of: (r) => html`<code>${r.what}</code>` },
      { name: "As", of: (r) => r.role },
      { name: "Proved by", of: (r) => r.by },
    ]} />
    ${[...first.unread, ...(more.unread ?? [])].map((place) => html`<p class="hint">The journal is damaged, and somebody may have read something there: ${place}</p>`)}
    <${Trouble} problem=${more.problem} />
    ${more.next && html`<p><button onClick=${load}>Older ones</button></p>`}`;
}

const gapColumns = (gaps) =>
  Object.keys(gaps[0]).map((name) => ({ name, of: (gap) => (typeof gap[name] === "object" ? JSON.stringify(gap[name]) : String(gap[name])) }));

function Verify({ last }) {
  const run = async () => {
    check.value = { busy: true };
    try {
      check.value = { is: await post("journal/verify") };
    } catch (problem) {
      check.value = { problem };
    }
  };
  const is = check.value?.is || last;
  const busy = check.value?.busy || is?.state === "running";
  return html`<${Panel} title="Is it whole?" wide=${true} aside=${may("auditor") && html`<button class="primary" disabled=${busy} onClick=${run}>${busy ? "Checking …" : "Check all of it"}</button>`}>
    <div role="status"><${Trouble} problem=${check.value?.problem} />
    ${is?.state === "done" && html`<p class="result">${is.error
        ? html`<span class="chip bad">! not checked</span> ${is.error}`
        : is.sound
          ? html`<span class="chip good">✓ sound</span> ${as.count(is.entries)} entries in ${as.count(is.segments)} files, ${as.count(is.checkpoints)} signatures`
          : html`<span class="chip bad">✕ not sound</span> ${as.count(is.findings.length + (is.more || 0))} findings`}
        ${is.ended && html`, <${Moment} at=${is.ended} relative=${true} />`}</p>
      ${is.index && is.index.state !== "same" && html`<p class="result">${is.index.state === "differs" ? "✕ " : ""}The index: ${is.index.text}</p>`}
      ${is.findings?.length > 0 && html`<${Table} caption="Findings" rows=${is.findings} columns=${[
        { name: "File", of: (f) => html`<code>${f.file}</code>` },
        { name: "At octet", of: (f) => as.count(f.offset), number: true },
        { name: "Entry", of: (f) => as.count(f.sequence), number: true },
        { name: "What", of: (f) => html`${f.fault ? "✕ " : ""}${f.text}` },
      ]} />`}`}
    ${!is && html`<p class="hint">Every hash, root and signature from the first entry on; a journal of millions takes minutes.</p>`}</div>
  </${Panel}>`;
}
