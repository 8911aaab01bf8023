-- Credits: a ledger that only grows, and an account a user with the balance that it adds up to.
-- The account is the row that a booking locks. The upper bounds keep NaN out, which Postgres holds
-- to be greater than every number.

CREATE TABLE credit_accounts (
  user_id uuid PRIMARY KEY,
  balance numeric(15,2) NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT credit_accounts_balance_not_negative
    CHECK (balance >= 0 AND balance <= 9999999999999.99)
);

CREATE TABLE credit_transactions (
  id bigserial PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES credit_accounts (user_id),
  -- Positive for a credit, negative for a debit.
  amount numeric(15,2) NOT NULL,
  balance_after numeric(15,2) NOT NULL,
  reason varchar(255) COLLATE "C" NOT NULL,
  reference varchar(255) COLLATE "C",
  idempotency_key varchar(128) COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, idempotency_key),
  CONSTRAINT credit_transactions_amount_not_zero
    CHECK (amount <> 0 AND amount <= 9999999999999.99),
  CONSTRAINT credit_transactions_balance_after_not_negative
    CHECK (balance_after >= 0 AND balance_after <= 9999999999999.99),
  CONSTRAINT credit_transactions_reason_not_blank CHECK (btrim(reason) <> '')
);

CREATE INDEX credit_transactions_user_id_id_idx ON credit_transactions (user_id, id);
