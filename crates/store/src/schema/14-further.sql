-- Uploads of an item to further places than that of its own upload. They have ids of their own, and the columns of
-- `uploads`, so that the same code writes both. An item's link, versions and titles are those of its own upload alone.
CREATE TABLE further_uploads (
    -- The upload's own id.
    recording        TEXT PRIMARY KEY,
    item             TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    server           TEXT NOT NULL,
    profile          TEXT NOT NULL,
    session          TEXT,
    link             TEXT,
    part_bytes_max   INTEGER,
    cuts             INTEGER NOT NULL DEFAULT 0,
    paused           INTEGER NOT NULL DEFAULT 0,
    stop             TEXT,
    finished_unix_ms INTEGER NOT NULL DEFAULT 0,
    mending          INTEGER NOT NULL DEFAULT 0,
    rebuilt          INTEGER NOT NULL DEFAULT 0,
    version          INTEGER,
    -- 1: the session may have bytes of struck segments, under numbers that other parts get.
    struck           INTEGER NOT NULL DEFAULT 0,
    -- What its address is made from.
    secret           BLOB
) STRICT;
CREATE INDEX further_uploads_item ON further_uploads (item);

CREATE TABLE further_parts (
    recording     TEXT NOT NULL REFERENCES further_uploads(recording) ON DELETE CASCADE,
    idx           INTEGER NOT NULL,
    first_segment INTEGER NOT NULL,
    segment_count INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,
    acknowledged  INTEGER NOT NULL DEFAULT 0,
    from_bytes    INTEGER NOT NULL DEFAULT 0,
    to_bytes      INTEGER,
    receipt       TEXT,
    PRIMARY KEY (recording, idx)
) STRICT, WITHOUT ROWID;
