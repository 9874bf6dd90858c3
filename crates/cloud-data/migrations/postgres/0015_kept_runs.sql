-- Parts of earlier versions that a version keeps as they are (`rows/versions`). They stay where they were received: a
-- run names the `parts` parts of `from_session` from `from_index` on, which are the version's parts from `part_index`
-- on.
CREATE TABLE kept_runs (
    session_id    UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    part_index    BIGINT  NOT NULL,
    parts         BIGINT  NOT NULL,
    from_session  UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    from_index    BIGINT  NOT NULL,
    -- Is added to the times of the parts' clusters when they are served.
    shift_ms      BIGINT  NOT NULL,
    PRIMARY KEY (session_id, part_index)
);
CREATE INDEX kept_runs_from ON kept_runs (from_session, from_index);
-- Set for a dead upload all of whose remaining parts are kept by a version: the sweeper needn't look at them until
-- such a version is dead, too.
ALTER TABLE uploads ADD COLUMN all_kept BOOLEAN NOT NULL DEFAULT FALSE;
