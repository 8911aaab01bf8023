-- Storage adapters: where the content of items is kept. One of them is the default. Settings hold
-- endpoints and names, never a secret.

CREATE TYPE adapter_type AS ENUM ('local', 'ipfs', 's3', 'ledger');

CREATE TABLE adapters (
  config_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(100) COLLATE "C" NOT NULL UNIQUE,
  adapter_type adapter_type NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  is_default boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT adapters_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT adapters_default_is_active CHECK (is_active OR NOT is_default)
);

CREATE UNIQUE INDEX adapters_default_key ON adapters (is_default) WHERE is_default;
