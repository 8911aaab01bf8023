"""The mixes over SQLAlchemy Core on psycopg 3: statements made once, each call on a connection from
the pool, one statement a transaction. PLACE is a postgres:// URL of an empty database.
"""

from importlib.metadata import version

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from records import main

TABLE = sa.Table(
    "bench_documents", sa.MetaData(),
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("account_id", sa.String(36), nullable=False),
    sa.Column("document", JSONB, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False))
EPOCH = sa.text("timestamptz '2000-01-01Z'")
FIND = sa.select(TABLE).where(TABLE.c.id == sa.bindparam("key"))
SCAN = (sa.select(TABLE).where(TABLE.c.id >= sa.bindparam("key"))
        .order_by(TABLE.c.id).limit(sa.bindparam("count", type_=sa.Integer)))
INSERT = sa.insert(TABLE).values(updated_at=EPOCH)
UPDATE = (sa.update(TABLE).where(TABLE.c.id == sa.bindparam("key"))
          .values(document=sa.bindparam("changed"), updated_at=EPOCH))


class Store:
    def __init__(self, place):
        url = sa.make_url(place).set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        TABLE.metadata.create_all(self.engine)

    def run(self, statement, parameters):
        with self.engine.connect() as connection:
            return connection.execute(statement, parameters)

    def load(self, rows):
        with self.engine.connect() as connection:
            connection.execute(INSERT, [
                {"id": key, "account_id": account, "document": document}
                for key, account, document in rows])

    def get(self, key):
        with self.engine.connect() as connection:
            return connection.execute(FIND, {"key": key}).one().document

    def put(self, key, account, document):
        self.run(INSERT, {"id": key, "account_id": account, "document": document})

    def update(self, key, document):
        self.run(UPDATE, {"key": key, "changed": document})

    def scan(self, key, count):
        with self.engine.connect() as connection:
            return [row.document for row in connection.execute(SCAN, {"key": key, "count": count})]


main(f"SQLAlchemy {version('sqlalchemy')} on psycopg {version('psycopg')}", Store)
