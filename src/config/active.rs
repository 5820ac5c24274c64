//! Everything that decides, from the main file and its packs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::{PackInfo, Policy};
use crate::proxy::Active;

use super::pack;
use super::places::Jurisdictions;
use super::rules::{Defaults, Rules};
use super::section::Section;
use super::world::World;
use super::{carriers, databases, network};

/// Reads what a reload replaces. Databases, carriers and jurisdictions that the main file
/// leaves out are those of `shipped`: a short file must not be an open door. `packs` are the roots of the pack files.
pub(super) fn read(
    root: &Section<'_>,
    shipped: &Section<'_>,
    packs: &[Section<'_>],
    bases: &[PathBuf],
    digest: &str,
) -> Option<Active> {
    let defaults = Defaults::read(root);
    let places =
        Jurisdictions::read(root, &Jurisdictions::read(shipped, &Jurisdictions::default()));
    let (settings, nat64, mixed) = network::destinations(root, defaults);
    let (names, principals) = (network::names(root), network::principals(root));
    let atlas = databases::atlas(root, shipped, bases);
    let world = World::new(&principals, atlas.as_ref(), &settings);
    let mut rules = Rules::default();
    let mut infos = Vec::new();
    for pack in packs {
        infos.push(pack::read(pack, &places, defaults, &world, &mut rules));
    }
    let local = rules.read(root, "local", &places, defaults, &world);
    if local > 0 {
        infos.push(PackInfo { id: "local".to_owned(), version: "-".to_owned(), rules: local });
    }
    let carriers = carriers::read(if root.has("carrier") { root } else { shipped });
    Some(Active {
        epoch: next_epoch(),
        digest: Arc::from(digest),
        policy: Arc::new(Policy::new(rules.finish(), settings)),
        atlas: Arc::new(atlas?),
        carriers,
        principals,
        names,
        nat64,
        mixed,
        packs: infos,
    })
}

/// Counts loads of this process.
fn next_epoch() -> u64 {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    LOADS.fetch_add(1, Ordering::Relaxed) + 1
}
