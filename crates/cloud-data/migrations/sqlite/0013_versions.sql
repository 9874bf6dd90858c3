-- What is behind a link may be replaced by a greater version. Each version is an upload of its own
-- (`rows/versions`).
ALTER TABLE uploads ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
DROP INDEX uploads_live;
-- One live upload for each version; an expired or removed one makes room for the next.
CREATE UNIQUE INDEX uploads_live ON uploads (video_id, version)
    WHERE state NOT IN ('failed', 'expired') AND removed_ms IS NULL;
-- One version is served.
CREATE UNIQUE INDEX uploads_served ON uploads (video_id)
    WHERE state = 'completed' AND removed_ms IS NULL;
