"""The database file of the company's books: its tables, and the migration of files of earlier releases."""

import sqlite3
from pathlib import Path

# Steps are only ever added: `user_version` of a file is the number of steps applied to it.
STEPS = (
    """
    CREATE TABLE IF NOT EXISTS accounts (account_number TEXT PRIMARY KEY, holder_name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS postings (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        posting_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL,
        receipt_number TEXT NOT NULL,
        bill_number TEXT NOT NULL,
        account_number TEXT NOT NULL,
        amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
        currency TEXT NOT NULL,
        paid_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        provider_reference TEXT UNIQUE,
        reason TEXT
    );
    CREATE UNIQUE INDEX IF NOT EXISTS booked_bills ON postings (bill_number) WHERE reason IS NULL;
    """,
    """
    ALTER TABLE accounts ADD COLUMN state TEXT NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'not_payable_online', 'payment_unfinished'));
    ALTER TABLE postings ADD COLUMN kind TEXT NOT NULL DEFAULT 'regular'
        CHECK (kind IN ('regular', 'advance', 'top_up'));
    ALTER TABLE postings ADD COLUMN late_fee_fen INTEGER NOT NULL DEFAULT 0
        CHECK (late_fee_fen BETWEEN 0 AND amount_fen);
    ALTER TABLE postings ADD COLUMN bill_amount_fen INTEGER;
    ALTER TABLE postings ADD COLUMN prepaid_kind TEXT CHECK (prepaid_kind IN ('token', 'write_card'));
    ALTER TABLE postings ADD COLUMN prepaid_token TEXT;
    CREATE UNIQUE INDEX prepaid_tokens ON postings (prepaid_token);
    ALTER TABLE postings ADD COLUMN prepaid_state TEXT CHECK (prepaid_state IN ('to_write', 'written'));
    -- A bill may be paid in parts, so its amount guards it (Books.book), no longer its number alone.
    DROP INDEX booked_bills;
    CREATE INDEX booked_bills ON postings (bill_number) WHERE reason IS NULL;
    CREATE TABLE cancellations (
        posting_id TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        received_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE bills (
        bill_number TEXT PRIMARY KEY,
        account_number TEXT NOT NULL,
        period TEXT NOT NULL,
        usage TEXT NOT NULL,
        amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
        due_date TEXT NOT NULL,
        meter_from TEXT,
        meter_to TEXT
    ) WITHOUT ROWID;
    CREATE INDEX bills_of_account ON bills (account_number);
    """,
    """
    -- Only authentic calls get here, and each is forgotten when its signature has expired, so this stays small.
    CREATE TABLE nonces (
        nonce TEXT PRIMARY KEY,
        expires INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX nonces_by_expiry ON nonces (expires);
    """,
    """
    -- The last day of an account's holder until then; the next holder, unless the account ended.
    CREATE TABLE holder_changes (
        account_number TEXT NOT NULL,
        effective_on TEXT NOT NULL,
        next_holder TEXT CHECK (next_holder <> ''),
        holder_change_id TEXT UNIQUE,
        PRIMARY KEY (account_number, effective_on)
    ) WITHOUT ROWID;
    """,
    """
    -- Fees are booked on applications. A CHECK of SQLite changes with its table only.
    CREATE TABLE all_postings (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        posting_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL,
        receipt_number TEXT NOT NULL,
        bill_number TEXT NOT NULL,
        account_number TEXT NOT NULL,
        amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
        currency TEXT NOT NULL,
        paid_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        provider_reference TEXT UNIQUE,
        reason TEXT,
        kind TEXT NOT NULL DEFAULT 'regular' CHECK (kind IN ('regular', 'advance', 'top_up', 'application_fee')),
        late_fee_fen INTEGER NOT NULL DEFAULT 0 CHECK (late_fee_fen BETWEEN 0 AND amount_fen),
        bill_amount_fen INTEGER,
        prepaid_kind TEXT CHECK (prepaid_kind IN ('token', 'write_card')),
        prepaid_token TEXT UNIQUE,
        prepaid_state TEXT CHECK (prepaid_state IN ('to_write', 'written')),
        application_id TEXT
    );
    INSERT INTO all_postings
    SELECT position, posting_id, payment_id, receipt_number, bill_number, account_number, amount_fen, currency,
        paid_at, received_at, provider_reference, reason, kind, late_fee_fen, bill_amount_fen, prepaid_kind,
        prepaid_token, prepaid_state, NULL
    FROM postings;
    DROP TABLE postings;
    ALTER TABLE all_postings RENAME TO postings;
    CREATE INDEX booked_bills ON postings (bill_number) WHERE reason IS NULL;
    """,
    """
    CREATE TABLE deliveries (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        delivery_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        subject_id TEXT NOT NULL,
        occurred_at TEXT NOT NULL,
        details TEXT NOT NULL,
        received_at TEXT NOT NULL
    );
    """,
)


def open_books(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode = WAL")
    (taken,) = database.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(STEPS[taken:], taken + 1):
        database.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")
    return database
