-- The background jobs: what was asked, how it stands, who has it, and what happened.
-- The same tables stand in migrations/sqlite/jobs.

CREATE TABLE repository (
    id   BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    root    TEXT    NOT NULL,
    -- A path means a work tree on one machine, and a server may be shared by several. Empty in SQLite.
    machine TEXT    NOT NULL,
    UNIQUE (root, machine)
);

CREATE TABLE job (
    -- The order in which jobs were added, whatever the clock said.
    seq          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Prefixes are looked for by range, in the order of bytes.
    id           TEXT    COLLATE "C" NOT NULL UNIQUE,
    repository   BIGINT  NOT NULL REFERENCES repository (id),
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'scheduled', 'queued', 'running', 'paused', 'review', 'done',
                                                   'rejected', 'failed', 'cancelled')),
    priority     BIGINT  NOT NULL,
    key          TEXT,
    spec         TEXT    NOT NULL,
    attempts     BIGINT  NOT NULL DEFAULT 0,
    max_attempts BIGINT  NOT NULL,
    created_ms   BIGINT  NOT NULL,
    started_ms   BIGINT,
    finished_ms  BIGINT,
    due_ms       BIGINT,
    -- How long it waits between two attempts: bounds the wait when the clock is put back.
    hold_ms      BIGINT,
    template     TEXT,
    template_key TEXT,
    -- What somebody wants of the worker that has it.
    ask          TEXT CHECK (ask IN ('cancel', 'pause')),
    -- Where it goes when it is given back.
    back         TEXT    NOT NULL DEFAULT 'queued' CHECK (back IN ('queued', 'review')),
    worker       TEXT,
    -- The process that has it, and which of its claims this is.
    holder       TEXT,
    grip         BIGINT,
    -- Grows with each claim: who comes with an older one is refused.
    token        BIGINT  NOT NULL DEFAULT 0,
    -- On the clock that leases are judged by, the server's.
    lease_until  BIGINT,
    lease_ms     BIGINT,
    boot         TEXT,
    -- The order of claims: repositories take turns by it.
    claimed      BIGINT,
    -- The number of its last event.
    events       BIGINT  NOT NULL DEFAULT 0,
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
    job   BIGINT  NOT NULL REFERENCES job (seq),
    needs BIGINT  NOT NULL REFERENCES job (seq),
    PRIMARY KEY (job, needs)
);

CREATE INDEX dependency_by_needs ON dependency (needs);

CREATE TABLE event (
    job   BIGINT  NOT NULL REFERENCES job (seq),
    n     BIGINT  NOT NULL,
    at_ms BIGINT  NOT NULL,
    what  TEXT    NOT NULL,
    PRIMARY KEY (job, n)
);

-- The edit set of a job that has not landed yet.
CREATE TABLE result (
    job   BIGINT PRIMARY KEY REFERENCES job (seq),
    bytes BYTEA   NOT NULL
);

-- Roots belong to the machine that has them.
CREATE TABLE watched_root (
    machine  TEXT    NOT NULL,
    root     TEXT    NOT NULL,
    added_ms BIGINT  NOT NULL,
    PRIMARY KEY (machine, root)
);
