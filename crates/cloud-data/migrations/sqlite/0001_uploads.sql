-- Times are milliseconds of the Unix epoch, ids are UUIDs (16 bytes), states and kinds are words.

CREATE TABLE users (
    id          BLOB    NOT NULL PRIMARY KEY,
    email       TEXT    NOT NULL UNIQUE,
    created_ms  BIGINT  NOT NULL
);

-- A token itself is stored nowhere: `hash` is its SHA-256.
CREATE TABLE tokens (
    hash        BLOB    NOT NULL PRIMARY KEY,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms  BIGINT  NOT NULL
);

CREATE TABLE uploads (
    session_id   BLOB    NOT NULL PRIMARY KEY,
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The recording's id where the app gave one; it is in the link.
    video_id     BLOB    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN
        ('initialized', 'uploading', 'finalizing', 'completed', 'failed', 'expired')),
    filename     TEXT    NOT NULL,
    width        BIGINT  NOT NULL,
    height       BIGINT  NOT NULL,
    fps          BIGINT  NOT NULL,
    -- What init was asked with, as it came.
    metadata     TEXT    NOT NULL,
    created_ms   BIGINT  NOT NULL,
    -- The last time that anything was sent; expiry counts from here.
    active_ms    BIGINT  NOT NULL,
    -- Grows with every part that is stored: finalize commits only over the parts that it looked at.
    revision     BIGINT  NOT NULL DEFAULT 0,
    -- From finalize on:
    parts_total  BIGINT,
    assembly     TEXT    CHECK (assembly IN ('mapped', 'joined')),
    size_bytes   BIGINT,
    duration_ms  BIGINT,
    etag         TEXT,
    finalized_ms BIGINT,
    -- Removed by its owner: nothing of it is served, and its link says so.
    removed_ms   BIGINT
);
-- One live upload for each video; an expired or removed one makes room for the next.
CREATE UNIQUE INDEX uploads_live ON uploads (video_id)
    WHERE state NOT IN ('failed', 'expired') AND removed_ms IS NULL;
CREATE INDEX uploads_video ON uploads (video_id, created_ms);
CREATE INDEX uploads_user ON uploads (user_id, created_ms);
CREATE INDEX uploads_idle ON uploads (state, active_ms);

CREATE TABLE parts (
    session_id   BLOB    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    part_index   BIGINT  NOT NULL,
    object_key   TEXT    NOT NULL UNIQUE,
    size_bytes   BIGINT  NOT NULL,
    sha256       BLOB    NOT NULL,
    -- What its bytes were found to be on arrival (`parts.rs`), as JSON.
    layout       TEXT    NOT NULL,
    received_ms  BIGINT  NOT NULL,
    PRIMARY KEY (session_id, part_index)
);
