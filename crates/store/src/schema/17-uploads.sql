-- All uploads of an item in one table: its own, which has the item's id, and those to further places, which have ids of
-- their own. So the same statements write all of them, and a join by the item's id finds its own.
CREATE TABLE item_uploads (
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
    -- When the server confirmed the finished upload; 0 before that.
    finished_unix_ms INTEGER NOT NULL DEFAULT 0,
    -- 1: it was finished, and parts that the server has damaged since are sent again.
    mending          INTEGER NOT NULL DEFAULT 0,
    -- 1: the row was rebuilt from the item's folder, so the server is asked which parts it has.
    rebuilt          INTEGER NOT NULL DEFAULT 0,
    version          INTEGER,
    -- 1: the session of a further upload may have bytes of struck segments, under numbers that other parts get.
    struck           INTEGER NOT NULL DEFAULT 0,
    -- What the address of a further upload is made from.
    secret           BLOB,
    -- The flattened picture that a further upload sends: its file in the item's folder until it is there, its size and
    -- its hash.
    file             TEXT,
    size_bytes       INTEGER NOT NULL DEFAULT 0,
    sha256           BLOB
) STRICT;

CREATE TABLE item_parts (
    recording     TEXT NOT NULL REFERENCES item_uploads(recording) ON DELETE CASCADE,
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

INSERT INTO item_uploads (recording, item, server, profile, session, link, part_bytes_max, cuts, paused, stop,
    finished_unix_ms, mending, rebuilt, version)
SELECT recording, recording, server, profile, session, link, part_bytes_max, cuts, paused, stop, finished_unix_ms,
    mending, rebuilt, version
FROM uploads;
INSERT INTO item_uploads (recording, item, server, profile, session, link, part_bytes_max, cuts, paused, stop,
    finished_unix_ms, mending, rebuilt, version, struck, secret)
SELECT recording, item, server, profile, session, link, part_bytes_max, cuts, paused, stop, finished_unix_ms, mending,
    rebuilt, version, struck, secret
FROM further_uploads;

INSERT INTO item_parts (recording, idx, first_segment, segment_count, size_bytes, acknowledged, from_bytes, to_bytes,
    receipt)
SELECT recording, idx, first_segment, segment_count, size_bytes, acknowledged, from_bytes, to_bytes, receipt
FROM parts
UNION ALL
SELECT recording, idx, first_segment, segment_count, size_bytes, acknowledged, from_bytes, to_bytes, receipt
FROM further_parts;

DROP TABLE parts;
DROP TABLE further_parts;
DROP TABLE uploads;
DROP TABLE further_uploads;
ALTER TABLE item_uploads RENAME TO uploads;
ALTER TABLE item_parts RENAME TO parts;
CREATE INDEX uploads_item ON uploads (item);
