-- The life of an item: what happened to it, and when it was told.

CREATE TYPE event_kind AS ENUM (
  'created', 'enriched', 'merged', 'split', 'deprecated', 'stored', 'shared', 'transferred',
  'processed', 'inspected', 'certified'
);

CREATE TABLE events (
  id bigserial PRIMARY KEY,
  dfid varchar(64) COLLATE "C" NOT NULL,
  kind event_kind NOT NULL,
  -- Who or what says so: a user, a device, another system.
  source varchar(100) COLLATE "C" NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz NOT NULL DEFAULT now(),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT events_dfid_form CHECK (dfid LIKE 'DFID-_%'),
  CONSTRAINT events_source_not_blank CHECK (btrim(source) <> '')
);

CREATE INDEX events_dfid_occurred_at_idx ON events (dfid, occurred_at, id);
CREATE INDEX events_occurred_at_idx ON events (occurred_at, id);
CREATE INDEX events_kind_occurred_at_idx ON events (kind, occurred_at, id);
