-- The history of edits: what was to be written, what was written, and what stood there before.
-- One database serves all the work trees of a user; rows are keyed by the root of the tree.

CREATE TABLE work_tree (
    id   INTEGER PRIMARY KEY,
    root BLOB    NOT NULL UNIQUE
);

CREATE TABLE edit_set (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    work_tree    INTEGER NOT NULL REFERENCES work_tree (id),
    -- Names the set once and for all: its ref, its temporary files.
    ulid         TEXT    NOT NULL,
    -- Names the request: the same request has the same id each time that it is made.
    edit_id      TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('prepared', 'committing', 'done', 'aborted', 'rolled-back', 'conflict')),
    -- The ulid of the set that this one undoes, and of the one that undid this one.
    undoes       TEXT,
    undone_by    TEXT,
    created_ms   INTEGER NOT NULL,
    request_json TEXT,
    git_commit   TEXT    NOT NULL,
    -- Folders (JSON arrays of text) that the set makes, and that it removes when they end up empty.
    made_dirs    TEXT    NOT NULL,
    drop_dirs    TEXT    NOT NULL,
    note         TEXT,
    -- Whether nothing of the set is left beside the files.
    cleared      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (work_tree, ulid)
);

CREATE INDEX edit_set_by_state ON edit_set (work_tree, state, cleared);
CREATE INDEX edit_set_by_edit_id ON edit_set (work_tree, edit_id);

CREATE TABLE edit_file (
    edit_set INTEGER NOT NULL REFERENCES edit_set (seq) ON DELETE CASCADE,
    n        INTEGER NOT NULL,
    path     TEXT    NOT NULL,
    -- The names, in the folder of the file, that are used on the way.
    temp     TEXT    NOT NULL,
    displaced TEXT   NOT NULL,
    old_hash BLOB,
    old_blob TEXT,
    old_mode INTEGER,
    old_size INTEGER,
    new_hash BLOB,
    new_blob TEXT,
    new_mode INTEGER,
    new_size INTEGER,
    PRIMARY KEY (edit_set, n),
    UNIQUE (edit_set, path)
);

-- Originals of at most 1 MB, so that they outlive the repository's own objects.
CREATE TABLE image (
    hash  BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
);
