//! What stands before the transactions.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::config::RecordSet;

use super::super::gather::{Document, Listed, Verified};
use super::super::in_force::{ConfigSeen, Load};
use super::super::totals::{Table, Tally, Totals};
use super::text::{Text, value};

/// A table, row by row.
struct Grid<'o> {
    out: &'o mut dyn Write,
}

pub(super) fn write(
    document: &Document,
    set: &RecordSet,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    head(document, out)?;
    verification(&document.verification, out)?;
    in_force(document, out)?;
    totals(&document.totals, out)?;
    unread(document, out)?;
    listed("Gaps of the journal", "No entry was lost in the period.", &document.gaps, out)?;
    listed("Notes of the journal", "None in the period.", &document.notes, out)?;
    unended(document, out)?;
    candidates(document, out)?;
    items(document, set, out)?;
    Ok(())
}

fn head(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let Document { pack, period, .. } = document;
    let since = period.since.map_or_else(|| "the first entry".to_owned(), moment);
    let keep = pack.retain_years.map(|years| format!("{years} years"));
    let rows = [
        ("Period", format!("from {since} until {}", moment(period.until))),
        ("Pack", format!("{} {}", pack.id, pack.version)),
        ("Digest of the pack", pack.digest.clone()),
        ("To be kept for", keep.unwrap_or_else(|| "the pack does not say".to_owned())),
        ("Made", format!("{} by {}", moment(document.made), document.program)),
        ("Shape", document.schema.to_owned()),
    ];
    facts("About this report", &rows, out)
}

fn verification(verified: &Verified, out: &mut dyn Write) -> io::Result<()> {
    let number = |number: u64| number.to_string();
    let mut rows = vec![
        ("Entries", number(verified.entries)),
        ("Of them pruned by retention", number(verified.pruned)),
        ("Segments", number(verified.segments)),
        ("Checkpoints that hold", number(verified.checkpoints)),
        ("Entries not signed yet", number(verified.unsigned)),
        ("Root", verified.root.clone().unwrap_or_else(|| "none: entries are missing".to_owned())),
    ];
    rows.extend(verified.keys.iter().map(|key| ("Signed by", key.clone())));
    if !verified.key_given {
        let text = "the journal's own; compare it with the one that was kept elsewhere";
        rows.push(("Key believed", text.to_owned()));
    }
    if let Some(checkpoint) = &verified.checkpoint {
        rows.push(("Last checkpoint", checkpoint.clone()));
    }
    writeln!(out, "<section>\n<h2>How the journal verified</h2>")?;
    if verified.sound {
        writeln!(out, "<p>Sound: it is what was written, as far as it is signed.</p>")?;
    } else {
        writeln!(out, "<p class=\"bad\">NOT SOUND: it is not what was written.</p>")?;
    }
    facts("The journal", &rows, out)?;
    if !verified.findings.is_empty() {
        let mut grid = Grid::open("What was found", &["Finding"], out)?;
        verified.findings.iter().try_for_each(|one| grid.row(std::slice::from_ref(one)))?;
        grid.close()?;
    }
    if verified.more_findings > 0 {
        writeln!(out, "<p>and {} more</p>", verified.more_findings)?;
    }
    writeln!(out, "</section>")
}

fn in_force(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section>\n<h2>What was in force</h2>\n<p>As records of the period name it, from the first \
         of them until the last; what a configuration is made of, the journal says where it was put \
         in force.</p>"
    )?;
    let head = ["Pack", "Version", "Digest", "Signed by", "Mode", "A rule held", "First", "Last"];
    let mut grid = Grid::open("Packs in force", &head, out)?;
    for one in &document.packs {
        let (first, last) = (moment(one.seen.first), moment(one.seen.last));
        let held = if one.held { "yes" } else { "no" }.to_owned();
        let signer = one.signer.clone().unwrap_or_else(|| "nobody".to_owned());
        let mode = one.mode.clone().unwrap_or_default();
        let (id, version, digest) = (one.id.clone(), one.version.clone(), one.digest.clone());
        grid.row(&[id, version, digest, signer, mode, held, first, last])?;
    }
    grid.close()?;
    let head = ["Digest", "Packs", "Databases", "Put in force", "First", "Last"];
    let mut grid = Grid::open("Configurations", &head, out)?;
    for one in &document.configurations {
        let (first, last) = (moment(one.seen.first), moment(one.seen.last));
        let [packs, databases, put] = in_words(one);
        grid.row(&[one.digest.clone(), packs, databases, put, first, last])?;
    }
    grid.close()?;
    let head = ["Database", "Build", "SHA-256", "First", "Last"];
    let mut grid = Grid::open("Databases of places", &head, out)?;
    for one in &document.databases {
        let (first, last) = (moment(one.seen.first), moment(one.seen.last));
        grid.row(&[one.name.clone(), one.build.clone(), one.sha256.clone(), first, last])?;
    }
    grid.close()?;
    writeln!(out, "</section>")
}

