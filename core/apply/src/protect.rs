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
        if let Some(reason) = inside(folder, below) {
            return Some(reason);
        }
    }
    anywhere(name).or_else(|| FILES.iter().find(|(file, _)| file == name).map(|(_, reason)| *reason))
}

const CI: &str = "it steers continuous integration";
const HOOK: &str = "it runs as a git hook";
const AGENT: &str = "it steers agents";

const GIT: &str = "it configures git";
const ENTER: &str = "it runs when the folder is entered";
const EDITOR: &str = "it runs in the editor";
const START: &str = "it runs when a tool starts here";
const IGNORE: &str = "it keeps files from the model";

/// Files that are protected in any folder.
const FILES: &[(&str, &str)] = &[
    (".gitmodules", "it tells git what to fetch"),
    (".gitattributes", GIT),
    (".gitconfig", GIT),
    (".lfsconfig", GIT),
    (".gitlab-ci.yml", CI),
    (".travis.yml", CI),
    (".drone.yml", CI),
    (".drone.star", CI),
    (".drone.jsonnet", CI),
    (".woodpecker.yml", CI),
    (".woodpecker.yaml", CI),
    (".cirrus.yml", CI),
    (".cirrus.star", CI),
    ("appveyor.yml", CI),
    (".appveyor.yml", CI),
    ("azure-pipelines.yml", CI),
    ("azure-pipelines.yaml", CI),
    ("bitbucket-pipelines.yml", CI),
    ("jenkinsfile", CI),
    ("cloudbuild.yaml", CI),
    ("cloudbuild.yml", CI),
    ("buildspec.yml", CI),
    ("codemagic.yaml", CI),
    ("bitrise.yml", CI),
    (".build.yml", CI),
    ("screwdriver.yaml", CI),
    ("renovate.json", CI),
    ("renovate.json5", CI),
    (".renovaterc", CI),
    (".renovaterc.json", CI),
    (".mergify.yml", CI),
    ("codeowners", "it says who reviews changes"),
    (".pre-commit-config.yaml", HOOK),
    (".pre-commit-config.yml", HOOK),
    (".pre-commit-hooks.yaml", HOOK),
    ("prek.toml", HOOK),
    ("hk.pkl", HOOK),
    ("deepcoder.toml", HOOK),
    (".overcommit.yml", HOOK),
    ("captainhook.json", HOOK),
    (".rusty-hook.toml", HOOK),
    ("cog.toml", HOOK),
    (".envrc", ENTER),
    (".autoenv", ENTER),
    (".autoenv.zsh", ENTER),
    ("devbox.json", ENTER),
    ("devenv.nix", ENTER),
    (".exrc", EDITOR),
    (".nvimrc", EDITOR),
    (".nvim.lua", EDITOR),
    (".vimrc", EDITOR),
    (".lvimrc", EDITOR),
    (".dir-locals.el", EDITOR),
    (".dir-locals-2.el", EDITOR),
    (".yarnrc", START),
    (".yarnrc.yml", START),
    (".npmrc", START),
    (".pnpmfile.cjs", START),
    (".pnpmfile.mjs", START),
    ("bunfig.toml", START),
    (".bazelrc", START),
    (".buckconfig", START),
    ("rust-toolchain", START),
    ("rust-toolchain.toml", START),
    (".gdbinit", START),
    (".lldbinit", START),
    (".rprofile", START),
    (".irbrc", START),
    (".pryrc", START),
    ("sitecustomize.py", START),
    ("usercustomize.py", START),
    ("agent.md", AGENT),
    ("agents.md", AGENT),
    ("agents.override.md", AGENT),
    ("claude.md", AGENT),
    ("claude.local.md", AGENT),
    ("gemini.md", AGENT),
    ("qwen.md", AGENT),
    ("crush.md", AGENT),
    ("warp.md", AGENT),
    ("replit.md", AGENT),
    (".replit", AGENT),
    (".clinerules", AGENT),
    (".roorules", AGENT),
    (".roomodes", AGENT),
    (".kilocodemodes", AGENT),
    (".goosehints", AGENT),
    (".rules", AGENT),
    (".mcp.json", AGENT),
    ("mcp.json", AGENT),
    ("opencode.json", AGENT),
    ("opencode.jsonc", AGENT),
    ("crush.json", AGENT),
    (".crush.json", AGENT),
    ("firebender.json", AGENT),
    ("gemini-extension.json", AGENT),
    (".aiignore", IGNORE),
    (".deepcoderignore", IGNORE),
    (".aiexclude", IGNORE),
    (".geminiignore", IGNORE),
    (".clineignore", IGNORE),
    (".rooignore", IGNORE),
    (".kilocodeignore", IGNORE),
    (".codeiumignore", IGNORE),
    (".augmentignore", IGNORE),
    (".continueignore", IGNORE),
    (".copilotignore", IGNORE),
    (".llmignore", IGNORE),
    (".qwenignore", IGNORE),
    (".crushignore", IGNORE),
];

