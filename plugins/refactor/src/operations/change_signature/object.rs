//! One object for all parameters (JavaScript, TypeScript).

use super::SignatureError;
use super::calls::Site;
use super::relist::Edits;
use super::signature::{Definition, Kind, Parameter};
use crate::grammar::source::{Source, range};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// The parameters that an object can stand for.
fn taken<'d>(definition: &'d Definition<'_>) -> impl Iterator<Item = &'d Parameter> {
    definition.parameters.iter().filter(|p| p.kind != Kind::This)
}

/// Whether a call may leave everything out.
fn all_optional(definition: &Definition<'_>) -> bool {
    taken(definition).all(|p| p.optional || p.default.is_some() || p.kind == Kind::Rest)
}

/// Write the parameters of a definition as one; gives the parameters whose type the text does not tell.
pub(super) fn parameters(
    source: &Source<'_>,
    definition: &Definition<'_>,
    edits: &mut Edits,
) -> Result<Vec<TextRange>, SignatureError> {
    let all: Vec<&Parameter> = taken(definition).collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Err(SignatureError::Few) };
    if all.len() < 2 {
        return Err(SignatureError::Few);
    }
    if all.iter().any(|p| p.name.is_empty() || p.modified || !matches!(p.kind, Kind::Plain | Kind::Rest)) {
        return Err(SignatureError::Parameters);
    }
    let whole = TextRange::new(first.at.start, last.at.end);
    if source.text_of(whole).contains("/*") || source.text_of(whole).contains("//") {
        return Err(SignatureError::Comment);
    }
    let mut untold = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut types: Vec<String> = Vec::new();
    for p in &all {
        let rest = p.kind == Kind::Rest;
        names.push(match p.default {
            _ if rest => format!("{} = []", p.name),
            Some(default) => format!("{} = {}", p.name, source.text_of(default)),
            None => p.name.clone(),
        });
        let written = p.type_at.map(|at| source.text_of(at).trim_start_matches(':').trim().to_owned());
        let of_default = || p.default.and_then(|at| source.node_at(at)).and_then(|node| literal_type(source, node, 0));
        let of_type = written.or_else(of_default).or_else(|| rest.then(|| "any[]".to_owned()));
        if of_type.is_none() && p.default.is_some() {
            untold.push(p.at);
        }
        let mark = if p.optional || p.default.is_some() || rest { "?" } else { "" };
        let of_type = of_type.map(|of_type| format!(": {of_type}")).unwrap_or_default();
        types.push(format!("{}{mark}{of_type};", p.name));
    }
    let typed = source.language != Language::JavaScript;
    let types = if typed { format!(": {{ {} }}", types.join(" ")) } else { String::new() };
    let bodiless = definition.body.is_none();
    let empty = if all_optional(definition) && !bodiless { " = {}" } else { "" };
    edits.put(whole, format!("{{ {} }}{types}{empty}", names.join(", ")));
    Ok(if typed { untold } else { Vec::new() })
}

/// The type of a value that the text shows.
fn literal_type(source: &Source<'_>, value: Node<'_>, depth: u32) -> Option<String> {
    if depth > 16 {
        return None;
    }
    Some(match value.kind() {
        "number" => "number".to_owned(),
        "string" | "template_string" => "string".to_owned(),
        "true" | "false" => "boolean".to_owned(),
        "unary_expression" => {
            let inner = value.child_by_field_name("argument").filter(|inner| inner.kind() == "number");
            literal_type(source, inner?, depth + 1)?
        }
        "object" => {
            let mut cursor = value.walk();
            let mut out = String::new();
            for pair in value.named_children(&mut cursor).filter(|child| !child.is_extra()) {
                let (key, of) = (pair.child_by_field_name("key")?, pair.child_by_field_name("value")?);
                let key = Some(key).filter(|key| matches!(key.kind(), "property_identifier" | "string" | "number"))?;
                out.push_str(&format!(" {}: {};", source.text_of(range(key)), literal_type(source, of, depth + 1)?));
            }
            if out.is_empty() { "{}".to_owned() } else { format!("{{{out} }}") }
        }
        "array" => {
            let mut cursor = value.walk();
            let types: Option<Vec<String>> =
                value.named_children(&mut cursor).map(|item| literal_type(source, item, depth + 1)).collect();
            let types = types?;
            let first = types.first().filter(|first| types.iter().all(|other| other == *first))?;
            format!("{first}[]")
        }
        _ => return None,
    })
}

/// Write the arguments of a call as one.
pub(super) fn arguments(
    source: &Source<'_>,
    definition: &Definition<'_>,
    site: &Site<'_>,
    edits: &mut Edits,
) -> Result<(), SignatureError> {
    let all: Vec<&Parameter> = taken(definition).collect();
    let text = source.text_of(site.inner);
    let Some(last) = site.arguments.last() else {
        if !all_optional(definition) {
            edits.put(TextRange::new(site.inner.start, site.inner.start), "{}");
        }
        return Ok(());
    };
    let insert = |edits: &mut Edits, at: u32, text: String| edits.put(TextRange::new(at, at), text);
    insert(edits, site.inner.start, "{ ".to_owned());
    let mut rest = false;
    for (at, argument) in site.arguments.iter().enumerate() {
        let open = all.iter().position(|p| p.kind == Kind::Rest);
        let parameter = all.get(open.map_or(at, |open| at.min(open))).ok_or(SignatureError::Arguments)?;
        if parameter.kind == Kind::Rest {
            if !rest {
                rest = true;
                let before = at.checked_sub(1).and_then(|at| site.arguments.get(at));
                let from = before.map_or(site.inner.start, |before| {
                    let between = source.text_of(TextRange::new(before.at.end, argument.at.start));
                    let comma = comma(between).map_or(0, |at| at + 1);
                    let blank = between[comma..].len() - between[comma..].trim_start().len();
                    before.at.end + u32::try_from(comma + blank).unwrap_or(0)
                });
                insert(edits, from, format!("{}: [", parameter.name));
            }
        } else if source.text_of(argument.at) != parameter.name {
            insert(edits, argument.at.start, format!("{}: ", parameter.name));
        }
    }
    let tail = source.text_of(TextRange::new(last.at.end, site.inner.end));
    let close = if rest { "] }" } else { " }" };
    let end = match comma(tail) {
        Some(comma) => last.at.end + u32::try_from(comma).unwrap_or(0),
        None => site.inner.end - u32::try_from(text.len() - text.trim_end().len()).unwrap_or(0),
    };
    // A line comment would hold what stands behind it.
    let line = tail.contains("//");
    insert(edits, end, if line { format!("\n{}", close.trim_start()) } else { close.to_owned() });
    Ok(())
}

/// The first comma of a text that is in no comment.
fn comma(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let skip = match () {
            () if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            () if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            () if rest.starts_with(',') => return Some(at),
            () => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += skip;
    }
    None
}
