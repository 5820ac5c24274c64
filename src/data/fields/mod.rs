//! The field map: which tag stands at which place of which bodies, whatever the values look
//! like. Nothing is built for a request that no row speaks of.

mod pointer;
mod record;
mod trie;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::net::{Host, HostPattern};

use super::walk::{Form, Json, Value, Visitor, Walker, Xml};
use super::{Confidence, Mark, Source, Syntax, Tag};

pub use pointer::{PathPattern, Pointer, PointerError};
use record::Records;
use trie::{Nodes, Trie};

/// The name of the detector in findings.
const DETECTOR: &str = "field_map";

/// One row: what stands where.
#[derive(Clone, Debug)]
pub struct FieldRow {
    /// The destinations.
    pub host: HostPattern,
    /// The paths of requests.
    pub path: PathPattern,
    /// Where in the body, or in the query.
    pub pointer: Pointer,
    /// What stands there.
    pub tag: Tag,
}

/// All rows.
#[derive(Debug, Default)]
pub struct FieldMap {
    /// Rows of the same host and path stand together.
    groups: Vec<Group>,
    trie: Trie,
}

#[derive(Debug)]
struct Group {
    host: HostPattern,
    path: PathPattern,
    root: usize,
}

/// The rows that speak of one request.
#[derive(Clone, Debug)]
pub struct FieldRoute {
    map: Arc<FieldMap>,
    roots: Nodes,
}

/// One body, of which some row speaks, on its way.
#[derive(Debug)]
pub struct Fields {
    walker: Walker,
    place: Place,
}

/// Where the walker is.
#[derive(Debug)]
struct Place {
    map: Arc<FieldMap>,
    roots: Nodes,
    levels: Vec<Level>,
    /// What the name just told leads to.
    next: Option<Nodes>,
    /// How many levels wait for their first value.
    waiting: usize,
    records: Records,
    found: Vec<Mark>,
}

#[derive(Debug, Default)]
struct Level {
    nodes: Nodes,
    array: bool,
    /// How many elements of the array there were.
    count: u64,
    /// Whether the whole has a tag, and nothing in it was told yet.
    waits: bool,
}

// === impl FieldMap ===

impl FieldMap {
    /// A map of these rows.
    pub fn new(rows: impl IntoIterator<Item = FieldRow>) -> Self {
        let mut map = Self::default();
        for FieldRow { host, path, pointer, tag } in rows {
            let known = map.groups.iter().find(|one| one.host == host && one.path == path);
            let root = known.map_or_else(|| map.trie.root(), |group| group.root);
            if known.is_none() {
                map.groups.push(Group { host, path, root });
            }
            map.trie.insert(root, &pointer, tag);
        }
        map
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The tags that its rows name.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.trie.tags()
    }

    /// The rows that speak of a request, if some do.
    pub fn route(self: &Arc<Self>, host: &str, path: &str) -> Option<FieldRoute> {
        let roots = self.roots(host, path);
        (!roots.is_empty()).then(|| FieldRoute { map: Arc::clone(self), roots })
    }

    fn roots(&self, host: &str, path: &str) -> Nodes {
        if self.groups.is_empty() {
            return Nodes::new();
        }
        let Ok(host) = Host::parse(host) else { return Nodes::new() };
        let segments = PathPattern::segments(path);
        let fits = |group: &&Group| group.host.matches(&host) && group.path.matches(&segments);
        self.groups.iter().filter(fits).map(|group| group.root).collect()
    }
}

// === impl FieldRoute ===

impl FieldRoute {
    /// What looks along a text of the request; what has no fields is not looked at.
    pub fn fields(&self, syntax: Syntax) -> Option<Fields> {
        let walker = match syntax {
            Syntax::Json | Syntax::JsonLines => Walker::Json(Json::default()),
            Syntax::Xml => Walker::Xml(Xml::default()),
            Syntax::Form => Walker::Form(Form::default()),
            Syntax::Csv { .. } | Syntax::Sql | Syntax::Text => return None,
        };
        let place = Place {
            map: Arc::clone(&self.map),
            roots: self.roots.clone(),
            levels: Vec::new(),
            next: None,
            waiting: 0,
            records: Records::of(syntax),
            found: Vec::new(),
        };
        Some(Fields { walker, place })
    }
}

// === impl Fields ===

impl Fields {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.walker.push(piece, &mut self.place);
    }

    /// The text has ended.
    pub fn finish(&mut self) {
        self.walker.finish(&mut self.place);
    }

    /// Takes out what was found since the last time: no more than one for three octets.
    pub fn found(&mut self) -> std::vec::Drain<'_, Mark> {
        self.place.found.drain(..)
    }
}

// === impl Place ===

impl Place {
    /// Where the next value stands.
    fn target(&mut self) -> Nodes {
        if let Some(next) = self.next.take() {
            return next;
        }
        match self.levels.last_mut() {
            None => self.roots.clone(),
            Some(level) if level.array => {
                let index = level.count.to_string();
                level.count += 1;
                self.map.trie.children(&level.nodes, index.as_bytes())
            }
            // The text of an element.
            Some(_) => Nodes::new(),
        }
    }

    fn tell(&mut self, nodes: &Nodes, value: &Value<'_>) {
        for tag in nodes.iter().flat_map(|node| self.map.trie.tags_of(*node)) {
            let mark = Mark {
                tag: tag.clone(),
                detector: DETECTOR,
                confidence: Confidence::Sure,
                source: Source::FieldMap,
                offset: value.start,
                length: u32::try_from(value.end - value.start).unwrap_or(u32::MAX),
                record: self.records.number(),
                subject: value.text.to_vec(),
            };
            // One value under two patterns of one tag is one value.
            let known = |one: &&Mark| one.offset == mark.offset && one.tag == mark.tag;
            if !self.found.iter().rev().take(8).any(|one| known(&one)) {
                self.found.push(mark);
            }
        }
    }
}

impl Visitor for Place {
    fn enter(&mut self, array: bool, _place: u64) {
        let nodes = self.target();
        let waits = self.map.trie.has_tags(&nodes);
        self.waiting += usize::from(waits);
        self.levels.push(Level { nodes, array, count: 0, waits });
        self.records.enter(array);
    }

    fn leave(&mut self, _place: u64) {
        let level = self.levels.pop();
        self.waiting -= usize::from(level.is_some_and(|level| level.waits));
        self.next = None;
        self.records.leave();
    }

    fn key(&mut self, name: &[u8]) {
        let nodes = self.levels.last().map_or(&self.roots, |level| &level.nodes);
        self.next = Some(self.map.trie.children(nodes, name));
    }

    fn value(&mut self, value: Value<'_>) {
        let nodes = self.target();
        if value.absent {
            return;
        }
        self.tell(&nodes, &value);
        if self.waiting == 0 {
            return;
        }
        // What has a tag as a whole has it once, with the first that stands in it.
        let mut whole: SmallVec<[Nodes; 2]> = SmallVec::new();
        for level in self.levels.iter_mut().filter(|level| level.waits) {
            level.waits = false;
            whole.push(level.nodes.clone());
        }
        self.waiting = 0;
        whole.iter().for_each(|nodes| self.tell(nodes, &value));
    }
}

#[cfg(test)]
mod tests;
