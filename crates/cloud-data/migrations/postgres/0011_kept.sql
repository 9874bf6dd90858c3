-- What a user causes to be kept beside the bytes of parts (`quotas`): of an upload its rows, its map and
-- what was made of it; of a link its title and description.
ALTER TABLE uploads ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shares ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE uploads SET kept_bytes = 4096
    + COALESCE((SELECT SUM(512 + LENGTH(layout)) FROM parts
        WHERE parts.session_id = uploads.session_id
        AND (uploads.parts_total IS NULL OR parts.part_index < uploads.parts_total)), 0)
    + COALESCE((SELECT LENGTH(map) FROM maps WHERE maps.session_id = uploads.session_id), 0)
    + COALESCE((SELECT SUM(512 + size_bytes) FROM products
        WHERE products.session_id = uploads.session_id), 0);
UPDATE shares SET kept_bytes = OCTET_LENGTH(COALESCE(title, '')) + OCTET_LENGTH(COALESCE(description, ''));
UPDATE usage SET stored_bytes =
    COALESCE((SELECT SUM(uploads.stored_bytes + uploads.kept_bytes) FROM uploads
        WHERE uploads.user_id = usage.user_id
        AND uploads.state <> 'expired' AND uploads.removed_ms IS NULL), 0)
    + COALESCE((SELECT SUM(shares.kept_bytes) FROM shares
        WHERE shares.user_id = usage.user_id), 0);
