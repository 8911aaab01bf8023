DROP TABLE adapters;
DROP TYPE adapter_type;
