"""How a database goes about a statement: which index it takes, and what it reads all of."""

import re
from contextlib import closing

from pairing_server.registry.database import driver_of
from pairing_server.registry.schema import metadata
from pairing_server.registry.statement import Prepared

#: Indexes of some rows of their table.
PARTIAL = frozenset(
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)


def plan(url, statement, **values):
    """Return the plan, as one text.

    PostgreSQL plans for nobody in particular, as it does for a statement that is used often, and
    as if tables were large: of a table with a page it would read that page.
    """
    driver = driver_of(url)
    text, bound = Prepared(statement, driver.dialect).bind(values)
    with closing(driver.connect()) as connection:
        cursor = connection.cursor()
        if driver.dialect.name == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {text}", bound)
            return "\n".join(row[3] for row in cursor.fetchall())
        for way in ("seqscan", "bitmapscan"):
            cursor.execute(f"SET enable_{way} = off")
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute("EXPLAIN (FORMAT TEXT) " + text, bound)
        return "\n".join(row[0] for row in cursor.fetchall())


def read_whole(plan):
    """Return the tables of which a plan reads every row, not those few that an index is of."""
    scanned = re.findall(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", plan)
    found = {table for table, index in scanned if index not in PARTIAL}
    found |= {*re.findall(r"Seq Scan on (\w+)", plan)}
    return sorted(found & {*metadata.tables})


def sorts(plan):
    """Tell whether all that is found is sorted, rather than read in order."""
    whole = re.search(r"(?<!Incremental )\bSort  \(", plan)
    return "USE TEMP B-TREE FOR ORDER BY" in plan or whole is not None