/// What a configuration is made of, and when it was put in force.
fn in_words(one: &ConfigSeen) -> [String; 3] {
    if one.loads.is_empty() {
        let none = "the journal does not say".to_owned();
        return [none.clone(), none.clone(), none];
    }
    let lines = |of: fn(&Load) -> Vec<String>| {
        let all: BTreeSet<_> = one.loads.iter().flat_map(of).collect();
        all.into_iter().collect::<Vec<_>>().join("\n")
    };
    let packs = |load: &Load| {
        let packs = load.configured.packs.iter();
        packs.map(|pack| format!("{} {}", pack.id, pack.version)).collect()
    };
    let databases = |load: &Load| {
        let databases = load.configured.databases.iter();
        databases.map(|one| format!("{} {} {}", one.name, one.build, one.sha256)).collect()
    };
    let put = |load: &Load| {
        let Load { sequence, configured } = load;
        let (at, by) = (&configured.at, &configured.by);
        vec![format!("{at} ({by}, borderpost {}, entry {sequence})", configured.program)]
    };
    [lines(packs), lines(databases), lines(put)]
}

const TALLY: [&str; 6] = ["", "Requests", "Refused", "Subjects", "Records", "Octets out"];

fn totals(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section>\n<h2>Totals</h2>\n<p>A request that is of several classes or places counts with \
         each of them. Subjects and records are those that were declared or found, also where the \
         request was refused.</p>"
    )?;
    let mut grid = Grid::open("Requests", &TALLY, out)?;
    grid.tally("all of the period", &totals.all)?;
    grid.tally("under the pack", &totals.transactions)?;
    grid.close()?;
    for (caption, table) in [
        ("By class of data", &totals.by_class),
        ("By country", &totals.by_country),
        ("By recipient", &totals.by_recipient),
    ] {
        by(caption, table, out)?;
    }
    let head = ["Volume", "Whose", "Requests", "Before", "After", "Past the threshold from"];
    let mut grid = Grid::open("Volumes, counted before and after", &head, out)?;
    for one in totals.volumes.values() {
        let limit = one.limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        let [requests, before, after] =
            [one.requests, one.before, one.after].map(|number| number.to_string());
        grid.row(&[one.meter.clone(), one.holder.clone(), requests, before, after, limit])?;
    }
    grid.close()?;
    if totals.more_volumes > 0 {
        writeln!(out, "<p>and {} requests to volumes beyond these</p>", totals.more_volumes)?;
    }
    writeln!(out, "</section>")
}

fn by(caption: &str, table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::open(caption, &TALLY, out)?;
    table.rows.iter().try_for_each(|(name, tally)| grid.tally(name, tally))?;
    table.others.iter().try_for_each(|tally| grid.tally("all others", tally))?;
    grid.close()
}

fn listed(title: &str, none: &str, listed: &Listed, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>{title}</h2>")?;
    if listed.list.is_empty() {
        writeln!(out, "<p>{none}</p>")?;
    } else {
        let mut grid = Grid::open(title, &["Entry", "Time", "What it says"], out)?;
        for one in &listed.list {
            let at = one.at.map_or_else(String::new, moment);
            grid.row(&[one.sequence.to_string(), at, value(&one.says)])?;
        }
        grid.close()?;
    }
    if listed.more > 0 {
        writeln!(out, "<p>and {} more</p>", listed.more)?;
    }
    writeln!(out, "</section>")
}

/// What the report is without, before anything that it says.
fn unread(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    if document.unread.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>What could not be read</h2>")?;
    writeln!(out, "<p class=\"bad\">NOT WHOLE: transactions may be missing here.</p>")?;
    let mut grid = Grid::open("Entries that could not be read", &["From", "Until", "Why"], out)?;
    for one in &document.unread {
        let until = one.until.map_or_else(|| "the end".to_owned(), |until| until.to_string());
        grid.row(&[one.from.to_string(), until, one.why.clone()])?;
    }
    grid.close()?;
    if document.more_unread > 0 {
        writeln!(out, "<p>and {} more places</p>", document.more_unread)?;
    }
    writeln!(out, "</section>")
}

