"""The end of a trace: our ledger in itself, and against the provider's own books, line by line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from domain.reconciliation import Break, Effect, Movement, compare, effect_of
from persistence.books import SqlBooks
from persistence.upkeep_port import ClearingEntry
from runtime.trace.report import Books
from runtime.trace.world import World

_PROVIDER: Final = "stripe"
_WALLET: Final = "easypost"
# The provider's books tell what arrives at a seller by its cause alone, on the platform's side.
_FAR_ENDS: Final = frozenset({Effect.TRANSFER, Effect.TRANSFER_REFUND})
_Balances = dict[tuple[str, str], int]


async def audited(world: World, at: datetime) -> Books:
    """Hold our ledger against itself (invariants, as of *at*) and against the sandbox's books."""
    books = SqlBooks(world.engine)
    breaches = await books.breaches(at)
    accounts = set(await books.accounts(_PROVIDER))
    entries = await books.clearing(_PROVIDER, None)
    effects = await world.player.effects()
    carriage = [line for line in effects["lines"] if line["account"] == _WALLET]
    theirs = [_their_movement(line, accounts) for line in effects["lines"] if line not in carriage]
    found = compare([one for one in map(_our_movement, entries) if not _is_far_end(one)], theirs)
    differences = [
        *(f"{one.key} {one.effect}: {_difference(one)}" for one in found.breaks),
        *(f"{one['key']}: done twice by the provider" for one in effects["duplicates"]),
        *_differing(_our_balances(entries), _their_balances(await world.player.books())),
        *_differing(_our_postage(await books.clearing(_WALLET, None)), _their_postage(carriage)),
    ]
    return Books(
        balanced=not breaches,
        matches_provider=not differences,
        lines=len(effects["lines"]),
        differences=(*(f"{one.subject}: {one.detail}" for one in breaches), *differences),
    )


def _our_movement(entry: ClearingEntry) -> Movement:
    key, effect = effect_of(entry.key)
    account = entry.owner.partition(":")[2]
    return Movement(
        account, key, effect, entry.currency, entry.amount, entry.fee, entry.recorded_at, entry.key
    )


def _their_movement(line: Mapping[str, Any], accounts: set[str]) -> Movement:
    is_converted = line["type"] == "adjustment"
    return Movement(
        account=line["account"] if line["account"] in accounts else "",
        key=(line["entry"] if is_converted else line["key"]) or "",
        effect=Effect.CONVERSION if is_converted else line["type"],
        currency=line["currency"].upper(),
        change=line["amount"] - line["fee"],
        fee=line["fee"],
        at=datetime.fromtimestamp(line["created"], UTC),
        name=line["source"],
    )


def _is_far_end(movement: Movement) -> bool:
    return bool(movement.account) and movement.effect in _FAR_ENDS


def _difference(one: Break) -> str:
    return f"ours {one.ours} (fee {one.our_fee}), theirs {one.theirs} (fee {one.their_fee})"


def _our_balances(entries: Sequence[ClearingEntry]) -> _Balances:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sums[entry.owner.partition(":")[2], entry.currency] += entry.amount
    return {where: amount for where, amount in sums.items() if amount}


def _their_balances(books: Mapping[str, Any]) -> _Balances:
    sums: _Balances = {}
    for code, page in books["currencies"].items():
        sums["", code.upper()] = page["platform_balance"]
        for account, amount in page["connected_balances"].items():
            sums[account, code.upper()] = amount
    return {where: amount for where, amount in sums.items() if amount}


def _our_postage(entries: Sequence[ClearingEntry]) -> _Balances:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sums[entry.key.rpartition("/")[0], entry.currency] += entry.amount
    return {where: amount for where, amount in sums.items() if amount}


def _their_postage(lines: Sequence[Mapping[str, Any]]) -> _Balances:
    """Per label; the carriers' provider takes no slash in a name."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in lines:
        sums[str(line["key"]).replace(":", "/"), line["currency"].upper()] += line["amount"]
    return {where: amount for where, amount in sums.items() if amount}


def _differing(ours: _Balances, theirs: _Balances) -> list[str]:
    return [
        f"balance of {account or 'the platform'} in {currency}: "
        f"ours {ours.get((account, currency), 0)}, theirs {theirs.get((account, currency), 0)}"
        for account, currency in sorted({*ours, *theirs})
        if ours.get((account, currency), 0) != theirs.get((account, currency), 0)
    ]
