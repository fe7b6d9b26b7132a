//! The ways through code: whether it ends, and which variables it reads before it gives them a value.

use crate::grammar::Step;
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range};
use deepcoder_resolve::{DeclarationId, Reference, Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How deep statements and expressions are followed; what is deeper may do anything.
const DEPTH: u32 = 80;

/// What a part of the code does to one variable, and whether code after it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// It may read the variable before it gives it a value.
    pub(crate) reads: bool,
    /// It gives it a value whenever it runs to its end.
    pub(crate) writes: bool,
    /// It never runs to its end.
    pub(crate) ends: bool,
    /// It may go on elsewhere in the function.
    pub(crate) jumps: bool,
}

impl Effect {
    /// This, and then another one.
    const fn then(self, next: Self) -> Self {
        if self.ends {
            return self;
        }
        Self {
            reads: self.reads || !self.writes && next.reads,
            writes: self.writes || next.writes,
            ends: next.ends,
            jumps: self.jumps || next.jumps,
        }
    }

    /// This, or nothing.
    const fn perhaps(self) -> Self {
        Self { writes: false, ends: false, ..self }
    }

    /// This or another one.
    const fn or(self, other: Self) -> Self {
        Self {
            reads: self.reads || other.reads,
            writes: (self.writes || self.ends) && (other.writes || other.ends),
            ends: self.ends && other.ends,
            jumps: self.jumps || other.jumps,
        }
    }
}

/// The ways through a function for one variable.
pub(crate) struct Ways<'s, 'p> {
    source: &'s Source<'p>,
    paths: &'static Paths,
    /// Its occurrences.
    uses: Vec<&'s Reference>,
}

fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

impl<'s, 'p> Ways<'s, 'p> {
    pub(crate) fn new(source: &'s Source<'p>, paths: &'static Paths, variable: DeclarationId) -> Self {
        let own = |r: &&Reference| r.target == Target::Declaration(variable);
        Self { source, paths, uses: source.bindings.references.iter().filter(own).collect() }
    }

