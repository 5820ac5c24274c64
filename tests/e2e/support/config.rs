//! The text of a configuration: listeners on ports of the system's choice, records in a
//! file, loopback opened and placed in countries by corrections, and what a test adds.

use std::fmt::Write;

/// Where the corrections place loopback addresses.
const PLACES: [(&str, &str); 5] = [
    ("127.1.0.0/16", "US"),
    ("127.2.0.0/16", "DE"),
    ("127.3.0.0/16", "CN"),
    ("127.4.0.0/16", "HK"),
    ("127.5.0.0/16", "unknown"),
];

/// What a pack of a test begins with.
const ACT: &str = r#"
[pack]
id = "test-act"
version = "1"
title = "Test"
authority = "Test Act"
as_of = 2026-01-01
effective_from = 2026-01-01
zone = "UTC"
"#;

/// Rules of such a pack: health data stays, cards are told of.
pub(crate) const STAYS: &str = r#"[[rule]]
id = "no-health"
outcome = "block"
reason = "health data stays"
cite = "Test Act 7"
[rule.when]
tags = ["health"]

[[rule]]
id = "told"
outcome = "log"
reason = "cards are told of"
cite = "Test Act 8"
[rule.when]
tags = ["financial"]
"#;

/// A pack with rules.
pub(crate) fn act(rules: &str) -> String {
    format!("{ACT}\n{rules}")
}

/// A configuration to be written.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    packs: &'static str,
    /// A pack of the test's own, written beside the configuration.
    pack: String,
    admin: String,
    limits: String,
    record: String,
    open: String,
    destinations: String,
    policy: String,
    names: String,
    rest: String,
    /// Files beside the configuration, for their owner alone.
    files: Vec<(String, String)>,
}

impl Config {
    /// No pack, no database, everything on loopback may be reached.
    pub(crate) fn new() -> Self {
        Self {
            packs: "",
            pack: String::new(),
            admin: "listen = \"127.0.0.1:0\"".to_owned(),
            limits: String::new(),
            record: "records.jsonl".to_owned(),
            open: "\"loopback\"".to_owned(),
            destinations: String::new(),
            policy: String::new(),
            names: String::new(),
            rest: String::new(),
            files: Vec::new(),
        }
    }

    /// The shipped rules.
    pub(crate) fn rules(mut self) -> Self {
        self.packs = "\"default\"";
        self
    }

    /// Shipped packs, as `packs` names them.
    pub(crate) fn shipped(mut self, packs: &'static str) -> Self {
        self.packs = packs;
        self
    }

    /// The law's own pack, for an exporter that declares what it sends; counts are kept in
    /// `state`.
    pub(crate) fn law(self, state: &std::path::Path) -> Self {
        let mut config = self.with(&format!(
            "[state]\nfolder = \"{}\"\n[[exporter]]\nid = \"acme\"\njurisdiction = \"US\"\ndefault = true\n\
             [[principal]]\nname = \"svc\"\nnetworks = [\"127.0.0.1/32\"]\ndeclares = true",
            state.display()
        ));
        config.packs = "\"us-28cfr202\"";
        config
    }

    /// What `[admin]` says.
    pub(crate) fn admin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.admin);
        self
    }

    /// Where `[admin]` listens instead.
    pub(crate) fn admin_listens(mut self, place: &str) -> Self {
        self.admin = self.admin.replace("127.0.0.1:0", place);
        self
    }

    /// A pack of the test's own.
    pub(crate) fn pack(mut self, text: &str) -> Self {
        self.packs = "\"./pack.toml\"";
        text.clone_into(&mut self.pack);
        self.with("[signatures]\nunsigned = \"allow\"")
    }

    /// The text of that pack.
    pub(crate) fn pack_text(&self) -> &str {
        &self.pack
    }

    /// A file beside the configuration, for its owner alone.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Those files.
    pub(crate) fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// One line of `[proxy.limits]`.
    pub(crate) fn limit(mut self, key: &str, value: &str) -> Self {
        writeln!(self.limits, "{key} = {value}").unwrap();
        self
    }

    /// `record.to`
    pub(crate) fn record(mut self, to: &str) -> Self {
        to.clone_into(&mut self.record);
        self
    }

    /// The items of `destinations.open`.
    pub(crate) fn open(mut self, items: &str) -> Self {
        items.clone_into(&mut self.open);
        self
    }

    /// Another line of `[destinations]`.
    pub(crate) fn destinations(mut self, line: &str) -> Self {
        writeln!(self.destinations, "{line}").unwrap();
        self
    }

    /// A line of `[policy]`.
    pub(crate) fn policy(mut self, line: &str) -> Self {
        writeln!(self.policy, "{line}").unwrap();
        self
    }

    /// A line of `[names]`.
    pub(crate) fn name(mut self, name: &str, addresses: &[&str]) -> Self {
        writeln!(self.names, "\"{name}\" = {addresses:?}").unwrap();
        self
    }

    /// Whole tables.
    pub(crate) fn with(mut self, tables: &str) -> Self {
        writeln!(self.rest, "{tables}").unwrap();
        self
    }

    /// A further listener on a port of the system's choice.
    pub(crate) fn listener(self, kind: &str, more: &str) -> Self {
        self.with(&format!("[[listener]]\nkind = \"{kind}\"\naddress = \"127.0.0.1:0\"\n{more}"))
    }

    /// A rule that holds whenever `when` does.
    pub(crate) fn rule(self, id: &str, outcome: &str, more: &str, when: &str) -> Self {
        self.with(&format!(
            "[[rule]]\nid = \"{id}\"\noutcome = \"{outcome}\"\nreason = \"because of {id}\"\n\
             {more}\n[rule.when]\n{when}"
        ))
    }

    /// Both shipped databases.
    pub(crate) fn databases(self) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        ["dbip", "ipfire"].iter().fold(self, |config, name| {
            config.with(&format!(
                "[[geo.database]]\nname = \"{name}\"\nfile = \"{root}/geoip/{name}-country.mmdb\""
            ))
        })
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "packs = [{}]\n[proxy]\nlisten = \"127.0.0.1:0\"\n[admin]\n{}\n\
             [proxy.limits]\n{}[record]\nto = \"{}\"\n[destinations]\nopen = [{}]\n{}\
             [policy]\n{}[names]\n{}[jurisdiction.home]\ncountries = [\"US\"]\n{}",
            self.packs,
            self.admin,
            self.limits,
            self.record,
            self.open,
            self.destinations,
            self.policy,
            self.names,
            self.rest
        );
        if !self.rest.contains("[[geo.database]]") {
            text.push_str("\n[geo]\ndatabase = []\n");
        }
        for (network, country) in PLACES {
            write!(
                text,
                "[[geo.overlay]]\nnetwork = \"{network}\"\ncountry = \"{country}\"\nreason = \"test\"\n"
            )
            .unwrap();
        }
        text.push_str(CARRIERS);
        text
    }
}

const CARRIERS: &str = r#"
[[carrier]]
header = "X-Data-Class"
strip = true
[[carrier]]
header = "baggage"
form = "baggage"
keys = ["data-class"]
strip = true
[[carrier]]
header = "x-amz-tagging"
form = "query"
keys = ["data-class"]
"#;
