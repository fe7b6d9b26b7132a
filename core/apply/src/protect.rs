//! Files that steer tools, hooks or agents. An edit of theirs could run code or widen its own rights later on.

use deepcoder_types::RepoPath;

/// Why `path` is protected, whether it exists or not; `None` when it is not.
///
/// Compared the way that case-insensitive file systems compare: `.VSCode/Tasks.json` is the same file on some disks.
#[must_use]
pub fn protected(path: &RepoPath) -> Option<&'static str> {
    let folded = fold(path.as_str());
    let parts: Vec<&str> = folded.split('/').map(|p| p.trim_end_matches([' ', '.'])).collect();
    let (name, folders) = parts.split_last()?;
    if parts.iter().any(|p| *p == ".git" || *p == "git~1") {
        return Some("it belongs to git");
    }
    for (i, folder) in folders.iter().enumerate() {
        if let Some(reason) = anywhere(folder) {
            return Some(reason);
        }
        let below = *folders.get(i + 1).unwrap_or(name);
        let holds = match *folder {
            ".github" => [
                "workflows",
                "actions",
                "agents",
                "chatmodes",
                "instructions",
                "prompts",
                "copilot-instructions.md",
                "dependabot.yml",
                "dependabot.yaml",
            ]
            .contains(&below),
            ".gitea" | ".forgejo" => ["workflows", "actions"].contains(&below),
            _ => false,
        };
        if holds {
            return Some("it steers continuous integration or an agent");
        }
    }
    anywhere(name).or_else(|| {
        const FILES: &[(&str, &str)] = &[
            (".gitmodules", "it tells git what to fetch"),
            (".gitconfig", "it configures git"),
            (".lfsconfig", "it configures git"),
            (".gitlab-ci.yml", CI),
            (".travis.yml", CI),
            (".drone.yml", CI),
            (".woodpecker.yml", CI),
            (".cirrus.yml", CI),
            ("appveyor.yml", CI),
            (".appveyor.yml", CI),
            ("azure-pipelines.yml", CI),
            ("bitbucket-pipelines.yml", CI),
            ("jenkinsfile", CI),
            (".pre-commit-config.yaml", HOOK),
            (".pre-commit-config.yml", HOOK),
            (".pre-commit-hooks.yaml", HOOK),
            ("prek.toml", HOOK),
            ("deepcoder.toml", HOOK),
            (".overcommit.yml", HOOK),
            (".simple-git-hooks.json", HOOK),
            (".envrc", "it runs when the folder is entered"),
            ("agents.md", AGENT),
            ("agents.override.md", AGENT),
            ("claude.md", AGENT),
            ("claude.local.md", AGENT),
            ("gemini.md", AGENT),
            (".cursorrules", AGENT),
            (".windsurfrules", AGENT),
            (".clinerules", AGENT),
            (".roorules", AGENT),
            (".goosehints", AGENT),
            (".mcp.json", AGENT),
            ("opencode.json", AGENT),
            ("opencode.jsonc", AGENT),
            (".aiignore", "it keeps files from the model"),
        ];
        FILES.iter().find(|(file, _)| file == name).map(|(_, reason)| *reason)
    })
}

const CI: &str = "it steers continuous integration";
const HOOK: &str = "it runs as a git hook";
const AGENT: &str = "it steers agents";

/// Names that are protected as a folder and as a file, at any depth.
fn anywhere(name: &str) -> Option<&'static str> {
    match name {
        ".circleci" | ".buildkite" | ".woodpecker" | ".ci" | ".gitlab" => Some(CI),
        ".husky" | ".githooks" | ".hooks" => Some(HOOK),
        ".vscode" | ".idea" | ".devcontainer" => Some("its tasks run in the editor"),
        ".claude" | ".codex" | ".gemini" | ".continue" | ".roo" | ".kiro" | ".agents" | ".deepcoder" | ".opencode"
        | ".amazonq" | ".junie" | ".trae" | ".zed" => Some(AGENT),
        _ if hook_manager(name) => Some(HOOK),
        _ if name.starts_with(".cursor") || name.starts_with(".windsurf") || name.starts_with(".aider") => Some(AGENT),
        _ => None,
    }
}

/// Lefthook and lint-staged take their settings from files of many endings.
fn hook_manager(name: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    ["lefthook.", "lefthook-local.", "lintstagedrc", "lint-staged.config."].iter().any(|start| name.starts_with(start))
}

/// Case folding with the characters left out that file systems ignore. The names above are ASCII, and no composed
/// character is canonically equal to ASCII text, so that a full normalisation would find nothing more.
fn fold(text: &str) -> String {
    // Upper case first: `ſ` and the Kelvin sign fold to `s` and `k` only by way of it.
    text.chars().filter(|c| !ignorable(*c)).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Default-ignorable code points, which HFS+ and the case folding of ext4 and f2fs skip.
const fn ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(path: &str) -> Option<&'static str> {
        protected(&RepoPath::new(path).unwrap())
    }

    /// Protects S4: no edit may plant a hook, a CI step or orders for an agent, however its name is spelled.
    #[test]
    fn steering_files_are_protected_in_every_spelling() {
        for path in [
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/x.yml",
            ".github/workflows",
            "sub/.github/actions/a/action.yml",
            ".vscode/tasks.json",
            ".v\u{17f}code/taskſ.json",
            ".hus\u{212a}y/pre-commit",
            ".cla\u{200b}ude/settings.json",
            ".g\u{200c}it/config",
            "deep/AGENTS.md",
            "claude.MD",
            ".cursor/rules/x.mdc",
            ".cursorrules",
            ".ci/run",
            "Jenkinsfile",
            ".pre-commit-config.yaml",
            ".envrc",
            "sub/DeepCoder.toml",
            ".lefthook-local.yaml",
            "lefthook.json",
            "lint-staged.config.mjs",
            ".github/agents/review.md",
            "OPENCODE.json",
        ] {
            assert!(reason(path).is_some(), "{path:?} is not protected");
        }
        for path in [
            "src/main.rs",
            ".github/ISSUE_TEMPLATE.md",
            ".gitignore",
            "docs/agents.txt",
            "ci/run",
            "cursor.py",
            "src/lefthook_parser.rs",
        ] {
            assert_eq!(reason(path), None, "{path:?} is protected");
        }
    }
}
