-- The background jobs: what was asked, how it stands, who has it, and what happened. A database of its own: the history
-- of edits must not wait for it, and stays on this machine where this one may be shared.
-- The same tables stand in migrations/postgres/jobs. JSON is text in both.

CREATE TABLE repository (
    id   INTEGER PRIMARY KEY,
    root    TEXT    NOT NULL,
    -- A path means a work tree on one machine, and a server may be shared by several. Empty in SQLite.
    machine TEXT    NOT NULL,
    UNIQUE (root, machine)
);

CREATE TABLE job (
    -- The order in which jobs were added, whatever the clock said.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    repository   INTEGER NOT NULL REFERENCES repository (id),
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'scheduled', 'queued', 'running', 'paused', 'review', 'done',
                                                   'rejected', 'failed', 'cancelled')),
    priority     INTEGER NOT NULL,
    key          TEXT,
    spec         TEXT    NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    started_ms   INTEGER,
    finished_ms  INTEGER,
    due_ms       INTEGER,
    -- How long it waits between two attempts: bounds the wait when the clock is put back.
    hold_ms      INTEGER,
    template     TEXT,
    template_key TEXT,
    -- What somebody wants of the worker that has it.
    ask          TEXT CHECK (ask IN ('cancel', 'pause')),
    -- Where it goes when it is given back.
    back         TEXT    NOT NULL DEFAULT 'queued' CHECK (back IN ('queued', 'review')),
    worker       TEXT,
    -- The process that has it, and which of its claims this is.
    holder       TEXT,
    grip         INTEGER,
    -- Grows with each claim: who comes with an older one is refused.
    token        INTEGER NOT NULL DEFAULT 0,
    -- On the clock that leases are judged by, which in SQLite is that of the boot named here.
    lease_until  INTEGER,
    lease_ms     INTEGER,
    boot         TEXT,
    -- The order of claims: repositories take turns by it.
    claimed      INTEGER,
    -- The number of its last event.
    events       INTEGER NOT NULL DEFAULT 0,
    progress     TEXT,
    result       TEXT,
    failure      TEXT,
    UNIQUE (repository, key),
    UNIQUE (template, template_key)
);

CREATE INDEX job_queued ON job (repository, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX job_by_state ON job (state, due_ms);
CREATE INDEX job_by_claim ON job (claimed);
CREATE INDEX job_by_repository_claim ON job (repository, claimed);

CREATE TABLE dependency (
    job   INTEGER NOT NULL REFERENCES job (seq),
    needs INTEGER NOT NULL REFERENCES job (seq),
    PRIMARY KEY (job, needs)
) WITHOUT ROWID;

CREATE INDEX dependency_by_needs ON dependency (needs);

CREATE TABLE event (
    job   INTEGER NOT NULL REFERENCES job (seq),
    n     INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    what  TEXT    NOT NULL,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;

-- The edit set of a job that has not landed yet.
CREATE TABLE result (
    job   INTEGER PRIMARY KEY REFERENCES job (seq),
    bytes BLOB    NOT NULL
);

-- Roots belong to the machine that has them.
CREATE TABLE watched_root (
    machine  TEXT    NOT NULL,
    root     TEXT    NOT NULL,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (machine, root)
);
