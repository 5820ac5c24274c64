//! What is read, and what is said of mistakes.

use jiff::civil::date;
use proptest::prelude::*;

use crate::policy::register::{
    Definition, PartyKind, Percent, Period, Register, SeatKind, Sighting,
};

use super::*;

const TABLE: &str = r#"
[[party]]
id = "acme-sg"
name = "Acme Pte Ltd"
kind = "company"
organised_in = "SG"
principal_place = "SG"
labels = ["vendor"]
hosts = ["*.acme.example"]
networks = ["203.0.113.0/24"]
asns = [64500]
keys = ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]
owners = [ { party = "acme-cn", percent = 50.0, from = 2025-01-01 } ]
lists = [ { list = "nsd-covered-persons", from = 2026-01-01, cite = "28 CFR 202.701" } ]
note = "read for people"

[[party]]
id = "acme-cn"
name = "Acme (Shanghai)"
organised_in = "CN"

[[party]]
id = "jo"
name = "Jo"
kind = "person"
employers = [ { party = "acme-cn", until = 2026-01-01 } ]
seats = [
    { resident_in = "CN", until = 2025-06-01 },
    { resident_in = "NO", from = 2025-06-01 },
]
"#;

const ROWS: &str = "\
# exported
party,fact,value,percent,from,until,note

acme-sg,name,Acme Pte Ltd,,,,
acme-sg,kind,company,,,,a note for people
acme-sg, organised_in ,SG
acme-sg,principal_place,SG
acme-sg,label,vendor
acme-sg,host,*.acme.example
acme-sg,network,203.0.113.0/24
acme-sg,asn,AS64500
acme-sg,key,sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
acme-sg,owner,acme-cn,50.00,2025-01-01,,
acme-sg,list,nsd-covered-persons,,2026-01-01,,28 CFR 202.701
acme-cn,name,\"Acme (Shanghai)\"
acme-cn,organised_in,CN\r
jo,name,Jo
jo,kind,person
jo,employer,acme-cn,,,2026-01-01
jo,resident_in,CN,,,2025-06-01
jo,resident_in,NO,,2025-06-01
";

fn read(files: &[(&str, &str)]) -> Result<Register, String> {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    read_register(files).map_err(|problems| problems.to_string())
}

/// Title, place and help of each mistake, as `title | line:column | help`.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let text = read(files).map(|_| ()).unwrap_err();
    let after = |line: &str, mark: &str| line.split_once(mark).map(|(_, rest)| rest.to_owned());
    let mut found: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("error: ") {
            found.push(title.to_owned());
        }
        let place = after(line, "--> ").or_else(|| after(line, "= help: "));
        if let (Some(place), Some(last)) = (place, found.last_mut()) {
            last.push_str(" | ");
            last.push_str(&place);
        }
    }
    found
}

#[test]
fn tables_and_rows_say_the_same() {
    for (name, text) in [("parties.toml", TABLE), ("parties.CSV", ROWS)] {
        let register = read(&[(name, text)]).unwrap_or_else(|text| panic!("{text}"));
        hold_facts(&register);
        hold_answers(&register);
    }
}

fn hold_facts(register: &Register) {
    let [sg, cn, jo] = ["acme-sg", "acme-cn", "jo"].map(|id| register.find(id).unwrap());
    let party = register.get(sg);
    assert_eq!((party.name.as_str(), party.kind), ("Acme Pte Ltd", PartyKind::Company));
    let on = date(2026, 1, 1);
    assert_eq!(party.organised_in(on).unwrap().code(), "SG");
    assert_eq!(party.principal_place(on).unwrap().code(), "SG");
    assert!(party.has_label("vendor") && !party.has_label("affiliate"));
    assert!(party.is_listed("nsd-covered-persons", on));
    assert!(!party.is_listed("nsd-covered-persons", date(2025, 12, 31)));
    assert_eq!(party.lists[0].cite.as_deref(), Some("28 CFR 202.701"));
    let stake = party.owners[0];
    assert_eq!((stake.owner, stake.percent), (cn, Percent::parse("50").unwrap()));
    assert_eq!(Some(stake.during), Period::new(Some(date(2025, 1, 1)), None));
    assert_eq!(register.get(cn).name, "Acme (Shanghai)");
    let person = register.get(jo);
    assert_eq!(person.employers[0].employer, cn);
    let home = |day| person.seats_on(SeatKind::Resident, day).next().unwrap().code();
    assert_eq!((home(date(2025, 5, 31)), home(date(2025, 6, 1))), ("CN", "NO"));
}

