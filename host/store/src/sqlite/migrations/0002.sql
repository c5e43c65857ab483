ALTER TABLE event ADD COLUMN kind TEXT NOT NULL DEFAULT 'event';
ALTER TABLE event ADD COLUMN headers TEXT;
ALTER TABLE event ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;

DROP INDEX delivery_due;
ALTER TABLE delivery DROP COLUMN message_group_id;
-- A parked delivery waits for others of its lane, not for its time.
ALTER TABLE delivery ADD COLUMN parked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN lane TEXT;
ALTER TABLE delivery ADD COLUMN fifo INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN throttle_key TEXT;
-- 1: the throttle has let it through; 2: the throttle has put it off, due_at is its time.
ALTER TABLE delivery ADD COLUMN admitted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN debounce_key TEXT;
ALTER TABLE delivery ADD COLUMN batch_key TEXT;
ALTER TABLE delivery ADD COLUMN expires_at INTEGER;
ALTER TABLE delivery ADD COLUMN first_claimed_at INTEGER;

CREATE INDEX delivery_due ON delivery (tenant, step, parked, priority, due_at, id, lease_until);
CREATE INDEX delivery_lane ON delivery (tenant, step, lane, parked, id) WHERE lane IS NOT NULL;
CREATE INDEX delivery_leased ON delivery (tenant, step, lane, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX delivery_debounce ON delivery (tenant, step, debounce_key) WHERE debounce_key IS NOT NULL;
CREATE INDEX delivery_batch ON delivery (tenant, step, batch_key, id) WHERE batch_key IS NOT NULL;

DROP INDEX dead_letter_newest;
ALTER TABLE dead_letter ADD COLUMN event_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN kind TEXT NOT NULL DEFAULT 'event';
ALTER TABLE dead_letter ADD COLUMN headers TEXT;
ALTER TABLE dead_letter ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
-- Goes on counting in the delivery that is made of it: an attempt from before must not end that.
ALTER TABLE dead_letter ADD COLUMN lease_epoch INTEGER NOT NULL DEFAULT 1000000;
ALTER TABLE dead_letter ADD COLUMN lane TEXT;
ALTER TABLE dead_letter ADD COLUMN fifo INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
-- Of the last error.
ALTER TABLE dead_letter ADD COLUMN code TEXT NOT NULL DEFAULT '';
UPDATE dead_letter SET created_at = emitted_at, code = coalesce(errors ->> '$[#-1].code', '');

CREATE INDEX dead_letter_step ON dead_letter (tenant, step, id);
CREATE INDEX dead_letter_age ON dead_letter (died_at);
CREATE INDEX dead_letter_lane ON dead_letter (tenant, step, lane, id) WHERE blocks = 1;

-- Rates: `arrival` is when everything that came so far would be paid off, in microseconds.
CREATE TABLE pace (
    tenant  TEXT NOT NULL,
    step    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    arrival INTEGER NOT NULL,
    PRIMARY KEY (tenant, step, kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX pace_arrival ON pace (arrival);

-- Names that emitters gave to events.
CREATE TABLE event_name (
    tenant     TEXT NOT NULL,
    topic      TEXT NOT NULL,
    name       TEXT NOT NULL,
    event_id   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, topic, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_name_age ON event_name (expires_at);

-- Answers to requests with an idempotency key.
CREATE TABLE answer (
    tenant      TEXT NOT NULL,
    step        TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    response    BLOB NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, step, key)
) STRICT;

CREATE INDEX answer_age ON answer (expires_at);

CREATE TABLE redrive (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT NOT NULL,
    filter     TEXT NOT NULL,
    per_second INTEGER NOT NULL,
    moved      INTEGER NOT NULL DEFAULT 0,
    -- Letters up to this id were looked at.
    seen       INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE queue_settings (
    tenant   TEXT NOT NULL,
    step     TEXT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (tenant, step)
) STRICT, WITHOUT ROWID;
