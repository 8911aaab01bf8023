"""What the stores in Python share: the rows, the steps of a mix, and how they are followed.

    python3 PROGRAM load|steps PLACE ROWS STEPS COUNT
    python3 PROGRAM version

`records.h` says what the files hold. A store has get, put, update, scan and load.
"""

import json
import platform
import sys
import time

from measure import Measurement


def sum_of(document):
    return document["number"] + document["size"]


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [(key, account, json.loads(text)) for key, account, text in rows]


def follow(store, rows, step):
    kind, number, *value = step
    key, account, document = rows[number]
    match kind:
        case "r":
            return sum_of(store.get(key))
        case "u":
            store.update(key, document | {"revision": 10_000_000 + value[0] % 10_000_000})
            return 1
        case "i":
            store.put(key, account, document)
            return sum_of(document)
        case "s":
            return sum(sum_of(found) for found in store.scan(key, value[0]))
        case "m":
            found = store.get(key)
            store.update(key, found | {"revision": 10_000_000 + value[0] % 10_000_000})
            return sum_of(found)


def main(version, open_store):
    match sys.argv[1:]:
        case ["version"]:
            print(f"{version}, Python {platform.python_version()}")
        case [work, place, rows, steps, count]:
            rows, count = read_rows(rows), int(count)
            with open(steps, encoding="utf-8") as lines:
                steps = [line.split() for line in lines]
            steps = [(kind, *map(int, numbers)) for kind, *numbers in steps]
            store = open_store(place)
            if work == "load":
                measurement = Measurement()
                store.load(rows[:count])
                measurement.end(count, count)
            else:
                store.load(rows[:count])
                measurement, total = Measurement(), 0
                for step in steps:
                    start = time.perf_counter()
                    total += follow(store, rows, step)
                    measurement.times.append(time.perf_counter() - start)
                measurement.end(len(steps), total)
        case _:
            sys.exit("usage: PROGRAM load|steps PLACE ROWS STEPS COUNT | version")
