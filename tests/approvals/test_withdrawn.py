"""However a request ends, its notice goes from every other phone: through the services' own doors.

The services are those of the demo, on loopback, with their protocols and their checks.
"""

import json
import secrets

import pytest

from clients.push_simulator.page import shown
from clients.push_simulator.simulator import push_simulator
from pairing_server.approvals.auth_request import DenyReason
from pairing_server.push import PushService
from pairing_server.push.setup import make_push
from pairing_server.registry import credentials
from pairing_server.settings import load
from tests.approvals.siege import LIFETIME
from tests.push.contract import until

APNS_TOKEN, FCM_TOKEN = "ab" * 32, "t" * 140


@pytest.fixture
async def services(tmp_path):
    async with push_simulator(tmp_path / "push") as simulator:
        yield simulator


@pytest.fixture
async def besieged(siege, services):
    """A person with a phone at each service beside the one that answers."""
    house = siege.desk.house
    push = make_push(
        load({}, **services.settings),
        secrets.token_bytes(32),
        house.ports.clock,
        secrets.token_bytes,
    )
    subscription = services.webpush.subscribe(push.vapid_public_key)
    addresses = {
        PushService.APNS: APNS_TOKEN,
        PushService.FCM: FCM_TOKEN,
        PushService.WEBPUSH: json.dumps(subscription),
    }
    page = await house.logged_in()
    for service, address in addresses.items():
        phone = await house.bind(page)
        await house.registry.commit(
            lambda tx, key=phone.credential_id, at=(service, address): credentials.set_push(
                tx, key, *at
            )
        )
    await siege.desk.phone.remove_push()
    siege.flow = siege.flow_by(push.senders)
    yield siege
    for sender in push.senders.values():
        await sender.close()


def arrived(services, kind):
    """What each service took of a kind."""
    journals = (services.apns.journal, services.fcm.journal, services.webpush.journal)
    taken = [each for journal in journals for each in journal.arrivals if each.is_taken]
    return {
        each.service: (shown(each)["id"], shown(each)["tag"])
        for each in taken
        if shown(each).get("kind") == kind
    }


async def deny(siege, request):
    await siege.flow.deny(await siege.desk.bound(), request.id, DenyReason.NOT_ME)


async def run_out(siege, _request):
    siege.pass_time(LIFETIME)
    await siege.end_due()


async def supersede(siege, _request):
    await siege.ask()


async def cut_off(siege, _request):
    await siege.flow.end_all(siege.person_id)


@pytest.mark.parametrize("end", [deny, run_out, supersede, cut_off])
async def test_the_notice_goes_from_every_phone_under_the_tag_that_it_came_with(
    besieged, services, end
):
    request = await besieged.ask()
    await until(lambda: len(arrived(services, "request")) == len(PushService))
    came = arrived(services, "request")
    assert {identifier for identifier, _ in came.values()} == {request.id}

    await end(besieged, request)

    await until(lambda: len(arrived(services, "withdrawn")) == len(PushService))
    assert arrived(services, "withdrawn") == came
