-- Recordings that a person deleted, until it can't be taken back: out of sight, and all there.
CREATE TABLE deleted (
    recording  TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE CASCADE,
    -- The same for all that were deleted at once.
    at_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
