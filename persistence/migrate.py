"""Bring a database to the newest version: `python -m persistence.migrate [URL]`."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config


def configuration(url: str) -> Config:
    """Alembic's settings for the database at *url*."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str) -> None:
    """Apply every version that *url* lacks. Repeatable; runs its own event loop."""
    command.upgrade(configuration(url), "head")


def _main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DATABASE_URL", "")
    if not url:
        sys.stderr.write("Name the database: python -m persistence.migrate URL, or DATABASE_URL.\n")
        return 2
    migrate(url)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
