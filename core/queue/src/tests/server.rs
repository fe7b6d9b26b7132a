//! Tests that only a server needs, and the suite on one. Where PostgreSQL is not installed these are skipped.

use super::*;
use deepcoder_test_support::{INSTALL_POSTGRES, PostgresServer, Stop, skip};
use deepcoder_types::Hint as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Ground {
    /// A new database.
    fn server(server: &PostgresServer, database: &str) -> Self {
        server.sql("postgres", &format!("CREATE DATABASE {database}"));
        Self { place: QueuePlace::Postgres(server.url(database)), _folder: None }
    }
}

/// What to wait from once nothing is under way.
fn quiet(queue: &Queue) -> u64 {
    let mut seen = 0;
    loop {
        let now = queue.wait(seen, Duration::from_millis(300));
        if std::mem::replace(&mut seen, now) == now {
            return now;
        }
    }
}

/// Nothing here outlives the server.
const FAST: &[&str] = &["fsync=off", "full_page_writes=off"];

/// Protects the promise that PostgreSQL is a setting and nothing else: every function of the suite holds there too.
#[test]
fn the_suite_holds_on_a_server() {
    let Some(server) = PostgresServer::start(FAST) else { skip!("postgresql", "{INSTALL_POSTGRES}") };
    let mut broken = Vec::new();
    for (n, (name, promise)) in suite::ALL.iter().enumerate() {
        let ground = Ground::server(&server, &format!("suite_{n}"));
        if catch_unwind(AssertUnwindSafe(|| promise(&ground))).is_err() {
            broken.push(*name);
        }
    }
    assert!(suite::ALL.len() > 20 && broken.is_empty(), "broken on PostgreSQL: {broken:?}");
}

