-- The title that the server has of a recording, so that a rename is told to it once, and after a
-- restart too. NULL: none was told, and nobody has renamed it since.
ALTER TABLE recordings ADD COLUMN cloud_title TEXT;
