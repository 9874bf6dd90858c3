-- What a server is still to be told by webhook. A row is written with the change that it is about, and deleted when the
-- server has taken it.
CREATE TABLE webhook_events (
    number           INTEGER PRIMARY KEY AUTOINCREMENT,
    -- By which the server recognizes an event that it gets twice.
    id               TEXT NOT NULL UNIQUE,
    item             TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    type             TEXT NOT NULL CHECK (type IN ('item.uploaded', 'item.edited', 'item.failed')),
    -- The kind of a failed upload's stop. NULL: another type.
    reason           TEXT,
    happened_unix_ms INTEGER NOT NULL,
    -- The same in each try; NULL before the first.
    body             TEXT,
    tries            INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next. NULL: it is given up.
    next_unix_ms     INTEGER
) STRICT;
CREATE INDEX webhook_events_item ON webhook_events (item);
