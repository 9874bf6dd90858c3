-- What a version of an edited recording consists of, as JSON: the list of pieces that its server is asked for, and
-- where the bytes of each are. NULL: a version of a picture, or one that a later version has replaced.
ALTER TABLE versions ADD COLUMN pieces TEXT;
-- The parts of a published version of a recording as its server has them, as JSON. Written before a later version's
-- upload takes the place of this one's, since that keeps some of them. NULL: not needed yet, or not any more.
ALTER TABLE versions ADD COLUMN served TEXT;
