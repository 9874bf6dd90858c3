-- Links that set a new password, and accounts that their owners deleted.

-- A link works once and for an hour; `hash` is the SHA-256 of the secret that it holds.
CREATE TABLE reset_links (
    hash        BLOB   NOT NULL PRIMARY KEY,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_ms  BIGINT  NOT NULL
);
CREATE INDEX reset_links_user ON reset_links (user_id);
CREATE INDEX reset_links_expiry ON reset_links (expires_ms);

-- A deleted account keeps its row, without anything personal, so that its links say that they were
-- removed and nobody else can take them.
ALTER TABLE users ADD COLUMN deleted_ms BIGINT;
CREATE INDEX users_deleted ON users (deleted_ms) WHERE deleted_ms IS NOT NULL;
