-- Readings store, format 3. Stamps are UTC without zone, in microseconds.

CREATE TABLE IF NOT EXISTS store_format (version INTEGER NOT NULL);

-- a channel is one quantity of one sensor; its number is its order of first appearance
CREATE TABLE IF NOT EXISTS channels (
    channel INTEGER PRIMARY KEY,
    sensor_id VARCHAR NOT NULL,
    quantity VARCHAR NOT NULL
);

-- no index: what is already there is found by stamp, and a batch is nearly always newer than all before it
CREATE TABLE IF NOT EXISTS readings (
    channel INTEGER NOT NULL,
    stamp TIMESTAMP NOT NULL,
    value DOUBLE NOT NULL,
    flags USMALLINT NOT NULL,
    txn INTEGER NOT NULL
);

-- tables of readings that were renamed to segment_N and wait to be sorted; rows before done are in runs already
CREATE TABLE IF NOT EXISTS segments (
    segment INTEGER NOT NULL,
    rows BIGINT NOT NULL,
    done BIGINT NOT NULL
);

-- sorted runs: NNNNNNNN.parquet by channel and stamp, and its hours, in the folder beside the database
CREATE TABLE IF NOT EXISTS runs (
    run INTEGER NOT NULL,
    level INTEGER NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL
);

-- one row per transaction that took readings or moved the clock of detection; its number stands in what it wrote
CREATE TABLE IF NOT EXISTS transactions (
    txn INTEGER NOT NULL,
    taken_at TIMESTAMP NOT NULL,
    -- microseconds up to which timers of detection were moved by the clock before its readings were looked at
    clock_us BIGINT NOT NULL
);

-- up to which transaction the states below go; what came later is folded again from the readings at opening
CREATE TABLE IF NOT EXISTS checkpoint (
    txn INTEGER NOT NULL,
    detection BLOB
);

-- records of quality control as format 1 wrote them; read where there are no pages yet
CREATE TABLE IF NOT EXISTS channel_state (
    channel INTEGER PRIMARY KEY,
    last_at TIMESTAMP,
    last_value DOUBLE,
    last_flags USMALLINT NOT NULL,
    state BLOB NOT NULL
);

-- what quality control and the rule detectors remember of channels, 4,096 in a row, as of the checkpoint
CREATE TABLE IF NOT EXISTS state_pages (
    kind VARCHAR NOT NULL,
    page INTEGER NOT NULL,
    data BLOB NOT NULL
);

-- alarms as they were raised, updated and cleared, one row each, in the order in which they became known
CREATE TABLE IF NOT EXISTS alarms (
    seq BIGINT NOT NULL,
    txn INTEGER NOT NULL,
    alarm_id VARCHAR NOT NULL,
    sensor_id VARCHAR NOT NULL,
    quantity VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    begun_at TIMESTAMP NOT NULL,
    "at" TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    "value" DOUBLE,
    score DOUBLE,
    "limit" DOUBLE,
    confidence DOUBLE NOT NULL,
    window_start TIMESTAMP NOT NULL,
    window_end TIMESTAMP NOT NULL,
    cause VARCHAR NOT NULL
);

-- acknowledgements: one per feed and position, for a week and the last hundred thousand of each feed
CREATE TABLE IF NOT EXISTS batches (
    seq BIGINT NOT NULL,
    feed_id VARCHAR NOT NULL,
    position VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    flagged VARCHAR NOT NULL,
    reasons VARCHAR NOT NULL,
    first_at TIMESTAMP,
    last_at TIMESTAMP,
    taken_at TIMESTAMP NOT NULL,
    PRIMARY KEY (feed_id, position)
);

-- what older acknowledgements come to
CREATE TABLE IF NOT EXISTS feed_totals (
    feed_id VARCHAR NOT NULL,
    taken_at TIMESTAMP NOT NULL,
    batches BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    refused BIGINT NOT NULL
);

-- rows kept aside, each once per feed however often it is offered
CREATE TABLE IF NOT EXISTS refused (
    feed_id VARCHAR NOT NULL,
    position VARCHAR NOT NULL,
    row BIGINT NOT NULL,
    raw VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    taken_at TIMESTAMP NOT NULL
);
