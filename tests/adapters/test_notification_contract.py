"""The contract of `Post`: a letter arrives as written, and a repeat is known as one."""

import uuid

import pytest

from adapters.errors import Rejected, Unavailable
from adapters.notification.port import Letter, Post
from tests.support.sandbox import SandboxWorld


@pytest.fixture
def letter() -> Letter:
    name = uuid.uuid4().hex[:10]
    return Letter(
        key=f"order/{name}/shipped",
        to=f"maria+{name}@example.com",
        subject="Zu Ihrer Bestellung — 您的订单",
        text="Guten Tag,\nIhr Paket ist unterwegs: £ 12.30 ≈ 12,30 €.\n.\nBis bald\n",
    )


async def test_a_letter_arrives_as_it_was_written(
    post: Post, world: SandboxWorld, letter: Letter
) -> None:
    """Buyers all over the world read it; a dot on a line of its own must not end it."""
    await post.send(letter)

    [mail] = await world.mails(letter.to)
    assert mail["subject"] == letter.subject
    assert mail["text"].replace("\r\n", "\n") == letter.text
    assert mail["to"] == [letter.to]


async def test_a_repeat_is_known_as_the_same_letter(
    post: Post, world: SandboxWorld, letter: Letter
) -> None:
    """A lost answer makes us send again; the reader's mail program shows one."""
    await post.send(letter)

    await post.send(letter)

    [mail] = await world.mails(letter.to)
    assert mail["times"] == 2


async def test_two_keys_are_two_letters(post: Post, world: SandboxWorld, letter: Letter) -> None:
    """The same words about another order are another letter."""
    other = Letter(f"{letter.key}/2", letter.to, letter.subject, letter.text)

    await post.send(letter)
    await post.send(other)

    assert len(await world.mails(letter.to)) == 2


async def test_a_key_does_not_show_in_the_letter(
    post: Post, world: SandboxWorld, letter: Letter
) -> None:
    """Our keys name orders and sellers; mail servers on the way need not learn them."""
    await post.send(letter)

    [mail] = await world.mails(letter.to)
    assert letter.key not in mail["message_id"]


async def test_a_server_in_trouble_is_an_outage(
    post: Post, world: SandboxWorld, letter: Letter
) -> None:
    """It said "try again later", which is no refusal."""
    await world.fault("error", "SMTP", key=letter.to.replace("+", "."), times=1)
    with pytest.raises(Unavailable):
        await post.send(letter)

    await post.send(letter)

    [mail] = await world.mails(letter.to)
    assert mail["times"] == 1


async def test_a_server_that_is_gone_is_an_outage(unreachable_post: Post, letter: Letter) -> None:
    """Only outages leave the adapter."""
    with pytest.raises(Unavailable):
        await unreachable_post.send(letter)


async def test_an_outage_names_nobody(unreachable_post: Post, letter: Letter) -> None:
    """Its text ends in logs and histories."""
    with pytest.raises(Unavailable) as failed:
        await unreachable_post.send(letter)

    assert "maria" not in str(failed.value)


@pytest.mark.parametrize(
    ("to", "subject"),
    [("no address at all", "Hello"), ("maria@example.com", "Hello\nBcc: all@example.com")],
)
async def test_what_can_never_be_sent_is_a_final_no(post: Post, to: str, subject: str) -> None:
    """Trying for days would not mend an address, and a line break would write headers."""
    with pytest.raises(Rejected):
        await post.send(Letter("k", to, subject, "text"))
