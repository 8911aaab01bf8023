"""The mixes over TinyDB: a JSON file that is written anew with each change, not synced to the
device. PLACE is the file.
"""

from importlib.metadata import version

from tinydb import TinyDB, where

from records import main


class Store:
    def __init__(self, place):
        self.table = TinyDB(place)

    def load(self, rows):
        self.table.insert_multiple(
            {"id": key, "account_id": account, "document": document} for key, account, document in rows)

    def get(self, key):
        return self.table.get(where("id") == key)["document"]

    def put(self, key, account, document):
        self.table.insert({"id": key, "account_id": account, "document": document})

    def update(self, key, document):
        self.table.update({"document": document}, where("id") == key)

    def scan(self, key, count):
        rows = sorted(self.table.search(where("id") >= key), key=lambda row: row["id"])
        return [row["document"] for row in rows[:count]]


main(f"TinyDB {version('tinydb')}", Store)
