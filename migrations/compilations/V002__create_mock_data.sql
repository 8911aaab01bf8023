-- The records that a compiled API serves, a row a resource: of a data source that compilations
-- share, or of one compilation alone.

CREATE TABLE mock_data (
  account_id varchar(36) COLLATE "C" NOT NULL,
  data_key varchar(64) COLLATE "C" NOT NULL,
  resource_slug varchar(64) COLLATE "C" NOT NULL,
  records jsonb NOT NULL DEFAULT '[]',
  list_schema jsonb,
  id_field varchar(64) COLLATE "C" NOT NULL DEFAULT 'id',
  PRIMARY KEY (account_id, data_key, resource_slug),
  -- In jsonb's order an array comes behind the scalars and before the objects, but for the empty
  -- one, which comes first.
  CONSTRAINT mock_data_records_array CHECK (
    records = '[]' OR (records > 'true' AND records < '{}'))
);
