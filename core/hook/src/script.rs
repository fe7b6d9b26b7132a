//! The script that git runs as a hook.

use crate::config::HookType;
use deepcoder_types::ContentHash;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// How the name of a hook that was there before goes on.
pub(crate) const BEFORE: &str = ".before-deepcoder";

const FIRST: &str = "#!/bin/sh\n# deepcoder hook 1: ";
const SUM: &[u8] = b"\n# sum: ";

/// Whether a file is a script of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    /// No.
    No,
    /// As it was written.
    Intact,
    /// The user has edited it.
    Changed,
}

/// The script for `hook` that runs `executable`. `guarded`: the hook from before would call us again when it is itself
/// called by pre-commit.
pub(crate) fn script(hook: HookType, executable: &Path, guarded: bool) -> Vec<u8> {
    let name = hook.name();
    let guard = if guarded { " && [ -z \"${PRE_COMMIT_RUNNING_LEGACY-}\" ]" } else { "" };
    // Only this hook is told something on its standard input, which two programs want to read then.
    let (prepare, input) = match hook {
        HookType::PrePush => {
            ("input=$(mktemp) || exit 1\ntrap 'rm -f \"$input\"' EXIT\ncat >\"$input\"\n", " <\"$input\"")
        }
        _ => ("", ""),
    };
    let mut body = Vec::new();
    body.extend(format!("original=\"$(dirname -- \"$0\")/{name}{BEFORE}\"\n{prepare}").bytes());
    body.extend(format!("if [ -x \"$original\" ]{guard}; then\n    \"$original\" \"$@\"{input} || exit\nfi\n").bytes());
    body.extend(b"deepcoder=");
    body.extend(quoted(executable.as_os_str().as_bytes()));
    body.extend(b"\n[ -x \"$deepcoder\" ] || deepcoder=$(command -v deepcoder) || {\n");
    body.extend(
        format!("    echo \"warning: deepcoder is gone, so that its {name} hook checks nothing\" >&2\n").bytes(),
    );
    body.extend(b"    exit 0\n}\n");
    body.extend(format!("\"$deepcoder\" hook run --type {name} -- \"$@\"{input}\n").bytes());
    let mut text = format!(
        "{FIRST}{name}\n# Made by `deepcoder hook install`; `deepcoder hook uninstall` puts back what was here."
    );
    text.push_str(&format!("{}{}\n", String::from_utf8_lossy(SUM), ContentHash::of(&body)));
    [text.as_bytes(), &body].concat()
}

/// Whether `bytes` is a script of ours.
pub(crate) fn recognise(bytes: &[u8]) -> Ours {
    if !bytes.starts_with(FIRST.as_bytes()) {
        return Ours::No;
    }
    let Some(at) = bytes.windows(SUM.len()).position(|window| window == SUM) else { return Ours::Changed };
    let rest = &bytes[at + SUM.len()..];
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let body = rest.get(end + 1..).unwrap_or_default();
    let sum = ContentHash::of(body).to_string();
    if rest[..end] == *sum.as_bytes() { Ours::Intact } else { Ours::Changed }
}

/// For a shell: as it is, whatever is in it.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => text.extend(b"'\\''"),
            byte => text.push(*byte),
        }
    }
    text.push(b'\'');
    text
}
