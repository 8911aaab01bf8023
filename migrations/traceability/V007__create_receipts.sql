-- Receipts: proof that some data was received, by its SHA-256.

CREATE TABLE receipts (
  receipt_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  data_hash varchar(64) COLLATE "C" NOT NULL,
  data_size bigint NOT NULL,
  submitted_by uuid NOT NULL,
  -- The item that the data is about, once it is known.
  dfid varchar(64) COLLATE "C",
  received_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT receipts_data_hash_form
    CHECK (length(data_hash) = 64 AND data_hash = lower(data_hash)),
  CONSTRAINT receipts_data_size_not_negative CHECK (data_size >= 0),
  CONSTRAINT receipts_dfid_form CHECK (dfid LIKE 'DFID-_%')
);

CREATE INDEX receipts_data_hash_received_at_idx ON receipts (data_hash, received_at, receipt_id);
CREATE INDEX receipts_submitted_by_received_at_idx
  ON receipts (submitted_by, received_at, receipt_id);
CREATE INDEX receipts_dfid_received_at_idx ON receipts (dfid, received_at, receipt_id);
