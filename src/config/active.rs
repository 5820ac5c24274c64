//! Everything that decides, from the main file and its packs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::auth::Auth;
use crate::policy::{Law, Mode, Pack, PackInfo, Policy};
use crate::proxy::Active;

use super::entities::{self, Exporters};
use super::moments::today;
use super::pack::{Around, PackRoot, Packs};
use super::places::Jurisdictions;
use super::problem::Collector;
use super::rules::{Defaults, Rules};
use super::section::Section;
use super::sites::RuleSites;
use super::trial::Trial;
use super::world::World;
use super::{carriers, chains, databases, inspect, network, opening, parties};

/// What is known of a load beside the texts.
pub(super) struct Load<'l> {
    /// The digest of the texts.
    pub(super) digest: &'l str,
    /// Whether clients can prove names.
    pub(super) provable: bool,
    pub(super) trial: Option<&'l Trial>,
}

/// Reads what a reload replaces. Databases, carriers and jurisdictions that the main file
/// leaves out are those of `shipped`: a short file must not be an open door. `packs` are the
/// roots of the pack files.
pub(super) fn read(
    root: &Section<'_>,
    shipped: &Section<'_>,
    packs: &[PackRoot<'_>],
    bases: &[PathBuf],
    problems: &Collector,
    load: &Load<'_>,
) -> Option<(Active, Vec<String>, RuleSites)> {
    let Load { digest, provable, trial } = *load;
    let defaults = Defaults::read(root);
    let observed = trial.is_some_and(|trial| trial.observe);
    let defaults = if observed { Defaults { mode: Mode::Observe, ..defaults } } else { defaults };
    let places =
        Jurisdictions::read(root, &Jurisdictions::read(shipped, &Jurisdictions::default()));
    let (settings, nat64, mixed) = network::destinations(root, defaults);
    let settings = match trial {
        Some(trial) => trial.open(settings),
        None => settings,
    };
    let names = network::names(root);
    let exporters = Exporters::read(root);
    let principals = entities::principals(root, &exporters, provable);
    let atlas = databases::atlas(root, shipped, bases, trial);
    let register = Arc::new(parties::read(root, problems, bases));
    let world = World::new(&principals, atlas.as_ref(), &settings);
    let around =
        Around { outer: &places, defaults, world: &world, register: &register, today: today() };
    let mut rules = Rules::default();
    let mut all = Packs::default();
    for pack in packs {
        all.read(pack, &around, &mut rules);
    }
    let local = rules.read(root, all.packs.len(), &places, defaults, &world);
    all.infos.extend((local > 0).then(|| local_info(local)));
    all.packs.push(Pack::local());
    let base = bases.first().cloned().unwrap_or_default();
    let opening = opening::read(root, &places, &world, &base);
    let grants = entities::grants(root, &all.packs, &world);
    let carriers = carriers::read(if root.has("carrier") { root } else { shipped });
    let (inspector, inspect) = inspect::read(root, &base, &carriers);
    let routes = entities::routes(root, &world);
    let Packs { packs, classes, counters, infos, notes, .. } = all;
    let sites = rules.sites();
    let law = Law { packs, classes, counters, grants, register };
    let policy = Policy::with_law(rules.finish(), settings, law);
    let active = Active {
        epoch: next_epoch(),
        digest: Arc::from(digest),
        policy: Arc::new(policy),
        atlas: Arc::new(atlas?),
        carriers,
        inspector,
        inspect,
        principals,
        auth: Auth::default(),
        acceptors: HashMap::new(),
        exporter: exporters.of_anybody(),
        routes,
        chains: chains::read(root, &names, bases),
        names,
        nat64,
        mixed,
        opening,
        packs: infos,
        jurisdictions: places.in_words(),
    };
    Some((active, notes, sites))
}

fn local_info(rules: usize) -> PackInfo {
    PackInfo {
        id: "local".to_owned(),
        version: "-".to_owned(),
        rules,
        signer: None,
        mode: Mode::Enforce,
    }
}

/// Counts loads of this process.
fn next_epoch() -> u64 {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    LOADS.fetch_add(1, Ordering::Relaxed) + 1
}
