//! `borderpost audit export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::audit::event::{Collection, Columns, Format, Origin, UnknownFormat};
use crate::audit::search::{Found, Scan};

use super::super::output::{Progress, Usage};
use super::Place;
use super::select::Select;
use super::whole::whole;

/// Write out what was recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// Also verdicts that were kept before their requests had ended.
    #[arg(long)]
    verdicts: bool,
    /// In which form; `record` is lines of JSON as they were kept.
    #[arg(long, default_value = "record", value_parser = forms())]
    format: Form,
    /// The columns of `csv`, fields of records with commas between them: `time,host,tags`.
    #[arg(long, value_name = "FIELDS", value_parser = Columns::parse)]
    fields: Option<Columns>,
    /// Where to; standard output if no file is named.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The name of the machine that the events shall have.
    #[arg(long, default_value = "localhost")]
    hostname: String,
    /// The name of the proxy that they shall have.
    #[arg(long, default_value = "borderpost")]
    instance: String,
}

/// What the events become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A line for each.
    Lines(Format),
    /// A table with a head.
    Table,
}

/// How a table is called.
const TABLE: &str = "csv";

/// The names, so that a shell completes them.
fn forms() -> impl TypedValueParser<Value = Form> {
    let names = PossibleValuesParser::new(Format::ALL.map(Format::name).into_iter().chain([TABLE]));
    names.try_map(|name| form(&name))
}

fn form(name: &str) -> Result<Form, UnknownFormat> {
    if name == TABLE { Ok(Form::Table) } else { Ok(Form::Lines(name.parse()?)) }
}

/// Writes events one after the other.
enum Writing {
    Record,
    Lines(Format),
    Archive(Collection),
    Table(Columns),
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let table = self.format == Form::Table;
        ensure!(
            table || self.fields.is_none(),
            Usage("`--fields` is for `--format csv`".to_owned())
        );
        let journal = self.place.open()?;
        let out: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
            None => Box::new(io::stdout()),
        };
        let mut out = BufWriter::with_capacity(1 << 16, out);
        let origin = Origin::new(&self.hostname, &self.instance);
        let mut text = Vec::new();
        let mut writing = Writing::begin(self.format, self.fields, &origin, &mut text);
        let filters = self.select.filters()?;
        let scan = Scan { verdicts: self.verdicts, ..Scan::all(&journal, &filters) };
        let (mut progress, mut written) = (Progress::of("records"), 0);
        // Who sees them go by needs to be told of nothing else.
        let silent = self.output.is_none();
        let gaps = scan.each(|found| {
            written += 1;
            if !silent {
                progress.at(written);
            }
            writing.add(&found, &origin, &mut text);
            out.write_all(&text)?;
            text.clear();
            anyhow::Ok(true)
        })?;
        writing.end(&mut text);
        out.write_all(&text)?;
        out.flush()?;
        whole(&gaps)
    }
}

impl Writing {
    fn begin(form: Form, fields: Option<Columns>, origin: &Origin, into: &mut Vec<u8>) -> Self {
        match form {
            Form::Lines(Format::Record) => Self::Record,
            Form::Lines(Format::Har) => Self::Archive(Collection::open(origin, into)),
            Form::Lines(format) => Self::Lines(format),
            Form::Table => {
                let columns = fields.unwrap_or_default();
                columns.head(into);
                Self::Table(columns)
            }
        }
    }

    fn add(&mut self, found: &Found<'_>, origin: &Origin, into: &mut Vec<u8>) {
        match self {
            Self::Record => {
                into.extend_from_slice(found.line);
                into.push(b'\n');
            }
            Self::Lines(format) => {
                format.write(&found.event, origin, into);
                into.push(b'\n');
            }
            Self::Archive(archive) => archive.add(&found.event, origin, into),
            Self::Table(columns) => columns.write(found.sequence, &found.event, &[], into),
        }
    }

    fn end(self, into: &mut Vec<u8>) {
        if let Self::Archive(archive) = self {
            archive.close(into);
        }
    }
}
