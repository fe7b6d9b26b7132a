//! The descriptors of languages. Each has a folder in `languages/`, with its [`Spec`] and the query that finds its
//! definitions; everything else in the workspace asks here instead of listing languages of its own.

pub use crate::languages::Language;
use crate::tags::Tags;
use deepcoder_types::RepoPath;
use std::sync::{LazyLock, OnceLock};
use tree_sitter::Node;

/// The purpose of texts of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LanguageKind {
    /// A program: it has definitions, statements and imports.
    Program,
    /// A document or a style sheet.
    Markup,
    /// Data and settings.
    Data,
}

/// The place of a definition's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Docs {
    /// The string that its body begins with.
    Docstring,
    /// The comment in front of it.
    Comment,
}

/// How a definition shows whether others may use it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Visibility {
    /// Everything is public.
    All,
    /// A leading underscore hides it.
    Underscore,
    /// A capital letter exports it.
    Capital,
    /// One of these words in its signature exports it.
    Marked(&'static [&'static str]),
    /// Its signature begins with one of these.
    Begins(&'static [&'static str]),
    /// One of these words in its signature hides it, and so does being one of these names.
    Hidden(&'static [&'static str], &'static [&'static str]),
}

/// The names of test files.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tests {
    /// How the name ends, without the extension.
    pub(crate) suffixes: &'static [&'static str],
    /// Whole names.
    pub(crate) names: &'static [&'static str],
}

/// The description of a language: data, so that adding one takes no code elsewhere.
pub(crate) struct Spec {
    /// Lower case; the tag of a Markdown fence as well.
    pub(crate) name: &'static str,
    /// Other names that people use.
    pub(crate) aliases: &'static [&'static str],
    /// Lower case, without the dot.
    pub(crate) extensions: &'static [&'static str],
    /// File names that no extension tells.
    pub(crate) file_names: &'static [&'static str],
    /// Programs that a `#!` line starts.
    pub(crate) interpreters: &'static [&'static str],
    /// Extensions for which models write another tag after a fence.
    pub(crate) fences: &'static [(&'static str, &'static str)],
    /// Languages of one family import each other's files.
    pub(crate) family: &'static str,
    pub(crate) kind: LanguageKind,
    /// The grammar rejects what the language rejects. Where it does not, a text that does not parse needs a look only.
    pub(crate) exact: bool,
    /// Marks of a comment that ends with the line.
    pub(crate) line_comments: &'static [&'static str],
    /// Marks around a comment of several lines.
    pub(crate) block_comments: &'static [(&'static str, &'static str)],
    /// How comments begin that a compiler, an interpreter or a checker reads.
    pub(crate) directives: &'static [&'static str],
    pub(crate) docs: Docs,
    /// How comments begin that tools show as documentation, where others are told apart from them.
    pub(crate) doc_comments: &'static [&'static str],
    pub(crate) visibility: Visibility,
    /// Characters of a name besides letters, digits and the underscore.
    pub(crate) name_characters: &'static str,
    /// Reserved words, with spaces between them. No name is one of them.
    pub(crate) keywords: &'static str,
    pub(crate) tests: Tests,
    /// Names may be defined several times, with other parameters.
    pub(crate) overloads: bool,
    /// Names that a definition may have once at the top level: kinds of definitions, and the namespace that they share.
    pub(crate) unique: &'static [(&'static [&'static str], &'static str)],
    /// Files use each other's names without an import of each.
    pub(crate) shares_names: bool,
    pub(crate) grammar: fn() -> tree_sitter::Language,
    /// Whether the grammar cannot read a text of this shape without harm.
    pub(crate) refuses: Option<fn(&str) -> bool>,
    /// Queries in the manner of `tags.scm`: see `definition.rs`.
    pub(crate) tags: &'static [&'static str],
    /// Nodes besides comments that lead a definition: attributes, decorators.
    pub(crate) leads: &'static [&'static str],
    /// Nodes that are only a shell around the definition in them.
    pub(crate) shells: &'static [&'static str],
    /// Shells where they hold one thing only.
    pub(crate) single_shells: &'static [&'static str],
    /// Nodes in which constants, variables and fields count, and not in blocks of statements.
    pub(crate) homes: &'static [&'static str],
    /// Nodes that are the body of the definition around them, where the grammar has no field for it.
    pub(crate) bodies: &'static [&'static str],
    /// Nodes whose children are statements that a line end ends.
    pub(crate) statements: &'static [&'static str],
    /// Finds what a declarator defines, where a query cannot follow it.
    pub(crate) declarator: Option<Declarator>,
}

