-- What SQLite's files make together, in PostgreSQL's types.
-- Times are milliseconds of the Unix epoch, states and kinds are words.

CREATE TABLE users (
    id          UUID    NOT NULL PRIMARY KEY,
    email       TEXT    NOT NULL UNIQUE,
    created_ms  BIGINT  NOT NULL,
    -- An argon2id string (PHC); a user without one can't sign in by password.
    password    TEXT
);

CREATE TABLE tokens (
    id          UUID    NOT NULL PRIMARY KEY,
    -- A token itself is stored nowhere: `hash` is its SHA-256.
    hash        BYTEA   NOT NULL UNIQUE,
    user_id     UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    created_ms  BIGINT  NOT NULL,
    used_ms     BIGINT
);
CREATE INDEX tokens_user ON tokens (user_id, created_ms);

CREATE TABLE uploads (
    session_id   UUID    NOT NULL PRIMARY KEY,
    user_id      UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The recording's id where the app gave one; it is in the link.
    video_id     UUID    NOT NULL,
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
    session_id   UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    part_index   BIGINT  NOT NULL,
    object_key   TEXT    NOT NULL UNIQUE,
    size_bytes   BIGINT  NOT NULL,
    sha256       BYTEA    NOT NULL,
    -- What its bytes were found to be on arrival (`parts.rs`), as JSON.
    layout       TEXT    NOT NULL,
    received_ms  BIGINT  NOT NULL,
    PRIMARY KEY (session_id, part_index)
);

-- A browser that is signed in; `hash` is the SHA-256 of what its cookie holds.
CREATE TABLE web_sessions (
    hash        BYTEA    NOT NULL PRIMARY KEY,
    user_id     UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms  BIGINT  NOT NULL,
    expires_ms  BIGINT  NOT NULL
);
CREATE INDEX web_sessions_expiry ON web_sessions (expires_ms);

-- The app's sign-in, between consent and exchange (RFC 6749 and 7636).
CREATE TABLE codes (
    hash          BYTEA    NOT NULL PRIMARY KEY,
    user_id       UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    challenge     TEXT    NOT NULL,
    redirect_uri  TEXT    NOT NULL,
    token_name    TEXT    NOT NULL,
    expires_ms    BIGINT  NOT NULL
);

-- What the owner decided about a link. It outlives one upload: a recording that is sent again
-- stays as private as it was. No row: everything as it is by default.
CREATE TABLE shares (
    video_id    UUID    NOT NULL,
    user_id     UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title       TEXT,
    visibility  TEXT    NOT NULL DEFAULT 'link' CHECK (visibility IN ('link', 'members', 'password')),
    password    TEXT,
    expires_ms  BIGINT,
    views       BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (video_id, user_id)
);

-- A browser that said a link's password; `hash` is the SHA-256 of what its cookie holds.
CREATE TABLE share_passes (
    hash        BYTEA    NOT NULL PRIMARY KEY,
    video_id    UUID    NOT NULL,
    expires_ms  BIGINT  NOT NULL
);
CREATE INDEX share_passes_video ON share_passes (video_id);

-- `level_ms` is credit: it grows by a millisecond each millisecond up to the bucket's size.
CREATE TABLE buckets (
    name      TEXT    NOT NULL PRIMARY KEY,
    level_ms  BIGINT  NOT NULL,
    at_ms     BIGINT  NOT NULL
);

CREATE TABLE audit (
    id       UUID    NOT NULL PRIMARY KEY,
    at_ms    BIGINT  NOT NULL,
    user_id  UUID,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    address  TEXT    NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms);
