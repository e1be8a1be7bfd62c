"""What of a service is sealed, and the triggers of PostgreSQL that seal it.

A statement that writes sealed rows adds a seal for each, in the same transaction and without a lock. The seals of a
transaction become one link of the chain when it commits: only that short moment is serialised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ROW = "sealed"
"""The alias under which the expressions of a `SealedTable` name its row."""
MIGRATION = "migration"
"""Who wrote the seals of rows that are older than the trail, or than the sealing of their table."""


@dataclass(frozen=True)
class SealedTable:
    """A table whose rows are sealed with each version; no row of it is ever removed."""

    name: str
    content: str = f"to_jsonb({ROW})"
    """SQL for what is sealed of a row."""
    key: str = f"{ROW}.id::text"
    """SQL for what identifies a row."""
    only: str | None = None
    """SQL for the rows that are sealed, if not all: a row that it becomes true of stays one of them."""


def without(*columns: str) -> str:
    """The content of a row without columns that may change unsealed."""
    listed = ", ".join(f"'{column}'" for column in columns)
    return f"(to_jsonb({ROW}) - ARRAY[{listed}]::text[])"


def with_hashes(**hashed: Sequence[str]) -> str:
    """The content of a row with SHA-256 in the place of columns, so that erasing one leaves no copy in the trail.

    What can be guessed, such as a phone, is hashed together with a random column, which has to be erased with it.

    Args:
        hashed: for each of these columns the columns that are hashed for it.
    """
    hashes = ", ".join(
        f"'{column}', encode(sha256(convert_to({_joined(column, together)}, 'UTF8')), 'hex')"
        for column, together in hashed.items()
    )
    return f"to_jsonb({ROW}) || jsonb_build_object({hashes})"


def _joined(hashed: str, columns: Sequence[str]) -> str:
    # NULL if the hashed column is, as an absent value has no hash; one of the others may be absent where it is not.
    texts = (f"{ROW}.{each}::text" if each == hashed else f"coalesce({ROW}.{each}::text, '')" for each in columns)
    return " || ' ' || ".join(texts)


FUNCTIONS = (
    # One batch for a transaction; the setting goes back with a savepoint, as the seals do.
    """
    CREATE FUNCTION open_audit_batch() RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE
        batch uuid := nullif(current_setting('myili.audit_batch', true), '');
    BEGIN
        IF batch IS NULL THEN
            batch := uuidv7();
            PERFORM set_config('myili.audit_batch', batch::text, true);
        END IF;
        RETURN batch;
    END $$
    """,
    # What is hashed stands in kit/audit/chain.py too, which proves the chain without calling these functions.
    """
    CREATE FUNCTION link_audit_batch(sealed_batch uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        before audit_links;
        this audit_links;
        content text;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('myili audit chain'));
        PERFORM set_config('myili.audit_batch', '', true);
        SELECT * INTO before FROM audit_links ORDER BY number DESC LIMIT 1;
        SELECT string_agg(
            concat_ws(' ', seal.position, seal.table_name, seal.row_key, seal.written_by, seal.content),
            E'\\n' ORDER BY seal.position
        ) INTO STRICT content FROM audit_seals AS seal WHERE seal.batch = sealed_batch;
        this.number := coalesce(before.number, 0) + 1;
        this.previous_hash := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
        this.batch := sealed_batch;
        -- A clock that is set back does not put a later link before an earlier one.
        this.sealed_at := greatest(clock_timestamp(), before.sealed_at);
        this.hash := sha256(convert_to(concat_ws(
            E'\\n', 'myili-audit-1', this.number, encode(this.previous_hash, 'hex'),
            (extract(epoch FROM this.sealed_at) * 1000000)::bigint, content
        ), 'UTF8'));
        INSERT INTO audit_links SELECT this.*;
    END $$
    """,
    """
    CREATE FUNCTION link_audit_seals() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Fires once for each seal; the first one links them all.
        IF NOT EXISTS (SELECT FROM audit_links WHERE batch = NEW.batch) THEN
            PERFORM link_audit_batch(NEW.batch);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION keep_audit_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Depth 1 is somebody's own statement; the triggers write at depth 2.
        IF pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION '% is written by the trail itself', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION refuse_change_of_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
)
_KEEP = "CREATE TRIGGER keep_trail BEFORE INSERT ON {} FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_trail()"
KEEP_SEALS = _KEEP.format("audit_seals")
DROP_KEEPING = "DROP TRIGGER keep_trail ON audit_seals"
TRIGGERS = (
    """
    CREATE CONSTRAINT TRIGGER link_seals AFTER INSERT ON audit_seals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION link_audit_seals()
    """,
    KEEP_SEALS,
    _KEEP.format("audit_links"),
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_trail()"
        for table in ("audit_seals", "audit_links", "audit_anchors")
    ),
)


