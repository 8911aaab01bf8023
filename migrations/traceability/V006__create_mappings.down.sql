DROP TABLE lid_dfid_mappings;
