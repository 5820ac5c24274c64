// A recorded decision as a case for `borderpost test`: all that was known when it was taken, in the
// format of `tests/packs`. Where a record does not hold what decided, it says so instead.

const quoted = (text) => JSON.stringify(String(text)).replaceAll("\x7f", "\\u007f");
const list = (texts) => `[${(texts || []).map(quoted).join(", ")}]`;
const some = (parts) => `{ ${parts.filter(Boolean).join(", ")} }`;
const lines = (parts) => parts.filter(Boolean).join("\n");

const ORDER = ["allow", "log", "hold", "require", "block"];

/** The rule of a record that decided, if one that acts did. */
export const decider = (record) =>
  (record.rules || []).find((rule) => rule.mode !== "observe" && !rule.lifted && rule.outcome === record.outcome);

/** The rule that only observes and would have decided. */
export const observer = (record, would) =>
  (record.rules || []).find((rule) => rule.mode === "observe" && !rule.lifted && rule.outcome === would);

/** Why there can be no such case; null where there can. `tried` are the rules with their conditions. */
export function untestable(record, tried = []) {
  if (!record.outcome) return "it ended before anything was decided";
  if ((record.data || []).some((slice) => slice.located)) return "the place that its data told of is never recorded";
  const lifted = (record.rules || []).find((rule) => rule.lifted);
  if (lifted) return `${lifted.pack}/${lifted.rule} is lifted by ${lifted.lifted}, and the exemption or approval itself is not in the record`;
  if (record.outcome !== "allow" && !decider(record)) return "a setting decided and no rule, and a case has rules alone";
  if (decider(record)?.pack === "local") return "the rule that decided stands in the configuration itself, and a case has packs alone";
  const own = decider(record);
  const asked = own && tried.find((rule) => rule.pack === own.pack && rule.rule === own.rule);
  if (!record.recipient && asked?.truth === "yes" && !asked.presumed && asked.conditions.some((one) => one.condition.startsWith("recipient is")))
    return `${own.pack}/${own.rule} asks for the recipient, whom the record does not name`;
  const { location, counts = [] } = record;
  if (location?.state === "special") return "a case has no destinations that are not public";
  if ((location?.regions || []).length > 1) return "its databases disagree on the region, and a case has one";
  if ((location?.asns || []).length > 1) return "its databases disagree on the network, and a case has one";
  const names = counts.map(counter);
  const twice = counts.find((one, at) => counts.slice(0, at).some((other) => counter(other) === counter(one) && other.before !== one.before));
  if (twice) return `there are ${names.length} counts, and those of ${counter(twice)} differ by whom they are for`;
  return null;
}

const counter = (count) => count.meter.split("/").slice(1).join(".");

/**
 * @param {object} record
 * @param {{packs: {id: string, signer: string|null, mode: string}[], jurisdictions?: {name: string,
 *   countries: string[]}[], observing: boolean, same: boolean}} known
 *   the packs in force, the jurisdictions that the configuration gives them, whether all of the configuration observes, and whether it is still the one
 *   that decided
 */
export function testCase(record, { packs, jurisdictions = [], observing, same }) {
  const enforced = observing && acting(record, packs);
  const expect = enforced ? enforced.outcome : record.outcome;
  const rule = enforced || decider(record);
  return `${lines([
    `# As decided: ${record.id}`,
    !same && "# The configuration has changed since; these are the packs of now.",
    enforced && "# It was only observed; a case tells what is decided where rules act.",
    ...named(record, packs),
    ...jurisdictions.map((one) => `\n[jurisdiction.${quoted(one.name)}]\ncountries = ${list(one.countries)}`),
    record.recipient && parties(record),
    "\n[[case]]",
    `name = ${quoted(`as decided: ${record.id}`)}`,
    `at = ${quoted(record.time)}`,
    `method = ${quoted(record.method)}`,
    exporter(record),
    `to = ${destination(record)}`,
    `data = [${slices(record).map(slice).join(", ")}]`,
    context(record.context),
    before(record),
    `expect = ${quoted(expect)}`,
    rule && `rule = ${quoted(`${rule.pack}/${rule.rule}`)}`,
  ])}\n`;
}

/** Cases are run as if all acted but what observes by its own word: the rule that decides then. */
function acting(record, packs) {
  const silent = (id) => id === "local" || packs.find((pack) => pack.id === id)?.mode === "observe";
  const rules = (record.rules || []).filter((rule) => !silent(rule.pack));
  return rules.sort((a, b) => ORDER.indexOf(b.outcome) - ORDER.indexOf(a.outcome))[0];
}

/** Packs of the program by their names, others by where their files stand. */
function named(record, packs) {
  const held = (record.rules || []).map((rule) => ({ id: rule.pack }));
  const all = [...packs, ...held.filter((one) => !packs.some((pack) => pack.id === one.id))].filter((pack) => pack.id !== "local");
  const once = all.filter((pack, at) => all.findIndex((other) => other.id === pack.id) === at);
  const files = once.filter((pack) => pack.signer !== "built in");
  return [
    files.length > 0 && `# ${files.map((pack) => `./${pack.id}.toml`).join(", ")}: where the file stands, seen from this one.`,
    `packs = ${list(once.map((pack) => (pack.signer === "built in" ? pack.id : `./${pack.id}.toml`)))}`,
  ].filter(Boolean);
}

