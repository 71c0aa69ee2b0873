-- What every receiver still has to be told: one row per receiver and notice.
CREATE TABLE outbox (
    receiver    TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    format      BIGINT NOT NULL,
    json        TEXT   NOT NULL,
    PRIMARY KEY (receiver, fingerprint)
);
