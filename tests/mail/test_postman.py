"""What people are told is mailed: once, later if the server is away, and not for ever."""

from datetime import timedelta

import pytest

from pairing_server.mail import postman as module
from pairing_server.mail.letter import Sender
from pairing_server.mail.postman import MailRefusedError, Postman
from pairing_server.ports import Ports
from pairing_server.registry import mail_outbox, people
from pairing_server.registry.mail_outbox import GIVEN_UP_AFTER
from tests.approvals.desk import MeddlingRegistry
from tests.mail.conftest import USER, listening

TO = "saskia@ziekenhuis.example"
SENDER = Sender("login@example.nl", "https://login.example.nl")


class Post:
    """Keeps what it is given, and fails when told to."""

    def __init__(self):
        self.sent = []
        self.error = None

    async def send(self, message):
        if self.error is not None:
            raise self.error
        self.sent.append(message)


@pytest.fixture
def post():
    return Post()


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
def office(house, post):
    return made(house, post)


def made(house, post, registry=None):
    ports = house.ports
    own = Ports(registry or ports.registry, ports.store, ports.clock, ports.random)
    return Postman(own, post, SENDER)


async def address(house, address=TO):
    def change(tx):
        person = people.by_uzi_number(tx, house.holder.uzi_number)
        return mail_outbox.set_address(tx, person.id, address, actor="operator:test")

    assert await house.registry.commit(change)


async def block(house, phone):
    await house.phone_status().block(phone.credential_id, "operator:test")


def subjects(post):
    return [message["Subject"].partition(" / ")[2] for message in post.sent]


async def test_what_happened_to_a_phone_is_mailed_once(house, phone, office, post):
    await address(house)
    await block(house, phone)

    assert await office.send() == 2
    assert await office.send() == 0
    assert subjects(post) == ["A phone was added", "A phone was blocked"]
    assert {message["To"] for message in post.sent} == {TO}


async def test_who_has_no_address_is_mailed_nothing_also_not_later(house, phone, office, post):
    await block(house, phone)
    assert await office.send() == 0
    await office.sweep()
    await address(house)

    assert await office.send() == 0


async def test_nothing_is_mailed_of_where_and_for_whom_somebody_works(house, phone, office, post):
    await address(house)
    await house.approved(phone, await house.workstation())
    await block(house, phone)
    await office.send()

    text = "".join(str(message) for message in post.sent)
    private = (house.holder.uzi_number, house.holder.ura, house.holder.last_name, "Balie")
    assert [word for word in private if word in text] == []


async def test_a_server_that_is_away_is_asked_again_less_and_less(house, phone, office, post):
    await address(house)
    post.error = MailRefusedError("status_451")
    assert await office.send() == 0
    post.error = None
    assert await office.send() == 0
    house.ports.clock.advance(timedelta(minutes=1))

    assert await office.send() == 1


async def test_what_is_refused_for_good_is_not_sent_again(house, phone, office, post):
    await address(house)
    post.error = MailRefusedError("recipient", is_final=True)
    await office.send()
    post.error = None
    house.ports.clock.advance(timedelta(hours=1))

    assert await office.send() == 0


async def test_after_a_day_it_is_given_up(house, phone, office, post):
    await address(house)
    house.ports.clock.advance(GIVEN_UP_AFTER)

    assert await office.sweep() == 1
    assert await office.send() == 0


async def test_of_two_nodes_one_mails(house, phone, post):
    """The other one comes between what this one has read and what it writes."""
    await address(house)
    registry = MeddlingRegistry(house.registry)
    registry.before = made(house, post).send

    assert await made(house, post, registry).send() == 0
    assert len(post.sent) == 1


async def test_a_node_that_dies_after_it_mailed_mails_again_by_the_same_name(house, phone, post):
    await address(house)
    registry = MeddlingRegistry(house.registry)

    async def die():
        registry.away = 100

    registry.after = die
    with pytest.raises(Exception, match="away"):
        await made(house, post, registry).send()
    house.ports.clock.advance(timedelta(minutes=1))

    assert await made(house, post).send() == 1
    ids = {message["Message-ID"] for message in post.sent}
    assert (len(post.sent), len(ids)) == (2, 1)


async def test_a_server_that_runs_mails_by_itself(
    make_house, monkeypatch, authority_file, password_file
):
    monkeypatch.setattr(module, "EVERY", timedelta(milliseconds=20))
    async with listening(is_tls=True) as server:
        settings = {
            "mail_from": SENDER.address,
            "smtp_url": f"smtps://{USER}@localhost:{server.port}",
            "smtp_ca_file": authority_file,
            "smtp_password_file": password_file,
        }
        async with make_house(**settings) as house:
            page = await house.registered()
            await address(house)
            await house.bind(page)
            (_, to, message) = await server.mail()

    assert to == [TO]
    assert message["Subject"].endswith("A phone was added")
