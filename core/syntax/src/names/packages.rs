//! The names that a file of Go or Java uses and does not bind. Scopes are not told apart: what is bound anywhere in the file
//! is bound everywhere.

use super::FreeName;
use crate::Language;
use std::collections::{BTreeMap, HashSet};
use tree_sitter::{Node, Tree};

/// Go's predeclared identifiers.
const GO: &str = "any append bool byte cap clear close comparable complex complex128 complex64 copy delete error false \
    float32 float64 imag int int16 int32 int64 int8 iota len make max min new nil panic print println real recover rune \
    string true uint uint16 uint32 uint64 uint8 uintptr C _ init main";

/// The types that Java imports by itself: `java.lang`.
const JAVA: &str = "AbstractMethodError Appendable ArithmeticException ArrayIndexOutOfBoundsException ArrayStoreException \
    AssertionError AutoCloseable Boolean BootstrapMethodError Byte CharSequence Character Class ClassCastException \
    ClassCircularityError ClassFormatError ClassLoader ClassNotFoundException ClassValue CloneNotSupportedException \
    Cloneable Comparable Compiler Deprecated Double Enum EnumConstantNotPresentException Error Exception \
    ExceptionInInitializerError Float FunctionalInterface IO IllegalAccessError IllegalAccessException \
    IllegalArgumentException IllegalCallerException IllegalMonitorStateException IllegalStateException \
    IllegalThreadStateException IncompatibleClassChangeError IndexOutOfBoundsException InheritableThreadLocal \
    InstantiationError InstantiationException Integer InternalError InterruptedException Iterable LayerInstantiationException \
    LinkageError Long MatchException Math Module ModuleLayer NegativeArraySizeException NoClassDefFoundError NoSuchFieldError \
    NoSuchFieldException NoSuchMethodError NoSuchMethodException NullPointerException Number NumberFormatException Object \
    OutOfMemoryError Override Package Process ProcessBuilder ProcessHandle Readable Record ReflectiveOperationException \
    Runnable Runtime RuntimeException RuntimePermission SafeVarargs ScopedValue SecurityException SecurityManager Short \
    StackOverflowError StackTraceElement StackWalker StrictMath String StringBuffer StringBuilder \
    StringIndexOutOfBoundsException StringTemplate SuppressWarnings System Thread ThreadDeath ThreadGroup ThreadLocal \
    Throwable TypeNotPresentException UnknownError UnsatisfiedLinkError UnsupportedClassVersionError \
    UnsupportedOperationException VerifyError VirtualMachineError Void WrongThreadException var";

/// The names, each once; `None` where a star import may give any. Other files of the package may bind them.
pub(crate) fn free(language: Language, tree: &Tree, text: &str) -> Option<Vec<FreeName>> {
    let mut walk = Walk {
        text,
        bound: HashSet::new(),
        uses: BTreeMap::new(),
        qualifiers: BTreeMap::new(),
        unknown: false,
        foreign: false,
    };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let into = match language {
            Language::Go => walk.go(node),
            _ => walk.java(node),
        };
        if into && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walk.finish(if language == Language::Go { GO } else { JAVA });
            }
        }
    }
}

struct Walk<'s> {
    text: &'s str,
    bound: HashSet<&'s str>,
    /// Each name with its first line.
    uses: BTreeMap<&'s str, u32>,
    /// Names in front of a dot, which may be packages.
    qualifiers: BTreeMap<&'s str, u32>,
    unknown: bool,
    /// Imports a package whose name is not in its path for sure.
    foreign: bool,
}

impl<'s> Walk<'s> {
    fn finish(mut self, known: &str) -> Option<Vec<FreeName>> {
        if self.unknown {
            return None;
        }
        if !self.foreign {
            for (name, line) in std::mem::take(&mut self.qualifiers) {
                self.uses.entry(name).and_modify(|first| *first = (*first).min(line)).or_insert(line);
            }
        }
        let known: HashSet<&str> = known.split_whitespace().collect();
        let bound = &self.bound;
        let free = self.uses.into_iter().filter(|(name, _)| !bound.contains(name) && !known.contains(name));
        let mut free: Vec<FreeName> = free.map(|(name, line)| FreeName { line, name: name.to_owned() }).collect();
        free.sort();
        Some(free)
    }

