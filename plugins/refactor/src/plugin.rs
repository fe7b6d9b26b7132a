//! The plugin: words in, a proposal with exact edits out.

use crate::command::{Command, Subject, parse};
use crate::editor;
use crate::operations::inline_function;
use crate::title::{name_at, title};
use crate::tree::HostFiles;
use crate::{Changes, ImportStyle, Refusal, Request, Target, VariableKind, Verdict, codemods, find, run};
use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_resolve::{Project, Witness, supports};
use deepcoder_syntax::Language;
use deepcoder_types::{
    Action, Answer, Applicability, Change, Constraint, ContextBundle, ContextRequest, FileEdit, Hint, Instruction,
    MovedFile, NameAnswer, NameQuestion, NewFile, Outcome, Proposal, RepoPath, TextEdit, TextRange,
};
use std::collections::BTreeSet;

/// Doubts and places that a proposal lists.
const SHOWN: usize = 20;

/// Places of the old name that one note lists.
const LEFT: usize = 5;

/// With the name in more files than this, only those that can mean the same are searched for it in texts.
const LOOKED_AT: usize = 200;

/// The operations that can be asked for.
const OPERATIONS: &[&str] = &[
    "rename",
    "extract-variable",
    "extract-constant",
    "extract-function",
    "inline",
    "move",
    "organise-imports",
    "codemod",
    "change-signature",
    "convert",
    "list",
];

/// The forms of a request, for hints.
const FORMS: &str = "write: deepcoder refactor rename src/util.py:12:9 NEW_NAME, or: deepcoder refactor rename bank.transfer move_money";

/// The plugin.
pub struct RefactorPlugin {
    manifest: PluginManifest,
}

impl RefactorPlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for RefactorPlugin {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for RefactorPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        if let Some(options) = instruction.options.as_object() {
            self.manifest.verbs.iter().try_for_each(|verb| verb.check(options))?;
        }
        match codemods::wanted(instruction) {
            Some(request) => drop(request?),
            None => drop(understood(instruction)?),
        }
        // It reads what it needs itself.
        Ok(ContextRequest::default())
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let codemod = codemods::wanted(instruction).transpose()?;
        let command = if codemod.is_none() { Some(understood(instruction)?) } else { None };
        host.progress(if codemod.is_some() { "searching for matches" } else { "following names" }, None);
        let files = HostFiles::new(host)?;
        let second = Second { host };
        let project = Project::new(&files);
        let outcome = match (codemod, command) {
            (Some(request), _) => everywhere(&project, &files, &request, (instruction, context)),
            (None, Some(command)) => {
                let asks =
                    command.operation != "list" && instruction.options.get("language_servers") != Some(&false.into());
                let project = if asks { project.with_witness(&second) } else { project };
                work(&project, &files, &command, (instruction, context))
            }
            (None, None) => Ok(Outcome::Unchanged),
        };
        // Files that could not be read any more were taken for files without the name.
        if host.cancelled() { Err(PluginError::cancelled()) } else { outcome }
    }
}

/// The language servers of the host.
struct Second<'h> {
    host: &'h dyn Host,
}

impl Witness for Second<'_> {
    fn ask(&self, question: &NameQuestion) -> Option<NameAnswer> {
        self.host.progress("asking a language server", None);
        self.host.ask_about_names(question).unwrap_or_default()
    }
}

/// The operation that the words ask for.
fn understood(instruction: &Instruction) -> Result<Command, PluginError> {
    let invalid = |message: String| Err(PluginError::new(ErrorCode::Invalid, message).with_hint(FORMS));
    let Some(command) = parse(&instruction.prompt) else {
        let first = instruction.prompt.split_whitespace().next().unwrap_or_default();
        return invalid(if OPERATIONS.contains(&first) {
            format!("`{first}` does not understand the words behind it")
        } else {
            format!("`{first}` is no refactoring; the refactorings are {}", OPERATIONS.join(", "))
        });
    };
    let needs = |what: &str| invalid(format!("`{}` needs {what}", command.operation));
    match (command.operation, &command.subject, &command.name) {
        (operation, ..) if !OPERATIONS.contains(&operation) => {
            invalid(format!("`{operation}` is not there yet; {} are", OPERATIONS.join(", ")))
        }
        (operation, Some(Subject::Name(name)), _) if operation != "organise-imports" && names_a_file(name) => {
            let message = format!("`{operation}` needs a place in `{name}`");
            let hint = format!("give the line and the column, from 1: deepcoder refactor list {name}:12:9");
            Err(PluginError::new(ErrorCode::Invalid, message).with_hint(hint))
        }
        ("rename", Some(_), None) | ("rename", None, _) => needs("what to rename and the new name"),
        ("extract-variable" | "extract-constant", Some(Subject::Name(_)), _) => needs("the place of an expression"),
        ("extract-function", Some(Subject::Name(_)), _) => needs("lines, or the place of an expression"),
        ("convert", Some(Subject::Name(_) | Subject::File(_)), _) => needs("a place, FILE:LINE:COLUMN"),
        ("organise-imports", None, _) if command.file.is_none() && instruction.targets.is_empty() => needs("a file"),
        ("organise-imports", ..) => Ok(command),
        (_, None, _) => needs("a place"),
        _ => Ok(command),
    }
}

