-- Whether a link offers its video as a download, and whether its owner wants to know how far it is watched.
ALTER TABLE shares ADD COLUMN downloads_off BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE shares ADD COLUMN counts_watching BOOLEAN NOT NULL DEFAULT FALSE;
-- How often somebody began to watch this version since its owner wants to know.
ALTER TABLE uploads ADD COLUMN viewings BIGINT NOT NULL DEFAULT 0;
-- How often each stretch of a version was played (`rows/watching`). Nothing says by whom, or when.
CREATE TABLE watching (
    session_id  UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    stretch     BIGINT  NOT NULL,
    plays       BIGINT  NOT NULL,
    PRIMARY KEY (session_id, stretch)
);
