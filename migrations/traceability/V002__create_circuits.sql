-- Circuits: groups of partners that share items. The engine's other tables are here, too: members,
-- shared items, operations and the activities that are a circuit's audit trail.
--
-- A circuit is never deleted: its trail outlives its use.

CREATE TABLE circuits (
  circuit_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(255) COLLATE "C" NOT NULL,
  description text COLLATE "C",
  owner_id uuid NOT NULL,
  -- The circuit's own rules: which operations need an approval.
  permissions jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT circuits_name_not_blank CHECK (btrim(name) <> '')
);

CREATE INDEX circuits_owner_id_idx ON circuits (owner_id);

CREATE TYPE circuit_role AS ENUM ('owner', 'admin', 'member', 'viewer');

-- The partial index keeps a second owner out; the store never takes the only one away.
CREATE TABLE circuit_members (
  circuit_id uuid NOT NULL REFERENCES circuits (circuit_id),
  user_id uuid NOT NULL,
  role circuit_role NOT NULL,
  permissions text[] COLLATE "C" NOT NULL DEFAULT '{}',
  joined_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (circuit_id, user_id)
);

CREATE UNIQUE INDEX circuit_members_owner_key ON circuit_members (circuit_id)
  WHERE role = 'owner';
CREATE INDEX circuit_members_user_id_idx ON circuit_members (user_id);

CREATE TABLE circuit_items (
  circuit_id uuid NOT NULL REFERENCES circuits (circuit_id),
  dfid varchar(64) COLLATE "C" NOT NULL,
  -- What members may do with the item.
  permissions text[] COLLATE "C" NOT NULL DEFAULT '{}',
  shared_by uuid NOT NULL,
  shared_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (circuit_id, dfid),
  CONSTRAINT circuit_items_dfid_form CHECK (dfid LIKE 'DFID-_%')
);

CREATE INDEX circuit_items_dfid_idx ON circuit_items (dfid);

CREATE TYPE circuit_operation_kind AS ENUM ('push', 'pull');
CREATE TYPE circuit_operation_status AS ENUM ('pending', 'approved', 'rejected', 'completed');

-- A request to bring an item into a circuit or to take one from it.
CREATE TABLE circuit_operations (
  operation_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  circuit_id uuid NOT NULL REFERENCES circuits (circuit_id),
  dfid varchar(64) COLLATE "C" NOT NULL,
  kind circuit_operation_kind NOT NULL,
  status circuit_operation_status NOT NULL DEFAULT 'pending',
  requested_by uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  -- NULL when the circuit's rules approved it.
  decided_by uuid,
  decided_at timestamptz,
  completed_at timestamptz,
  reason text COLLATE "C",
  CONSTRAINT circuit_operations_dfid_form CHECK (dfid LIKE 'DFID-_%'),
  CONSTRAINT circuit_operations_decided CHECK ((status = 'pending') = (decided_at IS NULL)),
  CONSTRAINT circuit_operations_completed
    CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);

CREATE UNIQUE INDEX circuit_operations_pending_key ON circuit_operations (circuit_id, dfid, kind)
  WHERE status = 'pending';
CREATE INDEX circuit_operations_circuit_id_requested_at_idx
  ON circuit_operations (circuit_id, requested_at, operation_id);
CREATE INDEX circuit_operations_dfid_idx ON circuit_operations (dfid);

CREATE TYPE activity_kind AS ENUM (
  'circuit_created', 'circuit_changed', 'member_added', 'member_changed', 'member_removed',
  'ownership_transferred', 'item_shared', 'item_removed', 'operation_requested',
  'operation_approved', 'operation_rejected', 'operation_completed'
);

CREATE TABLE activities (
  id bigserial PRIMARY KEY,
  circuit_id uuid NOT NULL REFERENCES circuits (circuit_id),
  kind activity_kind NOT NULL,
  -- Who did it.
  actor_id uuid NOT NULL,
  -- The member that it was about.
  member_id uuid,
  dfid varchar(64) COLLATE "C",
  operation_id uuid REFERENCES circuit_operations (operation_id),
  details jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT activities_dfid_form CHECK (dfid LIKE 'DFID-_%')
);

CREATE INDEX activities_circuit_id_id_idx ON activities (circuit_id, id);
CREATE INDEX activities_operation_id_idx ON activities (operation_id);
