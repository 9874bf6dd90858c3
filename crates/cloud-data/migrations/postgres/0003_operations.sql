-- What users keep and send, what was found damaged, and how far the sweeper has come.

-- The parts of an upload that count: all that came, after finalize those of the video.
ALTER TABLE uploads ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE uploads SET stored_bytes = (SELECT COALESCE(SUM(parts.size_bytes), 0) FROM parts
    WHERE parts.session_id = uploads.session_id
    AND (uploads.parts_total IS NULL OR parts.part_index < uploads.parts_total));

-- A sum over uploads that are there (not expired, not removed), kept in each transaction that
-- changes it. `day` counts days of the Unix epoch, in UTC.
CREATE TABLE usage (
    user_id       UUID    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    stored_bytes  BIGINT  NOT NULL,
    day           BIGINT  NOT NULL,
    day_uploads   BIGINT  NOT NULL,
    day_bytes     BIGINT  NOT NULL
);
INSERT INTO usage (user_id, stored_bytes, day, day_uploads, day_bytes)
    SELECT user_id, SUM(stored_bytes), 0, 0, 0 FROM uploads
    WHERE state <> 'expired' AND removed_ms IS NULL GROUP BY user_id;

-- A user's own limits. NULL: the server's; the largest number: none.
ALTER TABLE users ADD COLUMN storage_bytes_max BIGINT;
ALTER TABLE users ADD COLUMN day_uploads_max BIGINT;
ALTER TABLE users ADD COLUMN day_bytes_max BIGINT;

-- Since when its bytes are not what came, or are not there.
ALTER TABLE parts ADD COLUMN damaged_ms BIGINT;
CREATE INDEX parts_damaged ON parts (session_id) WHERE damaged_ms IS NOT NULL;
-- Videos of before are looked at one after the other.
INSERT INTO jobs (session_id, product, state, due_ms, created_ms)
    SELECT session_id, 'scrub', 'waiting', finalized_ms, finalized_ms FROM uploads
    WHERE state = 'completed' AND removed_ms IS NULL;

-- Where something that is done piece by piece goes on.
CREATE TABLE marks (
    name   TEXT  NOT NULL PRIMARY KEY,
    value  TEXT  NOT NULL
);

CREATE INDEX audit_user ON audit (user_id, at_ms);
