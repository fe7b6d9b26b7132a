//! Extract variable: an expression gets a name, in a declaration before the statement that holds it.

use crate::carried::{Meaning, Moved, Moves};
use crate::effects::{Reads, Value};
use crate::grammar::Step;
use crate::grammar::source::{Source, holds, range, walk};
use crate::names::{self, NameError};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{Project, Role, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::{Hint, TextRange};

/// Why an expression cannot get a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExtractError {
    #[error("the selection is not an expression")]
    NoExpression,
    #[error("the selection cuts an expression")]
    Cut,
    #[error("the selection is a whole statement")]
    Statement,
    #[error("it cannot be taken out of its place: {0}")]
    Place(&'static str),
    #[error("it stands in no statement that another one could precede")]
    NoStatement,
    #[error("it gives a value to `{0}`")]
    Writes(String),
    #[error("it makes a new value each time that it is evaluated")]
    Makes,
    #[error("its type is not known")]
    NoType,
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Hint for ExtractError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoExpression | Self::Cut | Self::Statement => Some("select a whole expression".into()),
            Self::Name(error) => error.hint(),
            _ => None,
        }
    }
}

/// The changes that give the selected expression a name.
pub(crate) fn extract_variable(
    project: &Project<'_>,
    target: &Target,
    name: Option<&str>,
    all: bool,
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let expression = selected(&source, target.range).map_err(|error| source.refuse(&error, target.range))?;
    let at = range(expression);
    let refuse = |error: ExtractError| source.refuse(&error, at);
    let statement = source.statement(expression).ok_or_else(|| refuse(ExtractError::NoStatement))?;
    // A statement that is only the expression becomes the declaration.
    let bare = range(statement) == at || only(statement, expression);
    if bare && source.grammar.line_ends {
        return Err(refuse(ExtractError::Statement));
    }
    let mut changes = Changes::default();
    if target.range.start == target.range.end && source.text_of(at).contains('\n') {
        changes.doubt(&source.path, at, "the expression around the cursor goes over several lines");
    }
    let value = source.value(expression);
    moves(&source, expression, statement, value, &mut changes).map_err(refuse)?;
    let mut places = vec![expression];
    if all && !bare {
        let block = common(&source, expression, statement, value);
        places = occurrences(&source, expression, block, value);
        stays(&source, expression, &places, &mut changes);
    }
    let first = places.first().copied().unwrap_or(expression);
    let statement = holder(&source, first, statement, &places);
    let start = range(statement).start;
    let (scope, class) = scope_of(&source, start);
    let name = match name {
        Some(name) => {
            names::check(&source, name, scope).map_err(|error| refuse(error.into()))?;
            name.to_owned()
        }
        None => names::free(&source, &names::suggested(&source, expression), scope),
    };
    if class {
        changes.doubt(&source.path, at, "the new name becomes a member of the class");
    }
    let mut edits = Moves::default();
    let mut declared = Moved::default();
    let declare = (source.grammar.declare)(&source, expression, &name).ok_or_else(|| refuse(ExtractError::NoType))?;
    declared.push(&declare.before);
    // Brackets around the whole are for its place.
    let mut inner = expression;
    while source.grammar.loose && inner.kind() == "parenthesized_expression" {
        let Some(held) = inner.named_child(0).filter(|held| !held.is_extra()) else { break };
        inner = held;
    }
    declared.expression(&source, range(inner), false, false);
    if bare && source.text_of(range(statement)).ends_with(';') {
        if declare.doubt.is_some() {
            return Err(refuse(ExtractError::NoType));
        }
        declared.push(declare.after);
        edits.put(range(statement), declared);
        edits.finish(&source, &mut changes, &|_| Meaning::Same)?;
        return Ok(changes);
    }
    declared.push(declare.after);
    if source.grammar.loose && bare && !source.text_of(range(statement)).ends_with(';') {
        return Err(refuse(ExtractError::Statement));
    }
    for why in [declare.doubt, (source.grammar.doubt)(expression)].into_iter().flatten() {
        changes.doubt(&source.path, at, why);
    }
    if source.begins_line(start) {
        declared.push("\n");
        declared.push(source.indentation(start));
    } else if source.grammar.line_ends {
        declared.push("; ");
    } else {
        declared.push(" ");
    }
    edits.put(TextRange::new(start, start), declared);
    for place in places {
        edits.write(written(&source, place, &name), name.clone());
    }
    edits.finish(&source, &mut changes, &|_| Meaning::Same)?;
    Ok(changes)
}

