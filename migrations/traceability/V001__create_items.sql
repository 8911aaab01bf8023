-- Traceability of farm produce: items and the identifiers that they are known by.
--
-- The system is made of engines, each with a file here: items, circuits, users, adapters, history,
-- mappings, receipts, logs, data lake, events, notifications, keys, credits. An application may
-- move one engine at a time to another backend, so foreign keys stand within an engine and never
-- between two: a dfid or a user's key that points into another engine is only checked for its
-- form, and no type is shared between engines.
--
-- Text has the C collation, so that every backend orders it by its UTF-8 bytes.

CREATE TYPE item_status AS ENUM ('active', 'deprecated', 'merged', 'split');

-- An item has one permanent text key, its DFID. One that was merged into another or split into
-- several keeps its row, so that old labels still lead somewhere.
CREATE TABLE items (
  dfid varchar(64) COLLATE "C" PRIMARY KEY,
  item_hash varchar(64) COLLATE "C" NOT NULL,
  status item_status NOT NULL DEFAULT 'active',
  enriched_data jsonb NOT NULL DEFAULT '{}',
  merged_into varchar(64) COLLATE "C" REFERENCES items (dfid),
  split_from varchar(64) COLLATE "C" REFERENCES items (dfid),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT items_dfid_form CHECK (dfid LIKE 'DFID-_%' AND dfid NOT LIKE '% %'),
  CONSTRAINT items_item_hash_form CHECK (length(item_hash) = 64 AND item_hash = lower(item_hash)),
  CONSTRAINT items_merged_has_target CHECK ((status = 'merged') = (merged_into IS NOT NULL)),
  CONSTRAINT items_no_self_merge CHECK (merged_into <> dfid),
  CONSTRAINT items_no_self_split CHECK (split_from <> dfid)
);

CREATE INDEX items_item_hash_idx ON items (item_hash);
CREATE INDEX items_status_created_at_idx ON items (status, created_at, dfid);
CREATE INDEX items_merged_into_idx ON items (merged_into);
CREATE INDEX items_split_from_idx ON items (split_from);

CREATE TYPE identifier_kind AS ENUM ('canonical', 'contextual');

-- What the world calls an item. A canonical identifier (an ear tag's number, say) belongs to one
-- item only; a contextual one (a lot, a field, a season) may stand on many.
CREATE TABLE enhanced_identifiers (
  id bigserial PRIMARY KEY,
  dfid varchar(64) COLLATE "C" NOT NULL REFERENCES items (dfid) ON DELETE CASCADE,
  namespace varchar(64) COLLATE "C" NOT NULL,
  key varchar(64) COLLATE "C" NOT NULL,
  value varchar(255) COLLATE "C" NOT NULL,
  id_type identifier_kind NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (dfid, namespace, key, value),
  CONSTRAINT enhanced_identifiers_namespace_form
    CHECK (namespace <> '' AND namespace = lower(btrim(namespace))),
  CONSTRAINT enhanced_identifiers_key_form CHECK (key <> '' AND key = lower(btrim(key))),
  CONSTRAINT enhanced_identifiers_value_form CHECK (value <> '' AND value = btrim(value))
);

CREATE UNIQUE INDEX enhanced_identifiers_canonical_key
  ON enhanced_identifiers (namespace, key, value) WHERE id_type = 'canonical';
CREATE INDEX enhanced_identifiers_contextual_idx
  ON enhanced_identifiers (namespace, key, value) WHERE id_type = 'contextual';
