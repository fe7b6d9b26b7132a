//! What a change of a signature does to the parameters of a function.

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one at the target.
    AtTarget,
    /// The one of this name.
    Name(String),
    /// The one at this position, from 0; the receiver of a method counts where it is a parameter (Python, Rust).
    Index(usize),
}

/// A parameter that is new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewParameter {
    /// Its name.
    pub name: String,
    /// Its type, where the language has types; Java's may be written with its package.
    pub of_type: Option<String>,
    /// Its default; in languages without defaults the argument of the calls.
    pub default: Option<String>,
    /// The argument that the calls get.
    pub value: Option<String>,
    /// Its position; `None`: the last, before what takes any number of arguments.
    pub index: Option<usize>,
}

/// One step of a change of a signature. Each step sees the parameters that the step before leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterChange {
    /// A new one.
    Add(NewParameter),
    /// One goes, and its arguments with it.
    Remove(Which),
    /// These, in this order; the others go.
    Order {
        /// All that stay.
        parameters: Vec<Which>,
        /// The default of those that need one since one before them has one (Python); `None`: that is refused.
        default: Option<String>,
    },
    /// One changes its place with its neighbour.
    Move {
        /// This one.
        which: Which,
        /// With the next one; else with the one before.
        right: bool,
    },
    /// Another name, with the arguments that are given by it.
    Rename {
        /// This one.
        which: Which,
        /// Its new name.
        name: String,
    },
    /// Every call gives its arguments by position, as far as it can, in the order of the parameters (Python).
    Normalise,
    /// Every call that leaves a parameter out gives it its default.
    InlineDefault(Which),
    /// One object for all parameters, by their names (JavaScript, TypeScript).
    Object,
}
