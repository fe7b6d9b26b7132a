//! What a walk over a text collects, before names are looked up.

use crate::bindings::{DeclarationKind, Form, Hazard, Import, Role, ScopeKind};
use deepcoder_types::TextRange;

/// What an expression can be; as [`Known`](crate::Known), with names that are not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Shape {
    #[default]
    Unknown,
    /// The name in the scope.
    Name(usize, String),
    Instance(Box<Shape>),
    Member(Box<Shape>, String),
    Called(Box<Shape>),
    Element(Box<Shape>),
    Either(Vec<Shape>),
    /// A value of a built-in type.
    Literal(&'static str),
    /// The module with this path.
    Module(String),
    /// A value of the class whose scope it is.
    Class(usize),
    /// The bases of the class whose scope it is, as `super()` gives them.
    Super(usize),
}

/// A scope.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) kind: ScopeKind,
    pub(super) parent: Option<usize>,
    pub(super) range: TextRange,
    /// The scope and the name of the definition whose body it is.
    pub(super) owner: Option<(usize, String)>,
    /// The class whose private names are meant here.
    pub(super) private: Option<String>,
    /// Of a method: the parameter that stands for the value or the type, and which of them.
    pub(super) receiver: Option<(String, Receiver)>,
    /// What a function returns, where nothing says more.
    pub(super) returns: Vec<Shape>,
    /// Whether a function's calls give something else than what it returns.
    pub(super) indirect: bool,
}

/// What the first parameter of a method stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    /// A value of the class.
    Value,
    /// The class itself.
    Type,
}

/// A name that stands alone.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: TextRange,
    pub(super) name: String,
    pub(super) scope: usize,
    pub(super) act: Act,
    pub(super) form: Form,
    /// Up to where it has happened for sure, whenever the scope runs.
    pub(super) sure: u32,
    /// Whether it may run again after what follows.
    pub(super) looped: bool,
}

/// What is done with a name.
#[derive(Debug)]
pub(super) enum Act {
    Read,
    Export,
    Global,
    Nonlocal,
    Bind(Box<Bind>),
}

/// A name is given a meaning.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) kind: DeclarationKind,
    pub(super) role: Role,
    pub(super) value: Shape,
    /// The value is what the text says of the name and not only what it has now.
    pub(super) annotated: bool,
    pub(super) extent: TextRange,
    pub(super) import: Option<Import>,
    pub(super) bases: Vec<Shape>,
    pub(super) is_static: bool,
    /// The scope of the function whose result is the value.
    pub(super) result_of: Option<usize>,
    /// It takes the name away (`del`).
    pub(super) removes: bool,
    /// It reads the name first (`+=`).
    pub(super) reads: bool,
}

impl Bind {
    pub(super) fn new(kind: DeclarationKind, role: Role, extent: TextRange) -> Self {
        Self {
            kind,
            role,
            value: Shape::Unknown,
            annotated: false,
            extent,
            import: None,
            bases: Vec::new(),
            is_static: false,
            result_of: None,
            removes: false,
            reads: false,
        }
    }
}

/// A name that is looked up in something.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) at: TextRange,
    pub(super) name: String,
    pub(super) scope: usize,
    pub(super) role: Role,
    pub(super) form: Form,
    pub(super) of: Shape,
    /// What it is given, where it is written.
    pub(super) value: Shape,
    pub(super) annotated: bool,
    pub(super) extent: TextRange,
}

/// A part of a module's path.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) at: TextRange,
    pub(super) name: String,
    pub(super) scope: usize,
    pub(super) module: String,
    pub(super) form: Form,
}

/// All that a walk finds.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) regions: Vec<Region>,
    pub(super) events: Vec<Event>,
    pub(super) members: Vec<Member>,
    pub(super) paths: Vec<Path>,
    /// Each with the scope and the built-in name that it rests on, where there is one.
    pub(super) hazards: Vec<(Hazard, Option<(usize, &'static str)>)>,
    pub(super) wildcards: Vec<(usize, Import)>,
    /// Strings that could be names, and the keys of `dict(key=value)`.
    pub(super) keys: Vec<(TextRange, String)>,
    /// Whether arguments are given by names that no call says (`f(**options)`).
    pub(super) splats: bool,
}

impl Facts {
    /// The class whose body a scope is in, through functions.
    pub(super) fn class_of(&self, scope: usize) -> Option<usize> {
        let mut at = Some(scope);
        while let Some(id) = at {
            if self.regions[id].kind == ScopeKind::Class {
                return Some(id);
            }
            at = self.regions[id].parent;
        }
        None
    }

    /// The scope around a scope that a walrus binds in.
    pub(super) fn outside_comprehensions(&self, scope: usize) -> usize {
        let mut at = scope;
        while self.regions[at].kind == ScopeKind::Comprehension {
            match self.regions[at].parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
        at
    }
}
