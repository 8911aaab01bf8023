-- The extension stays: other tables of the database may use it.

-- roost: only postgres
DROP INDEX IF EXISTS projects_name_trgm_idx;

-- roost: only postgres
DROP INDEX IF EXISTS projects_description_trgm_idx;