/// Whether a word is the path of a program rather than a name.
fn names_a_file(word: &str) -> bool {
    RepoPath::new(word).is_ok_and(|path| Language::program(&path).is_some())
}

/// The operation on a target; `None` where there is none of this name.
fn request(project: &Project<'_>, command: &Command, target: Target) -> Option<Request> {
    let name = command.name.clone();
    Some(match command.operation {
        "rename" => Request::Rename { target, new_name: name? },
        "extract-variable" => Request::ExtractVariable { target, name, all: command.all, kind: VariableKind::Variable },
        "extract-constant" => Request::ExtractVariable { target, name, all: false, kind: VariableKind::Constant },
        "extract-function" => Request::ExtractFunction { target, name, visibility: None, method: false },
        "inline" if inline_function::is_function(project, &target) => {
            Request::InlineFunction { target, all: command.all }
        }
        "inline" => Request::InlineVariable { target },
        "move" => {
            let to = command.file.as_deref().map(|file| file.trim_start_matches("./").trim_end_matches('/'));
            if let Some(Subject::File(path)) = &command.subject {
                let to = RepoPath::new(to?).ok()?;
                let folder = Language::program(&to).is_none();
                let to = if folder { RepoPath::new(format!("{to}/{}", path.file_name())).ok()? } else { to };
                return Some(Request::MoveFile { path: path.clone(), to });
            }
            let to = match to {
                Some(to) => Some(RepoPath::new(to).ok()?),
                None => None,
            };
            Request::Move { target, to, qualified: false }
        }
        "change-signature" => Request::ChangeSignature { target, changes: command.changes.clone() },
        "convert" => Request::Convert { target, kind: name? },
        "organise-imports" => {
            let work = command.imports.clone()?;
            Request::OrganiseImports { target, work, style: ImportStyle::default() }
        }
        _ => return None,
    })
}

fn work(
    project: &Project<'_>,
    files: &HostFiles<'_>,
    command: &Command,
    (instruction, context): (&Instruction, &ContextBundle),
) -> Result<Outcome, PluginError> {
    let target = target(project, command, &instruction.targets)?;
    if command.operation == "list" {
        return Ok(Outcome::Answer(possible(editor::actions(project, &target))));
    }
    if command.operation == "convert" && command.name.is_none() {
        let rewrites = editor::rewrites(project, &target);
        let actions = rewrites.iter().map(|request| editor::action(project, request));
        return Ok(Outcome::Answer(possible(actions.filter(|action| action.refused.is_none()).collect())));
    }
    let old = name_at(project, &target);
    let home = target.path.clone();
    let Some(request) = request(project, command, target) else {
        return Err(PluginError::new(ErrorCode::Invalid, "there is no such operation").with_hint(FORMS));
    };
    let title = title(project, &request);
    let mut changes = run(project, &request).map_err(|refusal| error(project, &refusal))?;
    if changes.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    let own = matches!(
        request,
        Request::ExtractVariable { .. }
            | Request::ExtractFunction { .. }
            | Request::OrganiseImports { .. }
            | Request::Convert { .. }
    );
    if !own {
        doubt_what_is_not_read(project, &home, &old, &mut changes);
    }
    stay_in(&instruction.targets, &mut changes);
    let mut notes = notes(project, &changes);
    notes.append(&mut changes.notes);
    notes.extend(
        Some(&request).filter(|r| matches!(r, Request::Rename { .. })).and_then(|_| left(project, &home, &old)),
    );
    Ok(Outcome::Proposals(vec![proposal(files, title, changes, &notes, context)?]))
}