/// The expression that a selection covers, or the one around a cursor.
pub(crate) fn selected<'s>(source: &'s Source<'_>, selection: TextRange) -> Result<Node<'s>, ExtractError> {
    let grammar = source.grammar;
    let cursor = selection.start == selection.end;
    let at = source.trimmed(selection);
    let mut node = source.node_at(at).ok_or(ExtractError::NoExpression)?;
    if cursor {
        while !grammar.expressions.contains(&node.kind()) {
            if grammar.is_statement(node) {
                return Err(ExtractError::NoExpression);
            }
            node = node.parent().ok_or(ExtractError::NoExpression)?;
        }
        // As far as it is one computation: not the list or the call that it is an argument of.
        while let Some(parent) = node.parent() {
            let part = (grammar.step)(parent, node);
            let name = matches!(part, Step::Never(_)) && parent.kind() == "attribute";
            let whole = grammar.bracketed.contains(&parent.kind()) || parent.kind() == "expression_list";
            if !grammar.expressions.contains(&parent.kind()) || whole || (matches!(part, Step::Never(_)) && !name) {
                break;
            }
            node = parent;
        }
        return Ok(node);
    }
    if at.start == at.end {
        return Err(ExtractError::NoExpression);
    }
    if range(node) != at {
        return Err(ExtractError::Cut);
    }
    // Of the nodes with this text the outermost expression.
    let mut best = grammar.expressions.contains(&node.kind()).then_some(node);
    while let Some(parent) = node.parent().filter(|parent| range(*parent) == at) {
        node = parent;
        if grammar.expressions.contains(&node.kind()) {
            best = Some(node);
        }
    }
    best.ok_or(if grammar.is_statement(node) { ExtractError::Statement } else { ExtractError::NoExpression })
}

/// Whether the value may be computed before the statement, and what is doubtful about it.
fn moves(
    source: &Source<'_>,
    expression: Node<'_>,
    statement: Node<'_>,
    value: Value,
    changes: &mut Changes,
) -> Result<(), ExtractError> {
    let at = range(expression);
    let outside = |r: &&deepcoder_resolve::Reference| {
        matches!(r.role, Role::Writes | Role::Declares | Role::Imports | Role::Exports) && !own(source, r, at)
    };
    if let Some(writes) = source.references(at).iter().find(outside) {
        return Err(ExtractError::Writes(writes.name.clone()));
    }
    let mut doubt = |why: &str| changes.doubt(&source.path, at, why);
    match source.steps(expression, statement) {
        Step::Never(why) | Step::Nowhere(why) => return Err(ExtractError::Place(why)),
        Step::Once => {}
        Step::Maybe if value.reads == Reads::Nothing || value.single => {}
        Step::Maybe => doubt("it is evaluated in more cases than before"),
        Step::Often | Step::Later if value.makes => return Err(ExtractError::Makes),
        Step::Often | Step::Later if value.reads == Reads::Nothing => {}
        Step::Often => doubt("it is evaluated once, and was evaluated each time"),
        Step::Later => doubt("it is evaluated earlier than before"),
    }
    if value.reads > Reads::Nothing {
        let assigned = (source.grammar.declared)(statement).is_some();
        let before = TextRange::new(range(statement).start, at.start);
        if source.written(at, before).is_some() && !assigned {
            doubt("a variable that it reads is written earlier in the statement");
        }
        if value.reads > Reads::Names && source.acts(statement, before, Some(at)) {
            doubt("it is evaluated before calls that come first in the statement");
        }
    }
    Ok(())
}

