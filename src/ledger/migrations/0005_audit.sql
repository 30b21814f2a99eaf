-- Who did what, to what, why and when; what the guard counts; and leases that a cancelled job leaves.

-- 1 for a lease of `create --ci`: its maker gone before it was ready means that nobody will come back.
ALTER TABLE leases ADD COLUMN ci BIGINT NOT NULL DEFAULT 0;

-- Append-only. `reason` is the lease's reason to end at that moment, `what` a thing of a cloud.
CREATE TABLE audit (
    id       BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    who      TEXT   NOT NULL,
    worker   TEXT   NOT NULL,
    action   TEXT   NOT NULL,
    lease    TEXT REFERENCES leases (id),
    provider TEXT,
    reason   TEXT,
    what     TEXT   NOT NULL,
    detail   TEXT   NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_lease ON audit (lease);

-- Counters of the guard that outlive its processes; changes.
CREATE TABLE tallies (
    name  TEXT   NOT NULL,
    label TEXT   NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (name, label)
);
