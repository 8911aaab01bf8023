-- The package graph: the projects of an ecosystem and what they depend on.
--
-- Text has the C collation, so that every backend orders it by its UTF-8 bytes and folds ASCII
-- letters only. The index of the unique constraint serves look-ups by ecosystem alone, too.

CREATE TABLE projects (
  id serial PRIMARY KEY,
  ecosystem varchar(100) COLLATE "C" NOT NULL,
  name varchar(255) COLLATE "C" NOT NULL,
  description text COLLATE "C",
  homepage_url varchar(500) COLLATE "C",
  repository_url varchar(500) COLLATE "C",
  dependency_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (ecosystem, name),
  CONSTRAINT projects_ecosystem_lowercase CHECK (ecosystem = lower(ecosystem)),
  CONSTRAINT projects_name_lowercase CHECK (name = lower(name))
);

CREATE INDEX projects_name_idx ON projects (name);

-- An edge: the project needs the other one.
CREATE TABLE project_dependencies (
  id serial PRIMARY KEY,
  from_project_id integer NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  to_project_id integer NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (from_project_id, to_project_id),
  CONSTRAINT project_dependencies_no_self_edge CHECK (from_project_id <> to_project_id)
);

CREATE INDEX project_dependencies_to_project_id_idx ON project_dependencies (to_project_id);
