-- Trigram indexes for the search by substring, where the server has the extension.
--
-- The name's index is on lower(name): one on the bare column also answers `name = ...`, and a
-- planner without statistics would take it for look-ups by name, which it makes a thousand times
-- slower than the unique constraint's index while rows are loaded.

-- roost: requires pg_trgm
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- roost: requires pg_trgm
CREATE INDEX projects_name_trgm_idx ON projects USING gin (lower(name) gin_trgm_ops);

-- roost: requires pg_trgm
CREATE INDEX projects_description_trgm_idx ON projects USING gin (description gin_trgm_ops);
