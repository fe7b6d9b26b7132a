//! `deepcoder.toml`: what a hook does. It selects actions that are built in; nothing in it runs a program.

pub use deepcoder_checks::file::{CONFIG_FILE, ConfigError};
use deepcoder_checks::file::{Text, everything, read_text};
use deepcoder_types::RepoPath;
use globset::GlobSet;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// How long a hook may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookType {
    /// Before a commit is made of what is staged.
    PreCommit,
    /// Before commits are pushed.
    PrePush,
    /// Once the message of a commit is written.
    CommitMsg,
}

impl HookType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::PreCommit, Self::PrePush, Self::CommitMsg];

    /// Git's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
            Self::CommitMsg => "commit-msg",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// The kind of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Refuse keys, tokens and passwords in added lines, and files that are named for them.
    RefuseSecrets,
    /// Refuse a file that no longer parses.
    Parse,
    /// Refuse added conflict markers.
    ConflictMarkers,
    /// Remove white space at the end of added lines.
    TrailingSpace,
    /// End a file with a line end.
    FinalNewline,
    /// Document public functions that a commit adds.
    Document,
    /// Translate added comments.
    TranslateComments,
    /// Have what other checks find put right by the model.
    Fix,
    /// An instruction of the user's own.
    Edit,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RefuseSecrets,
        Self::Parse,
        Self::ConflictMarkers,
        Self::TrailingSpace,
        Self::FinalNewline,
        Self::Document,
        Self::TranslateComments,
        Self::Fix,
        Self::Edit,
    ];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefuseSecrets => "refuse-secrets",
            Self::Parse => "parse",
            Self::ConflictMarkers => "conflict-markers",
            Self::TrailingSpace => "trailing-space",
            Self::FinalNewline => "final-newline",
            Self::Document => "document",
            Self::TranslateComments => "translate-comments",
            Self::Fix => "fix",
            Self::Edit => "edit",
        }
    }

    /// Whether it may ask the model.
    #[must_use]
    pub const fn asks_model(self) -> bool {
        matches!(self, Self::Document | Self::TranslateComments | Self::Fix | Self::Edit)
    }

    const fn can_fix(self) -> bool {
        !matches!(self, Self::RefuseSecrets | Self::Parse | Self::ConflictMarkers)
    }

    const fn can_check(self) -> bool {
        !matches!(self, Self::Edit)
    }
}

/// Whether an action changes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It says what is wrong, which refuses the commit.
    Check,
    /// It puts it right.
    Fix,
}

/// One action.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its kind.
    pub kind: Kind,
    /// Whether it changes files.
    pub mode: Mode,
    /// `edit`: what to do. `translate-comments`: the language to translate to.
    pub text: String,
    on: Vec<HookType>,
    files: GlobSet,
    exclude: GlobSet,
}

impl Action {
    fn new(kind: Kind) -> Self {
        let mode = if kind.can_fix() { Mode::Fix } else { Mode::Check };
        let on = match kind {
            Kind::RefuseSecrets => HookType::ALL.to_vec(),
            Kind::ConflictMarkers => vec![HookType::PreCommit, HookType::PrePush],
            _ => vec![HookType::PreCommit],
        };
        let text = if kind == Kind::TranslateComments { "English".to_owned() } else { String::new() };
        Self { kind, mode, text, on, files: everything(), exclude: GlobSet::empty() }
    }

    /// Whether it is about `path`, in a hook of this type.
    pub(crate) fn applies(&self, on: HookType, path: &RepoPath) -> bool {
        self.on.contains(&on) && self.files.is_match(path) && !self.exclude.is_match(path)
    }
}

/// The configuration of a repository's hooks.
#[derive(Debug, Clone)]
pub struct Config {
    /// In this order.
    pub actions: Vec<Action>,
    /// How long a hook may take.
    pub deadline: Duration,
    /// Whether what could not be done in time refuses the commit.
    pub strict: bool,
}

/// The checks that run unless the file says otherwise.
const DEFAULT: [Kind; 3] = [Kind::RefuseSecrets, Kind::ConflictMarkers, Kind::Parse];

impl Default for Config {
    /// The default for any repository: checks that are exact and quick.
    fn default() -> Self {
        let actions = DEFAULT.map(Action::new).to_vec();
        Self { actions, deadline: DEADLINE, strict: false }
    }
}

