//! The names of one file, as plain data.

use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

/// A scope of a file: its index in [`Bindings::scopes`]. The first one is the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

/// A declaration of a file: its index in [`Bindings::declarations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeclarationId(pub u32);

/// What the names of a file mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Bindings {
    /// The file's language.
    pub language: Language,
    /// The first is the file's; each one comes after the one that it is in.
    pub scopes: Vec<Scope>,
    /// In the order of their names in the text.
    pub declarations: Vec<Declaration>,
    /// Every occurrence of a name that can be told from the text, those in declarations too, in the order of the text.
    /// Where one text stands for two names (`{a}` in JavaScript) there are two with the same range.
    pub references: Vec<Reference>,
    /// What the file does that the text alone cannot follow.
    pub hazards: Vec<Hazard>,
    /// The modules whose every public name the file takes over (`from m import *`, `export * from`, `use m::*`,
    /// `import p.*`), with the scope that they go to.
    pub wildcards: Vec<(ScopeId, Import)>,
    /// Two names beside each other that are written as one where they are equal (`S { a: b }`, `S { a }`), by their texts.
    pub pairs: Vec<(TextRange, TextRange)>,
    /// The package that the file says it is part of (Go, Java); empty where the language has none.
    pub package: String,
    /// The arguments of what may be macros (C), in the order of the text, outer ones first.
    pub arguments: Vec<Argument>,
}

/// An argument of what may be a macro: a text to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its text.
    pub at: TextRange,
    /// What is called; empty where only the use of another macro tells.
    pub callee: String,
    /// Which argument it is, from 0.
    pub position: u32,
    /// The argument around it: its index in [`Bindings::arguments`].
    pub around: Option<u32>,
}

/// The kind of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopeKind {
    /// The whole file.
    File,
    /// A module or a namespace within a file.
    Module,
    /// The body of a class, a struct, an interface, a trait, an enum, an implementation: its declarations are members.
    Class,
    /// A function with its parameters; also a lambda.
    Function,
    /// A block of statements, the head of a loop, an arm of a match.
    Block,
    /// A comprehension (Python).
    Comprehension,
    /// Type parameters of a definition.
    TypeParameters,
}

/// A region of a text in which declarations are visible.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Its kind.
    pub kind: ScopeKind,
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// Its text.
    pub range: TextRange,
    /// The definition whose body it is.
    pub owner: Option<DeclarationId>,
    /// For the body of a type: the type whose members it declares, where that is another declaration than `owner` (`impl T`,
    /// a Go receiver).
    pub of: Option<Known>,
}

/// What a name can be used as. Declarations of different spaces may have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// Values, and everything in languages that do not tell them apart.
    Value,
    /// Types only (an interface, a type alias).
    Type,
    /// Values and types (a class in TypeScript, a unit struct in Rust).
    Both,
    /// Labels of loops and jumps.
    Label,
    /// Lifetimes (Rust).
    Lifetime,
    /// Macros (Rust, C).
    Macro,
    /// Tags of structs, unions and enums (C).
    Tag,
    /// Methods, where they do not share the space of fields (Java).
    Method,
}

/// What is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeclarationKind {
    /// A variable of a function or a file.
    Variable,
    /// A parameter of a function.
    Parameter,
    /// A value that does not change (`const`).
    Constant,
    /// A function outside of a type.
    Function,
    /// A function of a type.
    Method,
    /// A value of a type's members.
    Field,
    /// A class, a struct, a union.
    Class,
    /// An interface, a trait, a protocol.
    Interface,
    /// An enumeration.
    Enum,
    /// One of its values.
    EnumMember,
    /// Another name of a type.
    TypeAlias,
    /// A type parameter.
    TypeParameter,
    /// A module, a namespace, a package.
    Module,
    /// A name that an import brings in ([`Declaration::import`]).
    Import,
    /// A label.
    Label,
    /// A lifetime.
    Lifetime,
    /// A macro.
    Macro,
}

