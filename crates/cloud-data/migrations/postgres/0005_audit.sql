-- What became of what was done: a new title, who may see it, which limit refused.
ALTER TABLE audit ADD COLUMN detail TEXT NOT NULL DEFAULT '';
