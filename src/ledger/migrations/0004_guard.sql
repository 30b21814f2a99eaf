-- What the guard knows of use, and what it will bring back. Valid for SQLite and PostgreSQL alike.

-- The last word of each signal of use: state and value as last seen, and when it last showed use.
CREATE TABLE signals (
    lease     TEXT   NOT NULL REFERENCES leases (id),
    name      TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    active_at BIGINT,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (lease, name)
);

-- Names that come back when their schedule opens: which lease ended last, and when its end was due.
CREATE TABLE returns (
    name  TEXT   NOT NULL PRIMARY KEY,
    lease TEXT   NOT NULL REFERENCES leases (id),
    due   BIGINT NOT NULL
);
