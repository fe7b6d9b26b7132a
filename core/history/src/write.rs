//! Writing. Every call is one transaction, begun with `BEGIN IMMEDIATE` so that it never has to give up half-way.

use crate::{History, HistoryError, MAX_IMAGE, NewSet, State, TreeId};
use deepcoder_sqlite::wait;
use deepcoder_types::ContentHash;
use sqlx::{Connection as _, SqliteConnection};

impl History {
    /// Write a set down as [`State::Prepared`], with those of `originals` that are at most [`MAX_IMAGE`] bytes. Returns
    /// its `seq`.
    ///
    /// Does not wait for the disk: a power cut that takes the row with it leaves the ref, which was durable before and
    /// says the same. The row of the commit point waits, for both.
    pub fn prepare(&self, tree: TreeId, set: &NewSet, originals: &[(ContentHash, &[u8])]) -> Result<i64, HistoryError> {
        self.add(tree, set, State::Prepared, originals, Wait::No)
    }

    /// Write down a set that was found in git's refs; its `seq`, or `None` for one that is already known.
    pub fn adopt(&self, tree: TreeId, set: &NewSet, state: State) -> Result<Option<i64>, HistoryError> {
        if self.by_prefix(tree, &set.ulid)?.is_empty() {
            self.add(tree, set, state, &[], Wait::Yes).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Make the set `ulid` of the work tree `from` one of `to`, where the repository was moved.
    pub fn take_over(&self, from: TreeId, to: TreeId, ulid: &str) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let update = "UPDATE edit_set SET work_tree = ? WHERE work_tree = ? AND ulid = ?";
            sqlx::query(update).bind(to.0).bind(from.0).bind(ulid).execute(connection).await?;
            Ok(())
        })
    }

    /// Record that a set has come to `state`. `note` replaces the old note unless it is `None`. A set that was given up
    /// counts as cleared away.
    pub fn set_state(&self, seq: i64, state: State, note: Option<&str>) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let cleared = matches!(state, State::Aborted | State::RolledBack | State::Conflict);
            let update =
                "UPDATE edit_set SET state = ?, note = coalesce(?, note), cleared = cleared OR ? WHERE seq = ?";
            let query = sqlx::query(update).bind(state.as_str()).bind(note).bind(cleared).bind(seq);
            query.execute(connection).await?;
            Ok(())
        })
    }

    /// Record that a set is [`State::Done`], and with it which sets are in effect: the one that it undoes no longer is,
    /// the one that *that* one had undone is again, and so on.
    pub fn finish(&self, seq: i64) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("UPDATE edit_set SET state = 'done' WHERE seq = ?").bind(seq).execute(&mut *tx).await?;
            toggle(seq, &mut tx).await?;
            tx.commit().await?;
            Ok(())
        })
    }

    /// Record that nothing of a set is left beside the files.
    ///
    /// Does not wait for the disk: should a power cut lose it, the next opening looks once more and finds nothing.
    pub fn set_cleared(&self, seq: i64) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            synchronous(Wait::No, connection).await?;
            let query = sqlx::query("UPDATE edit_set SET cleared = 1 WHERE seq = ?").bind(seq);
            let done = query.execute(&mut *connection).await;
            synchronous(Wait::Yes, connection).await?;
            done?;
            Ok(())
        })
    }

    /// Record the user's commit that the sets of `edit_id` which are in effect were put into.
    pub fn set_user_commit(&self, tree: TreeId, edit_id: &str, commit: &str) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let update = "UPDATE edit_set SET user_commit = ? \
                          WHERE work_tree = ? AND edit_id = ? AND state = 'done' AND undone_by IS NULL";
            sqlx::query(update).bind(commit).bind(tree.0).bind(edit_id).execute(connection).await?;
            Ok(())
        })
    }

    /// Forget sets, and the originals that no other set needs.
    pub fn remove(&self, seqs: &[i64]) -> Result<(), HistoryError> {
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
            for seq in seqs {
                sqlx::query("DELETE FROM edit_set WHERE seq = ?").bind(seq).execute(&mut *tx).await?;
            }
            let orphans = "DELETE FROM image WHERE hash NOT IN \
                           (SELECT old_hash FROM edit_file WHERE old_hash IS NOT NULL)";
            sqlx::query(orphans).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(())
        })
    }

    fn add(
        &self,
        tree: TreeId,
        set: &NewSet,
        state: State,
        originals: &[(ContentHash, &[u8])],
        disk: Wait,
    ) -> Result<i64, HistoryError> {
        let json = |dirs: &[String]| serde_json::to_string(dirs).map_err(|e| HistoryError::Sql(e.to_string()));
        let (made_dirs, drop_dirs) = (json(&set.made_dirs)?, json(&set.drop_dirs)?);
        let mut guard = self.db.lock();
        let (runtime, connection) = guard.parts()?;
        wait(runtime, async {
            synchronous(disk, connection).await?;
            let added = insert((tree, state), set, (made_dirs, drop_dirs), originals, connection).await;
            synchronous(Wait::Yes, connection).await?;
            Ok(added?)
        })
    }
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Yes,
    No,
}

