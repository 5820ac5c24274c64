//! A new configuration under way: no request fails for it, and a bad one changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{Config, Origin, Proxy, ok, request, wait_for};

/// Clients that ask without a pause until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn start(proxy: &Proxy, origin: &Origin) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let get = request("GET", &format!("{}/", origin.url()), "", "");
        let listen = proxy.listen;
        let client = |keeps: bool| {
            let (stop, answered, get) = (Arc::clone(&stop), Arc::clone(&answered), get.clone());
            thread::spawn(move || {
                let mut wire = crate::support::Wire::connect(listen);
                while !stop.load(Ordering::SeqCst) {
                    wire.send(&get);
                    let answer = wire.response("GET");
                    assert_eq!((answer.status(), answer.text().as_str()), (200, "fine"));
                    answered.fetch_add(1, Ordering::SeqCst);
                    if !keeps {
                        wire = crate::support::Wire::connect(listen);
                    }
                }
            })
        };
        let threads = [true, true, false].map(client).into();
        Self { stop, answered, threads }
    }

    /// Waits until so many more requests have been answered.
    fn pass(&self, more: usize) {
        let goal = self.answered.load(Ordering::SeqCst) + more;
        wait_for("answers under load", || {
            assert!(!self.threads.iter().any(thread::JoinHandle::is_finished), "a request failed");
            (self.answered.load(Ordering::SeqCst) >= goal).then_some(())
        });
    }

    fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.answered.load(Ordering::SeqCst)
    }
}

fn count(text: &str, word: &str) -> usize {
    text.matches(word).count()
}

#[test]
fn no_request_fails_while_the_configuration_changes() {
    let plain = Config::new();
    let other = Config::new().rules().rule("x", "block", "", "hosts = [\"nowhere.example\"]");
    let (proxy, origin) = (Proxy::start(&plain), Origin::answering("127.1.0.1", ok("fine")));
    let load = Load::start(&proxy, &origin);
    load.pass(10);
    for round in 0..8 {
        proxy.reload(if round % 2 == 0 { &other } else { &plain });
        load.pass(10);
        proxy.rewrite("packs = [\"nothing\"]\n[policy]\nmode = \"maybe\"\n");
        let answer = proxy.ask_admin("POST", "/api/v1/reload");
        assert_eq!(answer.status(), 422);
        assert!(answer.text().contains("2 mistakes"), "{}", answer.text());
        load.pass(10);
        proxy.rewrite(&other.text());
        proxy.signal("HUP");
        wait_for("the reload", || (count(&proxy.output(), "\nreloaded: ") > round).then_some(()));
        load.pass(10);
    }
    let answered = load.stop();
    let records = proxy.wait_records(answered);
    assert!(records.iter().all(|record| record["error"].is_null()));
    let mut digests: Vec<_> = records.iter().map(|r| r["config"].as_str().unwrap()).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 2, "only what was put in force decided");
}

#[test]
fn a_bad_configuration_leaves_the_last_good_one_in_force() {
    let config = Config::new().rule("closed", "block", "", "to = [\"CN\"]");
    let (proxy, origin) = (Proxy::start(&config), Origin::answering("127.3.0.1", ok("")));
    assert_eq!(proxy.get(&origin, "/").status(), 403);
    for (text, word) in [
        ("[policy\n", "borderpost.toml"),
        ("[[rule]]\nid = \"a\"\n", "`outcome` is missing"),
        ("[[geo.database]]\nname = \"x\"\nfile = \"gone.mmdb\"\n", "gone.mmdb"),
        ("unheard = 1\n", "unheard"),
    ] {
        proxy.rewrite(text);
        let answer = proxy.ask_admin("POST", "/api/v1/reload");
        assert_eq!(answer.status(), 422, "{text}");
        assert!(answer.text().contains(word), "{word} in {}", answer.text());
        assert_eq!(proxy.get(&origin, "/").status(), 403);
        assert!(proxy.metric("egress_config_last_reload_successful", "").abs() < 0.5);
    }
    proxy.signal("HUP");
    wait_for("the word on it", || {
        proxy.output().contains("reload failed, what was in force stays").then_some(())
    });
    std::fs::remove_file(proxy.file()).unwrap();
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 422);
    assert_eq!(proxy.get(&origin, "/").status(), 403);
    proxy.reload(&Config::new());
    assert_eq!(proxy.get(&origin, "/").status(), 200);
    assert!(proxy.metric("egress_config_last_reload_successful", "") > 0.5);
}

#[test]
fn a_database_that_is_cut_short_in_place_is_refused() {
    let shipped = format!("{}/geoip/dbip-country.mmdb", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(shipped).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("country.mmdb");
    std::fs::write(&file, &bytes).unwrap();
    let table = format!("[[geo.database]]\nname = \"copy\"\nfile = \"{}\"\n", file.display());
    let config = Config::new().rules().with(&table);
    let proxy = Proxy::start(&config);
    let ask = || proxy.ask("GET", "http://114.114.114.114/", "X-Data-Class: health\r\n", "");
    assert_eq!(ask().json()["location"]["countries"], serde_json::json!(["CN"]));
    for length in [0, 1000, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&file, &bytes[..length]).unwrap();
        assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 422, "{length} bytes");
        assert_eq!(ask().status(), 451);
    }
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 200);
    assert_eq!(ask().status(), 451);
}

#[test]
fn a_tighter_policy_reaches_connections_that_are_kept() {
    let config = Config::new();
    let (proxy, origin) = (Proxy::start(&config), Origin::answering("127.3.0.1", ok("open")));
    let mut client = proxy.client();
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    client.send(&get);
    assert_eq!(client.response("GET").text(), "open");
    proxy.reload(&config.clone().rule("closed", "block", "", "to = [\"CN\"]"));
    wait_for("the pooled connection's end", || (origin.ended() == 1).then_some(()));
    client.send(&get);
    assert_eq!(client.response("GET").status(), 403);
    proxy.reload(&config);
    client.send(&get);
    assert_eq!(client.response("GET").text(), "open");
    assert_eq!(origin.connections(), 2);
}
