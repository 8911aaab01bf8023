-- Who contributes to what, and what it cost.

CREATE TABLE contributors (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(255) COLLATE "C" NOT NULL,
  email varchar(255) COLLATE "C",
  github_username varchar(255) COLLATE "C",
  wallet_address varchar(255) COLLATE "C",
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX contributors_github_username_idx ON contributors (github_username);
CREATE INDEX contributors_email_idx ON contributors (email);
CREATE INDEX contributors_created_at_idx ON contributors (created_at DESC);

-- What is contributed to. The trigger below keeps total_cost.
CREATE TABLE assets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(255) COLLATE "C" NOT NULL,
  description text COLLATE "C",
  asset_type varchar(50) COLLATE "C" NOT NULL,
  total_cost decimal(15, 2) NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX assets_asset_type_idx ON assets (asset_type);
CREATE INDEX assets_created_at_idx ON assets (created_at DESC);
CREATE INDEX assets_total_cost_idx ON assets (total_cost DESC);

CREATE TABLE contributions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  contributor_id uuid NOT NULL REFERENCES contributors (id) ON DELETE CASCADE,
  asset_id uuid NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  cost_amount decimal(15, 2) NOT NULL
    CONSTRAINT contributions_cost_amount_not_negative CHECK (cost_amount >= 0),
  coherence_score decimal(3, 2) NOT NULL
    CONSTRAINT contributions_coherence_score_range CHECK (coherence_score BETWEEN 0 AND 1),
  metadata jsonb NOT NULL DEFAULT '{}',
  timestamp timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX contributions_contributor_id_idx ON contributions (contributor_id);
CREATE INDEX contributions_asset_id_idx ON contributions (asset_id);
CREATE INDEX contributions_timestamp_idx ON contributions (timestamp DESC);
CREATE INDEX contributions_coherence_score_idx ON contributions (coherence_score DESC);

-- An asset's total cost is the sum of its contributions' costs, whatever happens to them: also
-- when one is changed, moved or deleted, or goes with its contributor.
CREATE FUNCTION keep_asset_total_cost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.asset_id = OLD.asset_id AND NEW.cost_amount = OLD.cost_amount THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE assets SET total_cost = total_cost - OLD.cost_amount, updated_at = now()
    WHERE id = OLD.asset_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE assets SET total_cost = total_cost + NEW.cost_amount, updated_at = now()
    WHERE id = NEW.asset_id;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER contributions_keep_asset_total_cost
  AFTER INSERT OR UPDATE OR DELETE ON contributions
  FOR EACH ROW EXECUTE FUNCTION keep_asset_total_cost();
