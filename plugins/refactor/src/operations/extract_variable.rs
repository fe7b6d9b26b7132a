//! Extract variable: an expression gets a name, in a declaration before the statement that holds it.

mod occurrences;
mod place;
mod select;

use crate::carried::{Meaning, Moved, Moves};
use crate::effects::{Reads, Value};
use crate::grammar::source::{Source, holds, range};
use crate::grammar::{Declare, Step};
use crate::names::{self, NameError};
use crate::request::VariableKind;
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{Project, Role, ScopeKind};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};
use place::{Place, Wrap};
pub(crate) use select::selected;

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
    #[error("it has no value")]
    NoValue,
    #[error("constants are not extracted from this language")]
    Language,
    #[error("its value is not constant")]
    NotConstant,
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
    kind: VariableKind,
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let expression = selected(&source, target.range).map_err(|error| source.refuse(&error, target.range))?;
    let at = range(expression);
    let refuse = |error: ExtractError| source.refuse(&error, at);
    let unit = source.language == Language::Rust && expression.kind() != "unit_expression";
    if unit && crate::grammar::rust::type_of(&source, expression).as_deref() == Some("()") {
        return Err(refuse(ExtractError::NoValue));
    }
    let mut place = Place::of(&source, expression).ok_or_else(|| refuse(ExtractError::NoStatement))?;
    let mut changes = Changes::default();
    if target.range.start == target.range.end && source.text_of(at).contains('\n') {
        changes.doubt(&source.path, at, "the expression around the cursor goes over several lines");
    }
    let value = source.value(expression);
    if kind != VariableKind::Variable {
        constant(&source, expression, value, kind).map_err(refuse)?;
        if source.language != Language::Rust {
            place = Place::top(&source, expression).ok_or_else(|| refuse(ExtractError::NoStatement))?;
        }
    }
    let statement = place.statement;
    // A statement that is only the expression becomes the declaration.
    let bare = range(statement) == at && place.wrap.is_none() || only(statement, expression);
    if bare && source.grammar.line_ends {
        return Err(refuse(ExtractError::Statement));
    }
    if kind == VariableKind::Variable {
        moves(&source, expression, statement, value, &mut changes).map_err(refuse)?;
    }
    let mut places = vec![expression];
    if all && kind == VariableKind::Variable {
        places = occurrences::find(&source, expression, &place, value, &mut changes);
        if bare && places.first().is_none_or(|first| first.id() != expression.id()) {
            places = vec![expression];
        }
        occurrences::stays(&source, expression, &places, &mut changes);
    }
    let first = places.first().copied().unwrap_or(expression);
    let statement = if place.wrap.is_some() || kind != VariableKind::Variable {
        statement
    } else {
        holder(&source, first, statement, &places)
    };
    let start = range(statement).start;
    let (scope, class) = scope_of(&source, start);
    let name = match name {
        Some(name) => {
            names::check_variable(&source, name, scope, at).map_err(|error| refuse(error.into()))?;
            name.to_owned()
        }
        None => names::free(&source, &names::suggested(&source, expression, kind), scope),
    };
    if class {
        changes.doubt(&source.path, at, "the new name becomes a member of the class");
    }
    let declare = declaration(&source, expression, &name, kind).ok_or_else(|| refuse(ExtractError::NoType))?;
    let mut declared = Moved::new(declare.before.clone());
    // Brackets around the whole are for its place.
    let mut inner = expression;
    while source.grammar.loose && inner.kind() == "parenthesized_expression" {
        let Some(held) = inner.named_child(0).filter(|held| !held.is_extra()) else { break };
        inner = held;
    }
    declared.expression(&source, range(inner), false, false);
    declared.push(declare.after);
    for why in [declare.doubt, (source.grammar.doubt)(expression)].into_iter().flatten() {
        changes.doubt(&source.path, at, why);
    }
    let mut edits = Moves::default();
    let mut gone = range(statement);
    // The semicolon behind a block of Rust is a statement of its own.
    if bare
        && source.language == Language::Rust
        && source.text.get(gone.end as usize..).is_some_and(|rest| rest.starts_with(';'))
    {
        gone.end += 1;
    }
    let whole = bare && source.text_of(gone).ends_with(';');
    if source.grammar.loose && bare && !whole {
        return Err(refuse(ExtractError::Statement));
    }
    if place.wrap == Some(Wrap::Return) && statement.kind().ends_with("invocation") {
        changes.doubt(&source.path, at, "the function may give no value");
    }
    if let Some(wrap) = place.wrap {
        wrapped(&source, (statement, wrap), (declared, whole), &mut edits);
    } else if whole {
        if declare.doubt.is_some() {
            return Err(refuse(ExtractError::NoType));
        }
        edits.put(gone, declared);
        places.retain(|place| place.id() != expression.id());
    } else {
        if source.begins_line(start) {
            declared.push("\n");
            declared.push(source.indentation(start));
        } else if source.grammar.line_ends {
            declared.push("; ");
        } else {
            declared.push(" ");
        }
        edits.put(TextRange::new(start, start), declared);
    }
    if !(whole && place.wrap.is_some()) {
        for place in places {
            write(&source, place, &name, &mut edits);
        }
    }
    edits.finish(&source, &mut changes, &|_| Meaning::Same)?;
    Ok(changes)
}

/// The name in the place of an expression.
fn write(source: &Source<'_>, place: Node<'_>, name: &str, edits: &mut Moves) {
    let at = written(source, place, name);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let after = source.text.get(at.end as usize..).is_some_and(|rest| rest.starts_with(word));
    let markup = place.parent().is_some_and(|parent| matches!(parent.kind(), "jsx_element" | "jsx_fragment"));
    edits.write(
        at,
        match () {
            () if markup => format!("{{{name}}}"),
            () if after => format!("{name} "),
            () => name.to_owned(),
        },
    );
}

