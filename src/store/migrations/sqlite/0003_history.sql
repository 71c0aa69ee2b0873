-- What was observed and decided, in blocks that `history` makes: format and content are its business.
CREATE TABLE history (
    begins   INTEGER NOT NULL,          -- nanoseconds since 1970
    follower TEXT    NOT NULL,          -- '' for the passes over all followers
    kind     INTEGER NOT NULL,          -- 0 samples, 1 inputs
    ends     INTEGER NOT NULL,
    entries  INTEGER NOT NULL,
    bytes    BLOB    NOT NULL,
    PRIMARY KEY (begins, follower, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_of ON history (follower, begins);
CREATE INDEX history_ends ON history (ends);
