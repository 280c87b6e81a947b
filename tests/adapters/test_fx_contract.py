"""What every source of reference rates promises, asked of each adapter against its provider."""

from collections.abc import AsyncGenerator
from datetime import date, timedelta
from fractions import Fraction

import pytest

from adapters.errors import Unavailable
from adapters.fx.ecb import EcbRates, publications
from adapters.fx.port import RateSource
from domain.fx.rates import exact
from runtime.child import free_port
from tests.support.sandbox import SandboxPlace, SandboxWorld

# A Thursday before Easter, in the evening: the next publication is on the Tuesday.
MAUNDY = "2026-04-02T18:00:00+02:00"


@pytest.fixture(params=["ecb"])
async def source(place: SandboxPlace, world: SandboxWorld) -> AsyncGenerator[RateSource]:
    """Each source of rates; a new adapter is added here and has to keep the whole contract."""
    await world.change(fx_at=MAUNDY)
    ecb = EcbRates(place.ecb_base, timeout_seconds=1)
    yield ecb
    await ecb.close()
    await world.change(fx_at="", fx_answer="", fx_missing="", fx_minutes_late=0)


async def test_the_newest_day_has_the_publishers_own_digits(
    source: RateSource, world: SandboxWorld
) -> None:
    """A sum that somebody does again with the published figure must come out the same."""
    await world.quote("2026-04-02", CNY="8.2000", JPY="171.05")
    newest = await source.newest()

    assert newest.day == date(2026, 4, 2)
    assert (newest.quote("CNY"), newest.quote("JPY")) == ("8.2000", "171.05")
    assert newest.quote("EUR") == "1"


async def test_ninety_days_come_in_order_each_once(source: RateSource) -> None:
    """A worker that was away for a month fills its gap from one file."""
    recent = await source.recent()

    days = [one.day for one in recent]
    assert days == sorted(set(days))
    assert days[-1] == date(2026, 4, 2)
    assert timedelta(days=80) < days[-1] - days[0] <= timedelta(days=90)
    assert recent[-1].quotes == (await source.newest()).quotes


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-04-05T20:00:00+02:00", date(2026, 4, 2)),  # Easter Sunday, after Good Friday
        ("2026-04-06T20:00:00+02:00", date(2026, 4, 2)),  # Easter Monday
        ("2026-04-07T15:59:00+02:00", date(2026, 4, 2)),  # the Tuesday, not yet
        ("2026-04-07T16:00:00+02:00", date(2026, 4, 7)),
        ("2026-03-29T12:00:00+02:00", date(2026, 3, 27)),  # a Sunday
        ("2027-01-01T20:00:00+01:00", date(2026, 12, 31)),
    ],
)
async def test_a_day_without_publication_is_left_out(
    source: RateSource, world: SandboxWorld, now: str, day: date
) -> None:
    """A rate made up for a holiday would be nobody's; the last one that was published stands."""
    await world.change(fx_at=now)

    assert (await source.newest()).day == day
    assert all(one.day.weekday() < 5 for one in await source.recent())


async def test_a_late_publication_is_not_there_until_it_is(
    source: RateSource, world: SandboxWorld
) -> None:
    """Around 16:00 is not at 16:00: what is read then is yesterday's file, and said to be so."""
    await world.change(fx_minutes_late=180)

    assert (await source.newest()).day == date(2026, 4, 1)


async def test_a_currency_without_a_quote_is_left_out(
    source: RateSource, world: SandboxWorld
) -> None:
    """The rouble has had none for years; the others are no worse for it."""
    await world.quote("2026-04-02", RUB="N/A")
    await world.change(fx_missing="CNY,JPY")
    newest = await source.newest()

    assert [newest.quote(name) for name in ("CNY", "JPY", "RUB")] == [None, None, None]
    assert newest.quote("USD") is not None


@pytest.mark.parametrize("answer", ["malformed", "bomb", "huge", "empty", "negative", "page"])
async def test_what_is_no_file_of_rates_is_refused_whole(
    source: RateSource, world: SandboxWorld, answer: str
) -> None:
    """Half a file, a bomb of entities, a page of apologies: no rate is guessed from any of it."""
    await world.change(fx_answer=answer)

    with pytest.raises(Unavailable, match=r"ecb: eurofxref-daily\.xml"):
        await source.newest()


@pytest.mark.parametrize("kind", ["error", "connection_reset", "hang_before_effect"])
async def test_an_outage_is_told_as_one(source: RateSource, world: SandboxWorld, kind: str) -> None:
    """Whoever asks decides by the family of the failure, and never sees a library's own."""
    await world.fault(kind, "eurofxref", times=1, status=503, seconds=3)

    with pytest.raises(Unavailable):
        await source.newest()
    assert (await source.newest()).day == date(2026, 4, 2)


async def test_nobody_there_is_an_outage() -> None:
    """The public site moves, a firewall closes: neither is a defect of ours."""
    ecb = EcbRates(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(Unavailable):
        await ecb.newest()
    await ecb.close()


_CUBES = "<E xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'><Cube>{days}</Cube></E>"


@pytest.mark.parametrize(
    "days",
    [
        "<Cube time='yesterday'><Cube currency='USD' rate='1.1'/></Cube>",
        "<Cube time='2026-03-02'><Cube currency='usd' rate='1.1'/></Cube>",
        "<Cube time='2026-03-02'><Cube currency='USD' rate='1,1'/></Cube>",
        "<Cube time='2026-03-02'><Cube currency='USD' rate='0.0'/></Cube>",
        "<Cube time='2026-03-02'><Cube currency='USD' rate='1e3'/></Cube>",
        "<Cube time='2026-03-02'><Cube currency='USD'/></Cube>",
        "<Cube time='2026-03-02'>" + 2 * "<Cube currency='USD' rate='1'/>" + "</Cube>",
        "<Cube time='2026-03-02'/><Cube time='2026-03-02'/>",
    ],
)
def test_an_odd_cube_spoils_the_file(days: str) -> None:
    """A rate that is read wrong pays every seller wrong until somebody notices."""
    with pytest.raises(ValueError, match=r"\w"):
        publications(_CUBES.format(days=days).encode())


def test_a_quote_is_an_exact_number() -> None:
    """Money is never a float, and neither is what it is multiplied by."""
    assert exact("7.8541") == Fraction(78541, 10_000)
