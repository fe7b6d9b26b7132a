//! The rows, and reading them.

use crate::{History, HistoryError};
use deepcoder_sqlite::wait;
use deepcoder_types::{ContentHash, RepoPath};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// A work tree in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeId(pub(crate) i64);

/// How far a set has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Intended; nothing of it is visible. Ends as [`State::Aborted`] if interrupted.
    Prepared,
    /// Decided; the files are being exchanged.
    Committing,
    /// All of it is in the tree.
    Done,
    /// Given up before it was decided.
    Aborted,
    /// Given up afterwards; the tree is as before.
    RolledBack,
    /// Rolled back because another program wrote to a file of it; those bytes stay.
    Conflict,
}

impl State {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Committing => "committing",
            Self::Done => "done",
            Self::Aborted => "aborted",
            Self::RolledBack => "rolled-back",
            Self::Conflict => "conflict",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Prepared, Self::Committing, Self::Done, Self::Aborted, Self::RolledBack, Self::Conflict]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRow {
    /// Of its bytes.
    pub hash: ContentHash,
    /// The git blob that holds the bytes.
    pub blob: String,
    /// `st_mode & 0o7777`.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
}

/// One file of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// The file.
    pub path: RepoPath,
    /// Name, in the same folder, under which the new bytes wait.
    pub temp: String,
    /// Name, in the same folder, to which the old file goes where it cannot be exchanged.
    pub displaced: String,
    /// Before.
    pub old: Option<ImageRow>,
    /// After.
    pub new: Option<ImageRow>,
}

/// A set to be written down. Serialised, it is what the commit that keeps its images says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSet {
    /// Unique.
    pub ulid: String,
    /// The id of the request.
    pub edit_id: String,
    /// One line.
    pub title: String,
    /// The ulid of the set that it undoes.
    pub undoes: Option<String>,
    /// When, in milliseconds since 1970.
    pub created_ms: u64,
    /// The request, for the record. Stays in the database: refs may be pushed.
    #[serde(skip)]
    pub request_json: Option<String>,
    /// The commit that keeps the images.
    #[serde(skip)]
    pub git_commit: String,
    /// Folders that it makes, outermost first.
    pub made_dirs: Vec<String>,
    /// Folders that it removes when they end up empty, outermost first.
    pub drop_dirs: Vec<String>,
    /// Its files.
    pub files: Vec<FileRow>,
}

/// A set as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRow {
    /// Its place in the order of all sets.
    pub seq: i64,
    /// The edit set.
    pub set: NewSet,
    /// How far it has come.
    pub state: State,
    /// The ulid of the set that undid it.
    pub undone_by: Option<String>,
    /// A note on unusual events.
    pub note: Option<String>,
    /// Whether nothing is left beside the files.
    pub cleared: bool,
    /// The commit on the user's branch that it was put into.
    pub user_commit: Option<String>,
}

/// A set that another work tree has under the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// That work tree.
    pub tree: TreeId,
    /// Where it is, or was.
    pub root: PathBuf,
    /// The set.
    pub ulid: String,
    /// The commit that keeps its images.
    pub git_commit: String,
}

