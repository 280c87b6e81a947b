"""What was ordered."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OrderLine:
    """One product in an order; `price` and `freight` are for the whole line, in minor units."""

    line: str
    product: str
    category: str
    quantity: int
    price: int
    freight: int = 0

    @property
    def total(self) -> int:
        """What the buyer pays for the line."""
        return self.price + self.freight


def amounts_of(
    lines: Iterable[Mapping[str, str | int]], names: Collection[str] = ()
) -> tuple[int, int]:
    """What the buyer paid for the lines of these names (none: all), and for their carriage alone.

    In minor units; *lines* are as an order's record keeps them.
    """
    wanted = [line for line in lines if not names or line["line"] in names]
    freight = sum(int(line["freight"]) for line in wanted)
    return freight + sum(int(line["price"]) for line in wanted), freight
