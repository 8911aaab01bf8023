-- API keys. A key is prefix.secret; the secret itself is nowhere, only its SHA-256.

CREATE TABLE api_keys (
  key_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  name varchar(100) COLLATE "C" NOT NULL,
  prefix varchar(16) COLLATE "C" NOT NULL UNIQUE,
  secret_hash varchar(64) COLLATE "C" NOT NULL,
  scopes text[] COLLATE "C" NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  CONSTRAINT api_keys_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT api_keys_prefix_form CHECK (prefix LIKE 'rk\_%' AND length(prefix) = 16),
  CONSTRAINT api_keys_secret_hash_form
    CHECK (length(secret_hash) = 64 AND secret_hash = lower(secret_hash)),
  CONSTRAINT api_keys_expires_after_creation CHECK (expires_at > created_at)
);

CREATE INDEX api_keys_user_id_created_at_idx ON api_keys (user_id, created_at, key_id);
