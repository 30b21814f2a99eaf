-- Who a lease is for, and how much of a cloud's credit an owner may hold and spend.
ALTER TABLE leases ADD COLUMN owner TEXT;
CREATE INDEX leases_owner ON leases (owner, provider) WHERE owner IS NOT NULL;

-- Append-only: the newest of an owner and a cloud holds.
CREATE TABLE shares (
    id       BIGINT NOT NULL PRIMARY KEY,
    owner    TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    amount   BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX shares_owner ON shares (owner, provider, id);
