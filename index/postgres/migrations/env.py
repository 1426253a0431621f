"""What alembic runs: migrations on the connection, and in the transaction, that it is given."""

from alembic import context

from index.postgres.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