    fn said(&self, node: Node<'_>) -> &'s str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn bind(&mut self, node: Option<Node<'_>>) {
        if let Some(node) = node {
            let name = self.said(node);
            self.bound.insert(name);
        }
    }

    /// Binds all names in a list such as `a, b :=`.
    fn bind_list(&mut self, node: Option<Node<'_>>) {
        let Some(node) = node else { return };
        if node.kind() == "identifier" {
            return self.bind(Some(node));
        }
        let mut cursor = node.walk();
        let names: Vec<Node<'_>> = node.named_children(&mut cursor).filter(|n| n.kind() == "identifier").collect();
        names.into_iter().for_each(|name| self.bind(Some(name)));
    }

    fn use_of(&mut self, node: Node<'_>, qualifier: bool) {
        let (name, line) = (self.said(node), u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX));
        let uses = if qualifier { &mut self.qualifiers } else { &mut self.uses };
        uses.entry(name).or_insert(line);
    }

    fn names(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let names: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
        names.into_iter().for_each(|name| self.bind(Some(name)));
    }

    fn go(&mut self, node: Node<'_>) -> bool {
        let parent = node.parent();
        let above = parent.map_or("", |parent| parent.kind());
        match node.kind() {
            "import_spec" => {
                let name = node.child_by_field_name("name");
                match name.map(|name| self.said(name)) {
                    Some(".") => self.unknown = true,
                    Some(_) => self.bind(name),
                    None => {
                        let path = node.child_by_field_name("path").map(|path| self.said(path)).unwrap_or_default();
                        let path = path.trim_matches(['"', '`']);
                        self.foreign |=
                            path.split('/').next().is_some_and(|first| first.contains('.')) || path.contains("/v");
                        if let Some(last) = path.rsplit('/').next() {
                            self.bound.insert(last);
                        }
                    }
                }
                return false;
            }
            "package_clause" | "label_name" | "labeled_statement_label" => return false,
            "function_declaration"
            | "method_declaration"
            | "type_spec"
            | "type_alias"
            | "var_spec"
            | "const_spec"
            | "parameter_declaration"
            | "variadic_parameter_declaration"
            | "type_parameter_declaration" => self.names(node),
            "short_var_declaration" | "range_clause" | "receive_statement" => {
                self.bind_list(node.child_by_field_name("left"));
            }
            "type_switch_statement" => self.bind_list(node.child_by_field_name("alias")),
            "identifier" | "type_identifier" => {
                let first = parent.and_then(|p| p.named_child(0)) == Some(node);
                // `Name: value` may be a field.
                let key = above == "literal_element"
                    && parent
                        .and_then(|p| p.parent())
                        .is_some_and(|p| p.kind() == "keyed_element" && p.named_child(0) == parent);
                let qualifier = matches!(above, "selector_expression") && first;
                // The types of another package.
                let member = above == "qualified_type";
                if !key && !member {
                    self.use_of(node, qualifier);
                }
            }
            "package_identifier" if above == "qualified_type" => self.use_of(node, true),
            _ => {}
        }
        true
    }

    fn java(&mut self, node: Node<'_>) -> bool {
        let parent = node.parent();
        let above = parent.map_or("", |parent| parent.kind());
        match node.kind() {
            "import_declaration" => {
                let said = self.said(node);
                let path = said.trim_end_matches(';').trim();
                self.unknown |= path.ends_with('*');
                if let Some(last) = path.rsplit('.').next() {
                    self.bound.insert(last.trim());
                }
                return false;
            }
            "package_declaration" => return false,
            // A superclass or interface may bring nested types with it.
            "superclass" | "super_interfaces" | "extends_interfaces" => self.unknown = true,
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration" => self.names(node),
            "type_parameter" => self.bind(node.named_child(0)),
            "scoped_type_identifier" => {
                // Only what stands in front of the first dot.
                let mut first = node;
                while let Some(inner) = first.named_child(0) {
                    first = inner;
                }
                if self.said(first).starts_with(char::is_uppercase) {
                    self.use_of(first, false);
                }
                return false;
            }
            "type_identifier" if above != "type_parameter" => self.use_of(node, false),
            "identifier" if above == "method_invocation" => {
                let name = self.said(node);
                let object = parent.and_then(|p| p.child_by_field_name("object")) == Some(node);
                // A constant is written in capitals.
                if object && name.starts_with(char::is_uppercase) && name.chars().any(char::is_lowercase) {
                    self.use_of(node, false);
                }
            }
            _ => {}
        }
        true
    }
}
