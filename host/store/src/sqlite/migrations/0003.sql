-- The run that has caused an event.
ALTER TABLE event ADD COLUMN cause TEXT;
ALTER TABLE dead_letter ADD COLUMN cause TEXT;

-- The first schema did not keep the events of its dead letters; negative ids are never given.
UPDATE dead_letter SET event_id = -id WHERE event_id = 0;

-- In the order of their ids, whatever is looked for.
CREATE INDEX dead_letter_id ON dead_letter (tenant, id);
-- Those of a batch that is not complete.
CREATE INDEX delivery_batch_open ON delivery (tenant, step, batch_key, due_at)
    WHERE batch_key IS NOT NULL AND attempt = 0 AND lease_until IS NULL;
CREATE INDEX delivery_throttled ON delivery (tenant, step, id) WHERE admitted = 2;

-- The change with which an item began to be.
ALTER TABLE stream_item ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stream_item_offset ON stream_item (tenant, stream, grp, "offset");

-- The last change whose deletion is forgotten.
ALTER TABLE stream_group ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- For those who come back and ask what they have missed.
CREATE TABLE stream_deleted (
    tenant     TEXT NOT NULL,
    stream     TEXT NOT NULL,
    grp        TEXT NOT NULL,
    id         TEXT NOT NULL,
    data       TEXT NOT NULL,
    "offset"   INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, stream, grp, id)
) STRICT;

CREATE INDEX stream_deleted_age ON stream_deleted (deleted_at);

-- What people have changed.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT
) STRICT;
