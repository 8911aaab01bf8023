DROP TABLE mock_data;
