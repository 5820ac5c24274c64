// Logs in to the dashboard at an issuer, in a real browser: `node oidc.cjs URL FOLDER BROWSER ISSUER`.
// `URL` is of a name that only this browser knows. What is wrong is told on standard output, a line each.

const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const fs = require("node:fs");
const path = require("node:path");

const [, , base, folder, executablePath, issuer] = process.argv;
/** What a wait may take before it has failed; nothing waits for it to pass. */
const DEADLINE = 60_000;

const wrong = [];
const check = (what, holds, more = "") => holds || wrong.push(`${what} ${more}`.trim());

async function fresh(browser) {
  // The certificate is one of the test.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-US" });
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(`error in a page: ${error.stack}`));
  return page;
}

async function accessible(page, name) {
  const found = await page.evaluate(`${axe}; axe.run().then((result) => result.violations.map(
    (one) => one.id + ": " + one.nodes.map((node) => node.html).slice(0, 3).join(" ")))`);
  found.forEach((one) => wrong.push(`axe: ${name}: ${one}`));
}

/** Through the form of the issuer. */
async function enters(page, name) {
  await page.getByRole("link", { name: "Sign in at 127.0.0.1" }).click();
  await page.waitForURL((url) => url.origin === issuer);
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.waitForURL((url) => url.origin === base);
}

const ask = (page, ...init) =>
  page.evaluate(([place, more]) => fetch(place, more).then((answer) => answer.status), init);

/** In with a role, and out for good. */
async function comes(browser) {
  const page = await fresh(browser);
  await page.goto(`${base}/?page=policy`);
  await page.getByRole("link", { name: /^Sign in at/ }).waitFor();
  check("without tokens none is asked for:", (await page.getByLabel("Token").count()) === 0);
  await accessible(page, "login");
  await page.screenshot({ path: path.join(folder, "login.png") });
  await enters(page, "ann");
  await page.getByRole("heading", { name: "Policy" }).waitFor();
  check("the page is where one was:", page.url() === `${base}/?page=policy`, page.url());
  await page.goto(`${base}/?page=now`);
  await page.getByText("Where to").waitFor();
  const who = page.locator(".who");
  check("who is in stands there:", (await who.innerText()).includes("ann@corp.example"), await who.innerText());
  check("with the role:", (await who.locator(".chip").innerText()) === "auditor", await who.innerText());
  await accessible(page, "now");
  await page.screenshot({ path: path.join(folder, "logged-in.png") });
  await page.setViewportSize({ width: 360, height: 900 });
  // What is drawn follows the width a little later.
  await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth);
  await page.setViewportSize({ width: 1280, height: 900 });
  const cookies = await page.context().cookies(base);
  check("there is one cookie:", cookies.length === 1, JSON.stringify(cookies));
  const [{ name, secure, httpOnly, sameSite, path: place }] = cookies;
  const guarded = name === `__Host-borderpost-${new URL(base).port}` && secure && httpOnly && sameSite === "Lax" && place === "/";
  check("it is guarded:", guarded, JSON.stringify(cookies));
  check("no script sees it:", (await page.evaluate(() => document.cookie)) === "");
  check("people are seen:", (await ask(page, "/api/v1/decisions")) === 200);
  check("an auditor changes nothing:", (await ask(page, "/api/v1/reload", { method: "POST" })) === 403);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: /^Sign in at/ }).waitFor();
  check("the cookie is gone:", (await page.context().cookies(base)).length === 0);
  await page.context().addCookies(cookies);
  check("and its session:", (await ask(page, "/api/v1/session")) === 401);
  await page.context().close();
}

/** Who may nothing is told so, and can go back. */
async function stays(browser) {
  const page = await fresh(browser);
  await page.goto(base);
  await enters(page, "eve");
  const said = await page.getByRole("alert").innerText();
  check("who has no role is told so:", said.includes("eve@corp.example") && said.includes("no group"), said);
  await accessible(page, "no login");
  await page.screenshot({ path: path.join(folder, "no-login.png") });
  await page.getByRole("link", { name: "Back to the beginning" }).click();
  await page.getByRole("link", { name: /^Sign in at/ }).waitFor();
  check("nobody is in:", (await ask(page, "/api/v1/session")) === 401);
  await page.context().close();
}

async function main() {
  fs.mkdirSync(folder, { recursive: true });
  const rules = "MAP post.example 127.0.0.1, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND";
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--host-resolver-rules=${rules}`],
  });
  for (const part of [comes, stays]) await part(browser);
  await browser.close();
}

main()
  .catch((error) => wrong.push(error.stack))
  .finally(() => {
    wrong.forEach((line) => console.log(`wrong: ${line}`));
    process.exit(wrong.length ? 1 : 0);
  });
