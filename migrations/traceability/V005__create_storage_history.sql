-- Where an item's content was stored, and when: an audit trail that only grows. A trigger refuses
-- to change or remove a row, whoever asks.

CREATE TABLE storage_history (
  id bigserial PRIMARY KEY,
  dfid varchar(64) COLLATE "C" NOT NULL,
  content_id varchar(255) COLLATE "C" NOT NULL,
  -- The labels of the adapters' own type, which may be on another backend.
  adapter_type varchar(16) COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  stored_by uuid NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT storage_history_dfid_form CHECK (dfid LIKE 'DFID-_%'),
  CONSTRAINT storage_history_content_id_not_blank CHECK (btrim(content_id) <> ''),
  CONSTRAINT storage_history_adapter_type_known
    CHECK (adapter_type IN ('local', 'ipfs', 's3', 'ledger')),
  CONSTRAINT storage_history_location_not_blank CHECK (btrim(location) <> '')
);

CREATE INDEX storage_history_dfid_stored_at_idx ON storage_history (dfid, stored_at, id);
CREATE INDEX storage_history_content_id_stored_at_idx
  ON storage_history (content_id, stored_at, id);
CREATE INDEX storage_history_stored_at_idx ON storage_history (stored_at, id);

CREATE FUNCTION keep_storage_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the storage history is only added to'
    USING ERRCODE = 'check_violation', TABLE = 'storage_history',
      CONSTRAINT = 'storage_history_append_only';
END
$$;

CREATE TRIGGER storage_history_append_only AFTER UPDATE OR DELETE ON storage_history
  FOR EACH ROW EXECUTE FUNCTION keep_storage_history();
