-- A workspace's own ids of items, and the DFIDs that they stand for.

CREATE TABLE lid_dfid_mappings (
  workspace_id uuid NOT NULL,
  local_id varchar(255) COLLATE "C" NOT NULL,
  dfid varchar(64) COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, local_id),
  CONSTRAINT lid_dfid_mappings_local_id_not_blank CHECK (btrim(local_id) <> ''),
  CONSTRAINT lid_dfid_mappings_dfid_form CHECK (dfid LIKE 'DFID-_%')
);

CREATE INDEX lid_dfid_mappings_dfid_idx ON lid_dfid_mappings (dfid, workspace_id, local_id);
