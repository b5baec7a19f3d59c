-- The deliveries of the webhook: one that comes again makes no second card.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    card INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_by_time ON deliveries (received_at);
