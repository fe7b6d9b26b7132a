//! Suggestions for mistyped paths.

use crate::Workspace;
use deepcoder_types::RepoPath;

/// At most this many names are offered.
const OFFERED: usize = 3;

impl Workspace {
    /// Visible files whose names are like that of `path`, nearest first.
    pub(crate) fn similar(&self, path: &str) -> Vec<String> {
        among(self.files().unwrap_or_default(), path)
    }
}

/// Those of `files` whose names are like that of `path`, nearest first.
pub(crate) fn among(files: Vec<RepoPath>, path: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    let mut found: Vec<(usize, bool, String)> = Vec::new();
    for file in files {
        let (other_folder, other) = file.as_str().rsplit_once('/').unwrap_or(("", file.as_str()));
        if other.len().abs_diff(name.len()) > 4 * allowed {
            continue;
        }
        let distance = distance(&name, &other.to_lowercase());
        if distance <= allowed {
            found.push((distance, other_folder != folder, String::from(file)));
        }
    }
    found.sort_unstable();
    found.into_iter().take(OFFERED).map(|(_, _, path)| path).collect()
}

/// `did you mean …` with the names, if there are any.
pub(crate) fn hint(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| {
        let quoted: Vec<_> = names.iter().map(|n| format!("`{n}`")).collect();
        format!("did you mean {}", quoted.join(" or "))
    })
}

/// Levenshtein's edit distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
