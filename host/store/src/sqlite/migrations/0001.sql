-- An event is kept as long as a delivery refers to it.
CREATE TABLE event (
    id               INTEGER PRIMARY KEY,
    tenant           TEXT NOT NULL,
    topic            TEXT NOT NULL,
    data             TEXT NOT NULL,
    trace_id         TEXT NOT NULL,
    message_group_id TEXT,
    emitted_at       INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: the id of a delivery that ended lives on in logs and dead letters.
-- While a delivery is leased, due_at is the end of the lease: one index answers what can be claimed.
CREATE TABLE delivery (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id         INTEGER NOT NULL REFERENCES event (id),
    tenant           TEXT NOT NULL,
    step             TEXT NOT NULL,
    due_at           INTEGER NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    lease_epoch      INTEGER NOT NULL DEFAULT 0,
    lease_until      INTEGER,
    message_group_id TEXT,
    priority         INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    CHECK (lease_until IS NULL OR lease_until = due_at)
) STRICT;

CREATE INDEX delivery_due ON delivery (tenant, step, due_at, id, lease_until);
CREATE INDEX delivery_event ON delivery (event_id);

CREATE TABLE attempt_error (
    delivery_id INTEGER NOT NULL REFERENCES delivery (id),
    attempt     INTEGER NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    id               INTEGER PRIMARY KEY,
    tenant           TEXT NOT NULL,
    step             TEXT NOT NULL,
    topic            TEXT NOT NULL,
    data             TEXT NOT NULL,
    trace_id         TEXT NOT NULL,
    message_group_id TEXT,
    errors           TEXT NOT NULL,
    emitted_at       INTEGER NOT NULL,
    died_at          INTEGER NOT NULL
) STRICT;

CREATE INDEX dead_letter_newest ON dead_letter (tenant, died_at, id);

-- state and stream_item keep their rowid: their values may be long, and tables WITHOUT ROWID are
-- slow when rows are.
CREATE TABLE state (
    tenant     TEXT NOT NULL,
    grp        TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, grp, key)
) STRICT;

CREATE TABLE stream_item (
    tenant     TEXT NOT NULL,
    stream     TEXT NOT NULL,
    grp        TEXT NOT NULL,
    id         TEXT NOT NULL,
    data       TEXT NOT NULL,
    "offset"   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, stream, grp, id)
) STRICT;

-- Outlives its items: an offset is never given twice.
CREATE TABLE stream_group (
    tenant      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    grp         TEXT NOT NULL,
    last_offset INTEGER NOT NULL,
    PRIMARY KEY (tenant, stream, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE cron_tick (
    tenant       TEXT NOT NULL,
    step         TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, step, scheduled_at)
) STRICT, WITHOUT ROWID;
