//! Gathering for one run of a plugin.

use crate::budget::Budget;
use crate::target::{self, Target, overlap};
use crate::{Context, Count, GatherError, cut, file_hashes, whole};
use deepcoder_syntax::{Language, symbols};
use deepcoder_types::{Cancel, ContextBundle, ContextRequest, Instruction, RepoPath, Snippet};
use deepcoder_workspace::{ReadError, TextFile};
use globset::GlobBuilder;

/// Longer instructions of a repository are left out: 32 KiB.
pub const MAX_INSTRUCTIONS: usize = 32 << 10;

/// Where a repository tells programs like us how to work in it; the first that is there counts.
const INSTRUCTIONS: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];

/// Files taken as targets when none are given.
const FOUND_TARGETS: usize = 3;

/// The share of the budget for what a target imports and for the signatures of other targets.
const RELATED_SHARE: u32 = 8;

/// A file to be read is shown whole up to this share of the budget.
const READ_SHARE: u32 = 3;

/// Files whose signatures are shown when no targets are given, and how many signatures of each.
const MAP_FILES: usize = 12;
const MAP_SIGNATURES: usize = 12;

/// A bundle, and what is worth telling the user about it.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The context for the model.
    pub bundle: ContextBundle,
    /// Notes on the parts that were left out and why, and on the files that were found; lower case, without a full
    /// stop.
    pub notes: Vec<String>,
}

impl Context<'_> {
    /// As [`Context::gather_with_notes`], without the notes.
    pub fn gather(
        &self,
        instruction: &Instruction,
        request: &ContextRequest,
        count: Count<'_>,
        cancel: &Cancel,
    ) -> Result<ContextBundle, GatherError> {
        self.gather_with_notes(instruction, request, count, cancel).map(|gathered| gathered.bundle)
    }

    /// Targets first (origin `target`; signatures of a file that does not fit whole have the origin `outline`), then the
    /// repository's instructions, symbols and globs. The sum of the tokens of the snippets is at most the budget.
    /// Without targets the files that the prompt is about are found, and signatures of others like them are added.
    pub fn gather_with_notes(
        &self,
        instruction: &Instruction,
        request: &ContextRequest,
        count: Count<'_>,
        cancel: &Cancel,
    ) -> Result<Gathered, GatherError> {
        self.gather_beside(instruction, &[], request, count, cancel)
    }

    /// The same, with the signatures of `others`: the targets that runs of their own edit.
    pub fn gather_beside(
        &self,
        instruction: &Instruction,
        others: &[RepoPath],
        request: &ContextRequest,
        count: Count<'_>,
        cancel: &Cancel,
    ) -> Result<Gathered, GatherError> {
        let mut run = Run {
            context: self.clone(),
            budget: Budget::new(request.token_budget, count),
            cancel,
            notes: Vec::new(),
            snippets: Vec::new(),
            files: Vec::new(),
            listed: None,
        };
        let mut related = Vec::new();
        if instruction.targets.is_empty() {
            related = run.find(instruction)?;
        } else {
            run.targets(instruction)?;
        }
        run.reads(instruction, request.token_budget / READ_SHARE)?;
        run.instructions()?;
        if !instruction.targets.is_empty() {
            run.related(instruction, others, request.token_budget / RELATED_SHARE)?;
        }
        for name in &request.symbols {
            run.symbol(name)?;
        }
        for glob in &request.globs {
            run.glob(glob)?;
        }
        run.map(&related, request.token_budget / 8)?;
        let snapshot = self.tree.snapshot_id(&file_hashes(&run.snippets));
        let bundle = ContextBundle { snapshot, snippets: run.snippets, token_budget: request.token_budget };
        Ok(Gathered { bundle, notes: run.notes })
    }
}

struct Run<'a> {
    context: Context<'a>,
    budget: Budget<'a>,
    cancel: &'a Cancel,
    notes: Vec<String>,
    snippets: Vec<Snippet>,
    /// The targets as they were read.
    files: Vec<TextFile>,
    listed: Option<Vec<RepoPath>>,
}

