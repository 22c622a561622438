-- One row per entry; every column is part of, or follows from, the canonical bytes (docs/reference/ledger.md).
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),  -- position in the whole ledger, no gaps
    id TEXT NOT NULL,                         -- derived from the content
    stream TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL CHECK (schema > 0),
    occurred_us INTEGER NOT NULL,             -- microseconds since 1970-01-01T00:00Z
    recorded_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,                      -- JSON array of ids
    body TEXT NOT NULL,                       -- JSON as recorded
    leaf BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;

CREATE UNIQUE INDEX entries_by_id ON entries (id);
CREATE UNIQUE INDEX entries_by_stream ON entries (stream, version);
CREATE INDEX entries_by_kind ON entries (kind);

CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
BEGIN
    SELECT raise(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER entries_remain BEFORE DELETE ON entries
BEGIN
    SELECT raise(ABORT, 'the ledger is append-only');
END;
