-- The run that has caused an event.
ALTER TABLE event ADD COLUMN cause TEXT;
ALTER TABLE dead_letter ADD COLUMN cause TEXT;

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
