-- what feeds' protocols must remember, written with the batch that it came of: counters that devices signed under, and
-- up to when a station has reported
CREATE TABLE IF NOT EXISTS remembered (
    feed_id VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    mark BLOB NOT NULL
);
