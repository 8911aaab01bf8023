DROP TABLE storage_history;
