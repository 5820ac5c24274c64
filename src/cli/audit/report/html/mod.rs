//! The report for people: one file of HTML that loads nothing and runs nothing. Every text from
//! outside passes `Text`.

mod sections;
mod text;

use std::io::Write;

use crate::audit::event::Event;
use crate::config::RecordSet;

use super::gather::Document;
use super::said;
use super::totals::is_refused;
use super::walk::Walk;

use text::{Text, value};

const STYLE: &str = include_str!("style.css");

pub(super) fn write(
    document: &Document,
    set: &RecordSet,
    walk: &Walk<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let title = format!("Records under {}", document.pack.authority);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n",
        title = Text(&title)
    )?;
    sections::write(document, set, out)?;
    writeln!(out, "<section>\n<h2>Transactions</h2>")?;
    let mut any = false;
    walk.transactions(document.period.entries, |sequence, record, event| {
        any = true;
        transaction(set, sequence, record, event, out)
    })?;
    if !any {
        writeln!(out, "<p>None in the period.</p>")?;
    }
    out.write_all(b"</section>\n</main>\n</body>\n</html>\n")?;
    Ok(())
}

fn transaction(
    set: &RecordSet,
    sequence: u64,
    record: &serde_json::Value,
    event: &Event<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let outcome = event.outcome.map_or("failed", |outcome| outcome.name());
    let class = if is_refused(event) { " class=\"bad\"" } else { "" };
    write!(
        out,
        "<article id=\"e{sequence}\">\n<h3>{time} <span{class}>{outcome}</span> {method} {host}</h3>\n\
         <table>\n<caption>Entry {sequence} of the journal, decision <code>{id}</code></caption>\n\
         <thead><tr><th scope=\"col\">Item</th><th scope=\"col\">Record</th></tr></thead>\n<tbody>\n",
        time = Text(&format!("{:.3}", event.time)),
        method = Text(&event.method),
        host = Text(event.host.as_deref().unwrap_or_default()),
        id = Text(&event.id),
    )?;
    for item in set.items.iter().filter(|item| !item.kept.from.is_empty()) {
        write!(
            out,
            "<tr><th scope=\"row\">{}<br><small>{}</small></th><td>",
            Text(&item.text),
            Text(&item.cite)
        )?;
        let mut none = Vec::new();
        for (field, found) in said(item, record) {
            match found {
                Some(found) => {
                    writeln!(out, "<div><code>{field}</code> {}</div>", Text(&value(&found)))?;
                }
                None => none.push(field),
            }
        }
        if !none.is_empty() {
            write!(out, "<div class=\"none\">not recorded: {}</div>", Text(&none.join(", ")))?;
        }
        if let Some(outside) = &item.kept.outside {
            write!(out, "<div>to attach: {}</div>", Text(outside))?;
        }
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table>\n</article>")?;
    Ok(())
}
