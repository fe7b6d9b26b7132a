//! The definitions that share a signature, and what calls them.

use super::SignatureError;
use super::signature::{class_of, decorators, is_constructor, is_script, of_declaration};
use crate::grammar::source::{Source, holds, range};
use deepcoder_resolve::{Declaration, DeclarationId, DeclarationKind, Global, Resolution, Symbol};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// What a function is called by.
pub(super) struct Family {
    /// The name of the function, or of its class where it is a constructor.
    pub(super) name: String,
    /// Its definitions.
    pub(super) definitions: Vec<Global>,
    /// The names that call it; whether calling the name makes a value of a class.
    pub(super) called: Vec<(Symbol, bool)>,
    /// Whether code outside of the tree may call it.
    pub(super) public: bool,
}

/// The declaration of a function; of its variable, where it has no name of its own.
fn declared(source: &Source<'_>, function: Node<'_>) -> Option<DeclarationId> {
    let is = |d: &Declaration| {
        d.import.is_none() && of_declaration(source, d).is_some_and(|found| range(found) == range(function))
    };
    source.bindings.ids().find(|(_, d)| holds(d.extent, range(function)) && is(d)).map(|(id, _)| id)
}

/// The declaration of a class; of its variable, where it has no name of its own.
fn declared_class(source: &Source<'_>, class: Node<'_>) -> Option<DeclarationId> {
    let own = class.child_by_field_name("name");
    let variable = || {
        class.parent().filter(|up| is_variable(*up) && fixed(source, *up)).and_then(|up| up.child_by_field_name("name"))
    };
    if let Some(at) = own.or_else(variable).map(range) {
        return source.bindings.ids().find(|(_, d)| d.at == at && d.import.is_none()).map(|(id, _)| id);
    }
    let nameless =
        |d: &Declaration| d.at.start == d.at.end && d.kind == DeclarationKind::Class && holds(d.extent, range(class));
    source
        .bindings
        .ids()
        .filter(|(_, d)| nameless(d))
        .min_by_key(|(_, d)| d.extent.end - d.extent.start)
        .map(|(id, _)| id)
}

fn is_variable(node: Node<'_>) -> bool {
    node.kind() == "variable_declarator"
}

/// Whether a variable keeps its value, whose type is that of the value.
fn fixed(source: &Source<'_>, declarator: Node<'_>) -> bool {
    let constant = declarator.parent().is_some_and(|list| source.text_of(range(list)).starts_with("const"));
    constant && declarator.child_by_field_name("type").is_none()
}

/// Everything that has the signature of a function.
pub(super) fn of(source: &Source<'_>, function: Node<'_>) -> Result<Family, SignatureError> {
    let global = |id: DeclarationId| (source.path.clone(), id);
    overloads(source, function)?;
    if let Some(class) = class_of(function).filter(|_| is_constructor(source, function)) {
        let id = declared_class(source, class).ok_or(SignatureError::NoName)?;
        // Which of several constructors a call means is a matter of types (Java).
        let mut constructors = 0;
        crate::grammar::source::walk(class, |node| {
            constructors += usize::from(node.kind() == "constructor_declaration" && class_of(node) == Some(class));
            true
        });
        if constructors > 1 {
            return Err(SignatureError::Overloads(
                source.bindings.declaration(id).map(|d| d.name.clone()).unwrap_or_default(),
            ));
        }
        let declaration = source.bindings.declaration(id).ok_or(SignatureError::NoName)?;
        let own = function.child_by_field_name("name").map(range);
        let own = own.and_then(|at| source.bindings.ids().find(|(_, d)| d.at == at)).map(|(id, _)| id);
        // Its own symbol: a class that inherits has a constructor with parameters of its own.
        let symbol = Symbol { name: declaration.name.clone(), declarations: vec![global(id)], open: None };
        let mut called = vec![(symbol, true)];
        if let Some(own) = own.filter(|_| source.language == Language::Python) {
            called.push((Symbol { name: "__init__".to_owned(), declarations: vec![global(own)], open: None }, false));
        }
        return Ok(Family {
            name: declaration.name.clone(),
            definitions: own.map(global).into_iter().collect(),
            called,
            public: outermost(source, id),
        });
    }
    if let Some(parent) = function.parent().filter(|_| function.child_by_field_name("name").is_none()) {
        let nameless = matches!(function.kind(), "arrow_function" | "function_expression" | "generator_function");
        if nameless && !(is_variable(parent) && fixed(source, parent)) && parent.kind() != "export_statement" {
            return Err(SignatureError::NotFixed);
        }
    }
    let Some(id) = declared(source, function) else { return of_object(source, function) };
    let symbol = source.project.symbol(&global(id));
    let name = symbol.name.clone();
    let public = outermost(source, id);
    Ok(Family { name, definitions: symbol.declarations.clone(), called: vec![(symbol, false)], public })
}

