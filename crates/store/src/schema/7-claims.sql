-- What a recording's address at our servers is made from, and proves whose it is. NULL: of an earlier
-- program, whose address is made from the recording's own id.
ALTER TABLE recordings ADD COLUMN secret BLOB;
