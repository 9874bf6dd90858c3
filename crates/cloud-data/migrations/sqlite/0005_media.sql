-- Files of other kinds than WebM, and what their owners say of them.

-- The kind that was announced; from finalize on, the one that its bytes are.
ALTER TABLE uploads ADD COLUMN media TEXT NOT NULL DEFAULT 'webm';
CREATE INDEX uploads_name ON uploads (user_id, filename);
ALTER TABLE shares ADD COLUMN description TEXT;

-- Secrets of the server itself, made by whichever process came first: what it signs is good on every
-- node.
CREATE TABLE keys (
    name    TEXT   NOT NULL PRIMARY KEY,
    secret  BLOB  NOT NULL
);
