-- The file of a video that a person brought in. It stays where it is, so its size and time say whether it is still
-- the same. The item's row is in `recordings`, with the kind 'import' and without a source_file.
CREATE TABLE files (
    item        TEXT PRIMARY KEY REFERENCES recordings(id) ON DELETE CASCADE,
    path        TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    -- When it was last modified, in nanoseconds since 1970.
    modified_ns INTEGER NOT NULL,
    -- 0: its header doesn't say.
    duration_ms INTEGER NOT NULL,
    -- The media type of its content.
    mime        TEXT NOT NULL,
    -- What the person wrote about it; empty for nothing.
    description TEXT NOT NULL DEFAULT '',
    -- It is to be uploaded. Its upload has a row as soon as there is a server.
    is_wanted   INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
