DROP TABLE contributions;
DROP FUNCTION keep_asset_total_cost();
DROP TABLE assets;
DROP TABLE contributors;
