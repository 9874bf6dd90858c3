-- A version of a video may keep parts of the version before it (`rows/versions`). What it consists of, as
-- JSON; NULL for an upload that was sent whole.
ALTER TABLE uploads ADD COLUMN edit TEXT;
-- Is added to the times of a part's clusters when they are served.
ALTER TABLE parts ADD COLUMN shift_ms BIGINT NOT NULL DEFAULT 0;
