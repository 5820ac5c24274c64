//! All pointers of a map as one tree, and where in it a walker may be: with `*` that can be
//! several places at once.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::super::Tag;
use super::pointer::{Pointer, Step};

/// Places in the tree.
pub(super) type Nodes = SmallVec<[usize; 4]>;

/// The tree; its nodes are numbered.
#[derive(Debug, Default)]
pub(super) struct Trie(Vec<Node>);

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<[u8]>, usize>,
    any: Option<usize>,
    tags: SmallVec<[Tag; 1]>,
}

impl Trie {
    /// A new tree beside the others.
    pub(super) fn root(&mut self) -> usize {
        self.0.push(Node::default());
        self.0.len() - 1
    }

    /// Adds a tag at the end of a pointer.
    pub(super) fn insert(&mut self, root: usize, pointer: &Pointer, tag: Tag) {
        let mut node = root;
        for step in pointer.steps() {
            let known = self.0.get(node).and_then(|node| match step {
                Step::Any => node.any,
                Step::Name(name) => node.children.get(name).copied(),
            });
            node = known.unwrap_or_else(|| self.grow(node, step));
        }
        if let Some(node) = self.0.get_mut(node)
            && !node.tags.contains(&tag)
        {
            node.tags.push(tag);
        }
    }

    fn grow(&mut self, parent: usize, step: &Step) -> usize {
        let child = self.root();
        if let Some(parent) = self.0.get_mut(parent) {
            match step {
                Step::Any => parent.any = Some(child),
                Step::Name(name) => drop(parent.children.insert(name.clone(), child)),
            }
        }
        child
    }

    /// Where a name, or a number of an array, leads.
    pub(super) fn children(&self, nodes: &Nodes, name: &[u8]) -> Nodes {
        let nodes = nodes.iter().filter_map(|node| self.0.get(*node));
        nodes.flat_map(|node| [node.children.get(name).copied(), node.any]).flatten().collect()
    }

    /// The tags of a node.
    pub(super) fn tags_of(&self, node: usize) -> &[Tag] {
        self.0.get(node).map(|node| &*node.tags).unwrap_or_default()
    }

    /// Whether one of them has a tag.
    pub(super) fn has_tags(&self, nodes: &Nodes) -> bool {
        nodes.iter().any(|node| !self.tags_of(*node).is_empty())
    }

    /// All tags.
    pub(super) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter().flat_map(|node| &node.tags)
    }
}