/// An operation that is about no one place.
fn everywhere(
    project: &Project<'_>,
    files: &HostFiles<'_>,
    request: &Request,
    (instruction, context): (&Instruction, &ContextBundle),
) -> Result<Outcome, PluginError> {
    let mut changes = run(project, request).map_err(|refusal| error(project, &refusal))?;
    if changes.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    let title = title(project, request);
    stay_in(&instruction.targets, &mut changes);
    let notes = notes(project, &changes);
    Ok(Outcome::Proposals(vec![proposal(files, title, changes, &notes, context)?]))
}

/// The text that the command is about.
fn target(project: &Project<'_>, command: &Command, preferred: &[RepoPath]) -> Result<Target, PluginError> {
    let missing = || PluginError::new(ErrorCode::Invalid, "it is not said what this is about").with_hint(FORMS);
    if command.imports.is_some() && command.subject.is_none() {
        let named = match &command.file {
            Some(file) => RepoPath::new(file.trim_start_matches("./")),
            None => preferred.first().cloned().map(Ok).ok_or_else(missing)?,
        };
        let path = named.map_err(|error| plugin_error(ErrorCode::Invalid, &error))?;
        let text = project.files().text(&path);
        let text = text.ok_or_else(|| plugin_error(ErrorCode::NotFound, &find::FindError::NoFile(path.clone())))?;
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        return known(Target { path, range: TextRange::new(0, end) });
    }
    let subject = command.subject.as_ref().ok_or_else(missing)?;
    // What a move names is where it goes.
    let limit = match command.file.as_ref().filter(|_| command.operation != "move") {
        Some(file) => {
            let path = RepoPath::new(file.trim_start_matches("./"));
            Some(path.map_err(|error| plugin_error(ErrorCode::Invalid, &error))?)
        }
        None => None,
    };
    if let Some(path) = limit.as_ref().filter(|path| project.files().text(path).is_none()) {
        return Err(plugin_error(ErrorCode::NotFound, &find::FindError::NoFile(path.clone())));
    }
    let found = find::target(project, subject, limit.as_ref(), preferred).and_then(|found| match subject {
        Subject::Lines(_, line, _) if !command.operation.starts_with("extract") && command.operation != "convert" => {
            find::declared_in(project, &found, *line)
        }
        _ => Ok(found),
    });
    let found = found.map_err(|error| {
        let beyond = matches!(error, find::FindError::Language { .. });
        plugin_error(if beyond { ErrorCode::Unavailable } else { ErrorCode::NotFound }, &error)
    })?;
    known(found)
}

/// A target in a language whose names can be followed.
fn known(found: Target) -> Result<Target, PluginError> {
    match Language::program(&found.path) {
        Some(language) if supports(language) => Ok(found),
        language => {
            let what = language.map_or("this kind of file", Language::name);
            let message = format!("`{}`: names of {what} cannot be followed", found.path);
            Err(PluginError::new(ErrorCode::Unavailable, message)
                .with_hint("`deepcoder edit` lets a model make the change: say it in words"))
        }
    }
}

fn plugin_error(code: ErrorCode, error: &impl Hint) -> PluginError {
    PluginError { hint: error.hint(), ..PluginError::new(code, error.to_string()) }
}

/// A refusal with its place in front.
fn error(project: &Project<'_>, refusal: &Refusal) -> PluginError {
    let message = match &refusal.place {
        Some(place) => format!("{}: {refusal}", find::place(project, &place.path, place.at.start)),
        None => refusal.to_string(),
    };
    PluginError { hint: refusal.hint.clone(), ..PluginError::new(ErrorCode::Invalid, message) }
}

/// What is possible at a place, a line for each operation.
fn possible(actions: Vec<Action>) -> Answer {
    let line = |action: &Action| match &action.refused {
        Some(why) => format!("{}: no, {why}", action.operation),
        None => {
            let (places, files) = (counted(action.places, "place"), counted(action.files, "file"));
            let doubts = match action.doubts {
                0 => String::new(),
                doubts => format!(", {}", counted(doubts, "doubt")),
            };
            format!("{}: {places} in {files}{doubts}", action.operation)
        }
    };
    Answer { text: actions.iter().map(line).collect::<Vec<_>>().join("\n"), actions, diagnostics: Vec::new() }
}

