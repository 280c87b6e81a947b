"""The ports of the local stack, all on the loopback address."""

from dataclasses import dataclass, fields
from typing import Self

from runtime.child import require_free


@dataclass(frozen=True)
class Ports:
    """Where each part listens."""

    api: int = 8080
    temporal: int = 7233
    temporal_ui: int = 8233
    sandbox: int = 8090
    mail: int = 8025
    scanner: int = 8310
    postgres: int = 54321
    worker_health: int = 8181
    worker_metrics: int = 8182
    relay_health: int = 8183

    @classmethod
    def shifted(cls, offset: int) -> Self:
        """Return the usual ports, each moved by *offset*."""
        return cls(**{field.name: getattr(cls(), field.name) + offset for field in fields(cls)})

    def require_free(self, *, without_postgres: bool) -> None:
        """Raise `StackError`, naming the port and its use, if one is taken."""
        for field in fields(self):
            if not (without_postgres and field.name == "postgres"):
                purpose = field.name.replace("_", " ")
                require_free(getattr(self, field.name), purpose, "--port-offset 100")
