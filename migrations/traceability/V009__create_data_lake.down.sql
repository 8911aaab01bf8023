DROP TABLE data_lake_entries;
DROP TYPE verification_status;
