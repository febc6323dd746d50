"""All tables of the registry, wherever they stand."""

from pairing_server.registry import admin_tables, people_tables, stream_tables, xis_tables
from pairing_server.registry.tables import metadata

#: The modules whose tables are in it besides its own.
PARTS = (admin_tables, people_tables, stream_tables, xis_tables)

__all__ = ["PARTS", "metadata"]