    /// Nodes after each other.
    pub(crate) fn sequence<'t>(&self, nodes: impl IntoIterator<Item = Node<'t>>) -> Effect {
        nodes.into_iter().fold(Effect::default(), |so_far, node| so_far.then(self.effect(node, 0)))
    }

    fn uses_in(&self, at: TextRange) -> &[&'s Reference] {
        let first = self.uses.partition_point(|r| r.at.start < at.start);
        let last = self.uses.partition_point(|r| r.at.start < at.end);
        self.uses.get(first..last.max(first)).unwrap_or_default()
    }

    fn effect(&self, node: Node<'_>, depth: u32) -> Effect {
        let (kind, paths, at) = (node.kind(), self.paths, range(node));
        let uses = self.uses_in(at);
        if depth > DEPTH {
            return Effect { reads: !uses.is_empty(), jumps: true, ..Effect::default() };
        }
        let next = |child: Node<'_>| self.effect(child, depth + 1);
        let field = |name: &str| node.child_by_field_name(name).map(next).unwrap_or_default();
        if paths.is_function(kind) || paths.types.contains(&kind) {
            return Effect { reads: !uses.is_empty(), ..Effect::default() };
        }
        if node.child_count() == 0 || uses.iter().any(|r| r.at == at) {
            let own = uses.iter().filter(|r| r.at == at);
            return own.fold(Effect::default(), |so_far, r| match r.role {
                Role::Reads | Role::Keyword | Role::Exports => Effect { reads: true, ..so_far },
                Role::Writes | Role::Declares | Role::Imports => Effect { writes: true, ..so_far },
            });
        }
        let in_order = || children(node).into_iter().fold(Effect::default(), |so_far, child| so_far.then(next(child)));
        if paths.returns.contains(&kind) || paths.throws.contains(&kind) {
            return Effect { ends: true, ..in_order() };
        }
        if paths.breaks.contains(&kind) || paths.continues.contains(&kind) {
            return Effect { ends: true, jumps: true, ..in_order() };
        }
        if paths.ifs.contains(&kind) {
            let first = field("initializer").then(field("condition"));
            let otherwise = if kind == "if_statement" && node.child_by_field_name("alternative").is_some() {
                let mut cursor = node.walk();
                let rest: Vec<Node<'_>> = node.children_by_field_name("alternative", &mut cursor).collect();
                rest.into_iter().fold(Effect::default(), |so_far, node| so_far.then(next(node)))
            } else {
                field("alternative")
            };
            return first.then(field("consequence").or(otherwise));
        }
        if self.source.grammar.loops.contains(&kind) && kind.contains(['_']) && !kind.contains("comprehension") {
            return self.of_loop(node, depth);
        }
        if paths.switches.contains(&kind) {
            let value = field("initializer").then(field("value")).then(field("condition"));
            let arms = self.arms(node);
            let mut all: Option<Effect> = None;
            for arm in &arms {
                let own = next(*arm);
                all = Some(all.map_or(own, |all| all.or(own)));
            }
            let complete = arms.iter().any(|arm| self.is_default(*arm)) || kind == "match_expression";
            let own = all.unwrap_or_default();
            // A `break` ends the choice only, and what falls through runs more.
            let own = Effect { ends: own.ends && !own.jumps, writes: own.writes && !own.jumps, ..own };
            return value.then(if complete { own } else { own.perhaps() });
        }
        if paths.tries.contains(&kind) {
            let mut body = field("resources").then(field("body"));
            let parts = children(node);
            for part in parts.iter().filter(|part| paths.catches.contains(&part.kind())) {
                body = body.or(next(*part));
            }
            let last = parts.iter().filter(|part| paths.finals.contains(&part.kind()));
            for part in last {
                let own = next(*part);
                body = Effect {
                    reads: body.reads || own.reads,
                    writes: body.writes || own.writes,
                    ends: body.ends || own.ends,
                    jumps: body.jumps || own.jumps,
                };
            }
            return body;
        }
        if paths.labelled.contains(&kind) {
            let own = in_order();
            return if own.jumps { own.perhaps() } else { own };
        }
        if paths.updates.contains(&kind) {
            let own = in_order();
            let target = node.child_by_field_name("left").or_else(|| node.named_child(0)).map(range);
            let direct = target.is_some_and(|target| uses.iter().any(|r| r.at == target));
            return if direct { Effect { reads: true, ..own } } else { own };
        }
        if let Some((_, name, value)) = paths.gives.iter().find(|(of, ..)| *of == kind) {
            let target = node.child_by_field_name(name);
            let compound = node.child_by_field_name("operator").is_some_and(|o| !matches!(o.kind(), "=" | ":="));
            let direct = target.is_some_and(|target| uses.iter().any(|r| r.at == range(target)));
            let before = Effect { reads: compound && direct, ..Effect::default() };
            let mut cursor = node.walk();
            let targets: Vec<Node<'_>> = node.children_by_field_name(name, &mut cursor).collect();
            let targets = targets.into_iter().fold(Effect::default(), |so_far, node| so_far.then(next(node)));
            return before.then(field(value)).then(targets);
        }
        children(node).into_iter().fold(Effect::default(), |so_far, child| {
            let own = next(child);
            so_far.then(match (self.source.grammar.step)(node, child) {
                Step::Maybe | Step::Often => own.perhaps(),
                Step::Later => Effect { reads: own.reads || own.writes, ..Effect::default() },
                _ => own,
            })
        })
    }

    /// A loop: its body runs any number of times.
    fn of_loop(&self, node: Node<'_>, depth: u32) -> Effect {
        let next = |child: Node<'_>| self.effect(child, depth + 1);
        let field = |name: &str| node.child_by_field_name(name).map(next).unwrap_or_default();
        let kind = node.kind();
        let first = field("initializer").then(field("init")).then(field("right"));
        let first = if node.child_by_field_name("body").is_none() {
            return children(node)
                .into_iter()
                .fold(Effect::default(), |so_far, child| so_far.then(next(child)))
                .perhaps();
        } else {
            first.then(field("value"))
        };
        // Go's clauses are nodes of their own.
        let clauses =
            children(node).into_iter().filter(|c| c.kind().ends_with("_clause") || c.kind() == "let_condition");
        let first = clauses.fold(first, |so_far, clause| so_far.then(next(clause).perhaps()));
        let target =
            ["left", "name", "pattern"].iter().fold(Effect::default(), |so_far, name| so_far.then(field(name)));
        let body = field("body");
        let turn = if self.paths.body_first.contains(&kind) {
            body.then(field("condition"))
        } else {
            let update = Effect { ends: false, ..body }.then(field("update")).then(field("increment"));
            field("condition").then(target).then(update)
        };
        let turn = Effect { jumps: turn.jumps && self.labelled_jump(node), ..turn };
        let once = self.paths.body_first.contains(&kind) && !turn.jumps && !body.jumps;
        first.then(if once { turn } else { turn.perhaps() })
    }

    /// Whether a jump in a loop names a label.
    fn labelled_jump(&self, node: Node<'_>) -> bool {
        let mut found = false;
        crate::grammar::source::walk(node, |node| {
            let kind = node.kind();
            found |= (self.paths.breaks.contains(&kind) || self.paths.continues.contains(&kind))
                && node.named_child_count() > 0;
            !found
        });
        found
    }

    fn arms<'t>(&self, node: Node<'t>) -> Vec<Node<'t>> {
        arms(self.paths, node)
    }

    fn is_default(&self, arm: Node<'_>) -> bool {
        is_default(self.paths, self.source, arm)
    }

    /// Whether the variable may be read after `last`, before it gets another value, up to the end of `top`.
    pub(crate) fn live_after(&self, last: Node<'_>, top: Node<'_>) -> bool {
        let mut at = last;
        let mut jumped = false;
        while at.id() != top.id() {
            let Some(parent) = at.parent() else { return false };
            let (kind, paths) = (parent.kind(), self.paths);
            if self.source.grammar.loops.contains(&kind) && parent.child_by_field_name("body").is_some() {
                if self.again(parent).reads {
                    return true;
                }
            } else if paths.ifs.contains(&kind) {
                if crate::grammar::is_field(parent, at, "condition") {
                    let branch = |name: &str| parent.child_by_field_name(name).map(|n| self.effect(n, 0));
                    if branch("consequence").is_some_and(|e| e.reads) || branch("alternative").is_some_and(|e| e.reads)
                    {
                        return true;
                    }
                }
            } else if paths.arms.contains(&at.kind()) && !paths.falls_through {
                // Another part does not run.
            } else {
                let mut ended = false;
                for next in children(parent).into_iter().filter(|next| next.start_byte() >= at.end_byte()) {
                    let own = self.effect(next, 0);
                    if own.reads {
                        return true;
                    }
                    let perhaps = matches!((self.source.grammar.step)(parent, next), Step::Maybe | Step::Often)
                        || paths.catches.contains(&next.kind())
                        || paths.arms.contains(&next.kind());
                    jumped |= own.jumps;
                    if !perhaps && (own.writes || own.ends) {
                        ended = true;
                        break;
                    }
                }
                if ended && !jumped {
                    return false;
                }
            }
            at = parent;
        }
        false
    }

    /// One more turn of a loop.
    fn again(&self, node: Node<'_>) -> Effect {
        let field = |name: &str| node.child_by_field_name(name).map(|n| self.effect(n, 0)).unwrap_or_default();
        let clauses = children(node).into_iter().filter(|c| c.kind().ends_with("_clause"));
        let clauses = clauses.fold(Effect::default(), |so_far, clause| {
            let field = |name: &str| clause.child_by_field_name(name).map(|n| self.effect(n, 0)).unwrap_or_default();
            so_far.then(field("update")).then(field("condition")).then(field("left"))
        });
        let update = field("update").then(field("increment"));
        let head = field("condition").then(field("name")).then(field("left")).then(field("pattern"));
        let body = field("body");
        let body = Effect { writes: body.writes && !body.jumps, ..body };
        update.then(clauses).then(head).then(Effect { ends: false, ..body })
    }
}

