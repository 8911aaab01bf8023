"""The workloads of `DriverWorkload` over asyncpg.

  python3 asyncpg_peer.py WORKLOAD URL COUNT

Prints seconds, the process's CPU seconds, operations and a sum over all values.
"""

import asyncio
import resource
import sys
import time

import asyncpg


async def connects(url, count):
    for _ in range(count):
        connection = await asyncpg.connect(url)
        await connection.close()
    return count


async def select_one(url, count):
    connection = await asyncpg.connect(url)
    statement = await connection.prepare("SELECT 1")
    total = 0
    for _ in range(count):
        total += await statement.fetchval()
    await connection.close()
    return total


async def rows(url, count):
    connection = await asyncpg.connect(url)
    total = 0
    sql = (
        "SELECT i::int4, 'row ' || i, i::float8 / 2,"
        " '2026-01-01Z'::timestamptz + i * interval '1 s'"
        f" FROM generate_series(1, {count}) AS i"
    )
    epoch = 946_684_800
    async with connection.transaction():
        async for number, text, half, moment in connection.cursor(sql, prefetch=1000):
            total += number + len(text) + half + (int(moment.timestamp()) - epoch) % 1000
    await connection.close()
    return total


async def inserts(url, count):
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)"
    )
    await connection.executemany(
        "INSERT INTO inserted VALUES ($1, $2, $3)",
        ((n, f"name {n}", '{"number":%d}' % n) for n in range(1, count + 1)),
    )
    # asyncpg does not say how many rows it inserted.
    total = await connection.fetchval("SELECT count(*) FROM inserted")
    await connection.close()
    return total


async def copy_in(url, count):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TEMPORARY TABLE copied (id int4, name text, score float8)")
    tag = await connection.copy_records_to_table(
        "copied", records=((n, f"name {n}", n / 2) for n in range(1, count + 1))
    )
    await connection.close()
    return int(tag.split()[1])


WORKLOADS = {
    "connect": connects,
    "connect-first": connects,
    "select-one": select_one,
    "rows": rows,
    "inserts": inserts,
    "copy-in": copy_in,
}


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    name, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    processor, start = processor_seconds(), time.monotonic()
    total = asyncio.run(WORKLOADS[name](url, count))
    elapsed, processor = time.monotonic() - start, processor_seconds() - processor
    print(f"{elapsed:.6f} {processor:.6f} {count} {total:.1f}")


main()
