-- This table holds every item of the library. It keeps the name of the first kind, because programs of earlier
-- versions read it.
ALTER TABLE recordings ADD COLUMN kind TEXT NOT NULL DEFAULT 'recording'
    CHECK (kind IN ('recording', 'screenshot', 'import'));
-- The file in the item's folder that was taken or brought in. NULL: a recording, which has segments.
ALTER TABLE recordings ADD COLUMN source_file TEXT;
ALTER TABLE recordings ADD COLUMN source_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN source_sha256 BLOB;
-- Why it ended though nobody stopped it, as JSON: kind and parameters. It is worded where it is shown.
-- `end_detail` is the English sentence of rows from before this version; it is NULL in new ones.
ALTER TABLE recordings ADD COLUMN end_reason TEXT;

-- The edit of an item that was saved last.
CREATE TABLE edits (
    item          TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE CASCADE,
    -- Counts the times that it was saved.
    revision      INTEGER NOT NULL,
    -- JSON, with the number of its form.
    edit          TEXT NOT NULL,
    saved_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was published under an item's link.
CREATE TABLE versions (
    item              TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    -- From 1 on.
    number            INTEGER NOT NULL,
    -- The edit that it shows. NULL: the source as it is.
    edit              TEXT,
    -- When the link showed it; NULL before that.
    published_unix_ms INTEGER,
    PRIMARY KEY (item, number)
) STRICT, WITHOUT ROWID;

-- Background work of the app. A job that ran when the program ended waits again at the next start.
CREATE TABLE jobs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    -- NULL: work that has no item yet, such as an import.
    item            TEXT REFERENCES recordings(id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    -- JSON.
    params          TEXT NOT NULL,
    state           TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    -- In thousandths.
    progress        INTEGER NOT NULL DEFAULT 0,
    -- Why it failed, as JSON: code and parameters.
    error           TEXT,
    changed_unix_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_item ON jobs (item);