/// The parts of a choice.
fn arms<'t>(paths: &Paths, node: Node<'t>) -> Vec<Node<'t>> {
    let direct = children(node);
    let body = node.child_by_field_name("body").map(children).unwrap_or_default();
    direct.into_iter().chain(body).filter(|child| paths.arms.contains(&child.kind())).collect()
}

fn is_default(paths: &Paths, source: &Source<'_>, arm: Node<'_>) -> bool {
    paths.default.contains(&arm.kind()) || source.text_of(range(arm)).trim_start().starts_with("default")
}

/// Whether code after a node may run once it has.
pub(crate) fn completes(source: &Source<'_>, paths: &Paths, node: Node<'_>, depth: u32) -> bool {
    let kind = node.kind();
    if depth > DEPTH {
        return true;
    }
    let next = |child: Node<'_>| completes(source, paths, child, depth + 1);
    let field = |name: &str| node.child_by_field_name(name).is_none_or(next);
    if paths.is_function(kind) || paths.types.contains(&kind) {
        return true;
    }
    if [paths.returns, paths.throws, paths.breaks, paths.continues].iter().any(|kinds| kinds.contains(&kind)) {
        return false;
    }
    let leaves = || leaves(source, paths, node);
    match () {
        () if paths.ifs.contains(&kind) => {
            node.child_by_field_name("alternative").is_none() || field("consequence") || field("alternative")
        }
        () if paths.body_first.contains(&kind) => field("body") || leaves(),
        () if source.grammar.loops.contains(&kind) => {
            let condition = node.child_by_field_name("condition");
            let test = condition.map(|c| source.text_of(range(c)).trim_matches(['(', ')']).trim());
            let forever = paths.endless.contains(&kind)
                || test == Some("true")
                || kind == "for_statement" && condition.is_none() && source.text_of(range(node)).starts_with("for (;;");
            !forever || leaves()
        }
        () if paths.switches.contains(&kind) => {
            let arms = arms(paths, node);
            let complete = arms.iter().any(|arm| is_default(paths, source, *arm)) || kind == "match_expression";
            let rule = arms.iter().any(|arm| arm.kind() == "switch_rule");
            let last = if paths.falls_through && !rule {
                arms.last().is_none_or(|arm| next(*arm))
            } else {
                arms.is_empty() || arms.iter().any(|arm| next(*arm))
            };
            !complete || last || kind != "match_expression" && leaves()
        }
        () if paths.tries.contains(&kind) => {
            let parts = children(node);
            let last = parts.iter().filter(|part| paths.finals.contains(&part.kind()));
            if last.clone().any(|part| !next(*part)) {
                return false;
            }
            let mut catches = parts.iter().filter(|part| paths.catches.contains(&part.kind()));
            field("body") || catches.any(|part| next(*part))
        }
        () if paths.labelled.contains(&kind) => children(node).into_iter().all(next) || leaves(),
        () => children(node).into_iter().all(next),
    }
}

