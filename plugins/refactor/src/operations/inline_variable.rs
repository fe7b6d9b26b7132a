//! Inline variable: the value in the place of the name, everywhere, and the declaration is gone.

use crate::carried::{Meaning, Moved, Moves};
use crate::effects::{Reads, Value};
use crate::grammar::Step;
use crate::grammar::source::{Source, holds, range, walk};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{
    Declaration, DeclarationKind, Form, Hazard, HazardKind, Project, Reference, Resolution, Role, ScopeKind, Symbol,
};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};

/// Why a variable stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum InlineError {
    #[error("there is no variable here")]
    NoVariable,
    #[error("`{0}` is no variable of this file")]
    Other(String),
    #[error("`{0}` does not get its one value in a statement of its own")]
    NoValue(String),
    #[error("`{0}` gets a value in several places")]
    Written(String),
    #[error("`{0}` is used outside of this file")]
    Elsewhere(String),
    #[error("`{0}` is used where it may not have this value")]
    Order(String),
    #[error("a variable in the value of `{0}` changes before it is used")]
    Changes(String),
    #[error("the value of `{0}` would be computed more than once, and it calls something")]
    Twice(String),
    #[error("the value of `{0}` would be made more than once")]
    Makes(String),
    #[error("`{0}` is never used")]
    Unused(String),
    #[error("`{0}` cannot be replaced here")]
    Fixed(String),
}

impl Hint for InlineError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoVariable | Self::Other(_) => {
                Some("place the cursor on a variable that gets its value once: FILE:LINE:COLUMN".into())
            }
            _ => None,
        }
    }
}

/// The changes that put a variable's value in its place.
pub(crate) fn inline_variable(project: &Project<'_>, target: &Target) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let (symbol, declaration) = variable(&source, target).map_err(|error| source.refuse(&error, target.range))?;
    let name = &symbol.name;
    let here = |error: fn(String) -> InlineError, at: TextRange| source.refuse(&error(name.clone()), at);
    let occurrences = project.occurrences(&symbol);
    let mut changes = Changes::default();
    if let Some(other) = occurrences.found.iter().find(|o| o.place.path != source.path) {
        return Err(here(InlineError::Elsewhere, declaration.at).at(&other.place.path, other.place.at));
    }
    for (path, Hazard { at, kind, .. }) in &occurrences.hazards {
        if *kind != HazardKind::Reflection {
            changes.doubt(path, *at, "code here may use the variable by its name");
        }
    }
    let written = |role: Role| role != Role::Reads;
    let mut uses: Vec<TextRange> = Vec::new();
    for occurrence in &occurrences.found {
        let at = occurrence.place.at;
        if occurrence.doubt.is_some() {
            return Err(here(InlineError::Fixed, at));
        }
        if at == declaration.at {
            continue;
        }
        if written(occurrence.role) {
            return Err(here(InlineError::Written, at));
        }
        if !matches!(occurrence.form, Form::Plain | Form::Second(_)) {
            return Err(here(InlineError::Fixed, at));
        }
        uses.push(at);
    }
    let (statement, value, declarator) =
        declared(&source, &declaration).ok_or_else(|| here(InlineError::NoValue, declaration.at))?;
    let own = source.value(value);
    let mut edits = Moves::default();
    for at in &uses {
        let node =
            source.node_at(*at).filter(|node| range(*node) == *at).ok_or_else(|| here(InlineError::Fixed, *at))?;
        follows(&source, statement, value, own, node, &mut changes).map_err(|error| here(error, *at))?;
        let cast = cast(&source, statement, value, node);
        if let Some(why) = (source.grammar.doubt_inlined)(&source, statement, value, node).filter(|_| cast.is_none()) {
            changes.doubt(&source.path, *at, why);
        }
        let brackets = match &cast {
            // What is cast must hold together more strongly than the cast does.
            Some(_) => {
                (source.grammar.precedence)(value) < 75
                    && !matches!(value.kind(), "array_initializer" | "lambda_expression")
            }
            None => source.grammar.needs_brackets(value, node),
        };
        if brackets && value.kind().ends_with("block") {
            changes.doubt(&source.path, *at, "a block that begins a statement needs brackets to be a value");
        }
        let mut moved = Moved::default();
        if let Some(Form::Second(joint)) = form(&occurrences.found, *at) {
            moved.push(&format!("{name}{joint}"));
        }
        let free = source
            .around(node, source.tree.root_node(), source.grammar.bracketed)
            .iter()
            .any(|b| !holds(range(*b), range(statement)) && !source.grammar.functions.contains(&b.kind()));
        let around = cast.as_ref().is_some_and(|cast| !cast.starts_with("new "))
            && node.parent().is_some_and(|up| (source.grammar.slot)(up, node) > 75);
        moved.push(if around { "(" } else { "" });
        moved.push(cast.as_deref().unwrap_or_default());
        moved.expression(&source, range(value), brackets, free);
        moved.push(if around { ")" } else { "" });
        edits.put(*at, moved);
    }
    if uses.is_empty() && source.grammar.empty.is_none() && source.language != Language::Java {
        return Err(here(InlineError::Unused, declaration.at));
    }
    if own.reads == Reads::Effects && uses.is_empty() {
        changes.doubt(&source.path, range(value), "the value calls something, which is not called any more");
    }
    if uses.len() > 1 && own.reads == Reads::Effects {
        if !matches!(source.language, Language::Java | Language::Rust) {
            return Err(here(InlineError::Twice, range(value)));
        }
        changes.doubt(&source.path, range(value), "the value is computed once for each use");
    }
    if uses.len() > 1 && own.makes && !matches!(value.kind(), "lambda_expression" | "method_reference") {
        return Err(here(InlineError::Makes, range(value)));
    }
    let (gone, rest) = match declarator {
        Some(declarator) => (one_of(&source, declarator), String::new()),
        None => removal(&source, statement),
    };
    edits.write(gone, rest);
    edits.finish(&source, &mut changes, &|_| Meaning::Same)?;
    Ok(changes)
}