const SEATS = { organised: "organised_in", "principal-place": "principal_place", resident: "resident_in" };

/** The register, as far as the record has it: who receives, and who owns that. */
function parties({ recipient, host }) {
  const owners = recipient.owners || [];
  const ids = [...new Set([recipient.party, ...owners.map((owner) => owner.party)])];
  const percent = (text) => (String(text).includes(".") ? text : `${text}.0`);
  const one = (id) => {
    const seats = id === recipient.party ? recipient.seats : owners.find((owner) => owner.party === id).seats;
    const ties = owners.filter((owner) => owner.of === id);
    return lines([
      "\n[[party]]",
      `id = ${quoted(id)}`,
      `name = ${quoted((id === recipient.party && recipient.name) || id)}`,
      id === recipient.party && host && `hosts = ${list([host])}`,
      seats?.length && `seats = [${seats.map((seat) => `{ ${SEATS[seat.kind]} = ${quoted(seat.country)} }`).join(", ")}]`,
      ties.length && `owners = [${ties.map((tie) => `{ party = ${quoted(tie.party)}, percent = ${percent(tie.percent)} }`).join(", ")}]`,
    ]);
  };
  return `# Kind, lists and employers of a party are not recorded: add them where a rule asks.${ids.map((id) => `\n${one(id)}`).join("")}`;
}

function exporter({ exporter: who }) {
  return who?.jurisdiction && `exporter = ${some([`jurisdiction = ${quoted(who.jurisdiction)}`, `attributes = ${list(who.attributes)}`])}`;
}

/** What each database says counts; a correction in their place. */
function destination({ host, location }) {
  const corrected = location?.state === "overridden";
  const said = corrected ? [] : Object.values(location?.databases || {}).filter(Boolean);
  const places = [...new Set(said.length ? said : location?.countries || [])];
  return some([
    host && `host = ${quoted(host)}`,
    places.length ? `countries = ${list(places)}` : "unknown = true",
    location?.regions?.length === 1 && `region = ${quoted(location.regions[0])}`,
    location?.asns?.length === 1 && `asn = ${location.asns[0]}`,
  ]);
}

const slices = (record) => (record.data?.length ? record.data : record.tags?.length ? [{ tags: record.tags }] : []);

const slice = (one) =>
  some([
    `tags = ${list(one.tags)}`,
    one.of && `of = ${quoted(one.of)}`,
    one.subjects != null && `count = ${one.subjects}`,
    one.devices != null && `devices = ${one.devices}`,
    one.records != null && `records = ${one.records}`,
    one.state && `state = ${quoted(one.state)}`,
    one.linked && "linked = true",
  ]);

function context(said) {
  const all = Object.entries(said || {}).filter(([, value]) => value?.length);
  return all.length > 0 && `context = ${some(all.map(([key, value]) => `${key} = ${Array.isArray(value) ? list(value) : quoted(value)}`))}`;
}

function before({ counts = [] }) {
  const all = new Map(counts.map((one) => [counter(one), one.before]));
  return all.size > 0 && `before = ${some([...all].map(([name, count]) => `${quoted(name)} = ${count}`))}`;
}
