"""The drivers' workloads over asyncpg, on uvloop: prepared statements, a cursor for the long result.

    python3 asyncpg_peer.py WORKLOAD URL COUNT
    python3 asyncpg_peer.py workloads | version
"""

import asyncio
import time

import asyncpg
import uvloop

import queries
from measure import Measurement, main

CONNECTIONS = 16


async def connects(url, count):
    measurement = Measurement()
    for _ in range(count):
        connection = await asyncpg.connect(url)
        await connection.close()
    measurement.end(count, count)


async def select_one(url, count):
    connection = await asyncpg.connect(url)
    statement = await connection.prepare("SELECT 1")
    total = 0
    measurement = Measurement()
    for _ in range(count):
        start = time.perf_counter()
        total += await statement.fetchval()
        measurement.times.append(time.perf_counter() - start)
    measurement.end(count, total)
    await connection.close()


async def repeat(url, count, sql, value):
    """Runs a query `count` times, counts the rows and adds up what `value` makes of each."""
    connection = await asyncpg.connect(url)
    statement = await connection.prepare(sql)
    total, rows = 0, 0
    measurement = Measurement()
    for _ in range(count):
        result = await statement.fetch()
        rows += len(result)
        for row in result:
            total += value(row)
    measurement.end(rows, total)
    await connection.close()


def type_value(row):
    oid, name, space, owner, length, by_value, kind, category, preferred, defined, mark, table = row
    total = oid + len(name) + space + owner + length + by_value + preferred + defined + table
    return total + kind[0] + category[0] + mark[0]


async def rows(url, count):
    connection = await asyncpg.connect(url)
    total = 0
    measurement = Measurement()
    async with connection.transaction():
        async for row in connection.cursor(queries.rows(count), prefetch=1000):
            total += queries.mixed(row)
    measurement.end(count, total)
    await connection.close()


async def inserts(url, count):
    connection = await asyncpg.connect(url)
    await connection.execute(queries.INSERTED)
    measurement = Measurement()
    await connection.executemany(
        "INSERT INTO inserted VALUES ($1, $2, $3)",
        ((n, f"name {n}", '{"number":%d}' % n) for n in range(1, count + 1)),
    )
    # asyncpg does not say how many rows it inserted.
    total = await connection.fetchval("SELECT count(*) FROM inserted")
    measurement.end(count, total)
    await connection.close()


async def copy_in(url, count):
    connection = await asyncpg.connect(url)
    await connection.execute(queries.COPIED)
    measurement = Measurement()
    tag = await connection.copy_records_to_table(
        "copied", records=((n, f"name {n}", n / 2) for n in range(1, count + 1))
    )
    measurement.end(count, int(tag.split()[1]))
    await connection.close()


async def sixteen(url, count):
    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    statements = [await connection.prepare("SELECT 1") for connection in connections]

    async def work(statement):
        total = 0
        for _ in range(count // CONNECTIONS):
            total += await statement.fetchval()
        return total

    measurement = Measurement()
    totals = await asyncio.gather(*[work(statement) for statement in statements])
    measurement.end(count, sum(totals))
    for connection in connections:
        await connection.close()


def repeating(sql, value):
    return lambda url, count: repeat(url, count, sql, value)


main(
    f"{asyncpg.__version__} on uvloop {uvloop.__version__}",
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
    lambda workload, url, count: uvloop.run(workload(url, count)),
)
