//! Files that are secret by their names.

use deepcoder_types::RepoPath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::sync::OnceLock;

/// Matched against the file name, without regard to case and to what marks a copy.
const NAMES: &[&str] = &[
    ".env",
    ".env[._-]*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.pkcs12",
    "*.p8",
    "*.pk8",
    "*.pvk",
    "*.jks",
    "*.jceks",
    "*.bks",
    "*.keystore",
    "*.kdb",
    "*.kdbx",
    "*.psafe3",
    "*.agilekeychain",
    "*.keychain",
    "*.agekey",
    "*.ppk",
    "*.asc",
    "*.gpg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*_rsa",
    "*_ed25519",
    "*_ecdsa",
    "ssh_host_*_key",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".htpasswd",
    "htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    ".vault-token",
    ".vault_pass*",
    ".vault-pass*",
    "vault_pass*",
    "vault-pass*",
    ".boto",
    ".s3cfg",
    ".passwd-s3fs",
    ".rclone.conf",
    "rclone.conf",
    ".terraformrc",
    "terraform.rc",
    "credentials*",
    "*credentials.json",
    "secrets.*",
    ".secrets",
    ".secret",
    "client_secret*.json",
    "client-secret*.json",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfvars",
    "*.tfvars.json",
    "*.ovpn",
    "wg[0-9]*.conf",
    "*.keytab",
    "*service-account*.json",
    "*service_account*.json",
    "*serviceaccount*.json",
    "*firebase-adminsdk*.json",
    "kubeconfig",
    "kubeconfig.y*ml",
    "kubeconfig.json",
    "kubeconfig.conf",
    "*.kubeconfig",
    "*.publishsettings",
    "wp-config.php",
    ".bash_history",
    ".zsh_history",
    ".psql_history",
    ".mysql_history",
    ".python_history",
    ".node_repl_history",
];

/// Folders, anywhere on the way, without regard to case.
const FOLDERS: &[&str] = &[".aws", ".ssh", ".gnupg", ".kube", ".docker", ".azure", ".secrets", ".gcloud"];

/// Words of a name that say that it is an example for people to copy.
const SHOWN: &[&str] = &["example", "examples", "sample", "template", "tmpl", "tpl", "dist", "defaults", "schema"];

/// `credentials.rs` and `secrets.go` are program text: what they hold is judged by what it is instead. (Scripts are not
/// in the list: `secrets.py` is where some platforms keep passwords.)
const PROGRAM_TEXT: &[&str] =
    &["rs", "go", "java", "kt", "ts", "tsx", "c", "h", "cc", "cpp", "cxx", "hpp", "cs", "scala", "swift", "md", "rst"];

/// Files with settings and nothing else.
const SETTINGS: &[&str] =
    &["yaml", "yml", "json", "toml", "ini", "cfg", "conf", "properties", "env", "txt", "xml", "plist", "csv"];

/// Words in the name of such a file that say what the settings are.
const SAID: &[&str] = &["secret", "secrets", "credential", "credentials", "password", "passwords", "passwd", "creds"];

/// How editors, shells and people mark a copy.
const COPIES: &[&str] = &[
    "~", ".bak", ".backup", ".old", ".orig", ".save", ".swp", ".swo", ".tmp", ".copy", "_backup", "-backup", "_bak",
    "-bak", "_old", "-old", "_copy", "-copy", " copy", ".1", ".2", ".0",
];

/// Whether the name of `path` says that it holds secrets.
#[must_use]
pub fn is_secret_path(path: &RepoPath) -> bool {
    let (folders, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    if folders.split('/').any(|f| FOLDERS.iter().any(|s| s.eq_ignore_ascii_case(f))) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let name = original(&lower);
    let words = || name.split(['.', '-', '_', ' ']).filter(|word| !word.is_empty());
    if words().any(|word| SHOWN.contains(&word)) || name.ends_with(".pub") {
        return false;
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let settings = SETTINGS.contains(&ending);
    let sealed = words().any(|word| matches!(word, "sealed" | "external" | "sops"));
    if settings && !sealed && stem.split(['.', '-', '_', ' ']).any(|word| SAID.contains(&word)) {
        return true;
    }
    let named_for_them = stem.starts_with("credentials") || matches!(stem, "secret" | "secrets");
    globs().is_match(name) && !sealed && !(named_for_them && PROGRAM_TEXT.contains(&ending))
}

/// The name of the file that a copy was made of.
fn original(name: &str) -> &str {
    let mut name = name.strip_prefix('#').and_then(|n| n.strip_suffix('#')).unwrap_or(name);
    name = name.strip_prefix(".#").unwrap_or(name);
    while let Some(shorter) = COPIES.iter().find_map(|copy| name.strip_suffix(copy)).filter(|n| n.len() > 1) {
        // Vim hides its swap files.
        let swap = name.ends_with(".swp") || name.ends_with(".swo");
        name = if swap && shorter.starts_with("..") { &shorter[1..] } else { shorter };
    }
    name
}

fn globs() -> &'static GlobSet {
    static GLOBS: OnceLock<GlobSet> = OnceLock::new();
    GLOBS.get_or_init(|| {
        let mut set = GlobSetBuilder::new();
        for glob in NAMES.iter().filter_map(|g| GlobBuilder::new(g).case_insensitive(true).build().ok()) {
            set.add(glob);
        }
        set.build().unwrap_or_default()
    })
}