fn hold_answers(register: &Register) {
    let sg = register.find("acme-sg").unwrap();
    let host = crate::net::Host::parse("x.acme.example").unwrap();
    let seen = Sighting {
        host: Some(&host),
        key: None,
        address: Some([203, 0, 113, 1].into()),
        asns: &[64500],
    };
    assert_eq!(register.matches(&seen).filter(|found| found.party == sg).count(), 3);
    let definition = Definition {
        countries: crate::geo::Country::parse("CN").into_iter().collect(),
        owned_at_least: Percent::from_hundredths(5_000),
        ..Definition::default()
    };
    assert!(register.standing(&definition, date(2026, 1, 1)).is_covered(sg));
    assert!(!register.standing(&definition, date(2024, 12, 31)).is_covered(sg));
}

#[test]
fn rows_add_to_tables_whatever_comes_first() {
    let rows = "party,fact,value\nacme-cn,label,vendor\nnew,name,New\n";
    let files = [("a.toml", TABLE), ("b.csv", rows)];
    for files in [files, [files[1], files[0]]] {
        let register = read(&files).unwrap();
        assert!(register.get(register.find("acme-cn").unwrap()).has_label("vendor"));
        assert_eq!(register.len(), 4);
    }
    assert!(read(&[]).unwrap().is_empty());
}

#[test]
fn mistakes_in_tables_are_told_with_their_place() {
    let text = r#"
[[party]]
id = "a"
name = "A"
kind = "compny"
organised_in = "UK"
networks = ["10.0.0.0/33"]
keys = ["sha256/short"]
hosts = ["a.*.example"]
owners = [ { party = "b", percent = 33.333 }, { party = "bb", percent = "50" } ]
lists = [ { list = "l", from = "2026-01-01", until = 2026-01-01T00:00:00 } ]
owner = []

[[party]]
id = "b"
name = "B"
owners = [
    { party = "a", percent = 1.5, from = 2026-02-01, until = 2026-02-01 },
    { party = "nobody-at-all", percent = 1 },
    { party = "a" },
]
seats = [ { from = 2026-01-01 } ]

[[party]]
id = "b"

[[party]]
name = "nameless"
asns = [-1]
"#;
    assert_eq!(
        told(&[("p.toml", text)]),
        [
            "`compny` is none of company, person, state, authority | p.toml:5:8 | \
         did you mean `company`?",
            "`UK` is no ISO 3166-1 country code | p.toml:6:16 | did you mean `GB` (United Kingdom)?",
            "`10.0.0.0/33` is not a network such as 10.0.0.0/8 or 2001:db8::/32 | p.toml:7:13",
            "`sha256/short` is not a key digest: write `sha256/` and the 44 characters of its Base64 \
         | p.toml:8:9",
            "`a.*.example` is not a valid host name or address | p.toml:9:10",
            "`33.333` has more than two decimals; write hundredths of a percent | p.toml:10:37",
            "`percent` must be a number from 0 to 100, not string | p.toml:10:73",
            "`from` must be a date such as 2026-01-31 | p.toml:11:32 | \
         write it without quotes and without a time",
            "`until` must be a date such as 2026-01-31 | p.toml:11:54 | \
         write it without quotes and without a time",
            "unknown key `owner` | p.toml:12:1 | did you mean `owners`?",
            "this ends before it begins | p.toml:18:62 | \
         `until` is the first day on which it does not hold any more",
            "no party has the id `nobody-at-all` | p.toml:19:15 | add it as a party of its own",
            "`percent` is missing here | p.toml:20:15",
            "a seat needs one of `organised_in`, `principal_place`, `resident_in` | p.toml:22:11",
            "the id `b` is taken by another party | p.toml:25:6 | \
         one `[[party]]` says all of a party; rows of a CSV file may add to it",
            "`id` is missing here | p.toml:27:1",
            "`asns` takes whole numbers up to 4294967295 | p.toml:29:9",
        ]
    );
}

