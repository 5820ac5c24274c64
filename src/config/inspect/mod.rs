//! `[inspect]` and what bodies are looked through for: one inspector for a configuration.

mod detectors;
mod fields;
mod labels;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::data::{Carriers, Detectors, Digester, Inspector, Limits};
use crate::proxy::inspect::{Settings, When};

use super::carriers;
use super::load::{Origin, near, parse, text_of};
use super::problem::{Collector, Problems};
use super::secrets;
use super::section::Section;

/// The keys that say where the key of digests is; one of them is enough.
const KEYS: [&str; 3] = ["digest_key", "digest_key_env", "digest_key_credential"];

/// Reads nothing but what bodies are looked through for.
pub fn inspector(origin: &Origin) -> Result<Arc<Inspector>, Problems> {
    partly(origin, |root, problems| {
        let carriers = carriers::read_or_shipped(root, problems);
        build(root, &root.section("inspect"), &near(origin), carriers)
    })
}

/// Reads nothing but the key of digests.
pub fn digester(origin: &Origin) -> Result<Digester, Problems> {
    partly(origin, |root, _| key(&root.section("inspect"), &near(origin)))
}

fn partly<T>(origin: &Origin, read: impl Fn(&Section<'_>, &Collector) -> T) -> Result<T, Problems> {
    let problems = Collector::default();
    let built = text_of(origin, &problems).map(|text| {
        let text = Arc::new(text);
        let table = parse(&text, &problems);
        let root = Section::new(&text, &problems, table.get_ref(), 0..0).partly_read();
        read(&root, &problems)
    });
    problems.finish()?;
    Ok(built.expect("whatever is missing has been told as a mistake"))
}

/// Reads `[inspect]` and what stands around it; paths are relative to `base`.
pub(super) fn read(
    root: &Section<'_>,
    base: &Path,
    carriers: &Carriers,
) -> (Arc<Inspector>, Settings) {
    let section = root.section("inspect");
    let natural = Settings::default();
    let whens = [("needed", When::Needed), ("always", When::Always), ("never", When::Never)];
    let hold = section.size("hold", "4KiB", "64MiB").and_then(|hold| usize::try_from(hold).ok());
    let settings = Settings {
        when: section.choice("when", &whens).unwrap_or(natural.when),
        hold: hold.unwrap_or(natural.hold),
    };
    // Where no request is looked into, records are still kept from values.
    (build(root, &section, base, carriers.clone()), settings)
}

fn build(
    root: &Section<'_>,
    section: &Section<'_>,
    base: &Path,
    carriers: Carriers,
) -> Arc<Inspector> {
    let limits = limits(section);
    let digester = key(section, base);
    let (patterns, lists) = detectors::own(root, &digester, base);
    let detectors = Detectors::new(digester).with(patterns, lists);
    let inspector = Inspector::new(Arc::new(detectors), limits);
    let inspector = inspector.with_fields(fields::map(root));
    Arc::new(inspector.with_labels(labels::rules(root, carriers)))
}

fn limits(section: &Section<'_>) -> Limits {
    let natural = Limits::default();
    let number = |key, low, high| section.number(key, low..=high);
    Limits {
        depth: number("depth", 1, 16).and_then(|n| u8::try_from(n).ok()).unwrap_or(natural.depth),
        ratio: number("ratio", 10, 100_000)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(natural.ratio),
        expanded: section.size("max_bytes", "64KiB", "64GiB").unwrap_or(natural.expanded),
        parts: number("parts", 1, 10_000_000)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(natural.parts),
    }
}

/// The key of digests. Without one they tell which findings of this run are equal, and nothing
/// beyond it.
fn key(section: &Section<'_>, base: &Path) -> Digester {
    let id = section.word("digest_key_id");
    let secret = secrets::of(section, KEYS, base);
    let named = KEYS.into_iter().find(|key| section.has(key));
    if let (Some(id), None) = (&id, named) {
        let help = format!("add one of `{}`", KEYS.join("`, `"));
        section.problem(id.span.clone(), "the name of a key, and no key", Some(help));
    }
    let id = id.map(|word| word.text).filter(|id| !id.trim().is_empty());
    let Some(secret) = secret else { return of_this_run() };
    let digester = match id {
        Some(id) => Digester::new(&secret, id),
        None => Digester::new(&secret, "").map(Digester::named_by_itself),
    };
    if let (None, Some(key)) = (&digester, named) {
        let help = "for example `head -c 32 /dev/urandom > digest.key`".to_owned();
        let message = format!("`{key}` has fewer than 16 octets: values could be tried out");
        section.problem(section.span_of(key), message, Some(help));
    }
    digester.unwrap_or_else(of_this_run)
}

/// One key for all loads of a run, so that a reload changes no digest.
fn of_this_run() -> Digester {
    static RUN: OnceLock<Digester> = OnceLock::new();
    let draw = || {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system gives randomness");
        let digester = Digester::new(&key, "this-run").map(Digester::of_this_run);
        digester.expect("32 octets are long enough")
    };
    RUN.get_or_init(draw).clone()
}

#[cfg(test)]
mod tests {
    use crate::config::{Origin, inspector, load};
    use crate::data::{Described, Inspection};
    use crate::proxy::inspect::When;

    fn origin(text: &str) -> Origin {
        Origin::Text { name: "t".to_owned(), text: format!("packs = []\n{text}") }
    }

    #[test]
    fn what_is_left_out_is_as_the_shipped_file_says() {
        let shipped = load(&Origin::BuiltIn).unwrap().active;
        let short = load(&origin("")).unwrap().active;
        assert_eq!(shipped.inspect, short.inspect);
        let (shipped, short) = (shipped.inspector, short.inspector);
        assert_eq!(shipped.limits(), short.limits());
        let ids = [&shipped, &short].map(|one| one.detectors().digester().key_id().to_owned());
        assert_eq!(ids, ["this-run", "this-run"]);
    }

    #[test]
    fn limits_and_detectors_are_read() {
        let text = "[inspect]\nwhen = \"always\"\nhold = \"64KiB\"\nmax_bytes = \"1GiB\"\ndepth = 2\n\
                    ratio = 50\nparts = 7\n[[detector]]\nname = \"staff\"\ntag = \"pi.staff\"\n\
                    pattern = 'EMP-\\d{6}'\nkeys = [\"employee\"]\nminimum = 2\n";
        let active = load(&origin(text)).unwrap().active;
        assert_eq!((active.inspect.when, active.inspect.hold), (When::Always, 65_536));
        let inspector = active.inspector;
        let limits = *inspector.limits();
        assert_eq!(
            (limits.depth, limits.ratio, limits.expanded, limits.parts),
            (2, 50, 1 << 30, 7)
        );
        let mut inspection = Inspection::new(&inspector, &Described::default());
        inspection.push(b"employee: EMP-123456 and EMP-654321");
        let found = inspection.finish();
        let staff = found.sums().get(&crate::data::Tag::parse("pi.staff").unwrap());
        assert_eq!(staff.map(|sum| sum.count), Some(2));
        let never = load(&origin("[inspect]\nwhen = \"never\"\n")).unwrap().active;
        assert_eq!(never.inspect.when, When::Never);
    }

    #[test]
    fn fields_are_known_by_host_and_path() {
        let row = "[[field_map]]\nhost = \"api.acme.example\"\npath = \"/people/{id}\"\n\
                   pointer = \"/ssn\"\ntag = \"id.government.ssn\"\n";
        let inspector = inspector(&origin(row)).unwrap();
        assert!(inspector.fields().route("api.acme.example", "/people/7").is_some());
        assert!(inspector.fields().route("api.acme.example", "/people").is_none());
    }

    #[test]
    fn a_key_of_ones_own_has_a_name_and_makes_the_same_digests() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("digest.key");
        std::fs::write(&file, "sixteen octets!!\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let text = format!("[inspect]\ndigest_key = {:?}\n", file.display().to_string());
        let named = |id: &str| inspector(&origin(&format!("{text}{id}"))).unwrap();
        let (own, other) = (named(""), named("digest_key_id = \"2026-01\"\n"));
        let tag = crate::data::Tag::parse("id.contact.email").unwrap();
        for one in [&own, &other] {
            let digest = one.detectors().digester().digest(&tag, b"a@b.example");
            assert_eq!(digest.as_str(), "mhv74nji223yt");
        }
        assert_eq!(other.detectors().digester().key_id(), "2026-01");
        assert_eq!(own.detectors().digester().key_id().len(), 8);
    }
}
