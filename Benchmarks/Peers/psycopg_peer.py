"""The drivers' workloads over psycopg 3: binary results, prepared statements, a stream for the long
result, a thread for each of many connections.

    python3 psycopg_peer.py WORKLOAD URL COUNT
    python3 psycopg_peer.py workloads | version
"""

import threading
import time

import psycopg
from psycopg.types.json import Jsonb

import queries
from measure import Measurement, main

CONNECTIONS = 16


def connect(url):
    return psycopg.connect(url, autocommit=True)


def connects(url, count):
    measurement = Measurement()
    for _ in range(count):
        connect(url).close()
    measurement.end(count, count)


def select_one(url, count):
    with connect(url) as connection:
        cursor = connection.cursor(binary=True)
        cursor.execute("SELECT 1", prepare=True)
        total = 0
        measurement = Measurement()
        for _ in range(count):
            start = time.perf_counter()
            total += cursor.execute("SELECT 1", prepare=True).fetchone()[0]
            measurement.times.append(time.perf_counter() - start)
        measurement.end(count, total)


def repeat(url, count, sql, value):
    """Runs a query `count` times, counts the rows and adds up what `value` makes of each."""
    with connect(url) as connection:
        cursor = connection.cursor(binary=True)
        total, rows = 0, 0
        measurement = Measurement()
        for _ in range(count):
            result = cursor.execute(sql, prepare=True).fetchall()
            rows += len(result)
            for row in result:
                total += value(row)
        measurement.end(rows, total)


def type_value(row):
    oid, name, space, owner, length, by_value, kind, category, preferred, defined, mark, table = row
    total = oid + len(name) + space + owner + length + by_value + preferred + defined + table
    return total + ord(kind) + ord(category) + ord(mark)


def rows(url, count):
    with connect(url) as connection:
        cursor = connection.cursor()
        total = 0
        measurement = Measurement()
        for row in cursor.stream(queries.rows(count), binary=True, size=1000):
            total += queries.mixed(row)
        measurement.end(count, total)


def inserts(url, count):
    with connect(url) as connection:
        connection.execute(queries.INSERTED)
        cursor = connection.cursor()
        measurement = Measurement()
        with connection.transaction():
            cursor.executemany(
                "INSERT INTO inserted VALUES (%b, %b, %b)",
                ((n, f"name {n}", Jsonb({"number": n})) for n in range(1, count + 1)),
            )
        measurement.end(count, cursor.rowcount)


def copy_in(url, count):
    with connect(url) as connection:
        connection.execute(queries.COPIED)
        cursor = connection.cursor()
        measurement = Measurement()
        with cursor.copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "float8"])
            for n in range(1, count + 1):
                copy.write_row((n, f"name {n}", n / 2))
        measurement.end(count, cursor.rowcount)


def sixteen(url, count):
    connections = [connect(url) for _ in range(CONNECTIONS)]
    totals = []

    def work(connection):
        cursor = connection.cursor(binary=True)
        total = 0
        for _ in range(count // CONNECTIONS):
            total += cursor.execute("SELECT 1", prepare=True).fetchone()[0]
        totals.append(total)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    measurement = Measurement()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measurement.end(count, sum(totals))
    for connection in connections:
        connection.close()


def repeating(sql, value):
    return lambda url, count: repeat(url, count, sql, value)


main(
    f"{psycopg.__version__}, {psycopg.pq.__impl__}, libpq {psycopg.pq.version() // 10000}",
    {
        "select-one": select_one,
        "select-one-tls": select_one,
        "pg-type": repeating(queries.PG_TYPE, type_value),
        "series": repeating(queries.SERIES, lambda row: row[0]),
        "rows": rows,
        "rows-tls": rows,
        "bytes": repeating(queries.BYTES, lambda row: queries.ends(row[0])),
        "arrays": repeating(queries.ARRAYS, lambda row: sum(row[0])),
        "copy-in": copy_in,
        "inserts": inserts,
        "sixteen": sixteen,
        "connect": connects,
        "connect-first": connects,
        "connect-tls": connects,
    },
    lambda workload, url, count: workload(url, count),
)
