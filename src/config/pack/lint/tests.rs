//! What is told and what is not, one rule apart.

use jiff::civil::date;

use super::super::super::load::Origin;
use super::super::super::sources::PackText;
use super::lint_pack;

const HEAD: &str = "[pack]\nid = \"p\"\nversion = \"1\"\nauthority = \"Act 7\"\n\
    as_of = 2026-10-01\neffective_from = 2026-01-01\n";

fn rule(id: &str, outcome: &str, more: &str, when: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\noutcome = \"{outcome}\"\nreason = \"r\"\ncite = \"c\"\n{more}\n\
         [rule.when]\n{when}\n"
    )
}

/// The titles of what is found in a pack with this head and these rules.
#[track_caller]
fn found(head: &str, rules: &[String]) -> Vec<String> {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("p.toml");
    std::fs::write(&file, format!("{HEAD}{head}\n{}", rules.concat())).unwrap();
    let pack = PackText::open(file.to_str().unwrap()).unwrap();
    let findings = lint_pack(&pack, &Origin::BuiltIn, date(2026, 11, 1)).unwrap();
    let text = findings.to_string();
    let titles = text.lines().filter_map(|line| line.strip_prefix("warning: "));
    let titles: Vec<_> = titles.map(str::to_owned).collect();
    assert_eq!(titles.len(), findings.count());
    titles
}

/// Whether the first or the second rule is said never to decide.
#[track_caller]
fn hidden(head: &str, first: String, second: String) -> bool {
    let titles = found(head, &[first, second]);
    assert!(titles.len() < 2, "{titles:?}");
    titles.iter().any(|title| title.contains("never decides") || title.contains("overlap"))
}

#[test]
fn a_rule_is_hidden_only_where_another_always_decides() {
    let (wide, narrow) = ("tags = [\"a\", \"b\"]", "tags = [\"a\"]\nmethods = [\"PUT\"]");
    let block = |more: &str, when: &str| rule("block", "block", more, when);
    let log = |more: &str, when: &str| rule("log", "log", more, when);
    assert!(hidden("", log("", narrow), block("", wide)), "stronger, wherever it stands");
    assert!(hidden("", block("", wide), log("", narrow)));
    assert!(hidden("", log("", wide), block("", wide)), "the same conditions");
    assert!(!hidden("", log("", wide), block("", narrow)), "wider");
    assert!(!hidden("", log("", narrow), block("", "tags = [\"c\"]")), "another tag");
    assert!(hidden("", log("", narrow), block("", "tags = [\"*\"]")), "any tag");
    assert!(!hidden("", log("alert = true", narrow), block("", wide)), "an alert is made");
    assert!(!hidden("", log("duty = true", narrow), block("", wide)), "a duty conflicts");
    assert!(!hidden("", log("", narrow), block("mode = \"observe\"", wide)), "only observed");
    assert!(!hidden("", log("", narrow), block("until = 2027-01-01", wide)), "ends before");
    let unless = "[rule.unless]\nconsent = [\"given\"]";
    let but = |when: &str| format!("{when}\n{unless}");
    assert!(!hidden("", log("", narrow), block("", &but(wide))), "excepted");
    assert!(hidden("", log("", &but(narrow)), block("", &but(wide))), "both excepted");
}

#[test]
fn of_equals_the_first_decides() {
    let (wide, narrow) = ("tags = [\"a\"]", "tags = [\"a\"]\nmethods = [\"PUT\"]");
    let [a, b] = ["a", "b"].map(|id| move |when: &str| rule(id, "block", "", when));
    assert!(hidden("", a(wide), b(narrow)));
    assert!(!hidden("", a(narrow), b(wide)), "the narrow one is told first");
}

#[test]
fn presumption_makes_refusals_equal() {
    let when = "tags = [\"a\"]\nto = [\"unknown\", \"US\"]";
    let [hold, block] = ["hold", "block"].map(|outcome| rule(outcome, outcome, "", when));
    assert!(hidden("", hold.clone(), block.clone()));
    let softer = "on_unknown = \"hold\"";
    assert!(!hidden(softer, hold.clone(), block.clone()), "presumed, both hold: the first is told");
    assert!(hidden(softer, block, hold));
}

#[test]
fn an_exemption_of_the_stronger_leaves_the_weaker() {
    let [log, block] = ["log", "block"].map(|outcome| rule(outcome, outcome, "", "tags = [\"a\"]"));
    let exempt =
        |lifts: &str| format!("[[exemption]]\nid = \"e\"\ncite = \"c\"\nlifts = [{lifts}]\n");
    let both = exempt("\"block\", \"log\"");
    assert!(hidden("", log.clone(), format!("{block}{both}")));
    let one = exempt("\"block\"");
    assert!(!hidden("", log, format!("{block}{one}")));
}

#[test]
fn places_outside_of_more_are_fewer() {
    let wide = |id| rule(id, "block", "", "not_to = [\"US\"]");
    let narrow = |id| rule(id, "block", "", "not_to = [\"US\", \"CA\"]");
    assert!(hidden("", wide("a"), narrow("b")));
    assert!(!hidden("", narrow("a"), wide("b")));
}

#[test]
fn slips_are_told_and_other_years_are_not() {
    let says = |id, word: &str| {
        rule(id, "log", "", &format!("tags = [\"{id}\"]\ntransaction = [\"{word}\"]"))
    };
    for (one, other, slips) in [
        ("investment", "investmnet", true),
        ("employment", "employments", true),
        ("cisa-2025-01", "cisa-2026-01", false),
        ("sale", "sole", false),
        ("vendor", "broker", false),
    ] {
        let titles = found("", &[says("a", one), says("b", one), says("c", other)]);
        assert_eq!(!titles.is_empty(), slips, "{one} {other}: {titles:?}");
    }
}

#[test]
fn what_is_shipped_has_no_dead_name_and_no_slip() {
    for pack in PackText::shipped() {
        let text = lint_pack(&pack, &Origin::BuiltIn, date(2026, 11, 25)).unwrap().to_string();
        for title in text.lines().filter_map(|line| line.strip_prefix("warning: ")) {
            let dead = ["names", "only this rule", "never in force", "no rule makes"];
            assert!(dead.iter().all(|one| !title.contains(one)), "{}: {title}", pack.name());
        }
    }
}
