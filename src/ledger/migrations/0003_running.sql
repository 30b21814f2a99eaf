-- Money in few rows. What leases cost is appended once per lease and UTC day (and when a lease ends, and
-- when a credit is declared); until then it waits in `running`. So a ledger grows by a row or two per
-- lease and day however often the guard looks, and sums are read, not computed.

-- Append-only: the billed items that `entries.parts` speaks of by number.
CREATE TABLE items (
    no       BIGINT NOT NULL PRIMARY KEY,
    provider TEXT   NOT NULL,
    lease    TEXT REFERENCES leases (id),
    item     TEXT   NOT NULL,
    title    TEXT   NOT NULL
);

-- `no:nanos no:nanos`: what each item has in the amount of the row.
ALTER TABLE entries ADD COLUMN parts TEXT;

-- Changes: what each lease has spent and holds, and what of it no entry says yet. `owner` is the lease, or
-- `-provider` for what belongs to none. `body` is what each item amounts to by now and by its entries; an
-- empty one is read from the entries again.
CREATE TABLE running (
    owner    TEXT   NOT NULL PRIMARY KEY,
    provider TEXT   NOT NULL,
    lease    TEXT REFERENCES leases (id),
    at       BIGINT NOT NULL,
    spent    BIGINT NOT NULL,
    held     BIGINT NOT NULL,
    waiting  BIGINT NOT NULL,
    released BIGINT NOT NULL,
    body     TEXT   NOT NULL
);

-- Changes: what was spent on each day since 1970 (and, under day -1, what is held now).
CREATE TABLE sums (
    provider TEXT   NOT NULL,
    day      BIGINT NOT NULL,
    amount   BIGINT NOT NULL,
    PRIMARY KEY (provider, day)
);

-- Changes: spans that have no end yet.
CREATE TABLE open_spans (
    span BIGINT NOT NULL PRIMARY KEY REFERENCES spans (id)
);
CREATE INDEX span_ends_at ON span_ends (ended_at);

DROP INDEX entries_provider;
DROP INDEX entries_lease;
DROP INDEX entries_item;
CREATE INDEX entries_provider ON entries (provider, at);
CREATE INDEX entries_lease ON entries (lease) WHERE lease IS NOT NULL;

-- What there was before.
INSERT INTO running (owner, provider, lease, at, spent, held, waiting, released, body)
    SELECT l.id, l.provider, l.id, l.created_at,
        COALESCE(SUM(CASE WHEN e.kind IN ('accrual', 'adjustment') THEN e.amount ELSE 0 END), 0),
        COALESCE(SUM(CASE e.kind WHEN 'hold' THEN e.amount WHEN 'release' THEN -e.amount ELSE 0 END), 0),
        0, 0, ''
    FROM leases l LEFT JOIN entries e ON e.lease = l.id
    GROUP BY l.id, l.provider, l.created_at;
INSERT INTO running (owner, provider, lease, at, spent, held, waiting, released, body)
    SELECT '-' || provider, provider, NULL, MAX(at), SUM(amount), 0, 0, 0, ''
    FROM entries WHERE lease IS NULL AND kind = 'accrual' GROUP BY provider;
INSERT INTO sums (provider, day, amount)
    SELECT provider, at / 86400000, SUM(amount) FROM entries
    WHERE kind IN ('accrual', 'adjustment') GROUP BY provider, at / 86400000;
INSERT INTO sums (provider, day, amount)
    SELECT provider, -1, SUM(CASE kind WHEN 'hold' THEN amount ELSE -amount END) FROM entries
    WHERE kind IN ('hold', 'release') GROUP BY provider;
INSERT INTO open_spans (span)
    SELECT id FROM spans WHERE NOT EXISTS (SELECT 1 FROM span_ends e WHERE e.span = spans.id);
CREATE INDEX running_at ON running (provider, at);
CREATE INDEX items_lease ON items (lease);
