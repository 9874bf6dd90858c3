-- What a token may be used for (`scopes`), users whom the operator shut out, and passes that are
-- good for one owner's video alone. Passes of before are asked for again: they live for hours.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT 'upload read account';
ALTER TABLE codes ADD COLUMN scopes TEXT NOT NULL DEFAULT 'upload read account';
ALTER TABLE users ADD COLUMN disabled_ms BIGINT;
ALTER TABLE share_passes ADD COLUMN user_id UUID;