_SEALS = "INSERT INTO audit_seals (batch, table_name, row_key, written_by, content)"


def sealing_of(table: SealedTable) -> tuple[str, ...]:
    """Statements that seal a table from now on, and refuse to remove a row of it."""
    kept = (
        f"CREATE TRIGGER never_removed_by_trail BEFORE DELETE OR TRUNCATE ON {table.name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_trail()"
    )
    return (*(_sealing_of_all(table) if table.only is None else _sealing_of_some(table, table.only)), kept)


def _sealing_of_all(table: SealedTable) -> tuple[str, ...]:
    shown = f"SELECT {table.key} AS key, {table.content} AS content FROM"
    return (
        f"""
        CREATE FUNCTION seal_{table.name}() RETURNS trigger LANGUAGE plpgsql
        SET timezone TO 'UTC' SET bytea_output TO 'hex' AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                {_SEALS} SELECT open_audit_batch(), '{table.name}', key, session_user, content
                FROM ({shown} written AS {ROW}) AS later;
            ELSE
                {_SEALS} SELECT open_audit_batch(), '{table.name}', key, session_user, content
                FROM ({shown} written AS {ROW}) AS later
                WHERE NOT EXISTS (
                    SELECT FROM ({shown} replaced AS {ROW}) AS earlier
                    WHERE (earlier.key, earlier.content) = (later.key, later.content)
                );
            END IF;
            RETURN NULL;
        END $$
        """,  # noqa: S608 - of the service's own texts
        (
            f"CREATE TRIGGER seal_new AFTER INSERT ON {table.name} REFERENCING NEW TABLE AS written "
            f"FOR EACH STATEMENT EXECUTE FUNCTION seal_{table.name}()"
        ),
        (
            f"CREATE TRIGGER seal_changed AFTER UPDATE ON {table.name} REFERENCING OLD TABLE AS replaced "
            f"NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION seal_{table.name}()"
        ),
    )


def _sealing_of_some(table: SealedTable, only: str) -> tuple[str, ...]:
    # A trigger for each row has its condition checked without being called, so that other rows cost next to nothing.
    due = only.replace(f"{ROW}.", "NEW.")
    return (
        f"""
        CREATE FUNCTION seal_{table.name}() RETURNS trigger LANGUAGE plpgsql
        SET timezone TO 'UTC' SET bytea_output TO 'hex' AS $$
        BEGIN
            {_SEALS} SELECT open_audit_batch(), '{table.name}', {table.key}, session_user, {table.content}
            FROM (SELECT NEW.*) AS {ROW};
            RETURN NULL;
        END $$
        """,  # noqa: S608 - of the service's own texts
        (
            f"CREATE TRIGGER seal_new AFTER INSERT ON {table.name} FOR EACH ROW WHEN ({due}) "
            f"EXECUTE FUNCTION seal_{table.name}()"
        ),
        (
            f"CREATE TRIGGER seal_changed AFTER UPDATE ON {table.name} FOR EACH ROW "
            f"WHEN (({due}) AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_{table.name}()"
        ),
    )


def unsealing_of(table: SealedTable) -> tuple[str, ...]:
    """The reverse of `sealing_of`."""
    triggers = ("seal_new", "seal_changed", "never_removed_by_trail")
    return (
        *(f"DROP TRIGGER {trigger} ON {table.name}" for trigger in triggers),
        f"DROP FUNCTION seal_{table.name}()",
    )


def seal_existing(tables: Sequence[SealedTable]) -> tuple[str, ...]:
    """Statements that seal the rows that are there, in the first link; before the triggers are created."""
    return (*seal_rows(tables), "SELECT link_audit_batch(open_audit_batch()) FROM audit_seals LIMIT 1")


def seal_rows(tables: Sequence[SealedTable]) -> tuple[str, ...]:
    """Statements that add seals of the rows that are there and have none like them, and link nothing."""
    return (
        "SET LOCAL timezone TO 'UTC'",
        "SET LOCAL bytea_output TO 'hex'",
        *(
            f"""
            INSERT INTO audit_seals (batch, table_name, row_key, written_by, content)
            SELECT open_audit_batch(), '{table.name}', {table.key}, '{MIGRATION}', {table.content}
            FROM {table.name} AS {ROW}
            WHERE ({table.only or "true"}) AND ('{table.name}', {table.key}, {table.content}) NOT IN (
                SELECT table_name, row_key, content FROM audit_seals WHERE table_name = '{table.name}'
            )
            ORDER BY 3
            """  # noqa: S608 - of our own texts
            for table in tables
        ),
    )
