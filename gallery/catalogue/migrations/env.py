"""What alembic runs: migrations on the connection, and in the transaction, that it is given."""

from alembic import context

from gallery.catalogue.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
