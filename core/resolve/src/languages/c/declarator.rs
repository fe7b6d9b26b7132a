//! Declarators and paths of names: what is read of a node without the names around it.

use super::super::names::children;
use deepcoder_syntax::Node;

/// Declarators within each other; more are not followed.
const DEEPEST: usize = 64;

/// A declarator: the name at its bottom, and what is around it, from the outside.
pub(super) struct Declarator<'t> {
    pub(super) name: Option<Node<'t>>,
    pub(super) wrappers: Vec<Node<'t>>,
}

pub(super) fn is_declarator(node: &Node<'_>) -> bool {
    node.kind().ends_with("declarator")
        || matches!(
            node.kind(),
            "identifier"
                | "field_identifier"
                | "type_identifier"
                | "primitive_type"
                | "qualified_identifier"
                | "destructor_name"
                | "operator_name"
                | "operator_cast"
                | "template_function"
                | "template_method"
        )
}

pub(super) fn is_function(node: &Node<'_>) -> bool {
    matches!(node.kind(), "function_declarator" | "abstract_function_declarator")
}

impl<'t> Declarator<'t> {
    pub(super) fn of(node: Node<'t>) -> Self {
        let mut wrappers = Vec::new();
        let mut next = node;
        while wrappers.len() < DEEPEST {
            if !next.kind().ends_with("declarator") || next.kind() == "structured_binding_declarator" {
                return Self { name: Some(next), wrappers };
            }
            if next.kind() != "init_declarator" {
                wrappers.push(next);
            }
            let inner = next
                .child_by_field_name("declarator")
                .or_else(|| children(next).into_iter().find(is_declarator).filter(|_| !is_function(&next)));
            match inner {
                Some(inner) => next = inner,
                None => break,
            }
        }
        Self { name: None, wrappers }
    }

    /// The wrapper that makes it a function, and no pointer to one.
    pub(super) fn function(&self) -> Option<Node<'t>> {
        self.wrappers.iter().rev().find(|found| found.kind() != "parenthesized_declarator").copied().filter(is_function)
    }

    pub(super) fn any_function(&self) -> Option<Node<'t>> {
        self.wrappers.iter().copied().find(is_function)
    }

    /// Whether the type before it is that of the value, of its elements, or of what it points to or returns.
    pub(super) fn has_type(&self) -> bool {
        let functions = self.wrappers.iter().filter(|found| is_function(found)).count();
        functions == usize::from(self.function().is_some())
    }

    pub(super) fn arrays(&self) -> usize {
        self.wrappers.iter().filter(|found| found.kind().ends_with("array_declarator")).count()
    }

    /// `M (x)`, which may be the use of a macro.
    pub(super) fn looks_called(&self) -> bool {
        !self.wrappers.is_empty() && self.wrappers.iter().all(|found| found.kind() == "parenthesized_declarator")
    }
}

/// The names of a path, from the left.
pub(super) fn path(node: Node<'_>) -> Vec<Node<'_>> {
    let mut parts = Vec::new();
    let mut next = node;
    while next.kind() == "qualified_identifier" {
        parts.extend(next.child_by_field_name("scope"));
        let Some(name) = next.child_by_field_name("name") else { return parts };
        next = name;
    }
    parts.push(next);
    parts
}
