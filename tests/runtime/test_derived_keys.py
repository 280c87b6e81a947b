"""Keys for recorded histories: the same on every machine, and a different one per execution."""

from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from runtime.codec import CaravanCodec
from runtime.derived_keys import DerivedKeys
from runtime.keyring import KeyRing

CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"Lindenstrasse"')


async def test_another_machine_reads_what_was_recorded() -> None:
    """A history that is recorded once is replayed by everybody's checks."""
    ring = KeyRing.generate("tests")
    here = CaravanCodec(DerivedKeys(ring)).with_context(
        WorkflowSerializationContext("default", "order/o-1")
    )

    recorded = await here.encode([CLEAR])

    assert b"Linden" not in recorded[0].data
    assert await CaravanCodec(DerivedKeys(KeyRing.parse(ring.dump()))).decode(recorded) == [CLEAR]


async def test_a_rotated_ring_still_reads_older_recordings() -> None:
    """Recordings of old versions are the reason why they are kept."""
    ring = KeyRing.generate("2026")
    key = await DerivedKeys(ring).key_of("order/o-1")

    assert await DerivedKeys(ring.rotated("2027")).key_by_id(key.key_id) == key


async def test_two_executions_have_two_keys() -> None:
    """As with real ones."""
    keys = DerivedKeys(KeyRing.generate())

    assert (await keys.key_of("order/1")).secret != (await keys.key_of("order/2")).secret