/// Something that has a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its name, as the language compares names (Python: normalised; Rust: without `r#`).
    pub name: String,
    /// Its kind.
    pub kind: DeclarationKind,
    /// The space of its name.
    pub space: Space,
    /// The scope that it is declared in.
    pub scope: ScopeId,
    /// Where it is first named. Empty where the language declares it without a name of its own (`export default`, `this`).
    pub at: TextRange,
    /// The whole definition, from its first modifier to its end.
    pub extent: TextRange,
    /// Where it is visible from, for languages in which that matters (Rust's and Go's variables); else 0.
    pub from: u32,
    /// Where an import takes it from.
    pub import: Option<Import>,
    /// Whether code outside of the file (of the package, of the crate) may use it by this name.
    pub public: bool,
    /// The names under which it is exported, where they differ from its own (`export { a as b }`, `export default`).
    pub exported_as: Vec<String>,
    /// What a type inherits from or implements.
    pub bases: Vec<Known>,
    /// A variable, a parameter, a field: its value; a function: its result; a type alias: its type.
    pub value: Known,
    /// How many parameters a function takes, where overloads are told apart by it.
    pub parameters: Option<u32>,
    /// The types of these parameters by their simple names, where overloads are told apart by them; `None` for a type
    /// variable, which can be any type.
    pub takes: Vec<Option<String>>,
    /// A member that belongs to the type and not to its values.
    pub is_static: bool,
}

impl Declaration {
    /// A declaration of which only the text is known: its name, its kind, its scope and where it is.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        (kind, space): (DeclarationKind, Space),
        scope: ScopeId,
        (at, extent): (TextRange, TextRange),
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            space,
            scope,
            at,
            extent,
            from: 0,
            import: None,
            public: false,
            exported_as: Vec::new(),
            bases: Vec::new(),
            value: Known::Unknown,
            parameters: None,
            takes: Vec::new(),
            is_static: false,
        }
    }
}

/// Where an imported name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module as the text writes it, without quotes: `a.b`, `..pkg`, `./file.js`, `crate::a`, `example.com/m/p`, `java.util`.
    pub module: String,
    /// The name in it; `None` where the module itself is meant, `Some("default")` for a default export.
    pub name: Option<String>,
}

/// What the text tells of a value or a type, followed by [`crate::Project`] over files.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Known {
    /// Nothing.
    #[default]
    Unknown,
    /// What the declaration stands for: a type itself, a module, a function; a variable's value.
    Itself(DeclarationId),
    /// A value of the type that this stands for.
    Instance(Box<Known>),
    /// The member of this with this name.
    Member(Box<Known>, String),
    /// What calling this gives: a value of a type, the result of a function.
    Called(Box<Known>),
    /// An element of this (iteration, index); languages without type arguments leave it unknown.
    Element(Box<Known>),
    /// One of these.
    Either(Vec<Known>),
    /// The module that a path names, as an import in this file writes it.
    Module(String),
    /// A literal or a built-in type, by name: it has no members of ours.
    Builtin(&'static str),
    /// What a name stands for that no declaration of the file has: it is of another file of the package, or comes from an
    /// import of all names. The target of such a reference is [`Target::Outside`].
    Outside(String),
    /// Several values at once, by position (the results of a Go function).
    Tuple(Vec<Known>),
    /// The value at this position of several.
    Part(Box<Known>, u32),
}

/// Which members a name can mean, where a type's fields and methods may have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Members {
    /// All.
    Any,
    /// Those that are no methods: fields, and types where there is no such field.
    Values,
    /// Types.
    Types,
    /// Methods, and what has [`Declaration::parameters`] (the accessor of a Java record's component); with this number of
    /// arguments, where it is known.
    Methods(Option<u32>),
}

/// What an occurrence does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Names what is declared here.
    Declares,
    /// Uses its value or its type.
    Reads,
    /// Gives it a value.
    Writes,
    /// Names what an import takes from elsewhere.
    Imports,
    /// Names what is exported.
    Exports,
    /// Names a parameter of the called function or a field of what is made (`f(a=1)`, `S { a: 1 }`).
    Keyword,
}

/// How a new name is written at an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// In place of the old one.
    Plain,
    /// The text stands for two names at once, this is the first of them: `{a}` is `{first: second}`, `import {a}` is `import {first as second}`.
    First(&'static str),
    /// The same, and this is the second.
    Second(&'static str),
    /// In a string or a comment that is code to others (a string annotation, `__all__`, a doc link).
    Quoted,
    /// It cannot be renamed here alone (`self`, `super`, a name that a macro makes).
    Fixed,
}

/// One occurrence of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Its text: the name alone, without quotes, sigils and `r#`.
    pub at: TextRange,
    /// The name, as the language compares names.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// How another name is written there.
    pub form: Form,
    /// The scope that it is in.
    pub scope: ScopeId,
    /// What it means.
    pub target: Target,
}

