"""A program sees which systems are told what happens at its organisation, and not where."""

import json

from pairing_server.registry import streams
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.streams import Stream, StreamStatus
from tests.admin.desk import ELSEWHERE
from tests.admin.machine import program

ENDPOINT = "https://siem.example/events"


async def listening(house, name, *uras):
    """Register a system that is told."""
    metadata = ClientMetadata(ssf_delivery_endpoint=ENDPOINT)
    await house.workstation(name, uras, metadata=metadata)
    now = house.ports.clock()
    stream = Stream(
        id=f"stream-{name}",
        client_id=house.client_id,
        status=StreamStatus.PAUSED,
        reason="tired",
        events_requested=("https://schemas.openid.net/secevent/caep/event-type/session-revoked",),
        endpoint_url=ENDPOINT,
        created_at=now,
        due_at=now,
    )
    await house.registry.commit(lambda tx: streams.add(tx, stream))
    return house.client_id


async def test_the_organisations_own_systems_are_told_of_and_no_others(house):
    who = await program(house, "see_streams")
    await house.add_organisation(ELSEWHERE, "Elders")
    mine = await listening(house, "SIEM", who.ura, ELSEWHERE)
    await listening(house, "Other", ELSEWHERE)

    said = await who.get("/streams")

    (told,) = said.body["systems"]
    assert told == {
        "client_id": mine,
        "name": "SIEM",
        "is_shared": True,
        "status": "paused",
        "reason": "tired",
        "events_requested": [
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
        ],
    }
    assert ENDPOINT not in json.dumps(said.body)
