//! The image, and the services of `compose.yaml` around it: what can be seen of them without a
//! registry to build from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use borderpost::audit::SinkTarget;
use borderpost::config::{self, Loaded, Origin};
use serde_json::Value;

use crate::{file, shipped_address, text};

/// What instructions of the Dockerfile say.
fn instructions(word: &str) -> Vec<String> {
    let text = text("docker/Dockerfile");
    let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.map(str::to_owned).collect()
}

/// What is copied from the repository.
fn sources() -> BTreeSet<String> {
    let copies = instructions("COPY");
    let whole = copies.iter().filter(|one| !one.starts_with("--"));
    whole.flat_map(|one| one.rsplit_once(' ').unwrap().0.split(' ').map(str::to_owned)).collect()
}

fn configuration() -> Loaded {
    let origin = Origin::File(file("docker/borderpost.toml"));
    config::load(&origin).unwrap_or_else(|problems| panic!("{problems}"))
}

fn compose() -> Value {
    serde_saphyr::from_str(&text("grafana/compose.yaml")).unwrap()
}

fn services(compose: &Value) -> BTreeMap<&str, &Value> {
    let all = compose["services"].as_object().unwrap();
    all.iter().map(|(name, service)| (name.as_str(), service)).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    let all = list.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|one| one.as_str().unwrap()).collect()
}

/// What a service mounts, and where.
fn volumes(service: &Value) -> Vec<(&str, &str)> {
    let all = texts(&service["volumes"]).into_iter();
    all.map(|one| one.trim_end_matches(":ro").split_once(':').unwrap()).collect()
}

/// All files below.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// A path without `..`, as far as it goes.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        if part == Component::ParentDir {
            assert!(plain.pop(), "{}", path.display());
        } else {
            plain.push(part);
        }
        plain
    })
}

#[test]
fn it_runs_as_nobody_and_fetches_nothing() {
    let dockerfile = text("docker/Dockerfile");
    assert_eq!(instructions("USER"), ["65532:65532"], "one user, and it is nobody");
    assert_eq!(instructions("ADD"), [""; 0]);
    for tool in ["curl", "wget", "apt-get"] {
        assert!(!dockerfile.contains(tool), "{tool}");
    }
    let port = shipped_address().rsplit(':').next().unwrap().to_owned();
    assert_eq!(instructions("EXPOSE"), [port]);
    let from = instructions("FROM");
    assert_eq!(from.len(), 2, "what builds is not what runs");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(from[0].starts_with(&format!("rust:{rust}-")), "it builds with another Rust");
    // The C library of the one is that of the other.
    assert!(from[0].contains("-bookworm ") && from[1].contains("-debian12:"), "{from:?}");
}

