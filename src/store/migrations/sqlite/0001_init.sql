-- The state of one refollow. JSON columns hold what `store::row` writes, with its format beside it.
PRAGMA application_id = 1919247983; -- "refo"

CREATE TABLE runs (
    id        TEXT    NOT NULL PRIMARY KEY,
    follower  TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,          -- nanoseconds since 1970, for order and ranges only
    closed_at INTEGER,
    last_seq  INTEGER NOT NULL,
    format    INTEGER NOT NULL,
    json      TEXT    NOT NULL
) STRICT;
-- Safety 9: the lock on a follower is held until its run has ended, also by the database itself.
CREATE UNIQUE INDEX one_open_run_per_follower ON runs (follower) WHERE closed_at IS NULL;
CREATE INDEX runs_by_age ON runs (opened_at, id);

CREATE TABLE journal (
    run    TEXT    NOT NULL REFERENCES runs (id),
    seq    INTEGER NOT NULL,
    format INTEGER NOT NULL,
    json   TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE plans (
    hash       TEXT    NOT NULL PRIMARY KEY,
    open       INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    format     INTEGER NOT NULL,
    json       TEXT    NOT NULL
) STRICT;
CREATE INDEX plans_open ON plans (open, changed_at);

CREATE TABLE memories (
    follower TEXT    NOT NULL PRIMARY KEY,
    format   INTEGER NOT NULL,
    json     TEXT    NOT NULL
) STRICT;

CREATE TABLE brakes (
    scope  TEXT    NOT NULL PRIMARY KEY,
    format INTEGER NOT NULL,
    json   TEXT    NOT NULL
) STRICT;

CREATE TABLE audit (
    seq       INTEGER NOT NULL PRIMARY KEY,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL,
    format    INTEGER NOT NULL,
    json      TEXT    NOT NULL
) STRICT;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- The newest link of the audit chain: a log that was cut off at its end shows.
CREATE TABLE audit_head (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;

CREATE TABLE state (
    key    TEXT    NOT NULL PRIMARY KEY,
    format INTEGER NOT NULL,
    json   TEXT    NOT NULL
) STRICT;
