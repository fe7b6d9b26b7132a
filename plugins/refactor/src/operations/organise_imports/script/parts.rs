//! Imports and exports of a script, taken apart and written again.

use super::order::Name;
use crate::grammar::source::{Source, range};
use crate::operations::organise_imports::children;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// One name in braces.
#[derive(Debug, Clone)]
pub(in crate::operations) struct Specifier {
    pub(in crate::operations) at: TextRange,
    /// Where it is declared; of an export, what it is called outside.
    pub(in crate::operations) declares: TextRange,
    pub(in crate::operations) name: String,
    pub(in crate::operations) alias: Option<String>,
    pub(in crate::operations) is_type: bool,
    pub(in crate::operations) gone: bool,
    /// Comments that stand with it.
    lead: String,
}

impl Specifier {
    pub(in crate::operations) fn of_default(source: &Source<'_>, at: TextRange) -> Self {
        let alias = Some(source.text_of(at).to_owned());
        Self { at, declares: at, name: "default".into(), alias, is_type: false, gone: false, lead: String::new() }
    }

    pub(super) fn compared(&self) -> Name<'_> {
        Name { name: self.alias.as_deref().unwrap_or(&self.name), is_type: self.is_type }
    }

    /// `a as a`
    pub(in crate::operations) fn repeats(&self) -> bool {
        self.alias.as_ref() == Some(&self.name)
    }

    pub(in crate::operations) fn same(&self, other: &Self) -> bool {
        let local = |s: &Self| s.alias.clone().unwrap_or_else(|| s.name.clone());
        (&self.name, local(self), self.is_type) == (&other.name, local(other), other.is_type)
    }

    fn written(&self) -> String {
        let kind = if self.is_type { "type " } else { "" };
        match self.alias.as_deref().filter(|alias| *alias != self.name) {
            Some(alias) => format!("{kind}{} as {alias}", self.name),
            None => format!("{kind}{}", self.name),
        }
    }
}

/// The names in braces, and how they are laid out.
#[derive(Debug, Clone, Default)]
pub(in crate::operations) struct List {
    pub(in crate::operations) specifiers: Vec<Specifier>,
    /// What stands before each name where each has a line.
    pub(in crate::operations) lines: Option<String>,
    pub(in crate::operations) comma: bool,
}

/// One statement.
#[derive(Debug, Clone)]
pub(in crate::operations) struct Part<'t> {
    pub(in crate::operations) node: Node<'t>,
    pub(in crate::operations) at: TextRange,
    pub(in crate::operations) is_export: bool,
    pub(in crate::operations) is_type: bool,
    /// Whether it names anything: `import "m"` does not, and `export * from "m"` says so of all names.
    pub(in crate::operations) has_clause: bool,
    pub(in crate::operations) default: Option<TextRange>,
    pub(in crate::operations) namespace: Option<TextRange>,
    pub(in crate::operations) list: Option<List>,
    pub(in crate::operations) module: Option<String>,
    /// The attributes, each in one form.
    pub(in crate::operations) attributes: String,
    pub(in crate::operations) gone: bool,
    /// Whether every name in braces goes, and the statement stays.
    pub(in crate::operations) emptied: bool,
    pub(in crate::operations) had: (bool, bool),
    /// From the module to the end, as it is written.
    pub(in crate::operations) tail: String,
}

impl Part<'_> {
    pub(super) fn names(&self) -> Vec<Name<'_>> {
        self.list.iter().flat_map(|list| &list.specifiers).map(Specifier::compared).collect()
    }

    /// Whether the name before the braces, or for all names, goes.
    pub(in crate::operations) fn loses_name(&self) -> bool {
        self.had != (self.default.is_some(), self.namespace.is_some())
    }
}

/// The imports and exports at the top of a file that name a module or others of its names.
pub(in crate::operations) fn of<'t>(source: &'t Source<'_>) -> Vec<Part<'t>> {
    let ends = source.text.contains(";\n") || source.text.trim_end().ends_with(';');
    let statements = children(source.tree.root_node(), &["import_statement", "export_statement"]);
    statements.into_iter().filter_map(|node| part(source, node, ends)).collect()
}