impl History {
    /// The work tree at `root` (canonical), and whether the database has not seen it before.
    pub fn work_tree(&self, root: &Path) -> Result<(TreeId, bool), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let root = root.as_os_str().as_bytes();
            let find = "SELECT id FROM work_tree WHERE root = ?";
            if let Some(id) = sqlx::query_scalar(find).bind(root).fetch_optional(&mut *connection).await? {
                return Ok((TreeId(id), false));
            }
            let made = sqlx::query("INSERT INTO work_tree (root) VALUES (?) ON CONFLICT DO NOTHING")
                .bind(root)
                .execute(&mut *connection)
                .await?;
            let id = sqlx::query_scalar(find).bind(root).fetch_one(&mut *connection).await?;
            Ok((TreeId(id), made.rows_affected() == 1))
        })
    }

    /// The work tree at `root` (canonical), if the database has seen it.
    pub fn known_tree(&self, root: &Path) -> Result<Option<TreeId>, HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let find = sqlx::query_scalar("SELECT id FROM work_tree WHERE root = ?").bind(root.as_os_str().as_bytes());
            Ok(find.fetch_optional(connection).await?.map(TreeId))
        })
    }

    /// Sets that were begun and neither finished nor given up, oldest first.
    pub fn unfinished(&self, tree: TreeId) -> Result<Vec<SetRow>, HistoryError> {
        self.select(tree, "AND state IN ('prepared', 'committing') ORDER BY seq", None)
    }

    /// Sets that are done but may have left something beside the files, oldest first.
    pub fn uncleared(&self, tree: TreeId) -> Result<Vec<SetRow>, HistoryError> {
        self.select(tree, "AND cleared = 0 AND state = 'done' ORDER BY seq", None)
    }

    /// Sets that left a mark on the tree or still may, newest first.
    pub fn newest(&self, tree: TreeId, limit: usize) -> Result<Vec<SetRow>, HistoryError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let condition = "AND state NOT IN ('aborted', 'rolled-back') ORDER BY seq DESC LIMIT ?";
        self.select(tree, condition, Some(Bind::Number(limit)))
    }

    /// All sets that are finished or given up, newest first.
    pub fn settled(&self, tree: TreeId) -> Result<Vec<SetRow>, HistoryError> {
        self.select(tree, "AND state NOT IN ('prepared', 'committing') ORDER BY seq DESC", None)
    }

    /// The newest set that is in effect and is not itself an undoing.
    pub fn last_in_effect(&self, tree: TreeId) -> Result<Option<SetRow>, HistoryError> {
        let condition = "AND state = 'done' AND undone_by IS NULL AND undoes IS NULL ORDER BY seq DESC LIMIT 1";
        Ok(self.select(tree, condition, None)?.pop())
    }

    /// How far a set has come.
    pub fn state(&self, seq: i64) -> Result<State, HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let query = sqlx::query_scalar("SELECT state FROM edit_set WHERE seq = ?").bind(seq);
            let state: String = query.fetch_one(connection).await?;
            State::parse(&state).ok_or_else(|| HistoryError::Corrupt(format!("unknown state `{state}`")))
        })
    }

    /// Sets whose request id or ulid starts with `prefix`, newest first.
    pub fn by_prefix(&self, tree: TreeId, prefix: &str) -> Result<Vec<SetRow>, HistoryError> {
        let condition =
            "AND (substr(edit_id, 1, length(?2)) = ?2 OR substr(ulid, 1, length(?2)) = ?2) ORDER BY seq DESC";
        self.select(tree, condition, Some(Bind::Text(prefix)))
    }

    /// Sets of the request `edit_id`, newest first.
    pub fn by_edit_id(&self, tree: TreeId, edit_id: &str) -> Result<Vec<SetRow>, HistoryError> {
        self.select(tree, "AND edit_id = ? ORDER BY seq DESC", Some(Bind::Text(edit_id)))
    }

    /// Those of `ulids` that the work tree has no set of.
    pub fn unknown(&self, tree: TreeId, ulids: Vec<String>) -> Result<Vec<String>, HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let query = sqlx::query_scalar("SELECT ulid FROM edit_set WHERE work_tree = ?").bind(tree.0);
            let known: Vec<String> = query.fetch_all(connection).await?;
            let known: HashSet<String> = known.into_iter().collect();
            Ok(ulids.into_iter().filter(|ulid| !known.contains(ulid)).collect())
        })
    }

    /// Sets of these names that other work trees than `tree` have.
    pub fn elsewhere(&self, tree: TreeId, ulids: &[&str]) -> Result<Vec<Elsewhere>, HistoryError> {
        const FIND: &str = "SELECT work_tree, root, git_commit FROM edit_set JOIN work_tree ON work_tree.id = work_tree \
                            WHERE ulid = ? AND work_tree <> ?";
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let mut found = Vec::new();
            for ulid in ulids {
                for row in sqlx::query(FIND).bind(*ulid).bind(tree.0).fetch_all(&mut *connection).await? {
                    let root: Vec<u8> = row.try_get("root")?;
                    found.push(Elsewhere {
                        tree: TreeId(row.try_get("work_tree")?),
                        root: PathBuf::from(OsString::from_vec(root)),
                        ulid: (*ulid).to_owned(),
                        git_commit: row.try_get("git_commit")?,
                    });
                }
            }
            Ok(found)
        })
    }

    /// An original that was small enough to be kept here.
    pub fn image(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let query = sqlx::query_scalar("SELECT bytes FROM image WHERE hash = ?").bind(hash.as_bytes().as_slice());
            Ok(query.fetch_optional(connection).await?)
        })
    }

    fn select(&self, tree: TreeId, rest: &'static str, bind: Option<Bind<'_>>) -> Result<Vec<SetRow>, HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM edit_set WHERE work_tree = ? {rest}"));
            let query = sqlx::query(sql).bind(tree.0);
            let query = match bind {
                Some(Bind::Text(text)) => query.bind(text),
                Some(Bind::Number(number)) => query.bind(number),
                None => query,
            };
            let rows = query.fetch_all(&mut *connection).await?;
            let mut sets = Vec::with_capacity(rows.len());
            for row in rows {
                sets.push(set(&row, connection).await?);
            }
            Ok(sets)
        })
    }
}