/// Read back, because everything rests on it. With a rollback journal, where less than FULL can damage the file, there is
/// no such choice.
async fn synchronous(disk: Wait, connection: &mut SqliteConnection) -> Result<(), HistoryError> {
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    let (set, level) = match if journal == "wal" { disk } else { Wait::Yes } {
        Wait::Yes => ("PRAGMA synchronous = FULL", 2),
        Wait::No => ("PRAGMA synchronous = NORMAL", 1),
    };
    sqlx::query(set).execute(&mut *connection).await?;
    let found: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await?;
    if found == level { Ok(()) } else { Err(HistoryError::Sql(format!("synchronous is {found} instead of {level}"))) }
}

async fn insert(
    (tree, state): (TreeId, State),
    set: &NewSet,
    (made_dirs, drop_dirs): (String, String),
    originals: &[(ContentHash, &[u8])],
    connection: &mut SqliteConnection,
) -> Result<i64, sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let insert = "INSERT INTO edit_set (work_tree, ulid, edit_id, title, state, undoes, created_ms, \
                  request_json, git_commit, made_dirs, drop_dirs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let seq = sqlx::query(insert)
        .bind(tree.0)
        .bind(&set.ulid)
        .bind(&set.edit_id)
        .bind(&set.title)
        .bind(state.as_str())
        .bind(&set.undoes)
        .bind(set.created_ms.cast_signed())
        .bind(&set.request_json)
        .bind(&set.git_commit)
        .bind(made_dirs)
        .bind(drop_dirs)
        .execute(&mut *tx)
        .await?
        .last_insert_rowid();
    files(seq, set, &mut tx).await?;
    for (hash, bytes) in originals.iter().filter(|(_, bytes)| bytes.len() <= MAX_IMAGE) {
        sqlx::query("INSERT INTO image (hash, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(hash.as_bytes().as_slice())
            .bind(*bytes)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(seq)
}

async fn files(seq: i64, set: &NewSet, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for (n, file) in (0_i64..).zip(&set.files) {
        let mut query = sqlx::query("INSERT INTO edit_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(seq)
            .bind(n)
            .bind(file.path.as_str())
            .bind(&file.temp)
            .bind(&file.displaced);
        for image in [&file.old, &file.new] {
            query = query
                .bind(image.as_ref().map(|i| i.hash.as_bytes().to_vec()))
                .bind(image.as_ref().map(|i| i.blob.clone()))
                .bind(image.as_ref().map(|i| i.mode))
                .bind(image.as_ref().map(|i| i.size.cast_signed()));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn toggle(seq: i64, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let read = "SELECT work_tree, ulid, undoes FROM edit_set WHERE seq = ?";
    let (tree, mut by, mut target): (i64, String, Option<String>) =
        sqlx::query_as(read).bind(seq).fetch_one(&mut *connection).await?;
    let mut in_effect = false;
    while let Some(ulid) = target {
        sqlx::query("UPDATE edit_set SET undone_by = ? WHERE work_tree = ? AND ulid = ?")
            .bind((!in_effect).then_some(by.as_str()))
            .bind(tree)
            .bind(&ulid)
            .execute(&mut *connection)
            .await?;
        target = sqlx::query_scalar("SELECT undoes FROM edit_set WHERE work_tree = ? AND ulid = ?")
            .bind(tree)
            .bind(&ulid)
            .fetch_optional(&mut *connection)
            .await?
            .flatten();
        by = ulid;
        in_effect = !in_effect;
    }
    Ok(())
}