fn counted(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A person who names files wants no others changed, and is told which ones the change would need.
fn stay_in(targets: &[RepoPath], changes: &mut Changes) {
    if targets.is_empty() {
        return;
    }
    let all = std::mem::take(&mut changes.edits);
    for (path, edits) in all {
        if targets.contains(&path) {
            changes.edits.insert(path, edits);
        } else if let Some((at, _)) = edits.first() {
            changes.doubt(&path, *at, "this file needs the change as well, and is not among the named ones");
        }
    }
}

/// Files of the same language that hold the name and whose names are not known.
fn doubt_what_is_not_read(project: &Project<'_>, home: &RepoPath, name: &str, changes: &mut Changes) {
    let Some(own) = Language::program(home) else { return };
    for path in project.files().mentions(name) {
        let related = |language: Language| language == own || language.is_related(own);
        if Language::program(&path).is_some_and(related) && project.bindings(&path).is_none() {
            changes.doubt(&path, TextRange::new(0, 0), format!("this file may use `{name}`, and it cannot be read"));
        }
    }
}

/// The doubts, each with its place.
fn notes(project: &Project<'_>, changes: &Changes) -> Vec<String> {
    let mut notes: Vec<String> = changes
        .doubts
        .iter()
        .take(SHOWN)
        .map(|doubt| format!("{}: {}", find::place(project, &doubt.place.path, doubt.place.at.start), doubt.why))
        .collect();
    let more = changes.doubts.len().saturating_sub(SHOWN);
    if more > 0 {
        notes.push(format!("and {more} more places"));
    }
    notes
}

/// Where texts that are no names still say the old name.
fn left(project: &Project<'_>, home: &RepoPath, name: &str) -> Option<String> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = Vec::new();
    let mut paths = project.files().mentions(name);
    if paths.len() > LOOKED_AT {
        // Programs in other languages have names of their own.
        let own = Language::program(home);
        let related = |path: &RepoPath| {
            Language::program(path).is_none_or(|theirs| own.is_some_and(|own| own == theirs || own.is_related(theirs)))
        };
        paths.retain(related);
    }
    for path in paths {
        let Some(text) = project.files().text(&path) else { continue };
        let bindings = project.bindings(&path);
        let known: BTreeSet<u32> =
            bindings.iter().flat_map(|b| &b.references).map(|reference| reference.at.start).collect();
        let mut lines: Vec<usize> = text
            .match_indices(name)
            .filter(|(at, _)| !text[..*at].ends_with(of_name) && !text[at + name.len()..].starts_with(of_name))
            .filter(|(at, _)| !u32::try_from(*at).is_ok_and(|at| known.contains(&at)))
            .map(|(at, _)| text[..at].matches('\n').count() + 1)
            .collect();
        lines.dedup();
        places.extend(lines.into_iter().map(|line| format!("{path}:{line}")));
    }
    if places.is_empty() {
        return None;
    }
    let more = places.len().saturating_sub(LEFT);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    places.truncate(LEFT);
    Some(format!("comments, strings or other texts still say `{name}`: {}{more}", places.join(", ")))
}

fn proposal(
    files: &HostFiles<'_>,
    title: String,
    changes: Changes,
    notes: &[String],
    context: &ContextBundle,
) -> Result<Proposal, PluginError> {
    let applicability = match changes.verdict() {
        Verdict::Safe => Applicability::Safe,
        Verdict::NeedsReview | Verdict::Refused => Applicability::NeedsReview,
    };
    let mut all = Vec::new();
    for (path, edits) in changes.edits {
        let stale = || PluginError::new(ErrorCode::Stale, format!("`{path}` cannot be read any more"));
        let base_hash = files.hash(&path).ok_or_else(stale)?;
        let edits = edits.into_iter().map(|(range, replacement)| TextEdit { range, replacement }).collect();
        all.push(Change::Modify(FileEdit { path, base_hash, edits }));
    }
    all.extend(changes.renamed.into_iter().map(|(source, target)| Change::Rename(MovedFile { source, target })));
    all.extend(changes.created.into_iter().map(|(path, text)| Change::Create(NewFile { path, text })));
    Ok(Proposal {
        snapshot: context.snapshot.clone(),
        title,
        rationale: notes.join("\n"),
        applicability,
        changes: all,
        checks: Vec::new(),
        constraint: Some(Constraint::Refactoring),
    })
}