enum Bind<'a> {
    Text(&'a str),
    Number(i64),
}

async fn set(row: &SqliteRow, connection: &mut SqliteConnection) -> Result<SetRow, HistoryError> {
    let seq: i64 = row.try_get("seq")?;
    let files = sqlx::query("SELECT * FROM edit_file WHERE edit_set = ? ORDER BY n").bind(seq);
    let files = files.fetch_all(connection).await?;
    let state: String = row.try_get("state")?;
    let created_ms: i64 = row.try_get("created_ms")?;
    Ok(SetRow {
        seq,
        state: State::parse(&state).ok_or_else(|| HistoryError::Corrupt(format!("unknown state `{state}`")))?,
        undone_by: row.try_get("undone_by")?,
        note: row.try_get("note")?,
        cleared: row.try_get("cleared")?,
        user_commit: row.try_get("user_commit")?,
        set: NewSet {
            ulid: row.try_get("ulid")?,
            edit_id: row.try_get("edit_id")?,
            title: row.try_get("title")?,
            undoes: row.try_get("undoes")?,
            created_ms: created_ms.cast_unsigned(),
            request_json: row.try_get("request_json")?,
            git_commit: row.try_get("git_commit")?,
            made_dirs: json(row.try_get("made_dirs")?)?,
            drop_dirs: json(row.try_get("drop_dirs")?)?,
            files: files.iter().map(file).collect::<Result<_, _>>()?,
        },
    })
}

fn json(text: &str) -> Result<Vec<String>, HistoryError> {
    serde_json::from_str(text).map_err(|e| HistoryError::Corrupt(e.to_string()))
}

fn file(row: &SqliteRow) -> Result<FileRow, HistoryError> {
    let path: String = row.try_get("path")?;
    Ok(FileRow {
        path: RepoPath::new(path).map_err(|e| HistoryError::Corrupt(e.to_string()))?,
        temp: row.try_get("temp")?,
        displaced: row.try_get("displaced")?,
        old: image(row, ["old_hash", "old_blob", "old_mode", "old_size"])?,
        new: image(row, ["new_hash", "new_blob", "new_mode", "new_size"])?,
    })
}

fn image(row: &SqliteRow, [hash, blob, mode, size]: [&str; 4]) -> Result<Option<ImageRow>, HistoryError> {
    let Some(digest) = row.try_get::<Option<Vec<u8>>, _>(hash)? else { return Ok(None) };
    let digest = digest.try_into().map_err(|_| HistoryError::Corrupt("a hash has the wrong length".into()))?;
    Ok(Some(ImageRow {
        hash: ContentHash::from_digest(digest),
        blob: row.try_get(blob)?,
        mode: row.try_get(mode)?,
        size: row.try_get::<i64, _>(size)?.cast_unsigned(),
    }))
}
