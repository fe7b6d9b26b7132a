//! The same expression elsewhere.

use super::place::Place;
use super::{only, scope_of};
use crate::Changes;
use crate::effects::{Reads, Value};
use crate::grammar::Step;
use crate::grammar::source::{Source, holds, range, walk};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// The places that get the name, in the order of the text. Blocks around are searched as long as that finds more, and the
/// first of the places is evaluated whenever the declaration would be.
pub(super) fn find<'t>(
    source: &Source<'_>,
    expression: Node<'t>,
    place: &Place<'t>,
    value: Value,
    changes: &mut Changes,
) -> Vec<Node<'t>> {
    // What the file knows to do something is not done once instead of several times.
    let mut acts = value.reads == Reads::Effects && !matches!(source.language, Language::Java | Language::Go);
    walk(expression, |node| {
        acts |= source.pure(node) == Some(false);
        !acts
    });
    if place.wrap.is_some() || acts {
        return vec![expression];
    }
    let at = range(expression);
    let block = place.statement.parent().unwrap_or(place.statement);
    let mut best = occurrences(source, expression, block, value);
    let mut perhaps = false;
    let python = source.grammar.line_ends && source.grammar.empty.is_some();
    let mut node = block;
    while let Some(parent) = node.parent().filter(|_| !python) {
        let kind = parent.kind();
        if source.grammar.functions.contains(&kind)
            || source.grammar.loops.contains(&kind) && value.reads > Reads::Nothing
        {
            break;
        }
        // What follows an `else` is evaluated in that case only.
        let chained = node.kind() == "if_statement" && matches!(kind, "if_statement" | "else_clause");
        if chained && value.reads == Reads::Nothing {
            break;
        }
        if source.grammar.is_statement(node) {
            let found = occurrences(source, expression, parent, value);
            let first = found.first().copied().unwrap_or(expression);
            let certain = certain(source, first, within(source, first, parent));
            if found.len() > best.len() && (certain || value.reads < Reads::State) {
                perhaps = !certain && value.reads > Reads::Nothing;
                best = found;
            }
        }
        node = parent;
    }
    if perhaps {
        changes.doubt(&source.path, at, "it is evaluated in more cases than before");
    }
    if value.reads == Reads::Effects && best.len() > 1 {
        changes.doubt(&source.path, at, "it is called once, and was called several times");
    }
    best
}

/// Whether an expression is evaluated whenever the statement of an outer block is.
fn certain(source: &Source<'_>, first: Node<'_>, whole: Node<'_>) -> bool {
    let mut at = first;
    while at.id() != whole.id() {
        let Some(parent) = at.parent() else { return false };
        let kind = at.kind();
        let part = crate::grammar::paths::Paths::of(source.language)
            .is_some_and(|paths| paths.arms.contains(&kind) || paths.catches.contains(&kind));
        let branch = ["consequence", "alternative"].iter().any(|field| crate::grammar::is_field(parent, at, field));
        if part || branch {
            return false;
        }
        at = parent;
    }
    source.steps(first, whole) == Step::Once
}