/// The member of a type that a method of an object is.
fn of_object(source: &Source<'_>, function: Node<'_>) -> Result<Family, SignatureError> {
    let name =
        function.child_by_field_name("name").filter(|_| function.parent().is_some_and(|up| up.kind() == "object"));
    let at = range(name.ok_or(SignatureError::NoName)?);
    let found = source.project.names_at(&source.path, at.start).into_iter().find(|(reference, _)| reference.at == at);
    let Some((_, Resolution::Exact(symbol))) = found else { return Err(SignatureError::NoName) };
    Ok(Family {
        name: symbol.name.clone(),
        definitions: symbol.declarations.clone(),
        called: vec![(symbol, false)],
        public: false,
    })
}

/// Functions that have several signatures cannot get one.
pub(super) fn overloads(source: &Source<'_>, function: Node<'_>) -> Result<(), SignatureError> {
    if !is_script(source.language) {
        return Ok(());
    }
    let Some(name) = function.child_by_field_name("name").map(|name| source.text_of(range(name))) else {
        return Ok(());
    };
    let outer = function.parent().filter(|up| up.kind() == "export_statement").unwrap_or(function);
    let Some(up) = outer.parent() else { return Ok(()) };
    let mut cursor = up.walk();
    let same = up.named_children(&mut cursor).filter(|child| {
        let inner = child.child_by_field_name("declaration").filter(|_| child.kind() == "export_statement");
        let child = inner.unwrap_or(*child);
        let callable = child.child_by_field_name("parameters").is_some();
        callable && child.child_by_field_name("name").is_some_and(|other| source.text_of(range(other)) == name)
    });
    if same.count() > 1 {
        return Err(SignatureError::Overloads(name.to_owned()));
    }
    // A method of a value whose type is made of several types.
    let of_object = up.kind() == "object";
    let of_type = up.parent().filter(|_| of_object).and_then(|variable| variable.child_by_field_name("type"));
    let several = of_type
        .and_then(|of_type| of_type.named_child(0))
        .is_some_and(|of_type| matches!(of_type.kind(), "union_type" | "intersection_type"));
    if several { Err(SignatureError::Overloads(name.to_owned())) } else { Ok(()) }
}

/// Whether code outside of the tree can name a declaration, as far as its language says so.
fn outermost(source: &Source<'_>, id: DeclarationId) -> bool {
    if source.language == Language::Python {
        return false;
    }
    let internal = source.bindings.package == "main" || source.path.as_str().split('/').any(|part| part == "internal");
    if source.language == Language::Go && internal {
        return false;
    }
    let Some(declaration) = source.bindings.declaration(id) else { return false };
    let mut public = declaration.public || !declaration.exported_as.is_empty();
    // A member of a class in a module is as public as the class.
    if is_script(source.language) {
        let mut scope = source.bindings.scope(declaration.scope);
        while let Some(at) = scope {
            if let Some(owner) = at.owner.and_then(|owner| source.bindings.declaration(owner)) {
                public = owner.public || !owner.exported_as.is_empty();
            }
            scope = at.parent.and_then(|parent| source.bindings.scope(parent));
        }
    }
    public
}

