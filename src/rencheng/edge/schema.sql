-- What an edge agent keeps, in one SQLite file (WAL).
CREATE TABLE kept (            -- bodies that wait for the core, as they came
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    feed TEXT NOT NULL,
    size INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    headers TEXT NOT NULL,     -- of a signature, as JSON; empty for none
    at INTEGER NOT NULL,       -- microseconds since 1970
    body BLOB NOT NULL
);
CREATE INDEX kept_by_feed ON kept (feed, seq);
CREATE TABLE parcels (         -- what is offered together: frozen before it is sent, so that it stays the same bytes
    parcel INTEGER PRIMARY KEY AUTOINCREMENT,
    feed TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    size INTEGER NOT NULL,
    aside TEXT NOT NULL        -- why the core refused it for good; empty while it is to be sent
);
CREATE TABLE log (             -- what happened here, each entry holding the hash of the one before
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,        -- JSON, the very text that was hashed
    previous TEXT NOT NULL,
    digest TEXT NOT NULL,
    handed TEXT NOT NULL       -- empty, 'yes', or why the core refused it
);
CREATE INDEX log_waiting ON log (seq) WHERE handed = '';
CREATE TABLE memory (          -- what local rules remember of a channel
    sensor TEXT NOT NULL,
    quantity TEXT NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (sensor, quantity)
) WITHOUT ROWID;
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    standing INTEGER NOT NULL,
    packed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE outbox (          -- messages to people on the spot that have not gone out yet
    message_id TEXT PRIMARY KEY,
    packed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE wishes (          -- what officers asked of the agent, by the command line
    wish INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL       -- empty while nobody looked
);
CREATE TABLE counts (
    name TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) WITHOUT ROWID;
