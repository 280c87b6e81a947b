"""What was ordered."""

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
