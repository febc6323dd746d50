"""Believing a card that TLS showed, and what the log is told of it."""

import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from clients.card_profile import Holder
from pairing_server.app import Surroundings, card_believer, read_card_status
from pairing_server.errors import TooManyRequests
from pairing_server.registry.tables import audit_event
from pairing_server.uzi import mtls
from pairing_server.uzi.belief import Belief
from pairing_server.uzi.client_cert import ClientCertificate
from pairing_server.uzi.mtls import MtlsFlow
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.refusals import (
    AuthorityRevoked,
    CardRevoked,
    CardTypeNotAccepted,
    RevocationUnknown,
)
from tests.card_tls import der
from tests.house import house_settings

ORIGIN = "https://login.example.nl"
NOBODYS_CARD = Holder(uzi_number="900007777", card_type="M", role_code="00.000", title=None)


@pytest.fixture
def believe(register, tmp_path):
    house = house_settings(register, tmp_path)
    return card_believer(house, read_card_status(house, Surroundings()))


@pytest.fixture
def flow(ports, believe):
    return MtlsFlow(ports, believe, (), origin=ORIGIN)


@pytest.fixture
def shown(register):
    return shown_by(register.card(Holder()))


def shown_by(card):
    return ClientCertificate(der(card.certificate), tuple(der(each) for each in card.chain))


async def events(registry):
    rows = await registry.read(lambda tx: tx.all(sa.select(audit_event)))
    return [(row["action"], json.loads(row["evidence"])) for row in map(dict, rows)]


async def test_a_believed_card_is_told_with_what_showed_it(flow, shown, registry):
    login = await flow.prove(shown)

    assert login.card.uzi_number == Holder().uzi_number
    identifier = login.evidence["id"]
    assert login.evidence == {
        "method": "mtls",
        "origin": ORIGIN,
        "id": identifier,
        "purpose": "login",
        "certificate": base64.b64encode(shown.leaf).decode(),
        "chain": [base64.b64encode(each).decode() for each in shown.chain],
    }
    rows = await registry.read(lambda tx: tx.all(sa.select(audit_event)))
    (event,) = map(dict, rows)
    assert (event["action"], event["object"]) == ("CardProved", f"uzi-login:{identifier}")
    assert event["ura"] == Holder().ura
    assert json.loads(event["evidence"])["revocation"]


@pytest.mark.parametrize("refusal", [AuthorityRevoked, CardRevoked, RevocationUnknown])
async def test_a_card_that_led_to_an_anchor_and_is_refused_is_told(
    ports, registry, shown, refusal
):
    async def believe(*_):
        raise refusal

    with pytest.raises(refusal):
        await MtlsFlow(ports, believe, (), origin=ORIGIN).prove(shown)

    assert await events(registry) == [
        (
            "CardRefused",
            {
                "code": refusal.code,
                "method": "mtls",
                "purpose": "login",
                "serial_number": f"{load_certificate(shown.leaf).serial_number:x}",
            },
        )
    ]


async def test_a_strangers_card_is_not_written_to_the_log(flow, register, registry):
    with pytest.raises(CardTypeNotAccepted):
        await flow.prove(shown_by(register.card(NOBODYS_CARD)))

    assert await events(registry) == []


async def test_the_time_is_the_clocks(ports, clock, shown):
    asked = []

    async def believe(leaf, chain, at):
        asked.append((leaf, chain, at))
        raise CardTypeNotAccepted

    with pytest.raises(CardTypeNotAccepted):
        await MtlsFlow(ports, believe, (), origin=ORIGIN).prove(shown)

    ((leaf, chain, at),) = asked
    assert (leaf, chain) == (shown.leaf, shown.chain)
    assert abs(at - datetime.now(UTC)).total_seconds() < 60


async def test_more_cards_at_once_than_are_waited_for_are_told_to_come_back(ports, believe, shown):
    gate = asyncio.Event()

    async def slow(*card) -> Belief:
        await gate.wait()
        return await believe(*card)

    flow = MtlsFlow(ports, slow, (), origin=ORIGIN)
    waiting = [asyncio.create_task(flow.prove(shown)) for _ in range(mtls.MAX_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(TooManyRequests):
        await flow.prove(shown)
    gate.set()
    await asyncio.gather(*waiting)
    assert await flow.prove(shown)
