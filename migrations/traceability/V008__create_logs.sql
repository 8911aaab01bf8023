-- What the engines say about their work.

CREATE TYPE log_level AS ENUM ('debug', 'info', 'warning', 'error');

CREATE TABLE logs (
  id bigserial PRIMARY KEY,
  level log_level NOT NULL,
  engine varchar(64) COLLATE "C" NOT NULL,
  message text COLLATE "C" NOT NULL,
  context jsonb NOT NULL DEFAULT '{}',
  logged_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT logs_engine_not_blank CHECK (btrim(engine) <> ''),
  CONSTRAINT logs_message_not_blank CHECK (btrim(message) <> '')
);

CREATE INDEX logs_logged_at_idx ON logs (logged_at, id);
CREATE INDEX logs_engine_logged_at_idx ON logs (engine, logged_at, id);
