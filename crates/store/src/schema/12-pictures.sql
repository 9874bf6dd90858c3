-- The flattened picture that is going to be, or being, uploaded for a version: a file in the item's folder.
-- NULL: the link shows the version, or a later one takes its place.
ALTER TABLE versions ADD COLUMN file TEXT;
ALTER TABLE versions ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE versions ADD COLUMN sha256 BLOB;
-- The version of a picture that the upload sends or has sent. NULL: a recording, which has no versions.
ALTER TABLE uploads ADD COLUMN version INTEGER;
