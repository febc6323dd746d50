"""Two nodes on one PostgreSQL: what happened at either is told once, in order, though both try."""

import asyncio

from pairing_server.keys.status import Reason
from tests.oidc.endpoint import listening
from tests.signals.story import AUTHORITY, Listener, client_calls, listener
from tests.test_two_nodes import nodes, postgresql_server, postgresql_url

__all__ = ["nodes", "postgresql_server", "postgresql_url"]
OPERATOR = "operator:test"


async def test_each_event_of_both_chains_is_told_once_though_both_nodes_try(nodes):
    one, two = nodes
    phone = await one.bind()
    async with listening(AUTHORITY.context()) as endpoint, client_calls() as calls:
        endpoint.answers[:] = [202]
        at_one = await listener(one, endpoint, calls)
        await at_one.listen()
        at_two = Listener(two, endpoint, calls, at_one.client)
        await one.phone_status().block(phone.credential_id, OPERATOR)
        await two.phone_status().unblock(phone.credential_id, OPERATOR)
        await one.phone_status().revoke(phone.credential_id, OPERATOR, Reason.LOST)

        heard = await asyncio.gather(
            *(each.transmitter().send() for each in (at_one, at_two, at_one, at_two))
        )

    assert sorted(heard) == [0, 0, 0, 3]
    assert len({each["jti"] for each in at_one.sets()}) == len(endpoint.heard) == 3
    assert at_one.changes() == ["update", "update", "revoke"]
