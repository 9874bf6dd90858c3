-- Segments whose bytes were damaged on this computer. The segment's own row says what is in its file
-- now (a placeholder); this one says what was sealed, so that it is known when it turns up again.
CREATE TABLE damage (
    recording  TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    idx        INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256     BLOB NOT NULL,
    PRIMARY KEY (recording, idx)
) STRICT, WITHOUT ROWID;
-- 1: it was finished, and parts that the server has damaged since are sent again.
ALTER TABLE uploads ADD COLUMN mending INTEGER NOT NULL DEFAULT 0;
-- 1: the row was rebuilt from the recording's folder, so the server is asked which parts it has.
ALTER TABLE uploads ADD COLUMN rebuilt INTEGER NOT NULL DEFAULT 0;
-- init.webm as it was sealed. It is a few hundred bytes, and without it no segment can be shown.
ALTER TABLE recordings ADD COLUMN init BLOB;
