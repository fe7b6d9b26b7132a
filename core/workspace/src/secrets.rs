//! What must not reach a model: files by their names, and text by its look.

use deepcoder_types::RepoPath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::Regex;
use std::sync::OnceLock;

/// Matched against the file name, without regard to case.
const NAMES: &[&str] = &[
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.asc",
    "*.gpg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".vault-token",
    ".boto",
    "credentials*",
    "secrets.*",
    ".secrets",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfvars",
    "*.ovpn",
    "*.keytab",
    "service-account*.json",
    "service_account*.json",
    "kubeconfig",
];

/// Folders, anywhere on the way, without regard to case.
const FOLDERS: &[&str] = &[".aws", ".ssh", ".gnupg", ".kube", ".docker", ".azure", ".secrets"];

/// Examples for people to copy.
const SHOWN: &[&str] = &[
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    ".env.defaults",
    "example.env",
    "sample.env",
    "*.tfvars.example",
    "*.pub",
];

/// `credentials.rs` and `secrets.go` are program text: what they hold is judged by [`find_secret`] instead. (Scripts are
/// not in the list: `secrets.py` is where some platforms keep passwords.)
const PROGRAM_TEXT: &[&str] =
    &["rs", "go", "java", "kt", "ts", "tsx", "c", "h", "cc", "cpp", "cxx", "hpp", "cs", "scala", "swift", "md", "rst"];

/// Text that looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretFound {
    /// What it looks like, for a message.
    pub what: &'static str,
    /// The byte where it begins.
    pub offset: usize,
    /// Its line, from 1.
    pub line: usize,
}

/// Whether the name of `path` says that it holds secrets.
#[must_use]
pub fn is_secret_path(path: &RepoPath) -> bool {
    static GLOBS: OnceLock<(GlobSet, GlobSet)> = OnceLock::new();
    let (names, shown) = GLOBS.get_or_init(|| (globs(NAMES), globs(SHOWN)));
    let (folders, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    if folders.split('/').any(|f| FOLDERS.iter().any(|s| s.eq_ignore_ascii_case(f))) {
        return true;
    }
    if !names.is_match(name) || shown.is_match(name) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let named_for_them = stem.starts_with("credentials") || stem == "secrets";
    let program = path.extension().is_some_and(|e| PROGRAM_TEXT.iter().any(|p| p.eq_ignore_ascii_case(e)));
    !(named_for_them && program)
}

/// Whether `text` holds something that looks like a secret.
#[must_use]
pub fn contains_secret(text: &str) -> bool {
    find_secret(text).is_some()
}

/// The first thing in `text` that looks like a secret: a private key, the token of a well-known service, or a random
/// string given to a name such as `password`. Linear in the length of the text.
#[must_use]
pub fn find_secret(text: &str) -> Option<SecretFound> {
    let known = patterns().iter().filter_map(|(what, regex)| {
        let found = regex.find_iter(text).find(|m| !is_placeholder(m.as_str()))?;
        Some((found.start(), *what))
    });
    let assigned = assignment().and_then(|regex| {
        let mut values = regex.captures_iter(text).filter_map(|c| c.name("value"));
        values.find(|v| is_random(v.as_str())).map(|v| (v.start(), "a random string given to a secret's name"))
    });
    let (offset, what) = known.chain(assigned).min()?;
    let line = text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + 1;
    Some(SecretFound { what, offset, line })
}

fn globs(list: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in list.iter().filter_map(|g| GlobBuilder::new(g).case_insensitive(true).build().ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

fn patterns() -> &'static [(&'static str, Regex)] {
    static PATTERNS: OnceLock<Vec<(&str, Regex)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let list = [
            // At least a line of the key itself: program text often has the bare marker.
            (
                "a private key",
                r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\\nr]{0,8}[A-Za-z0-9+/=:, \-]{32}",
            ),
            ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
            ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})"),
            ("a GitLab token", r"\bglpat-[A-Za-z0-9_\-]{20}"),
            ("a Slack token", r"\bxox[abposr]-[0-9A-Za-z]{8,}-[0-9A-Za-z\-]{8,}"),
            ("a Stripe key", r"\b[sr]k_live_[0-9A-Za-z]{20}"),
            ("a Google API key", r"\bAIza[0-9A-Za-z_\-]{35}\b"),
            ("an API key", r"\bsk-(?:ant|proj|or)-[0-9A-Za-z_\-]{24}"),
            ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
            ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_\-]{32}"),
            ("a Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
            ("a SendGrid key", r"\bSG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
        ];
        list.into_iter().filter_map(|(what, p)| Some((what, Regex::new(p).ok()?))).collect()
    })
}

fn assignment() -> Option<&'static Regex> {
    static REGEX: OnceLock<Option<Regex>> = OnceLock::new();
    REGEX
        .get_or_init(|| {
            let name = r#"(?i:secret|passwd|password|api_?key|access_?key|auth_?token|access_?token|private_?key)"#;
            Regex::new(&format!(r#"{name}[A-Za-z_]{{0,16}}["']?\s{{0,4}}(?:=|:|=>|:=)\s{{0,4}}["'`](?P<value>[A-Za-z0-9+/=_\-]{{20,200}})["'`]"#)).ok()
        })
        .as_ref()
}

/// Documentation's favourite: `AKIAIOSFODNN7EXAMPLE`, `ghp_xxxxxxxx…`.
fn is_placeholder(token: &str) -> bool {
    let upper = token.to_ascii_uppercase();
    let body: &str = token.rsplit(['_', '-']).next().unwrap_or(token);
    upper.contains("EXAMPLE") || body.bytes().collect::<std::collections::BTreeSet<_>>().len() <= 4
}

/// Random strings mix digits and both cases and repeat few characters; words and identifiers do not.
fn is_random(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    let hexadecimal = value.bytes().all(|b| b.is_ascii_hexdigit());
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let enough = if hexadecimal { value.len() >= 32 && has(u8::is_ascii_digit) } else { mixed };
    enough && !is_placeholder(value) && entropy(value.as_bytes()) >= if hexadecimal { 3.0 } else { 3.8 }
}

/// Shannon's, in bits for each byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 200 bytes")]
    let total = bytes.len() as f64;
    counts.iter().filter(|&&c| c > 0).map(|&c| f64::from(c) / total).map(|p| -p * p.log2()).sum()
}
