-- What went wrong in a recording without ending it, and what mended itself.
CREATE TABLE health (
    recording TEXT NOT NULL REFERENCES recordings(id) ON DELETE CASCADE,
    idx       INTEGER NOT NULL,
    -- On the recording's own time line.
    at_ms     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (recording, idx)
) STRICT, WITHOUT ROWID;
