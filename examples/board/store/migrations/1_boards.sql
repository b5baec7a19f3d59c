-- Names are compared without case, so `Ann` and `ann` are one name.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    is_admin INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Each change of a board and of its cards raises its revision by one.
CREATE TABLE boards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    board INTEGER NOT NULL REFERENCES boards (id) ON DELETE CASCADE,
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    is_owner INTEGER NOT NULL,
    -- The revision of the board with which the user became a member.
    since_revision INTEGER NOT NULL,
    PRIMARY KEY (board, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_of_user ON members (user);

CREATE TABLE cards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    board INTEGER NOT NULL REFERENCES boards (id) ON DELETE CASCADE,
    -- `column` is a keyword of SQL.
    lane TEXT NOT NULL CHECK (lane IN ('todo', 'doing', 'done')),
    -- 0 is the first card of its column.
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    done_at INTEGER
) STRICT;

CREATE INDEX cards_of_board ON cards (board, lane, position);
CREATE INDEX cards_done ON cards (done_at) WHERE done_at IS NOT NULL;
