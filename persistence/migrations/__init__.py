"""The database's history: alembic's environment and its versions."""
