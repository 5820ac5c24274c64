// Clicks through every page of the dashboard in a real browser, in light and dark and at three
// widths: `node dashboard.cjs URL FOLDER BROWSER`. Pictures go to the folder; what is wrong is told on
// standard output, a line each, and none is the proof.

const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const [, , base, folder, executablePath] = process.argv;
const PAGES = ["now", "live", "limits", "explore", "holds", "policy", "audit"];
const WIDTHS = [360, 768, 1600];
/** What a wait may take before it has failed; nothing waits for it to pass. */
const DEADLINE = 60_000;

const wrong = [];
const check = (what, holds, more = "") => holds || wrong.push(`${what} ${more}`.trim());

async function watched(browser, options) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(`error in a page: ${error.stack}`));
  page.on("console", (line) => {
    if (line.type() === "error") wrong.push(`console: ${line.text()} ${line.location().url}`);
  });
  return page;
}

async function show(page, address) {
  await page.goto(base + address);
  await page.locator("h1").first().waitFor({ state: "attached" });
  await page.waitForFunction(() => !document.querySelector(".loading"));
}

/** Axe is run as the browser's own script would be: the page's policy lets none of a page in. */
async function accessible(page, name) {
  const found = await page.evaluate(`${axe}; axe.run().then((result) => result.violations.map(
    (one) => one.id + ": " + one.nodes.map((node) => node.html).slice(0, 3).join(" ")))`);
  found.forEach((one) => wrong.push(`axe: ${name}: ${one}`));
}

/** Axe does not see into a canvas: the text of an axis is read from its pixels. */
async function legible(page, name) {
  const ratio = await page.evaluate(() => {
    const canvas = document.querySelector(".chart canvas");
    const ground = getComputedStyle(document.querySelector(".panel")).backgroundColor.match(/\d+/g).map(Number);
    const light = ([r, g, b]) => {
      const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    // The left edge has the numbers of the axis and nothing else.
    const width = Math.floor(40 * devicePixelRatio);
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, canvas.height);
    const below = light(ground);
    let best = 1;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 250) continue;
      const ink = light([data[at], data[at + 1], data[at + 2]]);
      best = Math.max(best, (Math.max(ink, below) + 0.05) / (Math.min(ink, below) + 0.05));
    }
    return best;
  });
  check(`the numbers of the chart on ${name} have a contrast of`, ratio >= 4.5, ratio.toFixed(2));
}

async function looks(browser, decision) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of WIDTHS) {
      const page = await watched(browser, { colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      const addresses = [...PAGES.map((name) => [name, `/?page=${name}`]), ["decision", `/?page=decision&id=${decision}`]];
      for (const [name, address] of addresses) {
        const of = `${name} (${colorScheme}, ${width})`;
        await show(page, address);
        await accessible(page, of);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`${of} is too wide by`, over <= 0, `${over}`);
        if (name === "now" || name === "explore") await legible(page, of);
        await fits(page, of, width);
        await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
      await page.context().close();
    }
  }
}

/** Counts beside long names are seen; facts are lines, not columns of words; narrow lists are cards. */
async function fits(page, of, width) {
  const found = await page.evaluate((width) => {
    const wrong = [];
    const right = (one) => one.getBoundingClientRect().right;
    for (const cell of document.querySelectorAll(".ranking td")) if (right(cell) > right(cell.closest(".panel"))) wrong.push(`a count is outside of its card: ${cell.innerText}`);
    for (const link of document.querySelectorAll("nav a")) if (right(link) > innerWidth) wrong.push(`a page is out of sight: ${link.innerText}`);
    if (width === 1600) for (const fact of document.querySelectorAll(".trace .facts dd")) if (fact.getBoundingClientRect().height > 50) wrong.push(`a fact is broken up: ${fact.innerText}`);
    if (width < 900)
      for (const row of document.querySelectorAll(".decisions tbody tr")) {
        if (row.getBoundingClientRect().height > 150) wrong.push(`a row is ${row.getBoundingClientRect().height} high: ${row.innerText}`);
        for (const name of ["outcome", "destination", "country", "tags"]) if (right(row.querySelector(`.c-${name}`)) > innerWidth) wrong.push(`${name} is out of sight: ${row.innerText}`);
      }
    return wrong;
  }, width);
  found.forEach((one) => wrong.push(`${of}: ${one}`));
}

