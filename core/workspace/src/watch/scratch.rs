//! Files that programs make beside the one that they save, for a moment or for as long as it is open.

/// Whether a file of this name is not the user's work: backups, swap files and the temporary files of saving, those of
/// deepcoder included.
pub(crate) fn is_scratch(name: &str) -> bool {
    let after = |prefix: &str| name.strip_prefix(prefix);
    name.ends_with('~')
        // Vim tries with this one whether it may write to the folder.
        || name == "4913"
        || (name.starts_with('.') && swap(name))
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".#")
        || name.contains("___jb_")
        || after(".goutputstream-").is_some()
        || name.ends_with(".kate-swp")
        || (after(".deepcoder-").is_some() && (name.ends_with(".tmp") || name.ends_with(".old")))
}

/// `.swp`, `.swo` and so on, down to `.saa`.
fn swap(name: &str) -> bool {
    let Some((_, end)) = name.rsplit_once('.') else { return false };
    matches!(end.as_bytes(), [b's', b'a'..=b'w', b'a'..=b'z'])
}