/// Protects migrations: both databases end up with the same tables, columns, kinds, rules and indexes.
#[test]
fn both_schemas_are_the_same() {
    let Some(server) = PostgresServer::start(FAST) else { skip!("postgresql", "{INSTALL_POSTGRES}") };
    let ground = Ground::server(&server, "shape");
    ground.open();
    let here = Ground::file().open();
    let ask = |sql: &str| -> Vec<String> {
        here.base
            .transaction(base::Disk::Read, |tx| {
                tx.rows(sql, &[])?.iter().map(|row| Ok(row.text("line")?)).collect::<Result<Vec<_>, base::Trouble>>()
            })
            .unwrap()
    };
    let mut columns = ask(
        "SELECT m.name || '.' || c.name || ' ' || c.type || (CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END) \
         || (CASE WHEN c.dflt_value IS NULL THEN '' ELSE ' = ' || c.dflt_value END) AS line \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    );
    columns.sort();
    let there = server.sql(
        "shape",
        "SELECT table_name || '.' || column_name || ' ' \
         || (CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' ELSE data_type END) \
         || (CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END) \
         || (CASE WHEN column_default IS NULL THEN '' \
             ELSE ' = ' || regexp_replace(column_default, '^''?(.*?)''?(::[a-z]+)?$', \
                  CASE data_type WHEN 'text' THEN '''\\1''' ELSE '\\1' END) END) \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    );
    let mut there: Vec<&str> = there.lines().collect();
    there.sort_unstable();
    assert!(columns.len() > 40);
    assert_eq!(columns, there);

    // Indexes by what they are on, since those of keys have other names. PostgreSQL has one for each whole number that is
    // a table's key; SQLite's rows are found by it.
    let mut indexes = ask("SELECT m.name || ' ' || (CASE WHEN i.\"unique\" THEN 'unique ' ELSE '' END) || \
         (SELECT group_concat(x.name || (CASE WHEN x.\"desc\" THEN ' desc' ELSE '' END), ', ') \
          FROM pragma_index_xinfo(i.name) x WHERE x.key) || (CASE WHEN i.partial THEN ' partial' ELSE '' END) AS line \
         FROM sqlite_master m JOIN pragma_index_list(m.name) i \
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'");
    indexes.sort();
    let there = server.sql(
        "shape",
        "SELECT t.relname || ' ' || (CASE WHEN i.indisunique THEN 'unique ' ELSE '' END) || \
         (SELECT string_agg(a.attname || (CASE WHEN i.indoption[k.n - 1] & 1 = 1 THEN ' desc' ELSE '' END), ', ' ORDER BY k.n) \
          FROM unnest(i.indkey) WITH ORDINALITY k(at, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.at) \
         || (CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END) \
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
         WHERE n.nspname = 'public' AND t.relname NOT LIKE '\\_sqlx%' AND NOT (i.indisprimary AND i.indnatts = 1)",
    );
    let mut there: Vec<&str> = there.lines().collect();
    there.sort_unstable();
    assert!(indexes.len() > 8);
    assert_eq!(indexes, there);
    let mut names: [Vec<String>; 2] = ["sqlite", "postgres"].map(|database| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(database).join("jobs");
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
    });
    names.iter_mut().for_each(|names| names.sort());
    assert_eq!(names[0], names[1]);
}

/// Protects daemons whose server is restarted, crashes, or loses its database for a while: calls fail with what to do, no
/// job is lost, and the same `Queue` goes on afterwards.
#[test]
fn a_server_may_go_and_come_back() {
    let Some(mut server) = PostgresServer::start(FAST) else { skip!("postgresql", "{INSTALL_POSTGRES}") };
    let ground = Ground::server(&server, "back");
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let claim = take(&queue);
    let back = |queue: &Queue| {
        // The queue leaves a server alone for a while that was away.
        for _ in 0..200 {
            match queue.get(&id.0) {
                Ok(job) => return job,
                Err(error) => assert!(matches!(error, QueueError::Unreachable { .. }), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the queue does not come back");
    };
    for how in [Stop::Fast, Stop::Immediate] {
        server.stop(how);
        for _ in 0..2 {
            let error = queue.add(&spec("/r", "lost"), NOW).unwrap_err();
            assert!(matches!(error, QueueError::Unreachable { .. }) && error.hint().is_some(), "{error}");
        }
        let error = Queue::open(&ground.place).err().unwrap();
        assert!(matches!(error, OpenQueueError::Unreachable { .. }) && error.hint().is_some(), "{error}");
        server.run();
        assert_eq!(back(&queue).state, JobState::Running);
        assert!(queue.still_held(&claim.lease).unwrap(), "the worker has gone on meanwhile");
    }
    // One connection that is cut is not noticed at all.
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'back'";
    server.sql("postgres", cut);
    assert_eq!(queue.heartbeat(&claim.lease, LONG).unwrap(), Beat::GoOn);
    server.sql("postgres", cut);
    add(&queue, &spec("/r", "b"));
    assert_eq!(queue.list(&Default::default()).unwrap().len(), 2, "once, and not once for each try");
    // The database is somewhere else for a while.
    server.sql("postgres", "ALTER DATABASE back ALLOW_CONNECTIONS false");
    server.sql("postgres", cut);
    server.sql("postgres", "ALTER DATABASE back RENAME TO elsewhere");
    let error = queue.get(&id.0).unwrap_err();
    assert!(matches!(error, QueueError::Unreachable { .. }), "{error}");
    let error = Queue::open(&ground.place).err().unwrap();
    assert!(matches!(error, OpenQueueError::NoDatabase { .. }) && error.hint().is_some(), "{error}");
    server.sql("postgres", "ALTER DATABASE elsewhere RENAME TO back");
    server.sql("postgres", "ALTER DATABASE back ALLOW_CONNECTIONS true");
    assert_eq!(back(&queue).state, JobState::Running);
    done(&queue, &claim);
    // It is there again, and empty.
    server.sql("postgres", "DROP DATABASE back WITH (FORCE)");
    server.sql("postgres", "CREATE DATABASE back");
    let mut added = queue.add(&spec("/r", "c"), NOW);
    for _ in 0..200 {
        if added.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        added = queue.add(&spec("/r", "c"), NOW);
    }
    assert_eq!(queue.list(&Default::default()).unwrap().len(), 1);
    // Whoever waits hears of others again, once the listener is back too.
    let other = ground.open();
    let heard = (0..100).any(|_| {
        let seen = quiet(&queue);
        other.remember_root(Path::new("/r"), NOW).unwrap();
        add(&other, &spec("/r", "d"));
        queue.wait(seen, Duration::from_millis(300)) != seen
    });
    assert!(heard);
}

/// Protects passwords, and people who mistyped something: each mistake has its own error with what to do, and none of them
/// shows the password.
#[test]
fn what_is_wrong_with_an_address_is_said() {
    let Some(server) = PostgresServer::start(FAST) else { skip!("postgresql", "{INSTALL_POSTGRES}") };
    server.sql("postgres", "CREATE ROLE known LOGIN PASSWORD 's3cret'");
    server.sql("postgres", "CREATE DATABASE other");
    server.sql("other", "REVOKE ALL ON SCHEMA public FROM PUBLIC");
    server.admit("local all known scram-sha-256\nlocal all all trust\n");
    let open = |url: &str| {
        let place = QueuePlace::Postgres(url.into());
        let error = Queue::open(&place).err().unwrap();
        let said = format!("{error} {error:?} {:?} {place} {place:?}", error.hint());
        assert!(!said.contains("wr0ng") && !said.contains("s3cret"), "{said}");
        assert!(error.hint().is_some(), "{error}");
        error
    };
    let known = |password: &str, database: &str| server.url_as(&format!("known:{password}"), database);
    assert!(matches!(open(&known("wr0ng", "other")), OpenQueueError::Refused { .. }));
    assert!(matches!(open(&known("s3cret", "nowhere")), OpenQueueError::NoDatabase { .. }));
    let error = open(&known("s3cret", "other"));
    assert!(matches!(error, OpenQueueError::NoRights { .. }), "{error}");
    let nobody = open("postgres://me:wr0ng@127.0.0.1:1/db");
    assert!(matches!(&nobody, OpenQueueError::Unreachable { server, .. } if server == "postgres://me@127.0.0.1:1/db"));
    for wrong in
        ["postgres://me:wr0ng@host:port/db", "mysql://me:wr0ng@host/db", "me:wr0ng@host", "postgres://me:wr0ng?@h/d"]
    {
        let error = open(wrong);
        assert!(matches!(error, OpenQueueError::Address { .. } | OpenQueueError::Unreachable { .. }), "{error}");
    }
    let ground = Ground::server(&server, "newer");
    drop(ground.open());
    server.sql("newer", "INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), true, '\\x00', 0)");
    let QueuePlace::Postgres(url) = &ground.place else { panic!("a server") };
    assert!(matches!(open(url), OpenQueueError::Newer { found: 99, .. }));
    server.sql("newer", "DELETE FROM _sqlx_migrations WHERE version = 99");
    let queue = ground.open();
    server.sql("newer", "ALTER DATABASE newer SET default_transaction_read_only = on");
    server.sql("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'newer'");
    let error = queue.add(&spec("/r", "a"), NOW).unwrap_err();
    assert!(matches!(error, QueueError::ReadOnly(_)) && error.hint().is_some(), "{error}");
}

/// Protects leases on a server: they are the server's to judge, whatever the workers' calendars say, and one that a clock
/// left in the future ends.
#[test]
fn the_server_judges_leases() {
    const DAY: u64 = 86_400_000;
    let Some(server) = PostgresServer::start(FAST) else { skip!("postgresql", "{INSTALL_POSTGRES}") };
    let ground = Ground::server(&server, "clock");
    let queue = ground.open();
    let id = add(&queue, &spec("/r", "a"));
    let claim = take(&queue);
    for now in [NOW - DAY, NOW + DAY] {
        assert_eq!((queue.expire(now).unwrap(), queue.tick(now).unwrap()), (0, None));
        assert!(queue.still_held(&claim.lease).unwrap());
    }
    server.sql("clock", "UPDATE job SET lease_until = lease_until + 86400000");
    assert_eq!(queue.expire(NOW).unwrap(), 1);
    let job = queue.get(&id.0).unwrap();
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0), "a clock that was put back costs no attempt");
}

/// Protects passwords in addresses that cannot be read.
#[test]
fn passwords_are_taken_out_of_any_text() {
    for (url, shown) in [
        ("postgres://me:pw@host:5432/db", "postgres://me@host:5432/db"),
        (
            "postgres://me@host/db?sslmode=require&password=pw&host=/run",
            "postgres://me@host/db?sslmode=require&host=/run",
        ),
        ("postgres://host/db", "postgres://host/db"),
        ("postgres://me:p@w@host/db", "postgres://me@host/db"),
        ("postgres://me:p?w@host/db", "postgres://…"),
        ("postgres://me:p#w@host/db", "postgres://…"),
        ("postgres://me:p/w@host/db", "postgres://me@host/db"),
        ("me:pw@host", "me@host"),
    ] {
        assert_eq!(postgres::without_password(url), shown, "{url}");
    }
}