/// What the text of one file says that a name means.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// This declaration of the file.
    Declaration(DeclarationId),
    /// One of these, and the text does not say which one.
    Several(Vec<DeclarationId>, Why),
    /// The member of what this is.
    Member(Known),
    /// The member of the first of these that has or inherits one of this name; where none of them has one, `otherwise`. What
    /// is doubtful of one of them is doubtful of all.
    Lookup {
        /// What may have it: the classes around a name in Java, innermost first.
        of: Vec<Known>,
        /// Which of its members.
        members: Members,
        /// What the name means where none has it.
        otherwise: Box<Target>,
    },
    /// The module with this path, as an import in this file writes it: the name is the last part of the path.
    Module(String),
    /// Nothing in this file declares it: a built-in name, or one of another file of the package.
    Outside,
    /// It stands in the body of a macro (C): it means what it means where the macro is used.
    Expanded,
    /// Only running the program would tell.
    Dynamic(Why),
}

/// Why a name is not certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The type of what stands before the dot is not known.
    UnknownReceiver,
    /// An import of all names may bring it in.
    Wildcard,
    /// It is declared in several ways (conditionally, in several classes).
    SeveralDeclarations,
    /// It stands in a macro's arguments or body.
    Macro,
    /// It stands in a string.
    String,
    /// Names are made at run time (`getattr`, `eval`, `globals()`, reflection).
    Reflection,
    /// The module that it comes from is not in the tree.
    OutsideTree,
    /// The text around it does not parse.
    Syntax,
}

/// Something that the text alone cannot follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hazard {
    /// Where.
    pub at: TextRange,
    /// What.
    pub kind: HazardKind,
    /// The only name that it can reach, where the text says so (`getattr(x, "name")`); `None`: any.
    pub name: Option<String>,
}

/// Kinds of [`Hazard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HazardKind {
    /// `eval`, `exec`, `new Function`.
    Eval,
    /// `getattr`, `setattr`, `globals()`, `obj[name]`, reflection by name.
    Reflection,
    /// An import of all names of a module that is not in the tree.
    Wildcard,
    /// A macro's body or arguments; code in another language that has the name (cgo, a native method of Java).
    Macro,
    /// Code that does not parse.
    Syntax,
    /// `with` in sloppy JavaScript, `exec` in a function: names may mean something else.
    Scope,
    /// Functions of one name are told apart by their parameters (C++).
    Overload,
    /// Arguments are given by names that are strings elsewhere (`f(**options)`): it reaches parameters and the fields of types
    /// without a constructor.
    Keywords,
    /// The file is compiled under a condition only (a Go build constraint): another file may declare the same names.
    Conditional,
}

impl Bindings {
    /// A file without a name.
    #[must_use]
    pub fn empty(language: Language, length: u32) -> Self {
        let file =
            Scope { kind: ScopeKind::File, parent: None, range: TextRange::new(0, length), owner: None, of: None };
        Self {
            language,
            scopes: vec![file],
            declarations: Vec::new(),
            references: Vec::new(),
            hazards: Vec::new(),
            wildcards: Vec::new(),
            pairs: Vec::new(),
            package: String::new(),
            arguments: Vec::new(),
        }
    }

    /// The scope with this id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(id.0 as usize)
    }

    /// The declaration with this id.
    #[must_use]
    pub fn declaration(&self, id: DeclarationId) -> Option<&Declaration> {
        self.declarations.get(id.0 as usize)
    }

    /// All declarations with their ids.
    pub fn ids(&self) -> impl Iterator<Item = (DeclarationId, &Declaration)> {
        (0..).map(DeclarationId).zip(&self.declarations)
    }

    /// The references whose text holds the offset or ends at it; two where one text stands for two names.
    pub fn at(&self, offset: u32) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |r| r.at.start <= offset && offset <= r.at.end)
    }
}
