"""The drivers' queries, for the peers in Python."""

PG_TYPE = (
    "SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory,"
    " typispreferred, typisdefined, typdelim, typrelid FROM pg_type WHERE oid < 10000"
)
SERIES = "SELECT generate_series(1, 1000)"
BYTES = "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)"
ARRAYS = "SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i"
INSERTED = "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)"
COPIED = "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)"
# Of Postgres's time stamps.
EPOCH = 946_684_800


def rows(count):
    return (
        "SELECT i::int4, 'row ' || i, i::float8 / 2,"
        " '2026-01-01Z'::timestamptz + i * interval '1 s'"
        f" FROM generate_series(1, {count}) AS i"
    )


def mixed(row):
    number, text, half, moment = row
    return number + len(text) + half + (int(moment.timestamp()) - EPOCH) % 1000


def ends(value):
    return len(value) + value[0] + value[len(value) // 2] + value[-1]
