-- An issue is stored as its kind and parameters (JSON), and worded where it is shown. `detail` is the
-- English sentence of rows from before this version; it is empty in new ones.
ALTER TABLE health ADD COLUMN params TEXT;
