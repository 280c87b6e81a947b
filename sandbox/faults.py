"""Faults on demand: rules that strike requests, mails and webhooks, the same way each time."""

import json
import random
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Self

from sandbox.store import Json, Store

BEFORE: Final = ("delay", "hang_before_effect", "connection_reset", "error")
AFTER: Final = ("timeout_after_effect", "error_after_effect", "reset_after_effect")
WEBHOOK: Final = ("webhook_duplicate", "webhook_delay", "webhook_reorder", "webhook_lose")
KINDS: Final = (*BEFORE, *AFTER, *WEBHOOK)


@dataclass(frozen=True, slots=True)
class Fault:
    """When something goes wrong, and how.

    `match` is searched in "METHOD /path" of a request, in "SMTP address" of a mail, in
    "WEBHOOK target type" of a webhook. `key` is searched in the idempotency key and in each
    metadata value and subject. `rate` (0 to 1) is drawn from `seed` and the number of times the
    rule was asked, so that a run can be repeated. `times` bounds how often it strikes; zero is
    without end. `stored` makes an early error a stored first answer, as Stripe's own 500s are.
    """

    kind: str
    match: str = ""
    key: str = ""
    rate: float = 1.0
    seed: int = 0
    times: int = 0
    seconds: float = 30.0
    status: int = 500
    stored: bool = False
    id: int = field(default=0, compare=False)

    @classmethod
    def of(cls, wanted: Json) -> Self:
        """Read a rule as a caller wrote it; raises ValueError that says what is wrong."""
        unknown = set(wanted) - {item.name for item in fields(cls)} | (set(wanted) & {"id"})
        if unknown or wanted.get("kind") not in KINDS:
            raise ValueError(f"a fault has kind (one of {', '.join(KINDS)}); unknown: {unknown}")
        try:
            for pattern in ("match", "key"):
                re.compile(wanted.get(pattern, ""))
        except (re.error, TypeError) as broken:
            raise ValueError(f"match and key are regular expressions: {broken}") from None
        return cls(**wanted)


class Faults:
    """The rules in force. They survive a restart, with how often each one struck."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: Fault) -> int:
        rule = {name: value for name, value in asdict(fault).items() if name != "id"}
        return self._store.insert("INSERT INTO faults (rule) VALUES (?)", json.dumps(rule))

    def clear(self, fault_id: int | None = None) -> int:
        if fault_id is None:
            return self._store.run("DELETE FROM faults")
        return self._store.run("DELETE FROM faults WHERE id = ?", fault_id)

    def listed(self) -> list[Json]:
        return [
            {"id": row["id"], "seen": row["seen"], "struck": row["struck"]}
            | json.loads(row["rule"])
            for row in self._store.rows("SELECT * FROM faults ORDER BY id")
        ]

    def strike(self, what: str, *names: str) -> list[Fault]:
        """The faults that befall *what* now. Asking counts, for rates and for `times`."""
        struck: list[Fault] = []
        for row in self._store.rows("SELECT * FROM faults ORDER BY id"):
            fault = Fault(**json.loads(row["rule"]), id=row["id"])
            if not _concerns(fault, what, names):
                continue
            hit = (not fault.times or row["struck"] < fault.times) and _drawn(fault, row["seen"])
            self._store.run(
                "UPDATE faults SET seen = seen + 1, struck = struck + ? WHERE id = ?",
                int(hit),
                fault.id,
            )
            if hit:
                struck.append(fault)
        return struck


def _concerns(fault: Fault, what: str, names: tuple[str, ...]) -> bool:
    if (fault.kind in WEBHOOK) != what.startswith("WEBHOOK "):
        return False
    if not re.search(fault.match, what):
        return False
    return not fault.key or any(re.search(fault.key, name) for name in names)


def _drawn(fault: Fault, seen: int) -> bool:
    return fault.rate >= 1 or random.Random(f"{fault.seed}/{seen}").random() < fault.rate