fn unended(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let open = &document.unended;
    if open.count == 0 {
        return Ok(());
    }
    let more = u64::try_from(open.count - open.list.len()).unwrap_or(u64::MAX);
    let list = Listed { list: open.list.clone(), more };
    listed(
        "Verdicts without a record: their requests are under way, or were cut off with the program, whose next start makes the record",
        "",
        &list,
        out,
    )
}

fn candidates(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let found = &document.candidates;
    writeln!(out, "<section>\n<h2>Candidates for reports</h2>")?;
    if let Some(why) = &found.why {
        let text = Text(why);
        writeln!(out, "<p class=\"bad\">They could not be read, and are missing here: {text}</p>")?;
    } else if found.list.is_empty() {
        writeln!(out, "<p>None was made in the period.</p>")?;
    } else {
        let head =
            ["Due", "Report", "Made", "Times", "Who", "Where", "Data", "First decision", "Closed"];
        let mut grid = Grid::open("Candidates for reports and how they were closed", &head, out)?;
        for one in &found.list {
            let closed = one.closing.as_ref().map_or_else(
                || "open".to_owned(),
                |closing| {
                    let told = serde_json::to_value(closing.outcome).unwrap_or_default();
                    let evidence = closing.evidence.as_deref().unwrap_or("no evidence named");
                    let (at, told) = (moment(closing.at), value(&told));
                    format!("{told} by {} on {at}: {} ({evidence})", closing.by, closing.note)
                },
            );
            grid.row(&[
                one.due.to_string(),
                format!("{} ({}), rule {}", one.report, one.cite, one.rule),
                moment(one.made),
                one.count.to_string(),
                one.client.clone(),
                one.host.to_string(),
                one.tags.to_string(),
                one.decision.to_string(),
                closed,
            ])?;
        }
        grid.close()?;
    }
    writeln!(out, "</section>")
}

fn items(document: &Document, set: &RecordSet, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>What is to be kept, and where it is</h2>")?;
    let mut grid = Grid::open("Items", &["Source", "Item", "In each record", "Note"], out)?;
    for item in &set.items {
        let from = if item.kept.from.is_empty() {
            "nothing: see what is to be attached".to_owned()
        } else {
            item.kept.from.join(", ")
        };
        let note = item.note.clone().unwrap_or_default();
        grid.row(&[item.cite.clone(), item.text.clone(), from, note])?;
    }
    grid.close()?;
    let head = ["Source", "Item", "Document to attach", ""];
    let mut grid = Grid::open("To be attached: documents of the company", &head, out)?;
    for one in &document.attach {
        let partly = if one.partly { "beside what the records say" } else { "" };
        let row = [one.cite.clone(), one.text.clone(), one.document.clone(), partly.to_owned()];
        grid.row(&row)?;
    }
    grid.close()?;
    writeln!(out, "</section>")
}

fn facts(caption: &str, rows: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<table>\n<caption>{caption}</caption>\n<tbody>")?;
    for (name, value) in rows {
        let value = Text(value);
        writeln!(out, "<tr><th scope=\"row\">{name}</th><td><pre>{value}</pre></td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table>")
}

/// To the millisecond, in UTC.
fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

// === impl Grid ===

impl<'o> Grid<'o> {
    fn open(caption: &str, head: &[&str], out: &'o mut dyn Write) -> io::Result<Self> {
        writeln!(out, "<table>\n<caption>{caption}</caption>\n<thead><tr>")?;
        for name in head {
            writeln!(out, "<th scope=\"col\">{name}</th>")?;
        }
        writeln!(out, "</tr></thead>\n<tbody>")?;
        Ok(Self { out })
    }

    fn row(&mut self, cells: &[String]) -> io::Result<()> {
        self.out.write_all(b"<tr>")?;
        for cell in cells {
            let number = !cell.is_empty() && cell.bytes().all(|one| one.is_ascii_digit());
            let class = if number { " class=\"n\"" } else { "" };
            write!(self.out, "<td{class}>{}</td>", Text(cell))?;
        }
        self.out.write_all(b"</tr>\n")
    }

    fn tally(&mut self, name: &str, tally: &Tally) -> io::Result<()> {
        let Tally { requests, refused, subjects, records, bytes_out } = tally;
        let numbers = [requests, refused, subjects, records, bytes_out].map(ToString::to_string);
        let [requests, refused, subjects, records, bytes_out] = numbers;
        self.row(&[name.to_owned(), requests, refused, subjects, records, bytes_out])
    }

    fn close(self) -> io::Result<()> {
        writeln!(self.out, "</tbody>\n</table>")
    }
}
