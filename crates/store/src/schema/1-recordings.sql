-- One row a fact. Rows follow files: a segment's row is written after its file is durable.
CREATE TABLE recordings (
    id              TEXT PRIMARY KEY,
    title           TEXT NOT NULL,
    -- Local time, as the documents write it in file names: 2024-01-15T10-30-45
    started_text    TEXT NOT NULL,
    started_unix_ms INTEGER NOT NULL,
    fps             INTEGER NOT NULL,
    bitrate_bits    INTEGER NOT NULL,
    width           INTEGER NOT NULL DEFAULT 0,
    height          INTEGER NOT NULL DEFAULT 0,
    init_bytes      INTEGER NOT NULL DEFAULT 0,
    -- running: a program records it, or died while it did. ended: no segment follows.
    state           TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ended')),
    -- Why it ended, in words, where nobody stopped it.
    end_detail      TEXT,
    frames          INTEGER NOT NULL DEFAULT 0,
    unchanged       INTEGER NOT NULL DEFAULT 0,
    dropped         INTEGER NOT NULL DEFAULT 0,
    -- The person's own file.
    file            TEXT,
    -- Files that rows name and the disk has not.
    missing_detail  TEXT,
    -- 1: its segments need not stay, and are gone or about to be.
    cleared         INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE segments (
    recording   TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    idx         INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    start_ms    INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    sha256      BLOB NOT NULL,
    PRIMARY KEY (recording, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    recording      TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE CASCADE,
    server         TEXT NOT NULL,
    profile        TEXT NOT NULL,
    session        TEXT,
    link           TEXT,
    part_bytes_max INTEGER,
    paused         INTEGER NOT NULL DEFAULT 0,
    stop           TEXT,
    -- When the server confirmed the finished video; 0 before that.
    finished_unix_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE parts (
    recording     TEXT NOT NULL REFERENCES uploads(recording) ON DELETE CASCADE,
    idx           INTEGER NOT NULL,
    first_segment INTEGER NOT NULL,
    segment_count INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,
    acknowledged  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (recording, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
