-- People: passwords, web sessions, named tokens, codes of the app's sign-in; what a link shows to
-- whom; limits that several processes share; and who did what.

-- An argon2id string (PHC); a user without one can't sign in by password.
ALTER TABLE users ADD COLUMN password TEXT;

CREATE TABLE named_tokens (
    id          BLOB    NOT NULL PRIMARY KEY,
    -- A token itself is stored nowhere: `hash` is its SHA-256.
    hash        BLOB    NOT NULL UNIQUE,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    created_ms  BIGINT  NOT NULL,
    used_ms     BIGINT
);
INSERT INTO named_tokens (id, hash, user_id, name, created_ms)
    SELECT randomblob(16), hash, user_id, '', created_ms FROM tokens;
DROP TABLE tokens;
ALTER TABLE named_tokens RENAME TO tokens;
CREATE INDEX tokens_user ON tokens (user_id, created_ms);

-- A browser that is signed in; `hash` is the SHA-256 of what its cookie holds.
CREATE TABLE web_sessions (
    hash        BLOB    NOT NULL PRIMARY KEY,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms  BIGINT  NOT NULL,
    expires_ms  BIGINT  NOT NULL
);
CREATE INDEX web_sessions_expiry ON web_sessions (expires_ms);

-- The app's sign-in, between consent and exchange (RFC 6749 and 7636).
CREATE TABLE codes (
    hash          BLOB    NOT NULL PRIMARY KEY,
    user_id       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    challenge     TEXT    NOT NULL,
    redirect_uri  TEXT    NOT NULL,
    token_name    TEXT    NOT NULL,
    expires_ms    BIGINT  NOT NULL
);

-- What the owner decided about a link. It outlives one upload: a recording that is sent again
-- stays as private as it was. No row: everything as it is by default.
CREATE TABLE shares (
    video_id    BLOB    NOT NULL,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title       TEXT,
    visibility  TEXT    NOT NULL DEFAULT 'link' CHECK (visibility IN ('link', 'members', 'password')),
    password    TEXT,
    expires_ms  BIGINT,
    views       BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (video_id, user_id)
);

-- A browser that said a link's password; `hash` is the SHA-256 of what its cookie holds.
CREATE TABLE share_passes (
    hash        BLOB    NOT NULL PRIMARY KEY,
    video_id    BLOB    NOT NULL,
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
    id       BLOB    NOT NULL PRIMARY KEY,
    at_ms    BIGINT  NOT NULL,
    user_id  BLOB,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    address  TEXT    NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms);
