// Clicks through every page of the dashboard in a real browser, in light and dark and at three
// widths: `node dashboard.cjs URL FOLDER BROWSER`. Pictures go to the folder; what is wrong is told on
// standard output, a line each, and none is the proof.

const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const fs = require("node:fs");
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
        await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
      await page.context().close();
    }
  }
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
  await rows.first().getByRole("link").first().click();
  await page.getByRole("heading", { name: "Decision" }).waitFor();
  await page.locator(".verdict", { hasText: "act/abroad" }).waitFor();
  await page.locator(".conditions").first().waitFor();
  const id = new URL(page.url()).searchParams.get("id");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  await page.getByRole("button", { name: "Copy as policy test" }).click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  check("the test names what was expected:", copied.includes('expect = "block"') && copied.includes('rule = "act/abroad"'), copied);
  fs.writeFileSync(path.join(folder, "copied.toml"), copied);
  await page.getByRole("button", { name: "Prove it" }).click();
  await page.getByRole("heading", { name: "Proof" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Explore" }).waitFor();
  return id;
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

async function holds(page) {
  await show(page, "/?page=holds");
  await page.getByRole("button", { name: /^Approve/ }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Who decides").fill("ann");
  await dialog.getByLabel("Reason").fill("contract 7");
  await accessible(page, "the dialog of a hold");
  await dialog.getByRole("button", { name: "Let it pass" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByLabel("Show").selectOption("all");
  await page.locator(".card", { hasText: "Approved by ann" }).waitFor();
}

async function policy(page) {
  await show(page, "/?page=policy");
  await page.getByLabel("Address", { exact: true }).fill("https://abroad.example/x");
  await page.getByLabel("Tags of its data").fill("health");
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  await page.locator(".result", { hasText: "blocked" }).waitFor();
  // The same pack without its rules: what they refused would pass.
  const days = ["as_of", "effective_from"].map((key) => `${key} = 2026-01-01`).join("\n");
  const draft = `[pack]\nid = "act"\nversion = "9"\ntitle = "Test"\nauthority = "Test Act"\n${days}\n`;
  await page.getByLabel("Draft of a pack").fill(draft);
  await page.getByRole("button", { name: "Decide them again" }).click();
  await page.locator(".result", { hasText: "would get another answer" }).waitFor();
  await accessible(page, "policy with answers");
}

async function audit(page) {
  await show(page, "/?page=audit");
  await page.getByRole("button", { name: "Check all of it" }).click();
  await page.locator(".result", { hasText: "sound" }).waitFor();
}

async function keys(page) {
  await show(page, "/?page=explore");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Keys" }).waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.waitForURL(/page=now/);
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
  if (process.argv[5]) await live(page, Number(process.argv[5]));
  else {
    const decision = await explores(page);
    for (const part of [brushes, policy, audit, keys]) await part(page);
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