/// A place without braces gets them, and the declaration in them.
fn wrapped(
    source: &Source<'_>,
    (statement, wrap): (Node<'_>, Wrap),
    (declared, whole): (Moved, bool),
    edits: &mut Moves,
) {
    let at = range(statement);
    // The body of a loop in a line of its own is one step deeper than the loop.
    let outer = statement.parent().map_or(at.start, |parent| range(parent).start);
    let base = if source.begins_line(at.start) { outer } else { at.start };
    let indent = source.indentation(base).to_owned();
    let deeper =
        format!("{indent}{}", if indent.contains('\t') || source.text.contains("\n\t") { "\t" } else { "    " });
    let mut before = Moved::new(format!("{{\n{deeper}"));
    before.append(declared);
    if whole {
        before.push(&format!("\n{indent}}}"));
        edits.put(at, before);
        return;
    }
    before.push(&format!("\n{deeper}"));
    if wrap == Wrap::Return {
        before.push("return ");
    }
    edits.put(TextRange::new(at.start, at.start), before);
    let end = if wrap == Wrap::Return { ";" } else { "" };
    let mut close = at.end;
    // An arm with a block needs no comma.
    if wrap == Wrap::Value && source.text.get(at.end as usize..).is_some_and(|rest| rest.starts_with(',')) {
        let arm = statement.parent().is_some_and(|parent| parent.kind() == "match_arm");
        close += u32::from(arm);
    }
    edits.write(TextRange::new(at.end, close), format!("{end}\n{indent}}}"));
}

/// How the name is declared.
fn declaration(source: &Source<'_>, expression: Node<'_>, name: &str, kind: VariableKind) -> Option<Declare> {
    let word = match (kind, source.language) {
        (VariableKind::Variable, _) => return (source.grammar.declare)(source, expression, name),
        (VariableKind::Constant, Language::Rust) => "const",
        (VariableKind::Static, Language::Rust) => "static",
        _ => return Some(Declare { before: format!("const {name} = "), after: ";", doubt: None }),
    };
    let known = crate::grammar::rust::settled(&crate::grammar::rust::type_of(source, expression)?);
    let known = if known.starts_with('&') { known.replacen('&', "&'static ", 1) } else { known };
    Some(Declare { before: format!("{word} {name}: {known} = "), after: ";", doubt: None })
}

/// Whether an expression is the same whenever it is evaluated, and can be outside of the function.
fn constant(source: &Source<'_>, expression: Node<'_>, value: Value, kind: VariableKind) -> Result<(), ExtractError> {
    if !matches!(
        (source.language, kind),
        (Language::Rust, _) | (Language::JavaScript | Language::TypeScript | Language::Tsx, VariableKind::Constant)
    ) {
        return Err(ExtractError::Language);
    }
    let at = range(expression);
    let local = source.references(at).iter().any(|r| {
        let deepcoder_resolve::Target::Declaration(id) = r.target else { return false };
        source.bindings.declaration(id).is_some_and(|d| {
            let variable = matches!(
                d.kind,
                deepcoder_resolve::DeclarationKind::Variable | deepcoder_resolve::DeclarationKind::Parameter
            );
            variable
                && !holds(at, d.at)
                && (source.language == Language::Rust
                    || source.bindings.scope(d.scope).is_some_and(|scope| scope.kind != ScopeKind::File))
        })
    });
    let lent = expression.parent().is_some_and(|up| {
        up.kind() == "reference_expression" && up.child(1).is_some_and(|word| word.kind() == "mutable_specifier")
    });
    if lent {
        return Err(ExtractError::NotConstant);
    }
    let this = source.text_of(at).split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "this" | "self"));
    if local || this {
        return Err(ExtractError::NotConstant);
    }
    if source.language == Language::Rust {
        return if constant_of_rust(source, expression) { Ok(()) } else { Err(ExtractError::NotConstant) };
    }
    if value.reads == Reads::Effects { Err(ExtractError::NotConstant) } else { Ok(()) }
}

/// Whether the compiler can compute an expression.
fn constant_of_rust(source: &Source<'_>, expression: Node<'_>) -> bool {
    let mut constant = true;
    crate::grammar::source::walk(expression, |node| {
        constant &= match node.kind() {
            "call_expression" => {
                let name = node
                    .child_by_field_name("function")
                    .map(|f| source.text_of(range(f)).to_owned())
                    .unwrap_or_default();
                source.text.contains(&format!("const fn {name}("))
                    || name.starts_with(char::is_uppercase) && !name.contains("::")
            }
            "macro_invocation" => {
                // One of the file that gives a unit.
                let name =
                    node.child_by_field_name("macro").map(|f| source.text_of(range(f)).to_owned()).unwrap_or_default();
                source.text.contains(&format!("macro_rules! {name}"))
            }
            "await_expression" | "try_expression" | "closure_expression" | "return_expression" | "for_expression" => {
                false
            }
            "reference_expression" => node.child(1).is_none_or(|word| word.kind() != "mutable_specifier"),
            _ => true,
        };
        constant
    });
    constant
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
    let given = source.references(at).iter().find(outside).map(|writes| writes.name.clone());
    if let Some(name) = given {
        // Where it is evaluated before all else, what it writes is written in time.
        let direct = source.grammar.loose && source.steps(expression, statement) == Step::Once;
        let target = source.grammar.expressions.contains(&expression.kind()) && expression.child_count() > 0;
        if !direct || !target {
            return Err(ExtractError::Writes(name));
        }
        changes.doubt(&source.path, at, format!("it gives a value to `{name}`"));
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
