-- Where placeholders stand for segments that were damaged before they came: `start-end` in
-- milliseconds, with spaces between.
ALTER TABLE uploads ADD COLUMN holes TEXT NOT NULL DEFAULT '';
