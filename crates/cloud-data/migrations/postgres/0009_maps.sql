-- Where a finished video's bytes stand, built once (`uploads/maps.rs`). It counts only for its
-- revision: another one makes the next reader build it anew.
CREATE TABLE maps (
    session_id  UUID    NOT NULL PRIMARY KEY REFERENCES uploads (session_id) ON DELETE CASCADE,
    revision    BIGINT  NOT NULL,
    etag        TEXT    NOT NULL,
    map         BYTEA    NOT NULL
);

-- How many clusters its parts were taken apart into, those that came again counted again.
ALTER TABLE uploads ADD COLUMN clusters BIGINT NOT NULL DEFAULT 0;

-- When a user's last job of each lane was begun: they take turns.
ALTER TABLE users ADD COLUMN pictures_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN videos_ms BIGINT NOT NULL DEFAULT 0;
