//! Ids of edits and jobs as people see them.

/// Characters that are shown: a job's id begins with ten for the time in milliseconds, and an edit's is a hash.
const SHOWN: usize = 12;

/// Enough of an id to be told from others. Wherever an id is typed, its beginning will do.
pub(crate) fn short(id: &str) -> &str {
    id.get(..SHOWN).unwrap_or(id)
}