/// Whether a reference belongs to a declaration of the expression itself (a lambda's parameter).
fn own(source: &Source<'_>, reference: &deepcoder_resolve::Reference, at: TextRange) -> bool {
    let deepcoder_resolve::Target::Declaration(id) = reference.target else { return false };
    let scope = source.bindings.declaration(id).and_then(|declaration| source.bindings.scope(declaration.scope));
    scope.is_some_and(|scope| holds(at, scope.range))
}

/// The text that the name replaces: also brackets that only the expression needed, and a field's name that is the same.
fn written(source: &Source<'_>, place: Node<'_>, name: &str) -> TextRange {
    let Some(parent) = place.parent() else { return range(place) };
    let outer = parent.parent().map_or("", |outer| outer.kind());
    let brackets = source.grammar.loose && parent.kind() == "parenthesized_expression";
    if brackets && parent.named_child_count() == 1 && !outer.ends_with("statement") && !outer.starts_with("switch") {
        return range(parent);
    }
    let field = parent.child_by_field_name("field").filter(|_| parent.kind() == "field_initializer");
    if field.is_some_and(|field| source.text_of(range(field)) == name) { range(parent) } else { range(place) }
}

/// Whether a statement is an expression and nothing else.
fn only(statement: Node<'_>, expression: Node<'_>) -> bool {
    statement.kind() == "expression_statement"
        && statement.named_child(0).is_some_and(|child| child.id() == expression.id())
}

/// The statement before which the name is declared: the one that holds `first`, of the block that holds all places.
fn holder<'t>(source: &Source<'_>, first: Node<'t>, statement: Node<'t>, places: &[Node<'t>]) -> Node<'t> {
    let mut at = first;
    let mut best = statement;
    let holds_all = |block: Node<'_>| places.iter().all(|place| holds(range(block), range(*place)));
    while let Some(parent) = at.parent() {
        if source.grammar.is_statement(at) && holds_all(parent) {
            best = at;
            break;
        }
        at = parent;
    }
    best
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

/// The block in which other occurrences are looked for: that of the statement; for a constant the outermost one of the
/// function.
fn common<'t>(source: &Source<'_>, expression: Node<'t>, statement: Node<'t>, value: Value) -> Node<'t> {
    let block = statement.parent().unwrap_or(statement);
    if value.reads > Reads::Nothing || source.grammar.line_ends && source.grammar.empty.is_some() {
        return block;
    }
    let mut best = block;
    let mut at = expression;
    while let Some(parent) = at.parent() {
        // What follows an `else` is evaluated in that case only.
        let chained = at.kind() == "if_statement" && matches!(parent.kind(), "if_statement" | "else_clause");
        if chained || source.grammar.functions.contains(&parent.kind()) {
            break;
        }
        if source.grammar.is_statement(at) {
            best = parent;
        }
        at = parent;
    }
    best
}

/// A doubt where the same expression stays elsewhere in the function.
fn stays(source: &Source<'_>, expression: Node<'_>, places: &[Node<'_>], changes: &mut Changes) {
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

/// The text that may use a name that is declared at an offset, and whether that is a class.
fn scope_of(source: &Source<'_>, offset: u32) -> (TextRange, bool) {
    let holding = source.bindings.scopes.iter().filter(|scope| {
        matches!(scope.kind, ScopeKind::File | ScopeKind::Module | ScopeKind::Class | ScopeKind::Function)
            && scope.range.start <= offset
            && offset < scope.range.end.max(1)
    });
    let inner = holding.min_by_key(|scope| scope.range.end - scope.range.start);
    let all = TextRange::new(0, u32::try_from(source.text.len()).unwrap_or(u32::MAX));
    inner.map_or((all, false), |scope| (scope.range, scope.kind == ScopeKind::Class))
}

/// The expressions of the same block that are the same, the selected one with them, in the order of the text.
fn occurrences<'t>(source: &Source<'_>, expression: Node<'t>, block: Node<'t>, value: Value) -> Vec<Node<'t>> {
    let at = range(expression);
    if value.makes || value.reads == Reads::Effects {
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
