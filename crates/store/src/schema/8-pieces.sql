-- Where a part begins in its first segment, and where it ends in its only one (NULL: at the end of its last),
-- if it is a piece of a segment.
ALTER TABLE parts ADD COLUMN from_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN to_bytes INTEGER;
-- 1: a segment above part_bytes_max is sent in pieces.
ALTER TABLE uploads ADD COLUMN cuts INTEGER NOT NULL DEFAULT 0;