/// The form of the occurrence at a place.
fn form(found: &[deepcoder_resolve::Occurrence], at: TextRange) -> Option<Form> {
    found.iter().find(|o| o.place.at == at).map(|o| o.form)
}

/// The variable at the target.
fn variable(source: &Source<'_>, target: &Target) -> Result<(Symbol, Declaration), InlineError> {
    let selection = source.trimmed(target.range);
    let names = source.project.names_at(&target.path, selection.start);
    let mut refusal = InlineError::NoVariable;
    // Where one text stands for two names, the variable is the second one.
    let mut names = names;
    let declares = |r: &&Reference| r.role == Role::Declares && holds(selection, r.at);
    let inside: Vec<&Reference> = source.references(selection).iter().filter(declares).collect();
    if let (true, [only]) = (selection.start < selection.end, inside.as_slice()) {
        // The whole declaration is selected.
        names = source.project.names_at(&target.path, only.at.start);
    }
    for (reference, resolution) in names.into_iter().rev() {
        let Reference { name, at, .. } = reference;
        if selection.end > at.end && inside.len() != 1 {
            continue;
        }
        refusal = InlineError::Other(name);
        let Resolution::Exact(symbol) = resolution else { continue };
        let [(path, id)] = symbol.declarations.as_slice() else { continue };
        let Some(declaration) = source.bindings.declaration(*id).filter(|_| *path == source.path) else { continue };
        let kind = matches!(declaration.kind, DeclarationKind::Variable | DeclarationKind::Constant);
        let scope = source.bindings.scope(declaration.scope).map(|scope| scope.kind);
        let visible = declaration.exported_as.is_empty();
        if kind && visible && declaration.import.is_none() && scope != Some(ScopeKind::Class) {
            let declaration = declaration.clone();
            return Ok((symbol, declaration));
        }
    }
    Err(refusal)
}

/// The statement that declares the variable, the value, and the part of the statement where that declares more.
fn declared<'s>(source: &'s Source<'_>, declaration: &Declaration) -> Option<(Node<'s>, Node<'s>, Option<Node<'s>>)> {
    let name = source.node_at(declaration.at)?;
    let statement = source.statement(name)?;
    if let Some((declared, value)) = (source.grammar.declared)(statement) {
        return (range(declared) == declaration.at).then_some((statement, value, None));
    }
    let declarator = name.parent().filter(|up| up.kind() == "variable_declarator")?;
    let kinds = ["local_variable_declaration", "lexical_declaration", "variable_declaration"];
    let several = kinds.contains(&statement.kind()) && declarator.parent().is_some_and(|up| up.id() == statement.id());
    let plain = declarator.child_by_field_name("dimensions").is_none() && name.kind() == "identifier";
    let value = declarator.child_by_field_name("value").filter(|value| value.kind() != "array_initializer")?;
    let mut cursor = statement.walk();
    let count = statement.named_children(&mut cursor).filter(|child| child.kind() == "variable_declarator").count();
    (several && plain && count > 1).then_some((statement, value, Some(declarator)))
}