/// Names that are protected as a folder and as a file, at any depth.
fn anywhere(name: &str) -> Option<&'static str> {
    match name {
        ".hg" | ".svn" | ".jj" => Some("it belongs to a version control system"),
        ".circleci" | ".buildkite" | ".woodpecker" | ".ci" | ".gitlab" | ".semaphore" | ".tekton" | ".teamcity"
        | ".harness" | ".builds" | "bamboo-specs" => Some(CI),
        ".husky" | ".githooks" | ".git-hooks" | ".hooks" | ".huskyrc" => Some(HOOK),
        ".vscode" | ".idea" | ".devcontainer" | ".devcontainer.json" | ".vs" | ".fleet" => {
            Some("its tasks run in the editor")
        }
        ".mvn" | ".yarn" | ".bundle" => Some(START),
        ".mise" | ".rtx" => Some(ENTER),
        ".claude" | ".codex" | ".gemini" | ".continue" | ".roo" | ".kiro" | ".agents" | ".agent" | ".deepcoder"
        | ".opencode" | ".amazonq" | ".junie" | ".trae" | ".zed" | ".clinerules" | ".cline" | ".kilocode"
        | ".augment" | ".goose" | ".qwen" | ".crush" | ".warp" | ".factory" | ".openhands" | ".firebender"
        | ".qodo" | ".tabnine" | ".copilot" | ".cody" | ".jules" | ".bolt" => Some(AGENT),
        _ if hook_manager(name) => Some(HOOK),
        _ if mise(name) => Some(ENTER),
        _ if name.ends_with(".code-workspace") => Some("its tasks run in the editor"),
        _ if name.starts_with(".cursor") || name.starts_with(".windsurf") || name.starts_with(".aider") => Some(AGENT),
        _ => None,
    }
}

/// Why a file is protected that is so in one kind of folder only.
fn inside(folder: &str, below: &str) -> Option<&'static str> {
    const GITHUB: [&str; 13] = [
        "workflows",
        "actions",
        "agents",
        "chatmodes",
        "copilot",
        "hooks",
        "instructions",
        "prompts",
        "skills",
        "copilot-instructions.md",
        "dependabot.yml",
        "dependabot.yaml",
        "renovate.json",
    ];
    match folder {
        ".github" if GITHUB.contains(&below) => Some("it steers continuous integration or an agent"),
        ".gitea" | ".forgejo" if matches!(below, "workflows" | "actions") => Some(CI),
        ".cargo" if matches!(below, "config" | "config.toml") => Some(START),
        ".config" | "mise" if mise(below) || below == "mise" => Some(ENTER),
        "mise" if below == "config.toml" => Some(ENTER),
        _ => None,
    }
}

/// `mise.toml`, `.mise.local.toml` and so on. It may be told to run programs when the folder is entered.
fn mise(name: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    ["mise.", "rtx."].iter().any(|start| name.starts_with(start)) && name.ends_with(".toml")
}

/// Lefthook and lint-staged take their settings from files of many endings.
fn hook_manager(name: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    let starts =
        ["lefthook.", "lefthook-local.", "lintstagedrc", "lint-staged.config.", "simple-git-hooks.", "commitlint"];
    starts.iter().any(|start| name.starts_with(start))
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
            ".deepcoderignore",
            "sub/.DeepcoderIgnore",
            ".clinerules/rule.md",
            "mise.toml",
            ".mise.local.toml",
            ".config/mise/config.toml",
            ".cargo/config.toml",
            "crates/a/.cargo/config",
            ".yarnrc.yml",
            ".gitattributes",
            ".github/copilot-instructions.md",
            ".github/hooks/x.json",
            "GEMINI.md",
            ".aider.conf.yml",
            ".claude/settings.json",
            ".mcp.json",
            ".windsurf/rules/a.md",
            ".npmrc",
            ".kilocode/rules/a.md",
            ".roomodes",
            "app.code-workspace",
            ".geminiignore",
            ".mvn/jvm.config",
            ".simple-git-hooks.cjs",
            ".hg/hgrc",
            "rust-toolchain.toml",
            ".nvim.lua",
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
            "Makefile",
            "Cargo.toml",
            ".cargo/audit.toml",
            "src/mise.rs",
            "docs/mise.md",
            "src/agents/mod.rs",
            "package.json",
            "conftest.py",
            "src/config.toml",
        ] {
            assert_eq!(reason(path), None, "{path:?} is protected");
        }
    }
}