#[derive(Deserialize)]
struct File {
    hook: Option<RawHook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHook {
    deadline: Option<Spanned<f64>>,
    strict: Option<bool>,
    defaults: Option<bool>,
    #[serde(default)]
    action: Vec<RawAction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAction {
    #[serde(rename = "use")]
    kind: Spanned<String>,
    mode: Option<Spanned<String>>,
    on: Option<Vec<Spanned<String>>>,
    files: Option<Vec<Spanned<String>>>,
    exclude: Option<Vec<Spanned<String>>>,
    instruction: Option<Spanned<String>>,
    language: Option<Spanned<String>>,
}

impl Config {
    /// The configuration in the folder `root`, and its bytes; the default where there is none.
    pub fn read(root: &Path) -> Result<(Self, Option<Vec<u8>>), ConfigError> {
        let Some(text) = read_text(root)? else { return Ok((Self::default(), None)) };
        Ok((Self::parse(&text)?, Some(text.into_bytes())))
    }

    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let from_toml = |error: toml::de::Error| {
            let hint = "[hook] has deadline, strict, defaults and [[hook.action]]; an action has use, mode, on, files, \
                        exclude, instruction and language";
            Text(text).wrong_toml(&error, hint)
        };
        let table: toml::Table = text.parse().map_err(from_toml)?;
        Text(text).known_tables(&table)?;
        let file: File = toml::from_str(text).map_err(from_toml)?;
        let Some(raw) = file.hook else { return Ok(Self::default()) };
        let text = Text(text);
        let mut config = Self { strict: raw.strict.unwrap_or(false), ..Self::default() };
        if let Some(deadline) = raw.deadline {
            let seconds = *deadline.get_ref();
            if !(0.1..=3600.0).contains(&seconds) {
                return Err(text.wrong(
                    deadline.span().start,
                    "the deadline makes no sense",
                    "it is in seconds, from 0.1 to 3600",
                ));
            }
            config.deadline = Duration::from_secs_f64(seconds);
        }
        // An action that is named replaces the default one of its kind; the others stay, and see what was fixed.
        let mut actions: Vec<Action> =
            raw.action.into_iter().map(|action| Action::read(text, action)).collect::<Result<_, _>>()?;
        if raw.defaults != Some(false) {
            let named: Vec<Kind> = actions.iter().map(|action| action.kind).collect();
            actions.extend(DEFAULT.into_iter().filter(|kind| !named.contains(kind)).map(Action::new));
        }
        config.actions = actions;
        Ok(config)
    }
}

impl Action {
    fn read(text: Text<'_>, raw: RawAction) -> Result<Self, ConfigError> {
        let name = raw.kind.get_ref();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            text.wrong(
                raw.kind.span().start,
                &format!("there is no action `{name}`"),
                &format!("the actions are {}", known.join(", ")),
            )
        })?;
        let mut action = Self::new(kind);
        if let Some(mode) = raw.mode {
            action.mode = match mode.get_ref().as_str() {
                "check" if kind.can_check() => Mode::Check,
                "fix" if kind.can_fix() => Mode::Fix,
                other => {
                    let only = match (kind.can_check(), kind.can_fix()) {
                        (true, true) => "the mode is check or fix",
                        (true, false) => "this action only checks",
                        _ => "this action only fixes",
                    };
                    return Err(text.wrong(mode.span().start, &format!("`{name}` has no mode `{other}`"), only));
                }
            };
        }
        if let Some(on) = raw.on {
            action.on.clear();
            for name in on {
                let hook = HookType::from_name(name.get_ref()).ok_or_else(|| {
                    text.wrong(
                        name.span().start,
                        &format!("there is no hook `{}`", name.get_ref()),
                        "the hooks are pre-commit, pre-push and commit-msg",
                    )
                })?;
                action.on.push(hook);
            }
        }
        if let Some(files) = raw.files {
            if files.is_empty() {
                let message = format!("`{name}` is about no file, so that it never runs");
                let hint = "leave `files` out for every file: files = [\"src/**\"]";
                return Err(text.wrong(raw.kind.span().start, &message, hint));
            }
            action.files = text.globs(&files)?;
        }
        if let Some(exclude) = raw.exclude {
            action.exclude = text.globs(&exclude)?;
        }
        match (kind, raw.instruction, raw.language) {
            (Kind::Edit, Some(words), None) if !words.get_ref().trim().is_empty() => action.text = words.into_inner(),
            (Kind::Edit, ..) => {
                return Err(text.wrong(
                    raw.kind.span().start,
                    "`edit` needs an instruction, and takes no language",
                    "instruction = \"what to do\"",
                ));
            }
            (Kind::TranslateComments, None, Some(language)) => action.text = language.into_inner(),
            (_, None, None) => {}
            (_, Some(other), _) | (_, None, Some(other)) => {
                let hint = "instruction belongs to edit, language to translate-comments";
                return Err(text.wrong(other.span().start, &format!("`{name}` does not take this"), hint));
            }
        }
        Ok(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String, String) {
        match Config::parse(text) {
            Err(ConfigError::Wrong { line, message, hint }) => (line, message, hint),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    /// Protects the author of the file: each mistake is named with its line and with what would be right, and none
    /// passes for a setting.
    #[test]
    fn mistakes_are_named_with_their_line() {
        let head = "[hook]\ndeadline = 5\n\n[[hook.action]]\n";
        for (text, line, part) in [
            ("[hooks]\n", 1, "`hooks` has no meaning"),
            ("[hook]\ndeadlin = 5\n", 2, "unknown field `deadlin`"),
            ("[hook]\n[other]\n", 2, "`other` has no meaning"),
            (&format!("{head}use = \"parse\"\nfiles = []\n"), 5, "is about no file"),
            ("[hook]\ndeadline = 0\n", 2, "the deadline makes no sense"),
            ("[hook\n", 1, ""),
            (&format!("{head}use = \"lint\"\n"), 5, "there is no action `lint`"),
            (&format!("{head}use = \"parse\"\nmode = \"fix\"\n"), 6, "`parse` has no mode `fix`"),
            (&format!("{head}use = \"edit\"\n"), 5, "needs an instruction"),
            (&format!("{head}use = \"parse\"\ninstruction = \"x\"\n"), 6, "does not take this"),
            (&format!("{head}use = \"parse\"\nfiles = [\"a\", \"[\"]\n"), 6, "is not a glob"),
            (&format!("{head}use = \"parse\"\non = [\"post-commit\"]\n"), 6, "there is no hook"),
            (&format!("{head}use = \"parse\"\nrun = \"rm -rf /\"\n"), 6, "unknown field `run`"),
        ] {
            let (at, message, hint) = wrong(text);
            assert_eq!(at, line, "{text}: {message}");
            assert!(message.contains(part), "{text}: {message}");
            assert!(!hint.is_empty());
        }
    }

    /// Protects the meaning of the file: globs choose, `exclude` wins, an action is for its hooks only, and without
    /// actions the default ones hold.
    #[test]
    fn actions_apply_where_they_are_meant_to() {
        let config = Config::parse(
            "[hook]\nstrict = true\n[[hook.action]]\nuse = \"trailing-space\"\nfiles = [\"src/**\"]\nexclude = [\"**/*.md\"]\nmode = \"check\"\n",
        )
        .expect("it parses");
        let [action, ..] = config.actions.as_slice() else { panic!("an action") };
        let path = |text: &str| RepoPath::new(text).expect("a path");
        assert!(action.mode == Mode::Check && config.strict);
        assert!(action.applies(HookType::PreCommit, &path("src/a/b.py")));
        assert!(!action.applies(HookType::PrePush, &path("src/a/b.py")));
        assert!(!action.applies(HookType::PreCommit, &path("src/a.md")));
        assert!(!action.applies(HookType::PreCommit, &path("a.py")));
        assert_eq!(Config::parse("").expect("it parses").actions.len(), 3);
        // Checks live in the same file, and their mistakes are not those of a hook.
        let check = "[check.tests]\ncommand = [\"pytest\"]\nno-such-field = 1\n[hook]\nstrict = true\n";
        assert!(Config::parse(check).expect("it parses").strict);
    }

    /// Protects from a configuration that weakens a hook without saying so: the checks of every repository stay beside the
    /// actions that are named, one that is named takes the place of its own, and only `defaults = false` turns them off.
    #[test]
    fn the_default_checks_stay() {
        let kinds = |text: &str| -> Vec<Kind> {
            Config::parse(text).expect("it parses").actions.iter().map(|action| action.kind).collect()
        };
        let fix = "[[hook.action]]\nuse = \"trailing-space\"\n";
        let all = [Kind::TrailingSpace, Kind::RefuseSecrets, Kind::ConflictMarkers, Kind::Parse];
        assert_eq!(kinds(fix), all);
        let own = format!("{fix}[[hook.action]]\nuse = \"refuse-secrets\"\nexclude = [\"tests/**\"]\n");
        assert_eq!(kinds(&own), all);
        assert_eq!(kinds(&format!("[hook]\ndefaults = false\n{fix}")), [Kind::TrailingSpace]);
        assert_eq!(kinds("[hook]\ndeadline = 3\n").len(), 3);
        assert!(kinds("[hook]\ndefaults = false\n").is_empty());
    }
}
