//! What is special to a file.

use super::*;
use deepcoder_sqlite::OpenError;
use deepcoder_types::Hint as _;

fn path(ground: &Ground) -> &Path {
    match &ground.place {
        QueuePlace::Sqlite(path) => path,
        QueuePlace::Postgres(_) => panic!("a file"),
    }
}

/// Protects people from losing a queue without a word: the damaged file stays, with a note that says what is lost.
#[test]
fn a_damaged_queue_is_moved_aside() {
    let ground = Ground::file();
    let id = add(&ground.open(), &spec("/r", "a"));
    let mut bytes = std::fs::read(path(&ground)).unwrap();
    bytes[..100].fill(0x5a);
    std::fs::write(path(&ground), &bytes).unwrap();
    let queue = ground.open();
    let aside = queue.replaced().unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), bytes);
    let note = std::fs::read_to_string(format!("{}.txt", aside.display())).unwrap();
    assert!(note.contains("lost") && note.contains("jobs"), "{note}");
    assert!(matches!(queue.get(&id.0), Err(QueueError::NotFound(_))));
    add(&queue, &spec("/r", "b"));
}

/// Protects a queue that a newer program wrote.
#[test]
fn a_newer_queue_is_left_alone() {
    let ground = Ground::file();
    let queue = ground.open();
    let newer = "INSERT INTO _sqlx_migrations VALUES (99, 'later', current_timestamp, 1, x'00', 0)";
    queue.base.transaction(base::Disk::Now, |tx| Ok(tx.run(newer, &[])?)).unwrap();
    drop(queue);
    let error = Queue::open(&ground.place).err().unwrap();
    assert!(matches!(&error, OpenQueueError::File(OpenError::Newer { found: 99, .. })), "{error}");
    assert!(error.to_string().contains("jobs.db") && error.hint().is_some());
}

/// Protects durability: what a person is told waits for the disk, and only what is said not to does not.
#[test]
fn what_people_are_told_waits_for_the_disk() {
    let ground = Ground::file();
    let queue = ground.open();
    let level = || {
        let level = queue.base.transaction(base::Disk::Read, |tx| {
            Ok(tx.row("PRAGMA synchronous", &[])?.map(|row| row.int("synchronous")).transpose()?)
        });
        level.unwrap().unwrap()
    };
    let id = add(&queue, &spec("/r", "a"));
    assert_eq!(level(), 2);
    let claim = take(&queue);
    assert_eq!(level(), 1);
    queue.save(&claim.lease, &result("r"), b"set", NOW).unwrap();
    assert_eq!(level(), 2);
    queue.heartbeat(&claim.lease, LONG).unwrap();
    assert_eq!(level(), 1);
    queue.finish(&claim.lease, End::Review(result("r")), NOW).unwrap();
    assert_eq!(level(), 2);
    let decision = queue.take_review(&id, "p", LONG, NOW).unwrap();
    queue.finish(&decision.lease, End::Rejected, NOW).unwrap();
    queue.retry(&id, NOW).unwrap();
    assert_eq!(level(), 2);
}

/// Protects jobs over a restart of the machine: a lease of an earlier boot is over, and one whose process is gone does not
/// wait to run out.
#[test]
fn leases_of_the_dead_are_over() {
    let ground = Ground::file();
    let queue = ground.open();
    let set = |sql: &str| queue.base.transaction(base::Disk::Now, |tx| Ok(tx.run(sql, &[])?)).unwrap();
    for sql in [
        "UPDATE job SET boot = 'another'",
        "UPDATE job SET lease_until = lease_until + 86400000",
        "UPDATE job SET holder = substr(holder, 1, length(holder) - 1)",
    ] {
        let id = add(&queue, &spec("/r", "a"));
        take(&queue);
        assert_eq!(queue.expire(NOW).unwrap(), 0);
        set(sql);
        assert_eq!(queue.expire(NOW).unwrap(), 1, "{sql}");
        let job = queue.get(&id.0).unwrap();
        let counted = u32::from(sql.contains("holder"));
        assert_eq!((job.state, job.attempts), (JobState::Queued, counted), "{sql}");
        queue.cancel(&id, NOW).unwrap();
    }
}

/// Protects leases from the calendar: nothing about who has a job changes when the clock is a day off.
#[test]
fn the_calendar_has_no_say_in_leases() {
    const DAY: u64 = 86_400_000;
    let ground = Ground::file();
    let queue = ground.open();
    add(&queue, &spec("/r", "a"));
    let claim = take(&queue);
    for now in [NOW - DAY, NOW + DAY] {
        assert_eq!((queue.expire(now).unwrap(), queue.tick(now).unwrap()), (0, None));
        assert_eq!(queue.claim("w", &Repositories::Any, LONG, now).unwrap(), None);
        assert!(queue.still_held(&claim.lease).unwrap());
    }
}

/// Protects users of a full or read-only disk, and of a database that somebody holds: an error that says what to do, and a
/// queue that goes on afterwards.
#[test]
fn what_cannot_be_written_is_said() {
    let ground = Ground::file();
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let say = |sql: &'static str| queue.base.transaction(base::Disk::Read, |tx| Ok(tx.run(sql, &[])?)).unwrap();
    say("PRAGMA max_page_count = 1");
    let error = queue.add(&spec("/r", &"x".repeat(100_000)), NOW).unwrap_err();
    assert!(matches!(error, QueueError::NoSpace) && error.hint().is_some(), "{error}");
    say("PRAGMA max_page_count = 1000000");
    say("PRAGMA query_only = 1");
    let error = queue.add(&spec("/r", "b"), NOW).unwrap_err();
    assert!(matches!(error, QueueError::ReadOnly(_)) && error.hint().is_some(), "{error}");
    assert_eq!(state(&queue, &id), JobState::Queued, "what is there can be read");
    say("PRAGMA query_only = 0");
    say("PRAGMA busy_timeout = 20");
    let other = ground.open();
    let beside = |tx: &mut base::Tx<'_>| {
        tx.flush()?;
        Ok(queue.add(&spec("/r", "c"), NOW).unwrap_err())
    };
    let error = other.base.transaction(base::Disk::Now, beside).unwrap();
    assert!(matches!(error, QueueError::Busy) && error.hint().is_some(), "{error}");
    add(&queue, &spec("/r", "d"));
    let error = Queue::open(&QueuePlace::Sqlite("/proc/self/state/jobs.db".into())).err().unwrap();
    assert!(error.hint().is_some(), "{error}");
}

/// Protects daemons: calls from inside a runtime, and dropping there, neither panic nor dead-lock.
#[test]
fn calls_from_a_runtime() {
    let ground = Ground::file();
    let outer = tokio::runtime::Builder::new_current_thread().build().unwrap();
    outer.block_on(async {
        let queue = ground.open();
        add(&queue, &spec("/r", "a"));
        let _ = queue.wait(0, Duration::from_millis(1));
    });
}
