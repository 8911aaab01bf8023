DROP TABLE storage_history;
DROP FUNCTION keep_storage_history();
