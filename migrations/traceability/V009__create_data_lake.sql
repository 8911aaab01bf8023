-- The verification queue: raw data waits here until a worker has looked at it.

CREATE TYPE verification_status AS ENUM ('pending', 'processing', 'verified', 'failed');

CREATE TABLE data_lake_entries (
  entry_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  data_hash varchar(64) COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  submitted_by uuid NOT NULL,
  status verification_status NOT NULL DEFAULT 'pending',
  -- How often a worker has taken it.
  attempts integer NOT NULL DEFAULT 0,
  worker varchar(100) COLLATE "C",
  claimed_at timestamptz,
  finished_at timestamptz,
  -- The item that it turned out to be about.
  dfid varchar(64) COLLATE "C",
  failure text COLLATE "C",
  submitted_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT data_lake_entries_data_hash_form
    CHECK (length(data_hash) = 64 AND data_hash = lower(data_hash)),
  CONSTRAINT data_lake_entries_attempts_not_negative CHECK (attempts >= 0),
  CONSTRAINT data_lake_entries_claimed CHECK ((status = 'pending') = (claimed_at IS NULL)),
  CONSTRAINT data_lake_entries_claimed_by_worker CHECK ((claimed_at IS NULL) = (worker IS NULL)),
  CONSTRAINT data_lake_entries_finished
    CHECK ((status IN ('verified', 'failed')) = (finished_at IS NOT NULL)),
  CONSTRAINT data_lake_entries_failed_has_reason
    CHECK ((status = 'failed') = (failure IS NOT NULL)),
  CONSTRAINT data_lake_entries_dfid_form CHECK (dfid LIKE 'DFID-_%')
);

CREATE INDEX data_lake_entries_status_submitted_at_idx
  ON data_lake_entries (status, submitted_at, entry_id);
CREATE INDEX data_lake_entries_data_hash_idx ON data_lake_entries (data_hash);
