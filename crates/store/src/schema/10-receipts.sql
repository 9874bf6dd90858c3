-- What the destination returned for the part and needs at completion. NULL: nothing.
ALTER TABLE parts ADD COLUMN receipt TEXT;
