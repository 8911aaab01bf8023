DROP TABLE logs;
DROP TYPE log_level;
