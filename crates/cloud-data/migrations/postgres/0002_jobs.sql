-- Work that is done after the answer, and what came out of it.

-- Enqueued in the transaction of what asks for it. `fence` grows with each claim: who lost the lease
-- meanwhile can't commit any more.
CREATE TABLE jobs (
    session_id   UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    -- What it makes; at most one of each for a video.
    product      TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts     BIGINT  NOT NULL DEFAULT 0,
    fence        BIGINT  NOT NULL DEFAULT 0,
    -- Not before this; of one that runs: until when it is its worker's.
    due_ms       BIGINT  NOT NULL,
    error        TEXT,
    created_ms   BIGINT  NOT NULL,
    PRIMARY KEY (session_id, product)
);
CREATE INDEX jobs_due ON jobs (state, due_ms);

CREATE TABLE products (
    session_id   UUID    NOT NULL REFERENCES uploads (session_id) ON DELETE CASCADE,
    product      TEXT    NOT NULL,
    object_key   TEXT    NOT NULL UNIQUE,
    size_bytes   BIGINT  NOT NULL,
    sha256       BYTEA   NOT NULL,
    PRIMARY KEY (session_id, product)
);
