"""Run by Alembic within the transaction that `pairing_server.registry.migrate` began."""

from alembic import context

from pairing_server.registry.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