/// The kind of a definition with this declarator, its owner and its name.
pub(crate) type Declarator = fn(node: Node<'_>, kind: &'static str, text: &str) -> Option<Declared>;

/// The definition in a declarator.
pub(crate) struct Declared {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
}

impl Spec {
    /// A program in a language with comments in the manner of C.
    pub(crate) const fn new(name: &'static str, grammar: fn() -> tree_sitter::Language) -> Self {
        Self {
            name,
            aliases: &[],
            extensions: &[],
            file_names: &[],
            interpreters: &[],
            fences: &[],
            family: name,
            kind: LanguageKind::Program,
            exact: true,
            line_comments: &["//"],
            block_comments: &[("/*", "*/")],
            directives: &[],
            docs: Docs::Comment,
            doc_comments: &[],
            visibility: Visibility::All,
            name_characters: "",
            keywords: "",
            tests: Tests { suffixes: &[], names: &[] },
            overloads: false,
            unique: &[],
            shares_names: false,
            grammar,
            refuses: None,
            tags: &[],
            leads: &[],
            shells: &[],
            single_shells: &[],
            homes: &[],
            bodies: &[],
            statements: &[],
            declarator: None,
        }
    }
}

impl Language {
    /// The language of a file, by its name.
    #[must_use]
    pub fn of(path: &RepoPath) -> Option<Self> {
        let by_name = Self::ALL.into_iter().find(|l| l.spec().file_names.contains(&path.file_name()));
        by_name.or_else(|| Self::of_extension(&path.extension()?.to_ascii_lowercase()))
    }

    /// The language of a program, by its file's name; `None` for documents and data, which have other checks.
    #[must_use]
    pub fn program(path: &RepoPath) -> Option<Self> {
        Self::of(path).filter(|language| language.kind() == LanguageKind::Program)
    }

