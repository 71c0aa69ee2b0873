-- What was observed and decided, in blocks that `history` makes: format and content are its business.
CREATE TABLE history (
    begins   BIGINT NOT NULL,           -- nanoseconds since 1970
    follower TEXT   COLLATE "C" NOT NULL, -- '' for the passes over all followers
    kind     BIGINT NOT NULL,           -- 0 samples, 1 inputs
    ends     BIGINT NOT NULL,
    entries  BIGINT NOT NULL,
    bytes    BYTEA  NOT NULL,
    PRIMARY KEY (begins, follower, kind)
);
CREATE INDEX history_of ON history (follower, begins);
CREATE INDEX history_ends ON history (ends);