/// Else a folder of builds is sent to the daemon, gigabytes of it, or something is missing there.
#[test]
fn what_it_copies_is_all_that_is_sent() {
    let sources = sources();
    for path in &sources {
        assert!(file("..").join(path).exists(), "{path} is copied and is not there");
    }
    let ignored = text("../.dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    let sent: BTreeSet<_> = lines.map(|line| line.strip_prefix('!').unwrap().to_owned()).collect();
    assert_eq!(sent, sources);
}

#[test]
fn what_it_copies_is_all_that_cargo_needs() {
    let sources = sources();
    let root = plain(&file(".."));
    let copied = |path: &Path| {
        let path = plain(path);
        let inside = path.strip_prefix(&root).unwrap_or_else(|_| panic!("{}", path.display()));
        sources.iter().any(|source| inside.starts_with(source))
    };
    let manifest: toml::Table = text("../Cargo.toml").parse().unwrap();
    let build = manifest["package"]["build"].as_str().unwrap();
    let benches = manifest["bench"].as_array().unwrap();
    let benches = benches.iter().map(|one| format!("benches/{}.rs", one["name"].as_str().unwrap()));
    for path in benches.chain([build.to_owned(), "Cargo.lock".to_owned()]) {
        assert!(copied(&root.join(&path)), "{path} is named in Cargo.toml and not copied");
    }
    let mut embedded = 0;
    for path in below(&root.join("src")) {
        let of_tests = path.components().any(|part| {
            let name = part.as_os_str();
            name == "tests" || name == "tests.rs"
        });
        if of_tests || path.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap();
        for named in program.split("include_").skip(1) {
            let Some(rest) =
                named.strip_prefix("str!(\"").or_else(|| named.strip_prefix("bytes!(\""))
            else {
                continue;
            };
            let named = rest.split('"').next().unwrap();
            let found = copied(&path.with_file_name(named));
            assert!(found, "{} embeds {named}, which is not copied", path.display());
            embedded += 1;
        }
    }
    assert!(embedded > 50, "{embedded} files");
}

/// The program looks for them beside its configuration, above itself and there.
#[test]
fn it_has_the_databases_that_it_starts_with() {
    let copies = instructions("COPY");
    let databases = "--from=build /build/geoip /usr/share/borderpost/geoip";
    assert!(copies.iter().any(|one| one == databases), "{copies:?}");
    let listed = config::DEFAULT.lines().filter(|line| line.starts_with("file = \"geoip/"));
    assert_eq!(listed.count(), configuration().active.atlas.databases().len());
}

#[test]
fn its_configuration_is_right() {
    let Loaded { fixed, .. } = configuration();
    let state = fixed.state.unwrap();
    assert_eq!(instructions("VOLUME"), [format!("[\"{}\"]", state.display())]);
    let SinkTarget::File(records) = fixed.record else { panic!("{:?}", fixed.record) };
    assert!(records.starts_with(&state), "nothing else can be written");
    // `docker stop` kills ten seconds later.
    assert!(fixed.settings.drain_timeout < Duration::from_secs(9));
    assert!(fixed.admin.place.is_local(), "nobody is asked who he is");
    let named = "BORDERPOST_CONFIG=/etc/borderpost/borderpost.toml";
    assert_eq!(instructions("ENV")[1..], [named]);
    let copies = instructions("COPY");
    let place = "--from=build /build/config/docker/borderpost.toml /etc/borderpost/borderpost.toml";
    assert!(copies.iter().any(|one| one == place), "{copies:?}");
}

#[test]
fn the_services_are_of_one_version_and_on_this_machine() {
    let compose = compose();
    for (name, service) in services(&compose) {
        if let Some(image) = service["image"].as_str() {
            let version = image.rsplit_once(':').unwrap().1.trim_start_matches('v');
            let numbers = version.split('.').map(|part| part.parse::<u32>().unwrap());
            assert!(numbers.count() >= 2, "{name}: {image}");
        }
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn what_the_services_mount_is_there() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let mut mounted = Vec::new();
        for (from, to) in volumes(service) {
            if from.starts_with('.') {
                let path = plain(&file("grafana").join(from));
                assert!(path.exists(), "{name}: {from}");
                mounted.push((to, path));
            } else {
                assert!(compose["volumes"].get(from).is_some(), "{name}: no volume {from}");
            }
        }
        // What it is told to read.
        for argument in texts(&service["command"]) {
            let Some((_, inside)) = argument.split_once("/etc/") else { continue };
            let inside = format!("/etc/{inside}");
            let own = inside == "/etc/loki/local-config.yaml";
            let read = mounted.iter().any(|(to, path)| {
                inside.strip_prefix(to).is_some_and(|rest| {
                    path.join(rest.trim_start_matches('/')).exists() || rest.is_empty()
                })
            });
            assert!(own || read, "{name}: {argument}");
        }
    }
}

#[test]
fn the_services_fit_the_image() {
    let compose = compose();
    let services = services(&compose);
    let Loaded { fixed, .. } = configuration();
    let (own, alloy) = (services["borderpost"], services["alloy"]);
    assert_eq!(own["read_only"], true);
    assert_eq!(texts(&own["cap_drop"]), ["ALL"]);
    assert_eq!(texts(&own["security_opt"]), ["no-new-privileges:true"]);
    let context = plain(&file("grafana").join(own["build"]["context"].as_str().unwrap()));
    assert!(context.join(own["build"]["dockerfile"].as_str().unwrap()).exists());

    let state = fixed.state.unwrap().display().to_string();
    for service in [own, alloy] {
        assert!(volumes(service).contains(&("state", state.as_str())));
    }
    assert_eq!(alloy["user"].as_str(), instructions("USER").first().map(String::as_str));
    let SinkTarget::File(records) = fixed.record else { panic!("{:?}", fixed.record) };
    let shipped = format!("\"__path__\" = \"{}\"", records.display());
    assert!(text("grafana/records.alloy").contains(&shipped), "{shipped}");

    for service in [own, services["prometheus"]] {
        assert_eq!(service["network_mode"], "service:network");
    }
    let admin = fixed.admin.place.address().unwrap();
    let target = format!("targets: [\"{admin}\"]");
    assert!(text("prometheus/prometheus.yaml").contains(&target), "{target}");
    // Hosts that one service knows another by.
    let mut hosts: BTreeSet<_> = services.keys().copied().collect();
    hosts.retain(|host| services[host]["network_mode"].is_null());
    hosts.extend(texts(&services["network"]["networks"]["default"]["aliases"]));
    let sources = text("grafana/provisioning/datasources/borderpost.yaml");
    for text in [sources, text("grafana/records.alloy")] {
        for host in text.split("http://").skip(1).map(|rest| rest.split(':').next().unwrap()) {
            assert!(hosts.contains(host), "no service is called {host}");
        }
    }
}
