//! The index of cached prefixes: a radix tree over tokens whose nodes are pages (RadixAttention; Zheng et al. 2024,
//! SGLang). A request reuses the pages of its longest cached prefix.

use crate::pool::{PageId, Pool};

/// Number of tokens of a page.
pub(crate) const PAGE: usize = 64;

/// A node of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

/// How the tokens of a page were computed: complete groups of a prompt may have other bits than single tokens
/// ([`deepcoder_types::Pages::group`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageOrigin {
    /// As a part of a complete group.
    Group,
    /// One by one, as the incomplete group at the end of a prompt.
    Single,
    /// One by one, with at least one token of an answer.
    Answer,
}

/// The cached pages of a prefix.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Full pages, with their nodes.
    pub(crate) pages: Vec<(NodeId, PageId, PageOrigin)>,
    /// A page whose first tokens are the ones that follow, and how many of them.
    pub(crate) partial: Option<(PageId, usize, PageOrigin)>,
}

impl Found {
    /// The node of the last full page.
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.pages.last().map(|(node, ..)| *node)
    }

    /// Drop pages whose bits differ from those that this prompt would compute. Of a group that is complete in the
    /// prompt, either all pages are reused or none; of its incomplete end, no page that was computed as a group. Pages
    /// with tokens of an answer are always reused: otherwise every conversation would be computed again.
    pub(crate) fn keep_reusable(&mut self, group: usize, prompt: usize) {
        let each = group / PAGE;
        if each == 0 {
            return;
        }
        let origins: Vec<PageOrigin> = self.pages.iter().map(|(.., origin)| *origin).collect();
        let cut = (0..origins.len()).step_by(each).find_map(|first| {
            let pages = &origins[first..(first + each).min(origins.len())];
            if (first + each) * PAGE > prompt {
                return pages.iter().position(|origin| *origin == PageOrigin::Group).map(|at| first + at);
            }
            let whole = pages.len() == each;
            let alike = pages.iter().all(|origin| *origin == PageOrigin::Group) || pages.contains(&PageOrigin::Answer);
            (!whole || !alike).then_some(first)
        });
        if let Some(cut) = cut {
            self.pages.truncate(cut);
            self.partial = None;
        }
        let next = self.pages.len() / each * each;
        let is_complete = (next + each) * PAGE <= prompt;
        if self.partial.is_some_and(|(.., origin)| is_complete || origin == PageOrigin::Group) {
            self.partial = None;
            if is_complete {
                self.pages.truncate(next);
            }
        }
    }
}

/// The tree.
#[derive(Default)]
pub(crate) struct Tree {
    nodes: Vec<Option<Node>>,
    empty: Vec<usize>,
    roots: Vec<NodeId>,
    clock: u64,
}

struct Node {
    // One to `PAGE` tokens; only a leaf has fewer than `PAGE`.
    tokens: Box<[u32]>,
    page: PageId,
    origin: PageOrigin,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    used: u64,
    // A user's conversation: evicted after those of the background.
    interactive: bool,
}

impl Tree {
    /// Find the longest cached prefix of `tokens`, and mark its pages as used now.
    pub(crate) fn find(&mut self, tokens: &[u32], interactive: bool) -> Found {
        self.clock += 1;
        let mut found = Found::default();
        let mut rest = tokens;
        loop {
            let children = self.children(found.node());
            let matches = children.iter().map(|id| (common(&self.node(*id).tokens, rest), self.node(*id).used, *id));
            let best = matches.filter(|(matched, ..)| *matched > 0).max_by_key(|(matched, used, _)| (*matched, *used));
            let Some((matched, _, id)) = best else { return found };
            let (clock, node) = (self.clock, self.node_mut(id));
            node.used = clock;
            node.interactive |= interactive;
            if matched < PAGE {
                found.partial = Some((node.page, matched, node.origin));
                return found;
            }
            found.pages.push((id, node.page, node.origin));
            rest = &rest[PAGE..];
        }
    }

    /// Length of the longest cached prefix of `tokens`.
    pub(crate) fn cached_len(&self, tokens: &[u32]) -> usize {
        let (mut at, mut node) = (0, None);
        loop {
            let children = self.children(node);
            let best = children.iter().map(|id| (common(&self.node(*id).tokens, &tokens[at..]), *id));
            let Some((matched, id)) = best.max_by_key(|(n, _)| *n) else { return at };
            at += matched;
            if matched < PAGE {
                return at;
            }
            node = Some(id);
        }
    }

    /// Insert a page with these tokens below `parent`, and return its node and page. If a page with the same tokens and
    /// bits is there, return that one instead. A leaf with only a prefix of the tokens is removed.
    pub(crate) fn insert(
        &mut self,
        parent: Option<NodeId>,
        tokens: &[u32],
        (page, origin): (PageId, PageOrigin),
        interactive: bool,
        pool: &mut Pool,
    ) -> (NodeId, PageId) {
        self.clock += 1;
        let siblings = self.children(parent).to_vec();
        for id in siblings {
            if self.node(id).origin != origin {
                continue;
            }
            let matched = common(&self.node(id).tokens, tokens);
            if matched == tokens.len() {
                let clock = self.clock;
                let node = self.node_mut(id);
                node.used = clock;
                node.interactive |= interactive;
                return (id, node.page);
            }
            // An earlier, partial version of this page.
            let is_leaf = self.node(id).children.is_empty();
            if matched == self.node(id).tokens.len() && is_leaf {
                self.remove(id, pool);
            }
        }
        pool.keep(page);
        let node =
            Node { tokens: tokens.into(), page, origin, parent, children: Vec::new(), used: self.clock, interactive };
        let id = match self.empty.pop() {
            Some(at) => {
                self.nodes[at] = Some(node);
                NodeId(at)
            }
            None => {
                self.nodes.push(Some(node));
                NodeId(self.nodes.len() - 1)
            }
        };
        match parent {
            Some(parent) => self.node_mut(parent).children.push(id),
            None => self.roots.push(id),
        }
        (id, page)
    }

    /// Evict the least recently used leaf that no sequence uses, background pages first. `false` if there is none.
    pub(crate) fn evict(&mut self, pool: &mut Pool) -> bool {
        let nodes = self.nodes.iter().enumerate().filter_map(|(at, node)| Some((NodeId(at), node.as_ref()?)));
        let free = nodes.filter(|(_, node)| node.children.is_empty() && !pool.is_used(node.page));
        let oldest = free.min_by_key(|(_, node)| (node.interactive, node.used)).map(|(id, _)| id);
        oldest.map(|id| self.remove(id, pool)).is_some()
    }

    /// Evict all pages that no sequence uses.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        while self.evict(pool) {}
    }

    fn remove(&mut self, id: NodeId, pool: &mut Pool) {
        let Some(node) = self.nodes.get_mut(id.0).and_then(Option::take) else { return };
        let siblings = match node.parent {
            Some(parent) => &mut self.node_mut(parent).children,
            None => &mut self.roots,
        };
        siblings.retain(|sibling| *sibling != id);
        self.empty.push(id.0);
        pool.forget(node.page);
    }

    fn children(&self, node: Option<NodeId>) -> &[NodeId] {
        node.map_or(&self.roots, |id| &self.node(id).children)
    }

    #[expect(clippy::expect_used, reason = "a node is removed with the last link to it")]
    fn node(&self, id: NodeId) -> &Node {
        self.nodes[id.0].as_ref().expect("it is linked")
    }

    #[expect(clippy::expect_used, reason = "as above")]
    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes[id.0].as_mut().expect("it is linked")
    }
}

/// Length of the common prefix.
pub(crate) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
