-- Append-only: prices as a vendor's price API gave them. The newest row of a key holds, over the price
-- that is embedded in the program. `rule` is JSON, as in the price snapshot of a span.
CREATE TABLE prices (
    id         BIGINT NOT NULL PRIMARY KEY,
    provider   TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    region     TEXT   NOT NULL,
    purchase   TEXT   NOT NULL,
    rule       TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    fetched_at BIGINT NOT NULL
);
CREATE INDEX prices_newest ON prices (provider, kind, type, region, purchase, id);
