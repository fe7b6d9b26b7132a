//! Which code became which: the smallest parts of two trees that explain their difference.

use super::term::Term;
use std::ops::Range;

/// A part of the text before, and what it became.
#[derive(Debug, Clone)]
pub(super) struct Site<'n> {
    pub(super) old: &'n Term,
    /// The new code: one node, or the statements in the place of one.
    pub(super) new: Vec<&'n Term>,
}

impl Site<'_> {
    /// The text after that the part became.
    pub(super) fn new_range(&self) -> Range<usize> {
        let start = self.new.first().map_or(0, |node| node.range.start);
        start..self.new.last().map_or(start, |node| node.range.end)
    }
}

/// The difference of two nodes.
enum Difference<'n> {
    Same,
    /// Parts of them.
    Parts(Vec<Site<'n>>),
    /// They differ as wholes, and are too small to be a pattern.
    Whole,
}

/// Two texts with their trees.
pub(super) struct Differ<'n> {
    pub(super) old: &'n str,
    pub(super) new: &'n str,
}

impl<'n> Differ<'n> {
    /// The parts that changed. Code that was only added or only removed is none.
    pub(super) fn sites(&self, old: &'n Term, new: &'n Term) -> Vec<Site<'n>> {
        match self.compare(old, new) {
            Difference::Same | Difference::Whole => Vec::new(),
            Difference::Parts(sites) => sites,
        }
    }

    fn compare(&self, old: &'n Term, new: &'n Term) -> Difference<'n> {
        if old.text(self.old) == new.text(self.new) {
            return Difference::Same;
        }
        if old.holds_statements() && old.kind == new.kind {
            return self.statements(old, new);
        }
        let whole = || match old.is_leaf() || new.is_leaf() || !old.named || old.is_list() || old.is_name() {
            true => Difference::Whole,
            false => Difference::Parts(vec![Site { old, new: vec![new] }]),
        };
        if old.is_leaf() || old.kind != new.kind || old.children.len() != new.children.len() {
            return whole();
        }
        let mut sites = Vec::new();
        for (a, b) in old.children.iter().zip(&new.children) {
            match self.compare(a, b) {
                Difference::Same => {}
                Difference::Parts(parts) => sites.extend(parts),
                Difference::Whole => return whole(),
            }
        }
        Difference::Parts(sites)
    }

    /// Statements are compared with those in their place; of those that moved nothing is known.
    fn statements(&self, old: &'n Term, new: &'n Term) -> Difference<'n> {
        let (a, b) = (&old.children, &new.children);
        let same = |a: &Term, b: &Term| a.kind == b.kind && a.text(self.old) == b.text(self.new);
        let mut sites = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < a.len() && j < b.len() {
            if same(&a[i], &b[j]) {
                (i, j) = (i + 1, j + 1);
                continue;
            }
            // The nearest pair that is the same ends the run.
            let meets = (0..(a.len() - i) + (b.len() - j)).find_map(|sum| {
                let pair = |k: usize| (i + k, j + (sum - k));
                (0..=sum).map(pair).find(|(x, y)| *x < a.len() && *y < b.len() && same(&a[*x], &b[*y]))
            });
            let (x, y) = meets.unwrap_or((a.len(), b.len()));
            self.run(&a[i..x], &b[j..y], &mut sites);
            (i, j) = (x, y);
        }
        // What is left on one side was removed or added.
        Difference::Parts(sites)
    }

    fn run(&self, old: &'n [Term], new: &'n [Term], sites: &mut Vec<Site<'n>>) {
        let whole = |old: &'n Term, new: &'n [Term]| Site { old, new: new.iter().collect() };
        if old.len() == new.len() {
            for (a, b) in old.iter().zip(new) {
                match self.compare(a, b) {
                    Difference::Same => {}
                    Difference::Parts(parts) => sites.extend(parts),
                    Difference::Whole if a.named && b.named => sites.push(whole(a, std::slice::from_ref(b))),
                    Difference::Whole => {}
                }
            }
        } else if let ([one], [_, ..]) = (old, new)
            && one.named
        {
            sites.push(whole(one, new));
        }
    }
}
