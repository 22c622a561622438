-- what rows that are kept aside came from, so that they can be decoded again
CREATE TABLE IF NOT EXISTS refused_origins (
    digest VARCHAR NOT NULL,
    form VARCHAR NOT NULL,
    body BLOB NOT NULL,
    delivery VARCHAR NOT NULL,
    verified BOOLEAN NOT NULL
);

-- one row per time that people offered refused rows again, written with the readings that came of it
CREATE TABLE IF NOT EXISTS reoffers (
    position VARCHAR NOT NULL,
    feed_id VARCHAR NOT NULL,
    given_at TIMESTAMP NOT NULL,
    given_by VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    offered BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    still VARCHAR NOT NULL
);

ALTER TABLE refused ADD COLUMN IF NOT EXISTS refused_id VARCHAR;
ALTER TABLE refused ADD COLUMN IF NOT EXISTS origin VARCHAR;
ALTER TABLE refused ADD COLUMN IF NOT EXISTS place BIGINT;
-- when somebody offered it again, and it was still refused
ALTER TABLE refused ADD COLUMN IF NOT EXISTS tried_at TIMESTAMP;
-- where it was taken at last: the position of that offer; NULL while it is kept aside
ALTER TABLE refused ADD COLUMN IF NOT EXISTS reoffered VARCHAR;
UPDATE refused SET refused_id = substr(md5(concat_ws(chr(31), feed_id, position, row, reason, raw)), 1, 16) WHERE refused_id IS NULL;
