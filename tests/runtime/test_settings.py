"""Settings: a wrong start is refused, with a sentence that helps."""

import pytest

from runtime import wiring
from runtime.settings import Settings, SettingsError, required

SECRET = "hunter2-do-not-print"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("TEMPORAL_WORKER_BUILD_ID", raising=False)


def _payment(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    for name, value in {"API_KEY": SECRET, "WEBHOOK_SECRET": SECRET, **fields}.items():
        monkeypatch.setenv(f"CARAVAN_PAYMENT__{name}", value)


@pytest.mark.parametrize("name", ["CARAVAN_PAYMNT__API_KEY", "CARAVAN_PAYMENT__API_KEEY"])
def test_a_misspelt_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Silently ignored, it would leave a default in place that nobody chose."""
    monkeypatch.setenv(name, SECRET)

    with pytest.raises(SettingsError, match=f"{name} is not a setting; .*PAYMENT__API_KEY"):
        Settings.load()


def test_a_live_key_is_never_sent_to_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in world writes down what it is told; a live key would be in its books."""
    _payment(monkeypatch, API_KEY="sk_live_1", API_BASE="http://127.0.0.1:8090")

    with pytest.raises(SettingsError, match="live key must not be sent to a sandbox"):
        Settings.load()


def test_a_live_key_may_go_to_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is about the place, not about the key."""
    _payment(monkeypatch, API_KEY="sk_live_1")

    assert required(Settings.load().payment, "payment").api_base is None


def test_nothing_said_means_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgetting a variable must never open a door."""
    monkeypatch.setenv("CARAVAN_AUTH__ISSUER", "anybody")
    monkeypatch.setenv("CARAVAN_AUTH__DEVELOPMENT_KEY_FILE", "key.pem")

    with pytest.raises(SettingsError, match="development issuer is refused"):
        Settings.load()


@pytest.mark.parametrize(
    ("profile", "private", "may_look_around"),
    [("production", "", False), ("production", "true", True), ("local", "", True)],
)
def test_webhooks_stay_out_of_our_own_network_unless_somebody_says_so(
    monkeypatch: pytest.MonkeyPatch, profile: str, private: str, *, may_look_around: bool
) -> None:
    """Whoever may register an endpoint could else knock at every door behind the firewall."""
    monkeypatch.setenv("CARAVAN_PROFILE", profile)
    if private:
        monkeypatch.setenv("CARAVAN_WEBHOOKS__PRIVATE_ADDRESSES", private)
    caller = wiring.outgoing(Settings.load())

    for url in ("http://127.0.0.1/in", "https://10.0.0.1/in"):
        assert (caller.objection(url) == "") is may_look_around
    assert caller.objection("https://shop.example/in") == ""


def test_secrets_print_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings end up in logs and crash reports sooner or later."""
    _payment(monkeypatch)
    monkeypatch.setenv("DATABASE_URL", f"postgres://app:{SECRET}@db/caravan")
    settings = Settings.load()

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"


def test_a_refusal_does_not_repeat_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message goes to a log; the value may be a password in the wrong place."""
    monkeypatch.setenv("CARAVAN_API__PORT", SECRET)

    with pytest.raises(SettingsError, match="CARAVAN_API__PORT") as refusal:
        Settings.load()

    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("postgres://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgresql://h/db?sslmode=require", "postgresql+asyncpg://h/db?ssl=require"),
    ],
)
def test_a_database_url_is_taken_as_hosts_hand_it_out(
    monkeypatch: pytest.MonkeyPatch, given: str, understood: str
) -> None:
    """Managed databases give libpq's form, which the driver does not take."""
    monkeypatch.setenv("DATABASE_URL", given)
    url = Settings.load().database_url

    assert url is not None
    assert url.get_secret_value() == understood


def test_a_blank_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form is filled in where it must be; an empty codec capability would open every history."""
    _payment(monkeypatch, API_BASE="")
    monkeypatch.setenv("CARAVAN_CODEC__CAPABILITY", "")
    settings = Settings.load()

    assert required(settings.payment, "payment").api_base is None
    assert settings.codec.capability is None


def test_another_database_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks and constraints that money relies on are PostgreSQL's."""
    monkeypatch.setenv("DATABASE_URL", "mysql://h/db")

    with pytest.raises(SettingsError, match="only PostgreSQL is supported"):
        Settings.load()


def test_the_build_id_comes_from_temporals_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal's worker controller sets it, and knows nothing of our names."""
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "v42")

    assert Settings.load().worker.build_id == "v42"


def test_a_missing_group_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process says what it lacks, rather than failing at its first payment."""
    monkeypatch.setenv("CARAVAN_PROFILE", "local")

    with pytest.raises(SettingsError, match="CARAVAN_MAIL__"):
        required(Settings.load().mail, "mail")


def test_our_address_overrides_temporals_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """One deployment variable suffices where a machine has a profile of its own."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere:7233")
    from_profile = Settings.load().temporal.connection()
    monkeypatch.setenv("CARAVAN_TEMPORAL__ADDRESS", "here:7233")

    assert from_profile.get("target_host") == "elsewhere:7233"
    assert Settings.load().temporal.connection().get("target_host") == "here:7233"