/// Why something that no call shows may depend on the parameters of a definition.
pub(super) fn standing(
    source: &Source<'_>,
    function: Node<'_>,
    name: &str,
) -> Result<Vec<(TextRange, String)>, SignatureError> {
    let mut doubts: Vec<(TextRange, String)> = Vec::new();
    let at = function.child_by_field_name("name").map_or_else(|| range(function), range);
    let known =
        ["staticmethod", "classmethod", "abstractmethod", "abc.abstractmethod", "override", "typing.override", "final"];
    for (decorator, at) in decorators(source, function) {
        let accessor =
            decorator == "property" || decorator.ends_with(".setter") || decorator.ends_with("cached_property");
        if accessor {
            return Err(SignatureError::Accessor(name.to_owned()));
        }
        if !known.contains(&decorator) {
            doubts.push((at, format!("the decorator `{decorator}` may call the function in its own way")));
        }
    }
    let own = function.child_by_field_name("name").map(|name| source.text_of(range(name))).unwrap_or_default();
    let runtime = match source.language {
        Language::Python => {
            own.starts_with("__") && own.ends_with("__") && own != "__init__"
                || own.starts_with("test_")
                || own.starts_with("pytest_")
        }
        Language::Go => {
            matches!(own, "main" | "init")
                || ["Test", "Benchmark", "Fuzz", "Example"].iter().any(|p| own.starts_with(p))
        }
        Language::Rust | Language::Java => own == "main",
        _ => false,
    };
    if runtime {
        doubts.push((at, format!("`{own}` is called by what runs the program, too")));
    }
    let trait_of = function.parent().and_then(|list| list.parent()).filter(|up| up.kind() == "impl_item");
    if trait_of.is_some_and(|up| up.child_by_field_name("trait").is_some()) {
        return Err(SignatureError::OfTrait(own.to_owned()));
    }
    doubts.extend(annotations(source, function).map(|at| {
        (
            at,
            format!("`{}` may call the function in its own way", source.text_of(at).lines().next().unwrap_or_default()),
        )
    }));
    if let Some(body) = function.child_by_field_name("body") {
        doubts.extend(whole_list(source, body));
    }
    Ok(doubts)
}

/// Annotations and attributes that are not known to leave calls alone.
fn annotations<'s>(source: &'s Source<'_>, function: Node<'s>) -> impl Iterator<Item = TextRange> {
    let plain = [
        "Override",
        "Deprecated",
        "SuppressWarnings",
        "SafeVarargs",
        "FunctionalInterface",
        "Nullable",
        "NonNull",
        "NotNull",
    ];
    let harmless =
        ["inline", "must_use", "doc", "allow", "expect", "warn", "deny", "cold", "deprecated", "track_caller", "cfg"];
    let mut found = Vec::new();
    let mut cursor = function.walk();
    for child in function.children(&mut cursor) {
        if child.kind() == "decorator" {
            found.push(range(child));
        } else if child.kind() == "modifiers" {
            let mut inner = child.walk();
            found.extend(
                child.named_children(&mut inner).filter(|a| a.kind().ends_with("annotation")).map(range).filter(|at| {
                    let text = source.text_of(*at).trim_start_matches('@');
                    !plain.iter().any(|name| text.split('(').next() == Some(name))
                }),
            );
        }
    }
    let mut before = function.prev_sibling();
    while let Some(node) =
        before.filter(|node| node.kind().contains("comment") || matches!(node.kind(), "attribute_item" | "decorator"))
    {
        let text = source.text_of(range(node)).trim_start_matches("#[");
        let word: &str = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        if node.kind() == "decorator" || node.kind() == "attribute_item" && !harmless.contains(&word) {
            found.push(range(node));
        }
        before = node.prev_sibling();
    }
    found.into_iter()
}

/// Code that reads all arguments without naming a parameter.
fn whole_list(source: &Source<'_>, body: Node<'_>) -> Option<(TextRange, String)> {
    let names: &[&str] = match source.language {
        Language::Python => &["locals", "vars"],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &["arguments"],
        _ => return None,
    };
    let mut found = None;
    crate::grammar::source::walk(body, |node| {
        let text = source.text_of(range(node));
        if node.kind() == "identifier" && names.contains(&text) {
            found = Some((range(node), format!("`{text}` reads the arguments without the names of the parameters")));
        }
        true
    });
    found
}