#[test]
fn mistakes_in_rows_are_told_with_their_place() {
    let text = "\
party,fact,value,percent,from,until,note
a,name,A

# a comment
a,nmae,A
A B,name,A
a,owner,b,x
a,owner,b
a,owner,bb,10
a,host,h.example,,2026-01-01
a,organised_in,SG,50
a,organised_in,SG,,2026-02-30
a,organised_in,SG,,2026-02-01,2026-01-01
a,asn,AS4294967296
a,name,Again
a,kind,company
a,kind,company
a,label,x,,,,,too much
\"a\",network,10.0.0.0/33
aa,label,x
b,name,\"B
b,label,c\"
";
    let told = told(&[("p.csv", text)]);
    let names = "name, kind, organised_in, principal_place, resident_in, label, host, network, \
                 asn, key, owner, list, employer";
    assert_eq!(
        told,
        [
            &format!("`nmae` is none of {names} | p.csv:5:3 | did you mean `name`?"),
            "`A B` is not an id: use a-z, 0-9, `-` and `.`, at most 100 of them | p.csv:6:1",
            "`x` is not a percentage such as 50 or 33.34 | p.csv:7:11",
            "`percent` is missing here | p.csv:8:9",
            "no party has the id `bb` | p.csv:9:9 | add it as a party of its own",
            "`host` has no `from` | p.csv:10:19",
            "`organised_in` has no `percent` | p.csv:11:19",
            "`2026-02-30` is not a date such as 2026-01-31 | p.csv:12:20",
            "this ends before it begins | p.csv:13:31 | \
         `until` is the first day on which it does not hold any more",
            "`AS4294967296` is not an ASN such as 64500 | p.csv:14:7",
            "`a` has a name already | p.csv:15:8",
            "`a` has a kind already | p.csv:17:8",
            "this row has more than the 7 fields of the header | p.csv:18:1 | \
         put a value that has a comma in quotation marks",
            "`10.0.0.0/33` is not a network such as 10.0.0.0/8 or 2001:db8::/32 | p.csv:19:1",
            "`aa` has no name | p.csv:20:10 | did you mean `a`?",
            "a field goes over several lines | p.csv:21:1 | is a quotation mark not closed?",
        ]
    );
}

#[test]
fn mistakes_in_headers_are_told() {
    let header = |text| told(&[("p.csv", text)]);
    assert_eq!(
        header("party,facts,value\na,name,A\n"),
        ["unknown column `facts` | p.csv:1:7 | did you mean `fact`?"]
    );
    assert_eq!(header("party,fact\n"), ["the column `value` is missing here | p.csv:1:1"]);
    assert_eq!(
        header("party,fact,value,fact\n"),
        ["the column `fact` is there twice | p.csv:1:18"]
    );
    let help = "the first row is party,fact,value,percent,from,until,note";
    for empty in ["", "\n# nothing\n"] {
        let told = header(empty);
        assert!(told[0].starts_with("this register has no row") && told[0].ends_with(help));
    }
}

#[test]
fn mistakes_between_files_are_told_where_they_are() {
    let rows = "party,fact,value,percent\n\
                evil,name,Evil\n\
                evil,host,*.acme.example\n\
                acme-sg,owner,evil,50.01\n\
                acme-sg,owner,acme-ch,1\n\
                acme-sg,resident_in,SG\n\
                acme-sg,organised_in,NO\n\
                acme-sg,employer,evil\n";
    assert_eq!(
        told(&[("p.toml", TABLE), ("q.csv", rows)]),
        [
            "host *.acme.example already stands for `acme-sg` | q.csv:3:11 | \
         leave it to the one who receives",
            "the owners of `acme-sg` hold 100.01 % on 2025-01-01, which is more than 100 % | \
         q.csv:4:15 | end what was sold with `until`, the first day without it",
            "no party has the id `acme-ch` | q.csv:5:15 | did you mean `acme-cn`?",
            "`acme-sg` is no person, and only persons are resident somewhere | q.csv:6:21 | \
         a company has `organised_in`",
            "`acme-sg` has two such seats at the same time | q.csv:7:22 | \
         end the earlier one with `until`",
            "`acme-sg` is no person, and only persons are employed | q.csv:8:18",
        ]
    );
}

proptest! {
    #[test]
    fn any_rows_are_read_or_told(
        mark in "\u{feff}?",
        rows in proptest::collection::vec(
            "[ab]?[,\"# \r\n]?,(name|owner|asn|list|é)?[,\"\n]?,[\"äa1]{0,3}(,[0-9\"]{0,2}){0,3}", 0..6,
        ),
        end in "(\r\n|\n|\r|\n\n)",
    ) {
        let text = format!("{mark}party,fact,value,percent{end}{}", rows.join(&end));
        if let Err(problems) = read(&[("p.csv", &text)]) {
            prop_assert!(problems.contains("p.csv"), "{problems}");
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() {
    let register = read(&[("p.csv", "\u{feff}party,fact,value\r\na,name,A\r\n")]).unwrap();
    assert_eq!(register.len(), 1);
}

#[test]
fn a_mistake_is_shown_with_a_caret() {
    let text = "party,fact,value\na,name,A\na,organised_in,Norway\n";
    assert_eq!(
        read(&[("p.csv", text)]).unwrap_err(),
        "\
error: `Norway` is no ISO 3166-1 country code
 --> p.csv:3:16
  |
3 | a,organised_in,Norway
  |                ^^^^^^
  |
  = help: did you mean `NO` (Norway)?

1 mistake; nothing was changed"
    );
}