impl Run<'_> {
    fn targets(&mut self, instruction: &Instruction) -> Result<(), GatherError> {
        let mut targets: Vec<Target> = Vec::new();
        for (index, path) in instruction.targets.iter().enumerate() {
            self.cancel.check()?;
            if targets.iter().any(|t| t.file.path == *path) {
                continue;
            }
            let file = match self.context.admit(path) {
                Err(GatherError::Read(ReadError::Missing { .. })) => {
                    self.notes.push(format!("`{path}` does not exist yet"));
                    continue;
                }
                file => file?,
            };
            self.files.push(file.clone());
            let selection = instruction.selection.filter(|_| index == 0);
            if let Some(range) = selection
                && (range.start > range.end || file.text.get(range.as_range()).is_none())
            {
                return Err(GatherError::Selection { path: path.clone(), start: range.start, end: range.end });
            }
            targets.push(Target::new(file, selection, &self.budget)?);
        }
        let snippets = target::pack(targets, &instruction.prompt, &mut self.budget, &mut self.notes)?;
        self.snippets.extend(snippets);
        Ok(())
    }

    /// Takes the best files as targets, as far as they fit, and returns the others.
    fn find(&mut self, instruction: &Instruction) -> Result<Vec<RepoPath>, GatherError> {
        let ranked = self.context.rank(&instruction.prompt, FOUND_TARGETS + MAP_FILES, self.cancel)?;
        let best = ranked.first().map_or(0.0, |r| r.score);
        let mut too_large = None;
        let mut rest = Vec::new();
        for (index, found) in ranked.into_iter().enumerate() {
            self.cancel.check()?;
            // Files that are much less likely only distract.
            if index >= FOUND_TARGETS || found.score < best / 2.0 {
                rest.push(found.path);
                continue;
            }
            let packed = self.context.admit(&found.path).and_then(|file| {
                let target = Target::new(file, None, &self.budget)?;
                target::pack(vec![target], &instruction.prompt, &mut self.budget, &mut self.notes)
            });
            match packed {
                Ok(snippets) => {
                    self.notes.push(format!("found `{}`", found.path));
                    self.snippets.extend(snippets);
                }
                Err(error @ (GatherError::Count(_) | GatherError::Cancelled(_))) => return Err(error),
                Err(error) => {
                    self.notes.push(format!("left out `{}`: {error}", found.path));
                    rest.push(found.path);
                    too_large = too_large.or(Some(error));
                }
            }
        }
        match too_large {
            Some(error) if self.snippets.is_empty() => Err(error),
            _ => Ok(rest),
        }
    }

    /// Adds the files that the user wants read, whole where they are short enough.
    fn reads(&mut self, instruction: &Instruction, most: u32) -> Result<(), GatherError> {
        for path in instruction.reads.iter().filter(|path| !instruction.targets.contains(path)) {
            self.cancel.check()?;
            let file = self.context.admit(path)?;
            let fits = self.budget.tokens(&file.text)? <= most;
            if !fits {
                self.notes.push(format!("`{path}` does not fit whole: only its signatures are shown"));
            }
            for snippet in self.context.to_read(&file, fits) {
                self.push(snippet)?;
            }
        }
        Ok(())
    }

    /// Definitions that the prompt names, signatures of what the targets import, and those of `others`.
    fn related(&mut self, instruction: &Instruction, others: &[RepoPath], most: u32) -> Result<(), GatherError> {
        let files = self.listed()?;
        let mut found = Vec::new();
        for target in std::mem::take(&mut self.files) {
            self.cancel.check()?;
            found.extend(self.context.named_elsewhere(&instruction.prompt, &target, &files));
            found.extend(self.context.imported(&target, &files));
        }
        for path in others {
            found.extend(self.context.outline(path));
        }
        self.listed = Some(files);
        let mut part = self.budget.part(most);
        for snippet in found {
            let seen = |s: &Snippet| s.path == snippet.path && overlap(s.range, snippet.range);
            if self.snippets.iter().any(seen) {
                continue;
            }
            let before = part.left();
            if part.push(&mut self.snippets, snippet)?.is_err() {
                self.notes.push("not everything that the files import is shown: no room".to_owned());
                break;
            }
            self.budget.take(before - part.left());
        }
        Ok(())
    }

    fn listed(&mut self) -> Result<Vec<RepoPath>, GatherError> {
        match self.listed.take() {
            Some(files) => Ok(files),
            None => Ok(self.context.tree.files()?),
        }
    }

    fn instructions(&mut self) -> Result<(), GatherError> {
        for name in INSTRUCTIONS {
            let Ok(path) = RepoPath::new(name) else { continue };
            if !self.context.tree.exists(&path) {
                continue;
            }
            match self.context.admit(&path) {
                Ok(file) if file.text.len() > MAX_INSTRUCTIONS => {
                    let size = file.text.len();
                    self.notes.push(format!("left out `{name}`: {size} bytes, and {MAX_INSTRUCTIONS} are allowed"));
                }
                Ok(file) => self.push(whole(&file, "instructions"))?,
                Err(error) => self.notes.push(format!("left out `{name}`: {error}")),
            }
            break;
        }
        Ok(())
    }

    fn symbol(&mut self, name: &str) -> Result<(), GatherError> {
        let found = self.context.definitions(name, 8, self.cancel)?;
        let exact: Vec<_> = found.into_iter().filter(|(_, s)| s.name == name || s.qualified == name).collect();
        if exact.is_empty() {
            self.notes.push(format!("no definition of `{name}`"));
        }
        for (file, symbol) in exact {
            if let Some(snippet) = cut(&file, symbol.range, format!("symbol:{name}")) {
                self.push(snippet)?;
            }
        }
        Ok(())
    }

    fn glob(&mut self, glob: &str) -> Result<(), GatherError> {
        if let Err(why) = deepcoder_types::check_glob(glob) {
            self.notes.push(format!("a glob cannot be used: {why}"));
            return Ok(());
        }
        let matcher = match GlobBuilder::new(glob).literal_separator(true).build() {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => {
                self.notes.push(format!("`{glob}` is not a glob: {}", error.kind()));
                return Ok(());
            }
        };
        let files = self.listed()?;
        let mut matched = false;
        for path in files.iter().filter(|p| p.as_str() == glob || matcher.is_match(p.as_str())) {
            self.cancel.check()?;
            matched = true;
            match self.context.admit(path) {
                Ok(file) => self.push(whole(&file, format!("glob:{glob}")))?,
                Err(error) => self.notes.push(format!("left out `{path}`: {error}")),
            }
        }
        if !matched {
            self.notes.push(format!("no visible file matches `{glob}`"));
        }
        self.listed = Some(files);
        Ok(())
    }

    fn map(&mut self, related: &[RepoPath], most: u32) -> Result<(), GatherError> {
        let mut part = self.budget.part(most);
        for path in related {
            self.cancel.check()?;
            let Some(language) = Language::program(path) else { continue };
            let Ok(file) = self.context.admit(path) else { continue };
            let found = symbols(language, &file.text);
            for signature in target::signatures(&file, &found).take(MAP_SIGNATURES) {
                let before = part.left();
                if part.push(&mut self.snippets, signature)?.is_err() {
                    self.notes.push(format!("the map of the repository ends at `{path}`: no room"));
                    return Ok(());
                }
                self.budget.take(before - part.left());
            }
        }
        Ok(())
    }

    /// Add something that may be left out. Nothing is shown twice: what is already shown is not added, and parts of it
    /// that are shown are evicted, except targets.
    fn push(&mut self, snippet: Snippet) -> Result<(), GatherError> {
        let name = format!("`{}` ({})", snippet.path, snippet.origin);
        let meets = |s: &Snippet| s.path == snippet.path && overlap(s.range, snippet.range);
        let covers = |s: &Snippet| s.range.start <= snippet.range.start && snippet.range.end <= s.range.end;
        if self.snippets.iter().any(|s| meets(s) && covers(s)) {
            return Ok(());
        }
        if self.snippets.iter().any(|s| meets(s) && s.origin == "target") {
            self.notes.push(format!("left out {name}: a part of it is a target"));
            return Ok(());
        }
        let (parts, kept): (Vec<_>, Vec<_>) = self.snippets.drain(..).partition(|s| meets(s));
        self.snippets = kept;
        let mut freed = 0;
        for part in &parts {
            freed += self.budget.tokens(&part.text)?;
        }
        self.budget.give_back(freed);
        if let Err(tokens) = self.budget.push(&mut self.snippets, snippet)? {
            self.budget.take(freed);
            self.snippets.extend(parts);
            self.notes.push(format!("left out {name}: {tokens} tokens, and {} are left", self.budget.left()));
        }
        Ok(())
    }
}
