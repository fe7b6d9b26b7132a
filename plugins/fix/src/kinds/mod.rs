//! Our own kinds of fixes, for frequent findings for which no tool gives edits: one table, [`KINDS`].
//!
//! A kind is a pure function of the syntax tree and of the names of a file. It answers nothing where its preconditions do
//! not hold, and it names a doubt where the text does not tell that the edit is exact.

mod imports;
mod members;
mod nodes;
mod replace;
mod rust;
mod unused;

use crate::wish::quotes;
use crate::{Finding, Fix, Wish};
use deepcoder_resolve::Files;
use deepcoder_syntax::{Language, Tree, tree};
use deepcoder_types::{RepoPath, TextRange};
use std::sync::Arc;

/// What a kind is asked for.
pub(crate) struct Ask<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) path: &'a RepoPath,
    pub(crate) language: Language,
    pub(crate) text: &'a str,
    pub(crate) tree: &'a Tree,
    /// The names that the finding quotes, in order.
    pub(crate) arguments: &'a [String],
    /// Where the finding is; `None` where a kind has to look for it.
    pub(crate) place: Option<TextRange>,
    /// Whether all places of the file are meant.
    pub(crate) all: bool,
}

impl Ask<'_> {
    pub(crate) fn argument(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(String::as_str)
    }
}

/// The languages of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// TypeScript and JavaScript.
    Script,
    Rust,
}

impl Of {
    fn has(self, language: Language) -> bool {
        match self {
            Self::Script => language.is_script(),
            Self::Rust => language.name() == "rust",
        }
    }
}

/// A line of the table.
struct Kind {
    of: Of,
    /// The rules or codes of the findings.
    rules: &'static [&'static str],
    /// The names of the action in editors, without what is quoted.
    names: &'static [&'static str],
    /// The fixes; each of them mends the finding alone, unless all places are meant.
    run: fn(&Ask<'_>) -> Vec<Fix>,
}

/// The table. A rule or a name leads to its first line.
const KINDS: &[Kind] = &[
    Kind {
        of: Of::Script,
        rules: &["TS2551", "TS2552", "TS2724", "TS2833", "TS4117", "TS2561", "TS2570", "TS2820"],
        names: &["Change spelling to", "fixSpelling"],
        run: replace::spelling,
    },
    Kind {
        of: Of::Script,
        rules: &["TS8020", "TS17019", "TS17020", "TS2689"],
        names: &["Change to"],
        run: replace::change,
    },
    Kind { of: Of::Script, rules: &["TS2845"], names: &["Use"], run: replace::with_named },
    Kind {
        of: Of::Script,
        rules: &["TS4114", "TS4116", "TS4119"],
        names: &["Add modifier", "fixAddOverrideModifier"],
        run: members::add_modifier,
    },
    Kind {
        of: Of::Script,
        rules: &["TS4112", "TS4113"],
        names: &["Remove modifier", "fixRemoveOverrideModifier"],
        run: members::remove_modifier,
    },
    Kind {
        of: Of::Script,
        rules: &["TS6133", "TS6192", "TS6196", "TS6198"],
        names: &[
            "Remove unused declaration for",
            "Remove unused destructuring declaration",
            "Remove import from",
            "Remove variable statement",
            "Remove type parameters",
            "unusedIdentifier delete",
            "unusedIdentifier deleteImports",
        ],
        run: unused::remove,
    },
    Kind { of: Of::Script, rules: &[], names: &["Prefix with an underscore"], run: unused::prefix },
    Kind { of: Of::Script, rules: &["TS8024"], names: &["Delete unused param tag"], run: unused::param_tag },
    Kind {
        of: Of::Script,
        rules: &["TS2375", "TS2379", "TS2412"],
        names: &["Add undefined to optional property type"],
        run: members::undefined,
    },
    Kind {
        of: Of::Script,
        rules: &["TS2304"],
        names: &["Add to unresolved variable", "addMissingConst"],
        run: replace::missing_const,
    },
    Kind {
        of: Of::Script,
        rules: &["TS2588"],
        names: &["Convert const to let", "fixConvertConstToLet"],
        run: replace::const_to_let,
    },
    Kind { of: Of::Script, rules: &["TS2377"], names: &["Add missing super call"], run: members::super_call },
    Kind {
        of: Of::Script,
        rules: &["TS2304", "TS2503", "TS2686"],
        names: &["fixMissingImport", "Add import from", "Update import from"],
        run: imports::missing,
    },
    Kind { of: Of::Script, rules: &["TS1371", "TS1484"], names: &["Use import type"], run: imports::type_only },
    Kind {
        of: Of::Script,
        rules: &["TS1205"],
        names: &["Convert to type only export"],
        run: imports::type_only_export,
    },
    Kind {
        of: Of::Rust,
        rules: &["needless_return", "remove_trailing_return"],
        names: &["remove trailing return"],
        run: rust::trailing_return,
    },
    Kind { of: Of::Rust, rules: &["E0133", "missing_unsafe"], names: &["missing unsafe"], run: rust::missing_unsafe },
    Kind { of: Of::Rust, rules: &["E0040"], names: &["explicit drop method use"], run: rust::explicit_drop },
    Kind { of: Of::Rust, rules: &["redundant_else"], names: &["remove unnecessary else"], run: rust::redundant_else },
    Kind { of: Of::Rust, rules: &["E0063"], names: &["missing fields"], run: rust::missing_fields },
    Kind { of: Of::Rust, rules: &["E0308"], names: &["type mismatch"], run: rust::mismatch },
    Kind { of: Of::Rust, rules: &[], names: &["unlinked file", "unlinked-file"], run: rust::unlinked },
    Kind {
        of: Of::Rust,
        rules: &["empty_structs_with_brackets", "empty_enum_variants_with_brackets"],
        names: &[],
        run: rust::empty_brackets,
    },
];

/// The fixes of a finding.
pub(crate) fn of_finding(files: &dyn Files, finding: &Finding) -> Vec<Fix> {
    let (_, quoted, _) = quotes(&finding.message);
    first(files, &finding.path, &quoted, (Some(finding.range), false), |kind| {
        kind.rules.contains(&finding.rule.as_str())
    })
}

/// The fixes of a wish.
pub(crate) fn of_wish(files: &dyn Files, wish: &Wish) -> Vec<Fix> {
    first(files, &wish.path, &wish.arguments, (wish.place, wish.all), |kind| kind.names.contains(&wish.name.as_str()))
}

/// The answer of the first kind that has one.
fn first(
    files: &dyn Files,
    path: &RepoPath,
    arguments: &[String],
    (place, all): (Option<TextRange>, bool),
    is: impl Fn(&Kind) -> bool,
) -> Vec<Fix> {
    let Some(language) = Language::program(path) else { return Vec::new() };
    let Some(text): Option<Arc<str>> = files.text(path) else { return Vec::new() };
    let Some(tree) = tree(language, &text) else { return Vec::new() };
    let ask = Ask { files, path, language, text: &text, tree: &tree, arguments, place, all };
    let kinds = KINDS.iter().filter(|kind| kind.of.has(language) && is(kind));
    kinds.map(|kind| (kind.run)(&ask)).find(|fixes| !fixes.is_empty()).unwrap_or_default()
}
