-- Takes the package graph away, with all its rows.

DROP TABLE project_dependencies;
DROP TABLE projects;
