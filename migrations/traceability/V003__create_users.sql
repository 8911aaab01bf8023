-- Users. Names and e-mail addresses are unique whatever the case of their ASCII letters. The
-- password is kept as pbkdf2-sha256$ITERATIONS$SALT$HASH; the check keeps anything else out.

CREATE TYPE user_tier AS ENUM ('basic', 'professional', 'enterprise', 'admin');

CREATE TABLE users (
  user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  username varchar(64) COLLATE "C" NOT NULL,
  email varchar(255) COLLATE "C" NOT NULL,
  password_hash text COLLATE "C" NOT NULL,
  tier user_tier NOT NULL DEFAULT 'basic',
  workspace_id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT users_username_form CHECK (username <> '' AND username NOT LIKE '% %'),
  CONSTRAINT users_email_form CHECK (email LIKE '_%@_%' AND email NOT LIKE '% %'),
  CONSTRAINT users_password_hash_form CHECK (password_hash LIKE 'pbkdf2-sha256$_%$_%$_%')
);

CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_workspace_id_idx ON users (workspace_id);
