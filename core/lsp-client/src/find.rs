//! Which program is the server of a language.

use deepcoder_checks::Machine;
use deepcoder_syntax::Language;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the user's settings say of servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// No server is started.
    pub off: bool,
    /// Commands by the names of languages; an empty one: none for this language.
    pub commands: BTreeMap<String, String>,
}

/// The servers of a language, the first that is installed counts.
fn known(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &["pyright-langserver --stdio", "basedpyright-langserver --stdio"],
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            // From version 7, TypeScript is a server itself.
            &["typescript-language-server --stdio", "tsc --lsp --stdio"]
        }
        Language::Rust => &["rust-analyzer"],
        Language::Go => &["gopls"],
        Language::Java => &["jdtls"],
        language if language.is_c() => &["clangd"],
        _ => &[],
    }
}

/// The programs of the servers for a language with their arguments, those that are installed; none where the user wants none.
pub(crate) fn servers(language: Language, configured: &Configured, machine: &Machine) -> Vec<(PathBuf, Vec<String>)> {
    if configured.off {
        return Vec::new();
    }
    let named = |name: &str| name == language.name().to_lowercase() || language.is_script() && name == "typescript";
    let own = configured.commands.iter().find(|(name, _)| named(&name.to_lowercase()));
    let commands: Vec<&str> = own.map_or_else(|| known(language).to_vec(), |(_, own)| vec![own.as_str()]);
    let installed = |command: &str| {
        let mut words = command.split_whitespace();
        let program = words.next()?;
        // A path relative to the repository would be a program of the repository.
        if program.contains('/') && !program.starts_with('/') {
            return None;
        }
        let file = machine.find(program, &[], Path::new("/"))?;
        Some((file, words.map(str::to_owned).collect()))
    };
    commands.into_iter().filter_map(installed).collect()
}

/// What a server of npm must read besides: the packages beside its own.
pub(crate) fn installation(program: &Path) -> Option<PathBuf> {
    let file = program.canonicalize().ok()?;
    let modules = file.ancestors().filter(|folder| folder.file_name().is_some_and(|name| name == "node_modules"));
    modules.last().map(Path::to_owned)
}