    /// The language of files with this extension, in lower case and without the dot.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.spec().extensions.contains(&extension))
    }

    /// The language of a script by its first line: `#!/usr/bin/env python3`.
    #[must_use]
    pub fn of_shebang(text: &str) -> Option<Self> {
        let line = text.strip_prefix("#!")?.lines().next()?;
        let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
        let program = words.find(|word| *word != "env" && !word.starts_with('-') && !word.contains('='))?;
        let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        Self::ALL.into_iter().find(|l| l.spec().interpreters.contains(&program))
    }

    /// The language that people call `name`: its name, or a usual short form.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|l| l.spec().name == name || l.spec().aliases.contains(&name.as_str()))
    }

    /// Its name in lower case, as it is written after a Markdown fence.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The purpose of its texts.
    #[must_use]
    pub fn kind(self) -> LanguageKind {
        self.spec().kind
    }

    /// Whether a text that its grammar rejects is certainly wrong.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.spec().exact
    }

    /// Whether files of one import files of the other.
    #[must_use]
    pub fn is_related(self, other: Self) -> bool {
        self.spec().family == other.spec().family
    }

    /// JavaScript or TypeScript.
    #[must_use]
    pub fn is_script(self) -> bool {
        self.is_related(Self::JavaScript)
    }

    /// C or C++.
    #[must_use]
    pub fn is_c(self) -> bool {
        self.is_related(Self::C)
    }

    /// The signs that begin a comment that ends with the line, in languages that have such comments.
    #[must_use]
    pub fn line_comment(self) -> Option<&'static str> {
        self.spec().line_comments.first().copied()
    }

    /// The signs that begin comments that end with the line.
    #[must_use]
    pub fn line_comments(self) -> &'static [&'static str] {
        self.spec().line_comments
    }

    /// The signs around comments of several lines.
    #[must_use]
    pub fn block_comments(self) -> &'static [(&'static str, &'static str)] {
        self.spec().block_comments
    }

    /// The signs that begin a comment.
    pub fn comment_marks(self) -> impl Iterator<Item = &'static str> {
        let spec = self.spec();
        spec.line_comments.iter().copied().chain(spec.block_comments.iter().map(|(open, _)| *open))
    }

    /// Whether a compiler, an interpreter or a checker reads the comment `text`.
    #[must_use]
    pub fn is_directive(self, text: &str) -> bool {
        ["#!", "# vim:", "// vim:"].iter().chain(self.spec().directives).any(|mark| text.starts_with(mark))
    }

    /// Where documentation stands.
    #[must_use]
    pub fn docs(self) -> Docs {
        self.spec().docs
    }

    /// Whether tools show a comment as documentation, and tell it from others.
    #[must_use]
    pub fn is_doc_comment(self, comment: &str) -> bool {
        let shown = |line: &str| self.spec().doc_comments.iter().any(|mark| line.trim_start().starts_with(mark));
        comment.lines().any(shown)
    }

    /// Whether a name is offered to others, as far as its own signature says so.
    #[must_use]
    pub fn is_public(self, name: &str, signature: &str) -> bool {
        let has = |list: &[&str]| signature.split(|c: char| !c.is_alphanumeric()).any(|word| list.contains(&word));
        match self.spec().visibility {
            Visibility::All => true,
            Visibility::Underscore => !name.starts_with('_'),
            Visibility::Capital => name.starts_with(char::is_uppercase),
            Visibility::Marked(words) => has(words),
            Visibility::Begins(heads) => heads.iter().any(|head| signature.starts_with(head)),
            Visibility::Hidden(words, names) => !has(words) && !names.contains(&name),
        }
    }

    /// Whether `word` may be the name of a definition.
    #[must_use]
    pub fn is_identifier(self, word: &str) -> bool {
        let spec = self.spec();
        let extra = |c: char| c == '_' || spec.name_characters.contains(c);
        word.starts_with(|c: char| c.is_alphabetic() || extra(c))
            && word.chars().all(|c| c.is_alphanumeric() || extra(c))
            && !spec.keywords.split(' ').any(|keyword| keyword == word)
    }

    /// Whether several definitions may have one name and differ in their parameters.
    #[must_use]
    pub fn has_overloads(self) -> bool {
        self.spec().overloads
    }

    /// Whether files use names of each other without importing each.
    #[must_use]
    pub fn shares_names(self) -> bool {
        self.spec().shares_names
    }

    /// The namespace in which a top-level definition of this kind has its name alone, if it must.
    #[must_use]
    pub fn namespace(self, kind: &str) -> Option<&'static str> {
        self.spec().unique.iter().find(|(kinds, _)| kinds.contains(&kind)).map(|(_, namespace)| *namespace)
    }

    /// Its grammar, for crates that run on trees.
    #[must_use]
    pub fn grammar(self) -> tree_sitter::Language {
        (self.spec().grammar)()
    }

    /// The patterns of definitions, read at their first use. `None` does not happen: a test reads all of them.
    pub(crate) fn tags(self) -> Option<&'static Tags> {
        static TAGS: LazyLock<[OnceLock<Option<Tags>>; Language::ALL.len()]> =
            LazyLock::new(|| std::array::from_fn(|_| OnceLock::new()));
        TAGS.get(self as usize)?.get_or_init(|| Tags::new(self.spec().tags)).as_ref()
    }
}

/// Whether a file holds tests, by the conventions of the languages.
#[must_use]
pub fn is_test(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    let bare = name.split('.').next().unwrap_or_default();
    let stem = path.file_name().rsplit_once('.').map_or(path.file_name(), |(stem, _)| stem);
    let by_language = |language: Language| {
        let tests = language.spec().tests;
        tests.names.contains(&name.as_str()) || tests.suffixes.iter().any(|suffix| stem.ends_with(suffix))
    };
    path.as_str()
        .split('/')
        .rev()
        .skip(1)
        .any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec" | "specs" | "testing"))
        || bare.starts_with("test_")
        || bare.ends_with("_test")
        || bare == "tests"
        || name.contains(".test.")
        || name.contains(".spec.")
        || Language::of(path).is_some_and(by_language)
}
