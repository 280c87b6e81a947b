"""The relay: what was committed here is delivered to Temporal and to the world, and not lost.

A process of its own (`python -m runtime.relay`), or driven step by step with `Relay.drain`.
"""

from runtime.relay.assembly import assemble
from runtime.relay.relay import Relay

__all__ = ["Relay", "assemble"]
