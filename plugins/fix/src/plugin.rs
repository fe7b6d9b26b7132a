//! The plugin: the output of tools in, a proposal with exact edits out.

use crate::tree::HostFiles;
use crate::{Finding, Fixed, read, repair};
use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_types::{
    Answer, Applicability, Change, ContextBundle, ContextRequest, FileEdit, Instruction, Outcome, Proposal,
};

/// Findings that an answer or a proposal lists.
const SHOWN: usize = 20;

/// The plugin.
pub struct FixPlugin {
    manifest: PluginManifest,
}

impl FixPlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for FixPlugin {
    fn default() -> Self {
        Self::new()
    }
}

/// What a tool printed.
fn given(instruction: &Instruction) -> Result<String, PluginError> {
    let option = instruction.options.get("error").and_then(serde_json::Value::as_str).unwrap_or_default();
    let text = if option.is_empty() { instruction.prompt.clone() } else { option.to_owned() };
    if text.trim().is_empty() {
        return Err(PluginError::new(ErrorCode::Invalid, "it is not said what to fix")
            .with_hint("give it what a tool printed: deepcoder checks run --json | deepcoder fix --error -"));
    }
    Ok(text)
}

impl Plugin for FixPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        if let Some(options) = instruction.options.as_object() {
            self.manifest.verbs.iter().try_for_each(|verb| verb.check(options))?;
        }
        given(instruction)?;
        // It reads what it needs itself.
        Ok(ContextRequest::default())
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let outcome = work(instruction, context, host);
        // Files that could not be read any more were taken for files without findings.
        if host.cancelled() { Err(PluginError::cancelled()) } else { outcome }
    }
}

fn work(instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
    let given = given(instruction)?;
    let files = HostFiles::new(host)?;
    host.progress("reading findings", None);
    let mut findings = read(&given, &files);
    if !instruction.targets.is_empty() {
        findings.retain(|finding| instruction.targets.contains(&finding.path));
    }
    if findings.is_empty() {
        return Ok(Outcome::Answer(Answer::words("no finding is about a file of this repository")));
    }
    let (mut fixes, mut open) = (Vec::new(), Vec::new());
    for finding in &findings {
        if host.cancelled() {
            return Err(PluginError::cancelled());
        }
        match repair(&files, finding) {
            Some(fix) => fixes.push(fix),
            None => open.push(finding),
        }
    }
    let mut fixed = Fixed::new(&files, fixes);
    if !instruction.targets.is_empty() && fixed.edits.keys().any(|path| !instruction.targets.contains(path)) {
        fixed.doubts.push("a fix needs a file that is not among the named ones".to_owned());
    }
    if fixed.edits.is_empty() {
        let mut lines = vec![format!("no fix without a model for {}:", counted(findings.len(), "finding"))];
        lines.extend(listed(&open));
        return Ok(Outcome::Answer(Answer::words(lines.join("\n"))));
    }
    proposal(&files, &fixed, &open, context).map(|proposal| Outcome::Proposals(vec![proposal]))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Findings, a line for each.
fn listed(findings: &[&Finding]) -> Vec<String> {
    let line = |finding: &&Finding| format!("{}:{}: {}", finding.path, finding.line, finding.message);
    let mut lines: Vec<String> = findings.iter().take(SHOWN).map(line).collect();
    if findings.len() > SHOWN {
        lines.push(format!("and {} more", findings.len() - SHOWN));
    }
    lines
}

fn proposal(
    files: &HostFiles<'_>,
    fixed: &Fixed,
    open: &[&Finding],
    context: &ContextBundle,
) -> Result<Proposal, PluginError> {
    let mut changes = Vec::new();
    for (path, edits) in &fixed.edits {
        let stale = || PluginError::new(ErrorCode::Stale, format!("`{path}` cannot be read any more"));
        let base_hash = files.hash(path).ok_or_else(stale)?;
        changes.push(Change::Modify(FileEdit { path: path.clone(), base_hash, edits: edits.clone() }));
    }
    let mut notes = fixed.doubts.clone();
    if fixed.left > 0 {
        let again = "they touch another fix or break the file: run it again afterwards";
        notes.push(format!("{} left out: {again}", counted(fixed.left, "fix").replace("fixs", "fixes")));
    }
    if !open.is_empty() {
        notes.push(format!("{} without a fix:", counted(open.len(), "finding")));
        notes.extend(listed(open));
    }
    let applicability = if fixed.doubts.is_empty() { Applicability::Safe } else { Applicability::NeedsReview };
    Ok(Proposal {
        snapshot: context.snapshot.clone(),
        title: format!("Fix {}", counted(fixed.applied, "finding")),
        rationale: notes.join("\n"),
        applicability,
        changes,
        checks: Vec::new(),
        constraint: None,
    })
}
