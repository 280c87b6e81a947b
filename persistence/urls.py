"""Database URLs in the form that our driver takes."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})


def asyncpg_url(url: str) -> str:
    """Return *url*, as hosts commonly hand it out, in SQLAlchemy's form for asyncpg.

    Raises ValueError for another database than PostgreSQL, without repeating the URL, for it
    holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _POSTGRES:
        raise ValueError("only PostgreSQL is supported: postgresql://user:password@host/database")
    # libpq says sslmode where asyncpg says ssl; the values are the same.
    query = [("ssl" if key == "sslmode" else key, value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(query)))
