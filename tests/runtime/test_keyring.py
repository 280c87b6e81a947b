"""The key ring: it reads what it wrote, refuses what is broken, and never shows a key."""

import base64
from pathlib import Path

import pytest

from runtime.keyring import KeyRing, KeyRingInvalid


def test_a_ring_reads_what_it_wrote(tmp_path: Path) -> None:
    """A restart must open what was closed before it."""
    ring = KeyRing.generate("2026-11")

    ring.write(tmp_path / "ring.json")

    assert KeyRing.read(tmp_path / "ring.json") == ring


def test_a_ring_may_be_written_in_toml() -> None:
    """People who keep their other settings in TOML need no second format."""
    key = bytes(range(32))

    ring = KeyRing.parse(f'active = "a"\n[keys]\na = "{base64.b64encode(key).decode()}"\n')

    assert ring.key("a") == key


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    """Whoever reads the ring and the database reads everything."""
    KeyRing.generate().write(tmp_path / "ring.json")

    assert (tmp_path / "ring.json").stat().st_mode & 0o077 == 0


def test_a_ring_is_never_overwritten(tmp_path: Path) -> None:
    """A ring written over another one would lose every history for ever."""
    KeyRing.generate().write(tmp_path / "ring.json")
    before = (tmp_path / "ring.json").read_text()

    with pytest.raises(FileExistsError):
        KeyRing.generate().write(tmp_path / "ring.json")

    assert (tmp_path / "ring.json").read_text() == before


def test_a_rotated_ring_wraps_with_the_new_key_and_reads_with_the_old() -> None:
    """Rotation must not need every row to be rewritten at the same moment."""
    old = KeyRing.generate("a")

    new = old.rotated("b")

    assert new.active == "b"
    assert new.key("a") == old.key("a")
    assert new.key("b") != new.key("a")


def test_rotation_refuses_an_id_in_use() -> None:
    """Two keys of one id could not both be read."""
    with pytest.raises(KeyRingInvalid, match="another id"):
        KeyRing.generate("a").rotated("a")


def test_a_missing_ring_stops_the_start_with_advice(tmp_path: Path) -> None:
    """A silently made new ring would turn all data into noise."""
    with pytest.raises(KeyRingInvalid, match=r"cannot be read .*caravan keys new"):
        KeyRing.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "active, keys"),
        ("{nonsense", "neither JSON nor TOML"),
        ('{"active": "a"}', "wrong: keys"),
        ('{"active": "a", "keys": {"a": 7}}', "keys.a"),
        ('{"active": "a", "keys": {}, "spare": 1}', "spare"),
        ('{"active": "a", "keys": {"b": "' + "A" * 43 + '="}}', "no key 'a'"),
        ('{"active": "a", "keys": {"a": "c2hvcnQ="}}', "not 32 bytes"),
        ('{"active": "a", "keys": {"a": "%%%"}}', "not base64"),
    ],
)
def test_a_malformed_ring_says_what_is_wrong_with_it(text: str, said: str) -> None:
    """It is an operator at three in the morning who reads this."""
    with pytest.raises(KeyRingInvalid, match=said):
        KeyRing.parse(text)


def test_a_malformed_ring_does_not_print_its_keys() -> None:
    """The sentence that stops the start ends in a log that many may read."""
    secret = base64.b64encode(b"secret-secret-secret").decode()

    with pytest.raises(KeyRingInvalid) as refused:
        KeyRing.parse(f'{{"active": 1, "keys": {{"a": "{secret}"}}}}')

    assert secret not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_ring_does_not_show_its_keys() -> None:
    """Settings are printed on the day when nothing works."""
    ring = KeyRing("a", {"a": b"k" * 32})

    assert "kkk" not in f"{ring!r} {ring}"


def test_a_lost_key_is_named() -> None:
    """Dropping a key too early can be undone only by who knows which one it was."""
    with pytest.raises(KeyRingInvalid, match="lacks 'b'"):
        KeyRing.generate("a").key("b")


def test_a_ring_is_replaced_by_its_continuation_alone(tmp_path: Path) -> None:
    """A rotation must not be able to drop what is still needed."""
    path = tmp_path / "ring.json"
    ring = KeyRing.generate("a")
    ring.write(path)

    ring.rotated("b").replace(path)

    assert KeyRing.read(path).active == "b"
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyRingInvalid, match="lacks: a, b"):
        KeyRing.generate("a").replace(path)
    assert KeyRing.read(path).key("a") == ring.key("a")
