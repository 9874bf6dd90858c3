-- Folders in which capture may write, or has written, segments of a recording other than its own.
-- A row outlives its recording, so that its folder is swept even if the program dies in between.
CREATE TABLE elsewhere (
    id        INTEGER PRIMARY KEY,
    folder    TEXT NOT NULL UNIQUE,
    recording TEXT NOT NULL,
    -- The number that the recording's first segment has there.
    first_idx INTEGER NOT NULL
) STRICT;
