-- What a user is to be told.

CREATE TYPE notification_kind AS ENUM ('circuit', 'operation', 'item', 'credits', 'system');

CREATE TABLE notifications (
  notification_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  kind notification_kind NOT NULL,
  title varchar(255) COLLATE "C" NOT NULL,
  body text COLLATE "C" NOT NULL DEFAULT '',
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  read_at timestamptz,
  CONSTRAINT notifications_title_not_blank CHECK (btrim(title) <> '')
);

-- The partial one comes first: of two that serve alike, embedded backends take the first.
CREATE INDEX notifications_unread_idx ON notifications (user_id, created_at, notification_id)
  WHERE read_at IS NULL;
CREATE INDEX notifications_user_id_created_at_idx
  ON notifications (user_id, created_at, notification_id);
