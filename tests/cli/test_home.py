"""The folder of the local stack: made once, kept, private, and held by one at a time."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.home import Home
from cli.main import app
from cli.ports import Ports
from cli.surroundings import environment, local_settings, remember, use_local_stack
from runtime.child import StackError
from runtime.keyring import KeyRing
from runtime.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "caravan")


def test_secrets_are_made_once(home: Home) -> None:
    """New ones after each start would orphan every signature and history."""
    first, ring = home.prepare(), home.key_ring.read_text()

    assert vars(home.prepare()) == vars(first)
    assert home.key_ring.read_text() == ring
    assert KeyRing.read(home.key_ring).active


@pytest.mark.parametrize("name", ["secrets.toml", "keyring.json"])
def test_secrets_are_their_owners_alone(home: Home, name: str) -> None:
    """Another account of the machine could otherwise read every history."""
    home.prepare()

    assert (home.path / name).stat().st_mode & 0o077 == 0


def test_a_second_up_is_refused_with_a_sentence(home: Home) -> None:
    """Two stacks over the same files would damage them."""
    with home.owned(), pytest.raises(StackError, match=rf"already up.*process {os.getpid()}"):
        home.owned().__enter__()


def test_an_ended_up_leaves_the_folder_free(home: Home) -> None:
    """Also after a kill, for the system releases the lock."""
    with home.owned():
        pass
    with home.owned():
        held = (home.path / "lock").read_text()

    assert held == str(os.getpid())


def test_a_full_disk_is_refused_before_it_hurts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that meets a full disk in the middle of its work stops with all its processes."""
    nearly_full = shutil.disk_usage("/")._replace(free=1_000_000)

    def disk_usage(_: Path) -> object:
        return nearly_full

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    with pytest.raises(StackError, match="Only 1 MB are free"):
        home.prepare()


def test_damaged_secrets_are_not_silently_replaced(home: Home) -> None:
    """The data would stay, and nothing could read them any more."""
    home.prepare()
    (home.path / "secrets.toml").write_text("stripe_api_key = ")

    with pytest.raises(StackError, match="Restore it"):
        home.prepare()


def test_the_local_settings_are_accepted_by_our_own_rules(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt name here would stop every part at its start."""
    settings = local_settings(home, Ports(), home.prepare(), "postgresql://u:p@127.0.0.1/caravan")
    for name in [name for name in os.environ if name.startswith("CARAVAN_")]:
        monkeypatch.delenv(name)
    for name, value in environment(settings, {}).items():
        monkeypatch.setenv(name, value)
    loaded = Settings.load()

    assert loaded.profile == "local"
    assert loaded.codec.ui_origins
    assert loaded.temporal.connection().get("target_host") == "127.0.0.1:7233"


def test_another_temporals_key_is_not_sent_to_ours(home: Home) -> None:
    """Somebody with a cloud profile in the shell still gets a local stack."""
    own = {"TEMPORAL_API_KEY": "theirs", "CARAVAN_LOG__LEVEL": "debug", "CARAVAN_PROFILE": "x"}
    settings = local_settings(home, Ports(), home.prepare(), "postgresql://h/d")
    given = environment(settings, own)

    assert "TEMPORAL_API_KEY" not in given
    assert (given["CARAVAN_LOG__LEVEL"], given["CARAVAN_PROFILE"]) == ("debug", "local")


def test_other_commands_find_the_running_stack(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should have to copy eight variables to publish a policy."""
    for name in [name for name in os.environ if name.startswith("CARAVAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CARAVAN_PROFILE", "set so that it is restored")
    monkeypatch.delenv("CARAVAN_PROFILE")
    before = dict(os.environ)
    remember(home, {"CARAVAN_PROFILE": "local"})
    found = use_local_stack(home.path)
    profile = os.environ.get("CARAVAN_PROFILE")
    os.environ.clear()
    os.environ.update(before)

    assert found
    assert profile == "local"


def test_a_token_needs_a_stack(home: Home) -> None:
    """The sentence says what to start; a traceback would say nothing."""
    said = CliRunner().invoke(app, ["token", "buyer", "--data", str(home.path)])

    assert said.exit_code == 1
    assert "make up" in said.output


def test_the_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    """It is asked exactly when `up` did not work."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    said = CliRunner().invoke(app, ["doctor", "--data", str(blocked), "--port-offset", "4000"])

    assert said.exit_code == 1
    assert "cannot be written" in " ".join(said.output.split())