/** From the first page by clicks to the reason of a block, its proof and its test. */
async function explores(page) {
  await show(page, "/");
  await page.getByRole("link", { name: "View all Destinations" }).click();
  await page.getByRole("heading", { name: "Explore" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("outcome:block tag:health");
  await page.keyboard.press("Enter");
  const rows = page.locator("table:has(caption:text('Decisions, newest first')) tbody tr");
  await rows.first().waitFor();
  check("the search stands in the address:", page.url().includes("outcome=block") && page.url().includes("tag=health"), page.url());
  for (const text of await rows.allInnerTexts()) check("only blocked ones are listed:", text.includes("blocked"), text);
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  const table = fs.readFileSync(await saved.path(), "utf8").trim().split("\r\n");
  check("the table has a row for each:", table.length === 1 + (await rows.count()), table.join("\n"));
  await page.getByRole("searchbox").fill("nonsense:1");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("alert").filter({ hasText: "nonsense" }).waitFor();
  await page.getByRole("searchbox").fill("china tag:a tag:b");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("alert").filter({ hasText: 'one tag already: "a"' }).waitFor();
  const before = page.url();
  await page.getByRole("searchbox").fill("nowhere.example tag:Health");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("status").filter({ hasText: "sought as a host" }).waitFor();
  await page.getByText("has the tag `Health`; did you mean `health`?").waitFor();
  await page.goto(before);
  await rows.first().waitFor();
  await rows.first().getByRole("link").first().click();
  await page.getByRole("heading", { name: "Decision" }).waitFor();
  await decided(page);
  const id = new URL(page.url()).searchParams.get("id");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  await page.getByRole("button", { name: "Copy as policy test" }).click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  check("the test names what was expected:", copied.includes('expect = "block"') && copied.includes('rule = "act/abroad"'), copied);
  fs.writeFileSync(path.join(folder, "copied-block.toml"), copied);
  await page.getByRole("button", { name: "Prove it" }).click();
  await page.getByRole("heading", { name: "Proof" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Explore" }).waitFor();
  return id;
}

/** The reason, the rule, its law and what helps come first; what does not hold does not look as if it had. */
async function decided(page) {
  const head = page.locator(".verdict");
  for (const text of ["Health data stays.", "act/abroad", "Test Act 7", "What helps", "the data not tagged health"]) await head.filter({ hasText: text }).waitFor();
  const first = page.locator(".trace .rules > li").first();
  check("the rule that decided is first and marked:", /act\/abroad.*blocked\s+decided/s.test(await first.innerText()), await first.innerText());
  check("it is open:", await first.locator(".conditions").isVisible());
  const others = page.locator(".trace .others");
  await others.locator("summary").first().click();
  const said = await others.innerText();
  check("what does not hold would have:", /act\/bulk would block/.test(said) && /act\/look-first would hold/.test(said), said);
  check("and is not told as an outcome:", (await others.locator(".outcome").count()) === 0);
}

/** A chart's table has all of the chart; the dashes of its lines are told apart beside it. */
async function charts(page) {
  // Ten minutes that began with a peak, which no last rows would show.
  await page.route("**/api/v1/rates", async (route) => {
    const answer = await route.fetch();
    const rates = await answer.json();
    const flat = (one) => [...new Array(600 - one.length).fill(0), ...one];
    const outcomes = Object.fromEntries(Object.entries(rates.outcomes).map(([name, all]) => [name, flat(all)]));
    outcomes.block[0] = 70;
    const json = { ...rates, begin: "2026-11-01T00:00:00Z", outcomes };
    for (const name of ["observed", "would_refuse", "added_p50_us", "added_p99_us"]) json[name] = flat(rates[name]);
    await route.fulfill({ response: answer, json });
  });
  await show(page, "/");
  await page.getByText("The same as a table").first().click();
  await page.getByRole("button", { name: "Pause" }).click();
  const rows = page.locator(".chart table").first().locator("tbody tr");
  await rows.first().waitFor();
  const blocked = await rows.evaluateAll((rows) => rows.map((row) => Number(row.cells[4].innerText)));
  check("the table has each second:", blocked.length === 600, `${blocked.length}`);
  check("and the peak of the chart:", blocked.at(-1) === 70, `${blocked.at(-1)}`);
  await page.unroute("**/api/v1/rates");
  const dashes = await page.locator(".legend").first().locator(".line.bad").evaluateAll((all) => all.map((one) => one.getAttribute("stroke-dasharray")));
  check("lines of one colour differ by their dashes:", new Set(dashes).size === 2, dashes.join());
  await accessible(page, "an open table of a chart");
  // Held ones are refused, too, and where the blocked ones were to go is known without asking.
  await page.locator('.map a[aria-label^="United States"][aria-label$=", 5 refused"]').waitFor();
  const refused = await api(page, "decisions?outcome=refused");
  const outcomes = refused.decisions.map((one) => one.outcome).sort();
  check("all refused can be asked for:", outcomes.join() === "block,block,block,block,hold", outcomes.join());
}

/** Days of law are the same everywhere, and clocks as people are used to them. */
async function abroad(browser) {
  const page = await watched(browser, { viewport: { width: 1280, height: 900 }, locale: "de-DE", timezoneId: "America/Los_Angeles" });
  await show(page, "/?page=policy");
  const from = await page.locator("table:has(caption:text('Packs in force')) td.c-from").first().innerText();
  check("a pack is in force from its day:", from === "01.01.2026", from);
  await page.getByLabel("Address", { exact: true }).fill("https://nowhere.example/x");
  await page.getByLabel("Tags of its data").fill("dual");
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  await page.locator(".result", { hasText: "At its IP address" }).waitFor();
  await page.getByLabel("Draft of a pack").fill('[pack]\nid = "x"');
  await page.getByRole("button", { name: "Decide them again" }).click();
  const told = page.locator(".trouble pre", { hasText: "^^^" });
  await told.waitFor();
  check("mistakes are pointed at:", (await told.evaluate((one) => getComputedStyle(one).fontFamily)).includes("monospace"));
  await page.getByLabel("Draft of a pack").fill("");
  await page.getByRole("button", { name: "Begin with an example" }).click();
  await page.getByRole("button", { name: "Decide them again" }).click();
  await page.locator(".result", { hasText: "would get another answer" }).waitFor();
  await page.route("**/api/v1/policy", async (route) => {
    const answer = await route.fetch();
    const before = { at: "2026-11-01T00:00:00Z", ok: true, digest: "x", problems: null, in_force: null, difference: { packs: [{ id: "act", change: "changed", before: "0", after: "1" }], rules: [] } };
    await route.fulfill({ response: answer, json: { ...(await answer.json()), reload: { at: before.at, ok: false, digest: null, problems: "error: no", difference: null, in_force: before } } });
  });
  await show(page, "/?page=policy");
  await page.getByText("Last reload: refused").waitFor();
  await page.getByText(/In force since the reload before.*1 difference/).waitFor();
  const told2 = await page.evaluate(async () => (await import("/ui/format.mjs")).ticks([1764000000, 1764000030], 30));
  check("marks of an axis are of the reader's language:", told2.every((one) => /^\d\d:\d\d:\d\d$/.test(one)), told2.join());
  await page.context().close();
  wrong.splice(0, wrong.length, ...wrong.filter((line) => !/^console: .*422/.test(line)));
}

/** The nearest to its limit comes first, to the last of its places; what counts nothing is folded away. */
async function limits(page) {
  await show(page, "/?page=limits");
  await page.getByText("Nothing that went out counts towards a limit.").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.locator(".gauge", { hasText: "0 of 1,001 subjects" }).filter({ hasText: "recipients in US" }).waitFor();
  const gauge = { pack: "act", counter: "bulk", class: "card", unit: "subject", window: "-", warn_at: [], days_until_oldest_leaves: null, per_day: 1, crosses: null, cite: null };
  const meters = [["acme", null, 0, 10001], ["acme", "near", 52, 100000], ["acme", null, 51, 100000]].map(([exporter, recipient, counted, limit], at) => ({ ...gauge, meter: `act/bulk/${at}`, holder: exporter, exporter, recipient, counted, limit, percent: 0 }));
  await page.route("**/api/v1/meters", (route) => route.fulfill({ json: { meters, at: "2026-11-01T00:00:00Z" } }));
  await show(page, "/?page=limits");
  const cards = page.locator(".gauge .counted");
  check("the nearest is first:", (await cards.allInnerTexts()).map((text) => parseInt(text)).join() === "52,51", (await cards.allInnerTexts()).join());
  await page.getByText("acme, to whoever receives").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await cards.nth(2).waitFor();
  check("what counts nothing is last:", (await cards.last().innerText()).startsWith("0 of 10,001"));
  await page.unroute("**/api/v1/meters");
}

/** Cases of what the shipped packs decide. */
async function shipped(page) {
  await show(page, "/");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  for (const name of ["far", "lab"]) {
    const [known] = (await api(page, `decisions?host=${name}.example`)).decisions;
    await show(page, `/?page=decision&id=${known.id}`);
    await page.waitForLoadState("networkidle");
    await page.getByRole("button", { name: "Copy as policy test" }).click();
    await page.getByText("Copied.").waitFor();
    fs.writeFileSync(path.join(folder, `copied-${name}.toml`), await page.evaluate(() => navigator.clipboard.readText()));
  }
}

/** A brush over the chart becomes a time in the address. */
async function brushes(page) {
  await show(page, "/?page=explore&since=1h");
  const box = await page.locator(".u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/until=/);
}

/** What people paste into the search is taken for what it is; a time long ago has a chart, too. */
async function seeks(page) {
  const [known] = (await api(page, "decisions?outcome=block")).decisions;
  const search = async (line) => {
    await show(page, "/?page=explore");
    await page.getByRole("searchbox").fill(line);
    await page.getByRole("button", { name: "Search" }).click();
  };
  for (const line of [known.id, `urn:uuid:${known.id.toUpperCase()}`]) {
    await search(line);
    await page.waitForURL((url) => url.search === `?page=decision&id=${known.id}`);
  }
  for (const [line, host] of [["https://abroad.example:1/x?y=z", "abroad.example"], ["2001:db8::1", "2001:db8::1"], ["[2001:db8::1]:443 tag:health", "2001:db8::1"]]) {
    await search(line);
    await page.waitForURL((url) => url.searchParams.get("host") === host);
    await page.waitForFunction(() => !document.querySelector(".loading"));
    check(`no trouble with ${line}:`, (await page.locator(".trouble, .wrong").count()) === 0, await page.locator("main").innerText());
  }
  for (const until of ["2020-01-01", "400d"]) {
    const asked = page.waitForRequest(/api\/v1\/series/);
    await show(page, `/?page=explore&until=${until}`);
    const wanted = new URL((await asked).url()).searchParams;
    await page.getByText("Nothing recorded in this time.").first().waitFor();
    check(`there is no trouble until ${until}:`, (await page.locator(".trouble").count()) === 0, await page.locator("main").innerText());
    check("thirty days are drawn:", wanted.get("step") === "14400" && ["2019-12-02T00:00:00.000Z", `${430 * 86400}s`].includes(wanted.get("since")), `${wanted}`);
  }
}

/** What the interface says, as a program asks. */
const api = (page, asked) => page.evaluate(async (asked) => (await fetch(`/api/v1/${asked}`)).json(), asked);

/** What only observes is told apart from what is allowed, wherever it is shown. */
async function observes(page) {
  await show(page, "/");
  await page.locator(".tile", { hasText: "would be refused" }).getByRole("link").click();
  const rows = page.locator("table:has(caption:text('Decisions, newest first')) tbody tr");
  await rows.first().waitFor();
  check("what would be refused is listed:", (await rows.count()) === 2, `${await rows.count()}`);
  for (const text of await rows.allInnerTexts()) check("a list says what would be:", /allowed,\s+would be held/.test(text), text);
  await rows.first().getByRole("link").first().click();
  await page.locator(".verdict", { hasText: /allowed,\s+would be held/ }).waitFor();
  await page.locator(".verdict", { hasText: "it would be held by act/watched: A person would look." }).waitFor();
  await page.locator(".rules", { hasText: /act\/watched\s+Ⅱ?\s*would be held/ }).waitFor();
  await page.getByRole("button", { name: "Copy as policy test" }).click();
  await page.getByText("Copied.").waitFor();
  fs.writeFileSync(path.join(folder, "copied-observed.toml"), await page.evaluate(() => navigator.clipboard.readText()));
  const [counted] = (await api(page, "decisions?tag=financial")).decisions;
  await show(page, `/?page=decision&id=${counted.id}`);
  await page.getByRole("button", { name: "Copy as policy test" }).click();
  await page.getByText("Copied.").waitFor();
  fs.writeFileSync(path.join(folder, "copied-counted.toml"), await page.evaluate(() => navigator.clipboard.readText()));
  await show(page, "/?page=policy");
  await page.getByLabel("Address", { exact: true }).fill("https://abroad.example/x");
  await page.getByLabel("Tags of its data").fill("geo");
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  await page.locator(".result", { hasText: /allowed,\s+would be held/ }).waitFor();
}

/** Records of what tests here do not send: all that decides is in the case, or it says what is not. */
async function cases(page) {
  const record = {
    id: "x",
    time: "2026-11-01T12:00:00Z",
    method: "POST",
    host: "api.example",
    exporter: { id: "acme", jurisdiction: "US", attributes: [] },
    location: { state: "agreed", countries: ["TW"], databases: { one: "TW", two: null } },
    tags: ["health"],
    data: [{ tags: ["health"], of: "US", subjects: 10001, devices: null, records: null }],
    context: { transaction: "data-brokerage", contract: "K-18", contract_has: ["dsp-onward-bar"] },
    counts: [],
    rules: [{ pack: "us-28cfr202", rule: "onward-barred", outcome: "log", mode: "enforce" }],
    outcome: "log",
  };
  const owned = {
    ...record,
    location: { state: "agreed", countries: ["SG"], databases: { one: "SG" }, regions: ["SG-01"], asns: [64500] },
    recipient: { party: "half", by: "host", name: "Half", seats: [{ kind: "organised", country: "SG" }], owners: [{ party: "parent", of: "half", percent: "50", seats: [{ kind: "organised", country: "CN" }] }] },
    context: { transaction: "data-brokerage" },
    rules: [{ pack: "us-28cfr202", rule: "brokerage", outcome: "block", mode: "enforce" }],
    outcome: "block",
  };
  const told = await page.evaluate(async ([all, none]) => {
    const { testCase, untestable } = await import("/ui/case.mjs");
    const blind = { pack: "us-28cfr202", rule: "brokerage", truth: "yes", presumed: false, conditions: [{ condition: "recipient is covered", truth: "yes" }] };
    none.push({ ...all[1], recipient: null, tried: [blind] });
    const known = { packs: [{ id: "us-28cfr202", signer: "built in", mode: "enforce" }], observing: false, same: true };
    return [all.map((one) => untestable(one) ?? testCase(one, known)), none.map((one) => untestable(one, one.tried))];
  }, [[record, owned], [{ ...record, outcome: null }, { ...record, data: [{ tags: [], located: true }] }, { ...record, outcome: "block", rules: [] }, { ...record, rules: [{ ...record.rules[0], pack: "local" }] }]]);
  told[0].forEach((text, at) => fs.writeFileSync(path.join(folder, `copied-law-${at}.toml`), text));
  check("what cannot be reproduced says why:", told[1].every(Boolean), told[1].join("; "));
  const [failed] = (await api(page, "decisions?outcome=failed")).decisions;
  await show(page, `/?page=decision&id=${failed.id}`);
  await page.getByText("It cannot be copied as a policy test: it ended before anything was decided.").waitFor();
  check("a failed one is not offered as a test:", (await page.getByRole("button", { name: "Copy as policy test" }).count()) === 0);
}

/** Every row of a ranking leads to the requests that it counts. */
async function drills(page) {
  for (const by of ["host", "country", "tag", "rule", "pack", "client", "method", "outcome"]) {
    await show(page, `/?page=explore&by=${by}`);
    const ranking = page.locator("table.ranking tbody tr");
    await ranking.first().waitFor();
    if (by === "host") await accessible(page, "a ranking with a row without a name");
    const row = ranking.filter({ has: page.locator("a") }).last();
    const count = Number((await row.locator("td").innerText()).replaceAll(",", ""));
    await row.getByRole("link").click();
    // The heading has the focus once the page is drawn, with all of it still to be asked for.
    await page.waitForFunction(() => document.activeElement.tagName === "H1");
    await page.waitForFunction(() => !document.querySelector(".loading"));
    const rows = await page.locator("table:has(caption:text('Decisions, newest first')) tbody tr").count();
    check(`a row by ${by} leads to its requests:`, rows === count, `${rows} for ${count} at ${page.url()}`);
  }
  await show(page, "/?page=toString");
  await page.getByRole("heading", { name: "The last ten minutes" }).waitFor();
  await show(page, "/?page=now&since=constructor");
  await page.getByRole("heading", { name: "The last ten minutes" }).waitFor();
  await page.getByRole("button", { name: "Times in UTC" }).click();
  await show(page, "/?page=explore");
  const times = await page.locator("table:has(caption:text('Decisions, newest first')) time").allInnerTexts();
  check("times can be shown in UTC:", times.length > 0 && times.every((text) => text.endsWith(" UTC")), times[0]);
  await page.getByRole("button", { name: "Times in UTC" }).click();
}

/** Where the index lags, pages say that something is missing. */
async function behind(page) {
  const late = async (route) => {
    const answer = await route.fetch();
    const said = await answer.json();
    await route.fulfill({ response: answer, json: { ...said, index: { ...said.index, lag: 5000 } } });
  };
  // Whatever was counted says it of itself.
  for (const [name, asked] of [["now", "top?by=host"], ["explore", "top?"], ["explore", "series?"], ["explore", "decisions?"]]) {
    const some = (url) => url.href.includes(`/api/v1/${asked}`);
    await page.route(some, late);
    await show(page, `/?page=${name}&tag=none`);
    await page.getByText("Incomplete: the index is 5,000 records behind").waitFor();
    await page.unroute(some);
  }
  await page.route("**/api/v1/status", late);
  for (const name of ["now", "explore&tag=none"]) {
    await show(page, `/?page=${name}`);
    await page.getByText("Incomplete: the index is 5,000 records behind").waitFor();
    await accessible(page, `${name} while the index is behind`);
  }
  await show(page, "/");
  await page.locator(".health .look", { hasText: "Index 5,000 behind, to be looked at" }).waitFor();
  await page.unroute("**/api/v1/status");
  await show(page, "/?page=explore&tag=none");
  await page.getByText("Nothing was recorded that fits: no record in the index has the tag `none`").waitFor();
}

/** Sends a request through the proxy, and waits for its answer. */
function send(proxy, url) {
  const [host, port] = proxy.split(":");
  return new Promise((done, fail) => {
    http.get({ host, port, path: url, headers: { Host: new URL(url).host } }, (answer) => answer.resume().on("end", done)).on("error", fail);
  });
}

/** What happens while nobody looks is there when somebody looks again. */
async function away(page) {
  const [proxy] = (await api(page, "status")).proxies;
  const [known] = (await api(page, "decisions?outcome=allow")).decisions;
  const { record } = await api(page, `decisions/${known.id}`);
  const look = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await show(page, "/?page=live&host=away.example");
  await page.getByText("connected").waitFor();
  await look(true);
  for (let at = 0; at < 3; at += 1) await send(proxy, `http://away.example:${record.port}/${at}`);
  await look(false);
  await page.locator("main tbody tr", { hasText: "away.example" }).nth(2).waitFor();
}

/** A viewer is shown what a viewer may see, and is told of no trouble. */
async function viewer(page) {
  for (const name of [...PAGES, "explore&by=client"]) {
    await show(page, `/?page=${name}`);
    await page.waitForLoadState(name === "live" ? "load" : "networkidle");
    check(`a viewer has no trouble on ${name}:`, (await page.locator(".trouble").count()) === 0, await page.locator("main").innerText());
  }
  await show(page, "/?page=policy");
  check("a viewer is offered no draft:", (await page.getByText("What would a draft change?").count()) === 0);
}

/** After another login nobody is shown what was there for somebody else; where one was stays. */
async function sessions(page, viewer, admin) {
  const enter = async (name, token) => {
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".who", { hasText: name }).waitFor();
  };
  const address = "/?page=live&method=GET";
  await page.goto(base + address);
  await enter("admin", admin);
  await page.getByText("connected").waitFor();
  await send((await api(page, "status")).proxies[0], "http://127.1.0.1:1/");
  const people = page.locator("main tbody tr", { hasText: "127.0.0.1" });
  await people.first().waitFor();
  const other = await page.context().newPage();
  await other.goto(base);
  await other.locator(".who", { hasText: "admin" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await enter("viewer", viewer);
  await page.getByText("connected").waitFor();
  check("a viewer is shown nobody after an admin:", (await people.count()) === 0, (await people.allInnerTexts()).join());
  check("the address stays:", page.url() === base + address, page.url());
  await other.locator(".who", { hasText: "viewer" }).waitFor();
  await other.close();
  // A session that ends by itself, too.
  await page.context().clearCookies();
  await enter("admin", admin);
  await page.getByRole("link", { name: "Policy" }).click();
  await page.getByRole("button", { name: "Read the configuration again" }).click();
  const read = page.getByText("It was read, and is in force.");
  await read.waitFor();
  await page.context().clearCookies();
  await enter("viewer", viewer);
  await page.getByRole("heading", { name: "Packs" }).waitFor();
  check("a viewer is not told what an admin did:", (await read.count()) === 0);
}

/** Without a journal there is one hint for it and no trouble: so the program is shipped. */
async function bare(page) {
  for (const name of ["now", "live", "limits", "explore", "audit"]) {
    await show(page, `/?page=${name}`);
    await page.getByText("No journal is kept").waitFor();
    check(`there is no trouble on ${name}:`, (await page.locator(".trouble").count()) === 0);
  }
  await show(page, "/");
  await page.locator(".charts").waitFor();
  check("nothing is well or not about what there is not:", (await page.locator(".health li", { hasText: /Gaps|Index/ }).count()) === 0);
}

/** Many holds are pages of cards. */
async function pages(page) {
  await page.route("**/api/v1/holds?*", async (route) => {
    const answer = await route.fetch();
    const [one] = (await answer.json()).holds;
    const all = Array.from({ length: 45 }, (_, at) => ({ ...one, id: `${one.id.slice(0, -2)}${10 + at}` }));
    await route.fulfill({ response: answer, json: { holds: all } });
  });
  await page.route("**/api/v1/decisions/*", (route) => route.fulfill({ json: { record: { data: [] } } }));
  await show(page, "/?page=holds");
  await page.getByText("1–20 of 45").waitFor();
  check("a page has so many cards:", (await page.locator(".card").count()) === 20);
  await page.getByRole("button", { name: "Older" }).click();
  await page.getByRole("button", { name: "Older" }).click();
  await page.getByText("41–45 of 45").waitFor();
  await page.unroute("**/api/v1/holds?*");
  await page.unroute("**/api/v1/decisions/*");
}

/** A stream that is refused says why, and goes on when it can. */
async function refused(page) {
  await show(page, "/?page=live&outcome=nonsense");
  await page.getByRole("alert").filter({ hasText: "outcome" }).waitFor();
  await page.locator(".bar-line", { hasText: "ended" }).waitFor();
  check("nothing is said to be connected:", (await page.getByText("connected").count()) === 0);
  await accessible(page, "live with a filter that is none");
  await page.getByRole("searchbox").fill("outcome:block");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("connected").waitFor();
  check("what was wrong is gone:", (await page.getByRole("alert").count()) === 0);
  await show(page, "/?page=explore");
  // Others have all the streams that there are.
  const streams = [];
  const begun = () =>
    new Promise((done, fail) => {
      const asked = http.get(`${base}/api/v1/decisions/stream`, { agent: false }, (answer) => {
        answer.resume();
        answer.on("error", () => {});
        done(answer.statusCode === 200 && streams.push(asked));
      });
      asked.on("error", fail);
    });
  const end = Date.now() + DEADLINE;
  while ((await begun()) && Date.now() < end);
  check("there are not too many streams:", streams.length > 8 && streams.length < 100, `${streams.length}`);
  await show(page, "/?page=live");
  const alert = page.getByRole("alert").filter({ hasText: "too many streams run" });
  await alert.waitFor();
  await accessible(page, "live without a stream");
  await page.getByRole("button", { name: "Try again" }).click();
  await alert.waitFor();
  // By itself, when there is room.
  streams.forEach((asked) => asked.destroy());
  await page.getByText("connected").waitFor();
  check("what was wrong has passed:", (await page.getByRole("alert").count()) === 0);
}

async function holds(page) {
  await pages(page);
  await show(page, "/?page=holds");
  const waiting = page.locator(".card").first();
  await waiting.filter({ hasText: "United States" }).waitFor();
  check("it was asked once:", (await waiting.innerText()).includes("once, last"), await waiting.innerText());
  await waiting.getByRole("link", { name: "Its decisions" }).click();
  const own = page.locator("table:has(caption:text('Decisions, newest first')) tbody tr");
  await own.first().waitFor();
  check("its decisions are those of the hold:", (await own.count()) === 1 && (await own.innerText()).includes("held"), (await own.allInnerTexts()).join());
  await show(page, "/?page=holds");
  await page.getByLabel("Find").fill("nobody.example");
  await page.getByText("Nothing waits for a person here.").waitFor();
  await page.getByLabel("Find").fill("act/look-first abroad");
  await page.getByRole("button", { name: /^Approve/ }).first().click();
  const dialog = page.getByRole("dialog");
  // What is approved: where to, of what, by which path and rule.
  for (const text of ["/path", "United States", "label", "a person looks first"]) await dialog.filter({ hasText: text }).waitFor();
  await dialog.getByLabel("Who decides").fill("ann");
  await dialog.getByLabel("Reason").fill("contract 7");
  await accessible(page, "the dialog of a hold");
  await page.goBack();
  await dialog.waitFor({ state: "detached" });
  await page.goForward();
  await waiting.waitFor();
  check("who has left the page rules nothing:", (await dialog.count()) === 0);
  await page.getByRole("button", { name: /^Approve/ }).first().click();
  await dialog.getByLabel("Who decides").fill("ann");
  await dialog.getByLabel("Reason").fill("contract 7");
  await dialog.getByRole("button", { name: "Let it pass" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByLabel("Show").selectOption("all");
  const card = page.locator(".card", { hasText: "Approved by ann" });
  await card.waitFor();
  await card.getByRole("button", { name: /^Withdraw/ }).click();
  await dialog.getByLabel("Who decides").fill("ann");
  await dialog.getByLabel("Reason").fill("the contract has ended");
  await dialog.getByRole("button", { name: "Withdraw the approval" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator(".card", { hasText: "Denied by ann" }).getByRole("button", { name: /^Approve/ }).waitFor();
}

async function policy(page) {
  await show(page, "/?page=policy");
  await page.getByLabel("Address", { exact: true }).fill("https://abroad.example/x");
  await page.getByLabel("Tags of its data").fill("health");
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  const result = page.locator(".result");
  await result.filter({ hasText: "blocked" }).waitFor();
  const told = await page.locator("div[role=status]", { has: result }).innerText();
  check("an answer says of what it is:", /GET https:\/\/abroad\.example\/x\s+health/.test(told), told);
  await page.getByLabel("Tags of its data").fill("geo");
  await result.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  await result.filter({ hasText: "would be held" }).waitFor();
  // The same pack without its rules: what they refused would pass.
  const days = ["as_of", "effective_from"].map((key) => `${key} = 2026-01-01`).join("\n");
  const draft = `[pack]\nid = "act"\nversion = "9"\ntitle = "Test"\nauthority = "Test Act"\n${days}\n`;
  await page.getByLabel("Draft of a pack").fill(draft);
  await page.getByRole("button", { name: "Decide them again" }).click();
  await page.locator(".result", { hasText: "would get another answer" }).waitFor();
  await accessible(page, "policy with answers");
  const change = { sequence: 1, time: "2026-11-01T00:00:00Z", id: "x", host: "abroad.example", before: "allow", after: "block" };
  await page.route("**/api/v1/policy/whatif", (route) => route.fulfill({ json: { asked: 2909, changed: 2272, left: 3, changes: [change] } }));
  await page.getByRole("button", { name: "Decide them again" }).click();
  await result.filter({ hasText: "2,272 of 2,909 would get another answer: the first 1 of 2,272 are listed; 3 could not be decided again." }).waitFor();
  await page.unroute("**/api/v1/policy/whatif");
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByRole("heading", { name: "Limits" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Packs" }).waitFor();
  check("answers go with their page:", (await result.count()) === 0);
}

async function audit(page) {
  await show(page, "/?page=audit");
  const readings = page.locator("table:has(caption:text('Readings, newest first')) tbody tr");
  await readings.filter({ hasText: "GET /api/v1/decisions" }).first().waitFor();
  const older = page.getByRole("button", { name: "Older ones" });
  const shown = await readings.count();
  await older.click();
  await readings.nth(shown).waitFor();
  await page.getByRole("button", { name: "Check all of it" }).click();
  await page.locator(".result", { hasText: "sound" }).waitFor();
}

async function keys(page) {
  await show(page, "/?page=explore");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Keys" }).waitFor({ state: "detached" });
  await jump(page, "a");
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  await jump(page, "n");
}

/** Two keys that must follow each other soon, which a busy machine may not let them: again, then. */
async function jump(page, key) {
  const before = page.url();
  const end = Date.now() + DEADLINE;
  while (page.url() === before && Date.now() < end) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
  }
  check(`g ${key} leads elsewhere`, page.url() !== before);
}

/** Everything that is recorded while the page is open is shown or counted. */
async function live(page, expected) {
  await show(page, "/?page=live&host=stream.example");
  await page.getByText("connected").waitFor();
  console.log("ready");
  await page.waitForFunction((all) => {
    const more = /([\d,]+) more not shown/.exec(document.querySelector("[role=status]").innerText);
    window.seen ||= new Set();
    document.querySelectorAll("main tbody tr a[href*=decision]").forEach((a) => window.seen.add(a.href));
    window.left = more ? Number(more[1].replaceAll(",", "")) : 0;
    return window.seen.size + window.left >= all;
  }, expected, { polling: 50 });
  const [seen, left] = await page.evaluate(() => [window.seen.size, window.left]);
  check("each is shown or counted once:", seen + left === expected, `${seen} shown, ${left} counted`);
  check("most are not shown one by one:", left > 0, `${seen} shown`);
}

async function main() {
  fs.mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const page = await watched(browser, { viewport: { width: 1280, height: 900 }, locale: "en-US" });
  const [, , , , , what, more, last] = process.argv;
  if (what === "live") await live(page, Number(more));
  else if (what === "sessions") {
    await sessions(page, more, last);
    // The browser tells itself that nobody is logged in.
    wrong.splice(0, wrong.length, ...wrong.filter((line) => !/^console: .*401/.test(line)));
  }
  else if (what === "viewer") {
    await page.context().setExtraHTTPHeaders({ Authorization: `Bearer ${more}` });
    await viewer(page);
  } else if (what === "refused") {
    await refused(page);
    // The browser tells of the answers itself.
    const told = wrong.filter((line) => !/^console: .*(422|429)/.test(line));
    wrong.splice(0, wrong.length, ...told);
  } else if (what === "bare") {
    await bare(page);
  } else if (what === "shipped") await shipped(page);
  else {
    const decision = await explores(page);
    for (const part of [charts, observes, cases, drills, behind, away, brushes, limits, seeks, policy, audit, keys]) await part(page);
    await abroad(browser);
    await looks(browser, decision);
    await holds(page);
  }
  await browser.close();
}

main()
  .catch((error) => wrong.push(error.stack))
  .finally(() => {
    wrong.forEach((line) => console.log(`wrong: ${line}`));
    process.exit(wrong.length ? 1 : 0);
  });