/// One of several variables of a declaration, with its comma.
fn one_of(source: &Source<'_>, declarator: Node<'_>) -> TextRange {
    let at = range(declarator);
    let before = declarator.prev_sibling().filter(|comma| comma.kind() == ",");
    let after = declarator.next_sibling().filter(|comma| comma.kind() == ",");
    match (before, after) {
        (Some(comma), _) => TextRange::new(range(comma).start, at.end),
        (None, Some(comma)) => {
            let rest = source.text.get(range(comma).end as usize..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start().len();
            TextRange::new(at.start, range(comma).end + u32::try_from(blanks).unwrap_or(0))
        }
        (None, None) => at,
    }
}

/// What gives a value of Java the type that its declaration wrote, where the place does not.
fn cast(source: &Source<'_>, statement: Node<'_>, value: Node<'_>, at: Node<'_>) -> Option<String> {
    if source.language != Language::Java {
        return None;
    }
    let declared = source.text_of(range(statement.child_by_field_name("type")?));
    if value.kind() == "array_initializer" {
        return Some(format!("new {declared}"));
    }
    let place = at.parent()?.kind();
    let open = matches!(value.kind(), "null_literal" | "lambda_expression" | "method_reference");
    if open {
        return (place == "argument_list").then(|| format!("({declared}) "));
    }
    let number = |kind: &str| matches!(kind, "double" | "float" | "long" | "int" | "short" | "byte" | "char");
    let known = crate::grammar::java::type_of(source, value)?;
    let differs = number(declared) && number(&known) && known != declared;
    (differs && matches!(place, "binary_expression" | "argument_list")).then(|| format!("({declared}) "))
}

/// Whether a use has the value that the declaration gave, and whether computing it there is the same.
fn follows(
    source: &Source<'_>,
    statement: Node<'_>,
    value: Node<'_>,
    own: Value,
    at: Node<'_>,
    changes: &mut Changes,
) -> Result<(), fn(String) -> InlineError> {
    let Some(block) = statement.parent() else { return Err(InlineError::Order) };
    let (declared, used) = (range(statement), range(at));
    if used.start < declared.end || !holds(range(block), used) {
        return Err(InlineError::Order);
    }
    let holder = {
        let mut node = at;
        while node.parent().is_some_and(|parent| parent.id() != block.id()) {
            node = node.parent().ok_or(InlineError::Order as fn(String) -> InlineError)?;
        }
        node
    };
    let later = !source.around(at, block, source.grammar.functions).is_empty();
    let often = !source.around(at, block, source.grammar.loops).is_empty();
    let step = source.steps(at, holder);
    let shorthand = at.kind() == "shorthand_field_initializer"
        || at.parent().is_some_and(|up| up.kind() == "shorthand_field_initializer");
    if let (Step::Never(_) | Step::Nowhere(_), false) = (step, shorthand) {
        return Err(InlineError::Fixed);
    }
    let later = later || step == Step::Later;
    let often = often || step == Step::Often;
    if (later || often) && own.makes {
        return Err(InlineError::Makes);
    }
    if (later || often) && own.reads == Reads::Effects {
        if later || !matches!(source.language, Language::Java | Language::Rust) {
            return Err(InlineError::Twice);
        }
        changes.doubt(&source.path, used, "the value is computed each time that this code runs");
    }
    let mut between = TextRange::new(declared.end, used.start);
    if often {
        between.end =
            source.around(at, block, source.grammar.loops).iter().map(|l| range(*l).end).max().unwrap_or(used.start);
    }
    if later && own.reads > Reads::Nothing {
        // It runs when it is called: nothing may ever write what it reads.
        let whole = TextRange::new(0, u32::try_from(source.text.len()).unwrap_or(u32::MAX));
        let after = TextRange::new(declared.end, whole.end);
        if source.written(range(value), after).is_some() {
            return Err(InlineError::Changes);
        }
        changes.doubt(&source.path, used, "the value is computed when this code runs");
    }
    if own.reads > Reads::Nothing && source.written(range(value), between).is_some() {
        return Err(InlineError::Changes);
    }
    if own.reads > Reads::Names {
        if source.acts(block, between, Some(used)) {
            changes.doubt(&source.path, used, "code between the declaration and this use may change the value");
        } else if step == Step::Maybe && own.reads == Reads::Effects {
            changes.doubt(&source.path, used, "the value is not computed in every case any more");
        }
    }
    if own.reads == Reads::Effects {
        let home = source.statement(at).and_then(|statement| statement.parent());
        if home.is_some_and(|home| home.id() != block.id()) {
            changes.doubt(
                &source.path,
                used,
                "the value is not computed in every case any more, or another block handles its errors",
            );
        } else if read_first(source, holder, at) {
            changes.doubt(&source.path, used, "what stands before it in the statement is computed before it now");
        }
    }
    let script = matches!(source.language, Language::JavaScript | Language::TypeScript | Language::Tsx);
    let called = at.parent().is_some_and(|up| {
        up.kind() == "call_expression" && up.child_by_field_name("function").is_some_and(|f| f.id() == at.id())
    });
    if script && called && matches!(value.kind(), "member_expression" | "subscript_expression") {
        changes.doubt(&source.path, used, "the call gives the function another `this`");
    }
    let text = source.text_of(range(value));
    let inside = source.around(at, block, source.grammar.strings);
    if !inside.is_empty() {
        if text.contains(['"', '\'', '\\', '\n', '{', '#', '`']) {
            return Err(InlineError::Fixed);
        }
        // `{name=}` writes the text of the name.
        let rest = source.text.get(used.end as usize..).unwrap_or_default().trim_start();
        if rest.starts_with('=') && !rest.starts_with("==") {
            return Err(InlineError::Fixed);
        }
    }
    Ok(())
}

/// Whether a statement reads something that may change before it comes to `at`.
fn read_first(source: &Source<'_>, statement: Node<'_>, at: Node<'_>) -> bool {
    let before = TextRange::new(range(statement).start, range(at).start);
    let mut found = false;
    walk(statement, |node| {
        let here = range(node);
        let callee = node.parent().is_some_and(|up| {
            let function = up.child_by_field_name("function").or_else(|| up.child_by_field_name("name"));
            holds(range(up), range(at)) && function.is_some_and(|function| function.id() == node.id())
        });
        let target = node
            .parent()
            .filter(|up| up.kind().contains("assignment"))
            .is_some_and(|up| up.child_by_field_name("left").is_some_and(|left| left.id() == node.id()));
        let reads = source.grammar.accesses.contains(&node.kind()) || source.grammar.effects.contains(&node.kind());
        found |= holds(before, here) && reads && !callee && !target;
        !callee && !target
    });
    found
}

/// What goes with the declaration, and what stays in its place.
fn removal(source: &Source<'_>, statement: Node<'_>) -> (TextRange, String) {
    let at = range(statement);
    let start = source.line_start(at.start);
    let end = source.line_end(at.end);
    let tail = source.text_of(TextRange::new(at.end, end)).trim();
    let alone = statement.parent().is_some_and(|block| {
        let mut cursor = block.walk();
        let others =
            block.named_children(&mut cursor).filter(|child| !child.is_extra() && child.id() != statement.id());
        others.count() == 0 && block.parent().is_some()
    });
    if let Some(empty) = source.grammar.empty.filter(|_| alone) {
        return (at, empty.to_owned());
    }
    if source.begins_line(at.start) && matches!(tail, "" | ";") {
        return (TextRange::new(start, end), String::new());
    }
    if let Some(rest) = tail.strip_prefix(';').filter(|rest| source.begins_line(at.start) && !rest.is_empty()) {
        // Another statement in the same line takes its place.
        let offset = source.text_of(TextRange::new(at.end, end)).find(rest.trim_start()).unwrap_or(0);
        return (TextRange::new(at.start, at.end + u32::try_from(offset).unwrap_or(0)), String::new());
    }
    if !source.begins_line(at.start) {
        // After another statement in the line: with the semicolon before it.
        let before = source.text_of(TextRange::new(start, at.start));
        let kept = before.trim_end().strip_suffix(';').map(str::trim_end);
        if let Some(kept) = kept {
            return (TextRange::new(start + u32::try_from(kept.len()).unwrap_or(0), at.end), String::new());
        }
    }
    // A comment stays, where the declaration stood.
    let blanks = source.text_of(TextRange::new(at.end, end));
    let gap = blanks.len() - blanks.trim_start().len();
    (TextRange::new(at.start, at.end + u32::try_from(gap).unwrap_or(0)), String::new())
}
