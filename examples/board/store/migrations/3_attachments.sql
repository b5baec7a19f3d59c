-- A card that is deleted can be restored for a while. Until then it is in no column.
ALTER TABLE cards ADD COLUMN removed_at INTEGER;

CREATE INDEX cards_removed ON cards (removed_at) WHERE removed_at IS NOT NULL;

CREATE VIEW shown_cards AS SELECT * FROM cards WHERE removed_at IS NULL;

-- The bytes are in a file that is named by the key.
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    card INTEGER NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX attachments_of_card ON attachments (card);
