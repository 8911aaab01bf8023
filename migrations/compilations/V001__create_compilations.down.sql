DROP TABLE compilations;
