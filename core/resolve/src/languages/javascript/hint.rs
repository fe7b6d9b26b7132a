//! Where a value or a type is told.

use crate::ScopeId;
use deepcoder_syntax::Node;

/// A [`Hint`]: its index in the builder's list; the first is [`Hint::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HintId(pub(super) u32);

/// Where a value or a type is told, to be read later.
#[derive(Debug, Clone)]
pub(super) enum Hint<'t> {
    Unknown,
    /// An expression.
    Value(Node<'t>, ScopeId),
    /// A value of the type that is written here.
    Type(Node<'t>, ScopeId),
    /// The type itself.
    Named(Node<'t>, ScopeId),
    /// What a name means, value or type.
    Any(Node<'t>, ScopeId),
    Member(HintId, String),
    Element(HintId),
    /// A value of the type that a draft is.
    Instance(usize),
    /// The parameter of a called function at this index.
    Argument(Node<'t>, usize, ScopeId),
    Builtin(&'static str),
    /// The elements of JSX.
    Elements(ScopeId),
    /// A module, as an import writes it.
    Module(String),
}

/// What an object literal stands for in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ctx {
    /// Nothing is known: its properties may be those of any type.
    None,
    /// It makes a type of its own.
    Own,
    /// It is a value of this type.
    Of(HintId),
}
