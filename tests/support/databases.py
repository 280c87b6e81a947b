"""Databases lent to one test after the other: emptying is much cheaper than copying."""

import itertools
import os
from collections import Counter
from typing import Final

import asyncpg

from runtime.embedded import LocalPostgres

_numbers: Final = itertools.count(1)
# What was deleted stays in the files for a while, and is read past: a new copy has none of it.
_LENT_AT_MOST: Final = 60
_END_THE_OTHERS: Final = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Whoever alters a table adds rows there, writes some anew, or takes some away.
_SHAPE: Final = """
    SELECT concat_ws(
        ' ',
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_namespace),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_class),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_attribute),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_constraint),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_trigger),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_proc),
        (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM pg_type),
        (
            SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
            WHERE d.datname = current_database()
        )
    )
"""
# As replicas do: past the triggers that let nobody delete a posting.
_EMPTY: Final = """
    DO $$
    DECLARE one regclass; has_rows boolean;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR one IN
            SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                AND relname <> 'alembic_version'
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO has_rows;
            IF has_rows THEN EXECUTE format('DELETE FROM %s', one); END IF;
        END LOOP;
        PERFORM setval(oid::regclass, 1, false) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
    END $$
"""


class Databases:
    """Empty, migrated databases of one test process.

    One that comes back is emptied for the next test, unless its tables were altered.
    """

    def __init__(self, postgres: LocalPostgres, template: str) -> None:
        """Copies of *template*, which has all tables and no rows."""
        self._postgres = postgres
        self._template = template
        self._free: list[str] = []
        self._lent: Counter[str] = Counter()
        self._shape = ""

    async def lend(self) -> str:
        """The URL of an empty one that nobody else has."""
        name = self._free.pop() if self._free else await self._made()
        self._lent[name] += 1
        return self._postgres.url(name)

    async def take_back(self, url: str) -> None:
        """End what still uses it, and empty it."""
        name = url.rpartition("/")[2]
        if self._lent[name] < _LENT_AT_MOST and await self._emptied(url):
            self._free.append(name)
        else:
            await self._postgres.drop_database(name)

    async def close(self) -> None:
        """Drop those that are left."""
        for name in self._free:
            await self._postgres.drop_database(name)

    async def _made(self) -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        url = await self._postgres.create_database(name, self._template)
        if not self._shape:
            connection = await _connected(url)
            try:
                self._shape = await connection.fetchval(_SHAPE)
            finally:
                await connection.close()
        return name

    async def _emptied(self, url: str) -> bool:
        connection = await _connected(url)
        try:
            await connection.execute(_END_THE_OTHERS)
            if await connection.fetchval(_SHAPE) != self._shape:
                return False
            await connection.execute(_EMPTY)
        finally:
            await connection.close()
        return True


async def _connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url.replace("+asyncpg", ""))
