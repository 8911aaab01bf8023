-- Trigram indexes for the search by substring, where the server has the extension.

-- roost: requires pg_trgm
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- roost: requires pg_trgm
CREATE INDEX projects_name_trgm_idx ON projects USING gin (name gin_trgm_ops);

-- roost: requires pg_trgm
CREATE INDEX projects_description_trgm_idx ON projects USING gin (description gin_trgm_ops);