fn part<'t>(source: &Source<'_>, node: Node<'t>, ends: bool) -> Option<Part<'t>> {
    let is_export = node.kind() == "export_statement";
    let module = node.child_by_field_name("source");
    let clause = children(node, &["import_clause", "export_clause"]).into_iter().next();
    let others = children(node, &["namespace_export", "import_require_clause", "import_alias"]);
    if !others.is_empty()
        || node.child_by_field_name("declaration").is_some()
        || node.child_by_field_name("value").is_some()
    {
        return None;
    }
    let mut cursor = node.walk();
    let words: Vec<&str> = node.children(&mut cursor).map(|child| child.kind()).collect();
    if is_export && clause.is_none() && (!words.contains(&"*") || module.is_none()) || words.contains(&"decorator") {
        return None;
    }
    let list = if is_export { clause } else { clause.and_then(|c| children(c, &["named_imports"]).into_iter().next()) };
    let inner = |kind: &str| clause.filter(|_| !is_export).and_then(|c| children(c, &[kind]).into_iter().next());
    let default = inner("identifier").map(range);
    let namespace = inner("namespace_import").and_then(|n| n.named_child(0)).map(range);
    let mut at = range(node);
    let text = source.text_of(at);
    at.end -= u32::try_from(text.len() - text.trim_end().len()).unwrap_or(0);
    let mut tail = module.map_or("", |m| source.text_of(TextRange::new(range(m).start, at.end))).to_owned();
    let rest = module.map_or("", |m| source.text_of(TextRange::new(range(m).end, at.end)));
    let attributes = normal(rest);
    tail.truncate(tail.trim_end_matches([';', ' ', '\n', '\r']).len());
    if ends {
        tail.push(';');
    }
    let of_module = |m: Node<'_>| source.text_of(range(m)).trim_matches(['"', '\'', '`']).to_owned();
    Some(Part {
        node,
        at,
        is_export,
        is_type: words.contains(&"type") || words.contains(&"typeof"),
        has_clause: clause.is_some(),
        default,
        namespace,
        list: list.map(|list| names(source, list, is_export)),
        module: module.map(of_module),
        attributes,
        gone: false,
        emptied: false,
        had: (default.is_some(), namespace.is_some()),
        tail,
    })
}

/// Attributes without blanks, comments and the order of their keys.
fn normal(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let bare: String = bare.chars().filter(|c| !c.is_whitespace() && *c != ';').collect();
    let Some((word, list)) = bare.split_once('{') else { return bare };
    let list = list.replace('\'', "\"");
    let mut keys: Vec<&str> = list.trim_end_matches('}').split(',').filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    format!("{word}{{{}}}", keys.join(","))
}

fn names(source: &Source<'_>, list: Node<'_>, is_export: bool) -> List {
    let mut specifiers = Vec::new();
    let mut from = range(list).start + 1;
    for node in children(list, &["import_specifier", "export_specifier"]) {
        let Some(name) = node.child_by_field_name("name") else { continue };
        let alias = node.child_by_field_name("alias");
        let mut cursor = node.walk();
        let is_type = node.children(&mut cursor).any(|child| matches!(child.kind(), "type" | "typeof"));
        let own = |node: Node<'_>| source.text_of(range(node)).to_owned();
        let before =
            source.text_of(TextRange::new(from, range(node).start)).trim_start_matches([',', ' ', '\t', '\r', '\n']);
        let lead = before.to_owned();
        from = range(node).end;
        let declares = if is_export { range(node) } else { range(alias.unwrap_or(name)) };
        let (name, alias) = (own(name), alias.map(own));
        specifiers.push(Specifier { at: range(node), declares, name, alias, is_type, gone: false, lead });
    }
    let text = source.text_of(range(list));
    let comma = text.trim_end_matches('}').trim_end().ends_with(',') && !is_export;
    let first = specifiers.first().map_or(0, |s: &Specifier| s.at.start);
    let lines = text.contains('\n').then(|| source.indentation(first).to_owned());
    let indented = lines.map(|lines| if lines.is_empty() { "    ".to_owned() } else { lines });
    List { specifiers, lines: indented, comma }
}

/// The statement as it is now.
pub(in crate::operations) fn written(source: &Source<'_>, part: &Part<'_>) -> String {
    let mut out = if part.is_export { "export " } else { "import " }.to_owned();
    if part.is_type {
        out.push_str("type ");
    }
    let mut clauses: Vec<String> = Vec::new();
    clauses.extend(part.default.map(|at| source.text_of(at).to_owned()));
    clauses.extend(part.namespace.map(|at| format!("* as {}", source.text_of(at))));
    clauses.extend(part.list.as_ref().filter(|_| !part.emptied).map(braces));
    out.push_str(&clauses.join(", "));
    if part.module.is_some() {
        out.push_str(" from ");
        out.push_str(&part.tail);
    } else if source.text_of(part.at).ends_with(';') {
        out.push(';');
    }
    out
}

fn braces(list: &List) -> String {
    let names: Vec<String> =
        list.specifiers.iter().filter(|s| !s.gone).map(|s| format!("{}{}", s.lead, s.written())).collect();
    let comma = if list.comma { "," } else { "" };
    match &list.lines {
        _ if names.is_empty() => "{}".to_owned(),
        Some(indent) => format!("{{\n{indent}{}{comma}\n}}", names.join(&format!(",\n{indent}"))),
        None => format!("{{ {}{comma} }}", names.join(", ")),
    }
}
