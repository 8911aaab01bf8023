DROP TABLE enhanced_identifiers;
DROP TABLE items;
DROP TYPE identifier_kind;
DROP TYPE item_status;
