-- The whole ledger. Valid for SQLite and PostgreSQL alike: only TEXT and BIGINT (sqlx's `Any` driver
-- reads no BOOL from SQLite), times in epoch milliseconds UTC, money in nano-dollars. Row numbers are
-- given out by the writer, inside the one write transaction that there is at a time.

CREATE TABLE kubelease_schema (
    version BIGINT NOT NULL PRIMARY KEY
);

-- One row per lease; changes while the lease lives.
CREATE TABLE leases (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    provider      TEXT   NOT NULL,
    ordered       TEXT   NOT NULL,
    profile       TEXT   NOT NULL,
    profile_toml  TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    ready_at      BIGINT,
    expires_at    BIGINT NOT NULL,
    protect_until BIGINT,
    ended_at      BIGINT,
    reason        TEXT,
    endpoint      TEXT,
    budget        BIGINT,
    worker        TEXT,
    worker_until  BIGINT
);
CREATE UNIQUE INDEX leases_live_name ON leases (name) WHERE status <> 'ended';
CREATE INDEX leases_name ON leases (name);

-- Append-only. `n` counts the lines of one lease.
CREATE TABLE journal (
    lease       TEXT   NOT NULL REFERENCES leases (id),
    n           BIGINT NOT NULL,
    seq         BIGINT,
    step        TEXT,
    event       TEXT   NOT NULL,
    made_kind   TEXT,
    made_id     TEXT,
    made_region TEXT,
    at          BIGINT NOT NULL,
    detail      TEXT   NOT NULL,
    PRIMARY KEY (lease, n)
);

-- Append-only: ids that belong to a lease and cannot say so themselves.
CREATE TABLE recorded (
    lease    TEXT   NOT NULL REFERENCES leases (id),
    provider TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    ref_id   TEXT   NOT NULL,
    region   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (lease, provider, kind, ref_id, region)
);
CREATE INDEX recorded_provider ON recorded (provider);

-- Append-only, and so are their ends.
CREATE TABLE spans (
    id        BIGINT NOT NULL PRIMARY KEY,
    lease     TEXT REFERENCES leases (id),
    provider  TEXT   NOT NULL,
    billed_id TEXT   NOT NULL,
    billed    TEXT   NOT NULL,
    price     TEXT   NOT NULL
);
CREATE INDEX spans_billed ON spans (provider, billed_id);
CREATE INDEX spans_lease ON spans (lease);
CREATE TABLE span_ends (
    span     BIGINT NOT NULL PRIMARY KEY REFERENCES spans (id),
    ended_at BIGINT NOT NULL,
    at       BIGINT NOT NULL
);

-- Append-only: money. `to_date` is the running sum of an accrual's item, this row included, so that
-- the next booking reads one row and not the item's whole history.
CREATE TABLE entries (
    id       BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    kind     TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    lease    TEXT REFERENCES leases (id),
    item     TEXT,
    amount   BIGINT NOT NULL,
    to_date  BIGINT,
    note     TEXT   NOT NULL
);
CREATE INDEX entries_provider ON entries (provider, kind, at, amount);
CREATE INDEX entries_lease ON entries (lease, kind, amount);
CREATE INDEX entries_item ON entries (provider, item, id) WHERE item IS NOT NULL;

-- Append-only: what an entry of kind `grant` says besides its amount.
CREATE TABLE grants (
    entry      BIGINT NOT NULL PRIMARY KEY REFERENCES entries (id),
    starts_at  BIGINT NOT NULL,
    expires_at BIGINT
);

-- The guard's memory; changes.
CREATE TABLE sightings (
    provider   TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    ref_id     TEXT   NOT NULL,
    region     TEXT   NOT NULL,
    first_seen BIGINT NOT NULL,
    times      BIGINT NOT NULL,
    PRIMARY KEY (provider, kind, ref_id, region)
);

-- One row per client process: the first call of the credential plugin is a use, its refreshes are not.
CREATE TABLE uses (
    lease  TEXT   NOT NULL REFERENCES leases (id),
    client TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (lease, client)
);
CREATE INDEX uses_last ON uses (lease, at);

-- Messages; changes. No reference to leases: a warning about an unknown lease must get out too.
CREATE TABLE outbox (
    id          BIGINT NOT NULL PRIMARY KEY,
    message_key TEXT   NOT NULL UNIQUE,
    lease       TEXT,
    at          BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    attempts    BIGINT NOT NULL,
    retry_at    BIGINT NOT NULL,
    sent        BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (sent, retry_at);

-- Append-only: one row per guard tick.
CREATE TABLE ticks (
    id     BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    report TEXT   NOT NULL
);