/// Whether a `break` in a loop, a choice or a labelled statement ends it.
fn leaves(source: &Source<'_>, paths: &Paths, top: Node<'_>) -> bool {
    let mut found = false;
    crate::grammar::source::walk(top, |node| {
        let kind = node.kind();
        if node.id() != top.id() && (paths.is_function(kind) || paths.types.contains(&kind)) {
            return false;
        }
        if paths.breaks.contains(&kind) {
            let label =
                node.named_child(0).is_some_and(|label| label.kind().contains("identifier") || label.kind() == "label");
            found |= label || target(source, paths, node).is_some_and(|at| at.id() == top.id());
        }
        !found
    });
    found
}

/// What a jump without a label leaves or goes on with: the innermost loop, or for a `break` also the innermost choice.
pub(crate) fn target<'t>(source: &Source<'_>, paths: &Paths, jump: Node<'t>) -> Option<Node<'t>> {
    let stops = paths.breaks.contains(&jump.kind());
    let mut at = jump.parent();
    while let Some(node) = at {
        let kind = node.kind();
        if source.grammar.loops.contains(&kind) || stops && paths.switches.contains(&kind) && kind != "match_expression"
        {
            return Some(node);
        }
        if paths.is_function(kind) {
            return None;
        }
        at = node.parent();
    }
    None
}

/// Whether nothing runs between the end of `last` and the end of `top`.
pub(crate) fn is_tail(source: &Source<'_>, paths: &Paths, last: Node<'_>, top: Node<'_>) -> bool {
    let mut at = last;
    while at.id() != top.id() {
        let Some(parent) = at.parent() else { return false };
        let kind = parent.kind();
        let is_loop = source.grammar.loops.contains(&kind) && parent.id() != top.id();
        if is_loop || paths.switches.contains(&kind) && paths.falls_through {
            return false;
        }
        let exclusive = paths.ifs.contains(&kind) || paths.arms.contains(&at.kind());
        let skipped = |next: &Node<'_>| exclusive || paths.catches.contains(&next.kind());
        let rest = children(parent).into_iter().filter(|next| next.start_byte() >= at.end_byte());
        if parent.id() != top.id() && rest.into_iter().any(|next| !skipped(&next)) {
            return false;
        }
        at = parent;
    }
    true
}

/// The innermost function or member around a node, a lambda too.
pub(crate) fn function_around<'t>(paths: &Paths, node: Node<'t>) -> Option<Node<'t>> {
    let mut at = node.parent();
    while let Some(node) = at {
        if paths.is_function(node.kind()) {
            return Some(node);
        }
        if paths.types.contains(&node.kind()) {
            return None;
        }
        at = node.parent();
    }
    None
}

/// Whether a node is inside of a range and in no function that is inside of it, too.
pub(crate) fn direct(paths: &Paths, node: Node<'_>, within: TextRange) -> bool {
    let mut at = node.parent();
    while let Some(node) = at {
        if !holds(within, range(node)) {
            return true;
        }
        if paths.is_function(node.kind()) || paths.types.contains(&node.kind()) {
            return false;
        }
        at = node.parent();
    }
    true
}