/// A doubt where the same expression stays elsewhere in the function.
pub(super) fn stays(source: &Source<'_>, expression: Node<'_>, places: &[Node<'_>], changes: &mut Changes) {
    let at = range(expression);
    let (scope, _) = scope_of(source, at.start);
    let wanted = tokens(source, expression);
    let mut leaves: Vec<TextRange> = Vec::new();
    walk(source.tree.root_node(), |node| {
        let here = range(node);
        if here.end <= scope.start || here.start >= scope.end {
            return false;
        }
        let whole = node.child_count() == 0 || source.grammar.strings.contains(&node.kind());
        if whole && here.start < here.end {
            leaves.push(here);
        }
        !whole
    });
    for window in leaves.windows(wanted.len().max(1)) {
        let same = window.iter().zip(&wanted).all(|(leaf, token)| source.text_of(*leaf) == *token);
        let (Some(first), Some(last)) = (window.first(), window.last()) else { continue };
        let here = TextRange::new(first.start, last.end);
        let replaced = places.iter().any(|place| holds(range(*place), here));
        if same && !replaced && names_alike(source, at, here) {
            changes.doubt(&source.path, here, "the same code stays here");
        }
    }
}

/// The expressions of the same block that are the same, the selected one with them, in the order of the text.
fn occurrences<'t>(source: &Source<'_>, expression: Node<'t>, block: Node<'t>, value: Value) -> Vec<Node<'t>> {
    let at = range(expression);
    if value.makes && !source.grammar.functions.contains(&expression.kind()) {
        return vec![expression];
    }
    let wanted = tokens(source, expression);
    let mut found: Vec<Node<'t>> = Vec::new();
    walk(block, |node| {
        let here = range(node);
        if node.id() == expression.id() {
            found.push(node);
            return false;
        }
        let alike = node.kind() == expression.kind()
            && (here.end - here.start < 4 * (at.end - at.start) + 64)
            && tokens(source, node) == wanted
            && names_alike(source, at, here);
        if !alike {
            return true;
        }
        let whole = within(source, node, block);
        let bare = range(whole) == here || only(whole, node);
        let step = source.steps(node, whole);
        let fits = match step {
            Step::Never(_) | Step::Nowhere(_) => false,
            Step::Later => value.reads == Reads::Nothing,
            _ => true,
        };
        let nested = source.statement(node).is_none_or(|own| own.id() != whole.id());
        // Deeper statements are evaluated perhaps, later or often: a constant is the same there.
        let deep =
            !nested || value.reads == Reads::Nothing || source.around(node, whole, source.grammar.functions).is_empty();
        if fits && deep && !bare {
            found.push(node);
        }
        false
    });
    found.sort_by_key(|node| node.start_byte());
    if value.reads == Reads::Nothing {
        return found;
    }
    let Some(own) = found.iter().position(|node| node.id() == expression.id()) else { return vec![expression] };
    // What is written or, for members, done between two of them parts them.
    let kept = |from: Node<'t>, to: Node<'t>| {
        if value.reads == Reads::Effects {
            // Between them and not in them.
            let gaps = found.windows(2).filter(|pair| {
                range(pair.first().copied().unwrap_or(from)).start >= range(from).start
                    && range(pair.last().copied().unwrap_or(to)).end <= range(to).end
            });
            return gaps
                .map(|pair| {
                    TextRange::new(
                        range(pair.first().copied().unwrap_or(from)).end,
                        range(pair.last().copied().unwrap_or(to)).start,
                    )
                })
                .all(|gap| source.written(at, gap).is_none() && !source.acts(block, gap, None));
        }
        let mut between = TextRange::new(range(from).start, range(to).end);
        for outer in source.around(from, block, source.grammar.loops) {
            between.end = between.end.max(range(outer).end);
        }
        for outer in source.around(to, block, source.grammar.loops) {
            between.start = between.start.min(range(outer).start);
            between.end = between.end.max(range(outer).end);
        }
        source.written(at, between).is_none() && (value.reads == Reads::Names || !source.acts(block, between, None))
    };
    let mut first = own;
    while first > 0 && kept(found[first - 1], found[own]) {
        first -= 1;
    }
    let mut last = own;
    while last + 1 < found.len() && kept(found[own], found[last + 1]) {
        last += 1;
    }
    // Before the selected one only where the first of them is evaluated for certain.
    while first < own && source.steps(found[first], within(source, found[first], block)) != Step::Once {
        first += 1;
    }
    found.get(first..=last).map(<[Node<'t>]>::to_vec).unwrap_or_default()
}

/// The tokens of a node.
fn tokens<'s>(source: &'s Source<'_>, node: Node<'_>) -> Vec<&'s str> {
    let mut out = Vec::new();
    walk(node, |node| {
        let whole = node.child_count() == 0 || source.grammar.strings.contains(&node.kind());
        if whole {
            out.push(source.text_of(range(node)));
        }
        !whole
    });
    out
}

/// Whether the names of two texts with the same tokens mean the same.
fn names_alike(source: &Source<'_>, a: TextRange, b: TextRange) -> bool {
    let (a, b) = (source.references(a), source.references(b));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.target == b.target && a.role == b.role)
}
/// The statement of a block that holds a node.
fn within<'t>(source: &Source<'_>, node: Node<'t>, block: Node<'t>) -> Node<'t> {
    let mut at = node;
    while at.parent().is_some_and(|parent| parent.id() != block.id()) || !source.grammar.is_statement(at) {
        let Some(parent) = at.parent() else { return node };
        at = parent;
    }
    at
}
