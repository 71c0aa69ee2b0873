-- The state of one refollow that several hosts can take up. JSON columns are text, exactly as
-- `store::row` writes it: the audit chain hashes the text.
CREATE TABLE runs (
    id        TEXT   NOT NULL PRIMARY KEY,
    follower  TEXT   NOT NULL,
    opened_at BIGINT NOT NULL,          -- nanoseconds since 1970, for order and ranges only
    closed_at BIGINT,
    last_seq  BIGINT NOT NULL,
    format    BIGINT NOT NULL,
    json      TEXT   NOT NULL
);
-- Safety 9: the lock on a follower is held until its run has ended, also by the database itself.
CREATE UNIQUE INDEX one_open_run_per_follower ON runs (follower) WHERE closed_at IS NULL;
CREATE INDEX runs_by_age ON runs (opened_at, id);

CREATE TABLE journal (
    run    TEXT   NOT NULL REFERENCES runs (id),
    seq    BIGINT NOT NULL,
    epoch  BIGINT NOT NULL,             -- of the tenure under which it was written
    format BIGINT NOT NULL,
    json   TEXT   NOT NULL,
    PRIMARY KEY (run, seq)
);

CREATE TABLE plans (
    hash       TEXT    NOT NULL PRIMARY KEY,
    open       BOOLEAN NOT NULL,
    changed_at BIGINT  NOT NULL,
    format     BIGINT  NOT NULL,
    json       TEXT    NOT NULL
);
CREATE INDEX plans_open ON plans (open, changed_at);

CREATE TABLE memories (
    follower TEXT   NOT NULL PRIMARY KEY,
    format   BIGINT NOT NULL,
    json     TEXT   NOT NULL
);

CREATE TABLE brakes (
    scope  TEXT   NOT NULL PRIMARY KEY,
    format BIGINT NOT NULL,
    json   TEXT   NOT NULL
);

CREATE TABLE audit (
    seq       BIGINT NOT NULL PRIMARY KEY,
    prev_hash TEXT   NOT NULL,
    hash      TEXT   NOT NULL,
    format    BIGINT NOT NULL,
    json      TEXT   NOT NULL
);

-- The newest link of the audit chain: a log that was cut off at its end shows.
CREATE TABLE audit_head (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT  NOT NULL,
    hash TEXT    NOT NULL
);

CREATE TABLE state (
    key    TEXT   NOT NULL PRIMARY KEY,
    format BIGINT NOT NULL,
    json   TEXT   NOT NULL
);

-- Who may write, by the clock of this database alone. One row; the epoch only grows.
CREATE TABLE tenure (
    one        INTEGER     NOT NULL PRIMARY KEY CHECK (one = 1),
    holder     TEXT        NOT NULL,   -- one process, never used again
    name       TEXT        NOT NULL,   -- that process for people
    epoch      BIGINT      NOT NULL,
    taken_at   TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE FUNCTION refollow_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
    FOR EACH ROW EXECUTE FUNCTION refollow_refuse();
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refollow_refuse();
