-- name: head
SELECT coalesce(max(seq), 0) FROM entries;

-- name: recorded_ids
SELECT id FROM entries WHERE id IN (SELECT value FROM json_each(:ids));

-- name: versions
SELECT value, (SELECT max(version) FROM entries WHERE stream = value) FROM json_each(:streams);

-- name: insert
INSERT INTO entries (seq, id, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: since
SELECT seq, id, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf
FROM entries WHERE seq > :after AND seq <= :until ORDER BY seq LIMIT :count;

-- name: stored
SELECT seq, CAST(id AS BLOB), CAST(stream AS BLOB), version, CAST(kind AS BLOB), schema, occurred_us, recorded_us,
    CAST(actor AS BLOB), CAST(cause AS BLOB), CAST(body AS BLOB), leaf
FROM entries WHERE seq > :after AND seq <= :until ORDER BY seq LIMIT :count;

-- name: positions_of_kinds
SELECT seq FROM entries
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND seq > :after AND seq <= :until
ORDER BY seq LIMIT :count;

-- name: at_positions
SELECT seq, id, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf
FROM entries WHERE seq IN (SELECT value FROM json_each(:positions)) ORDER BY seq;

-- name: stream
SELECT seq, id, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf
FROM entries WHERE stream = :stream ORDER BY version;

-- name: integrity
PRAGMA integrity_check(100);
