-- What an API compiler has made of an account's specs, a row a compilation.
--
-- A key is the first 12 characters of a UUID, so that no name of a shared data source is one.

CREATE TABLE compilations (
  id varchar(12) COLLATE "C" PRIMARY KEY,
  account_id varchar(36) COLLATE "C" NOT NULL,
  name varchar(255) COLLATE "C",
  status varchar(20) COLLATE "C" DEFAULT 'success',
  specs jsonb NOT NULL,
  api_ir jsonb NOT NULL,
  openapi_canonical_hash varchar(64) COLLATE "C" NOT NULL,
  resource_names jsonb NOT NULL,
  resource_slugs jsonb NOT NULL,
  diff_from_previous jsonb,
  errors jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT compilations_hash_hexadecimal CHECK (
    length(openapi_canonical_hash) = 64
    AND btrim(openapi_canonical_hash, '0123456789abcdef') = ''),
  CONSTRAINT compilations_id_of_uuid CHECK (
    length(id) = 12 AND btrim(id, '0123456789abcdefABCDEF-') = ''),
  CONSTRAINT compilations_status_known CHECK (status IN ('success', 'failed'))
);

-- An account's list in its order; it serves look-ups by account alone, too.
CREATE INDEX compilations_account_id_idx ON compilations (account_id, updated_at DESC, id DESC);

-- What changed last, over all accounts.
CREATE INDEX compilations_updated_at_idx ON compilations (updated_at DESC);
