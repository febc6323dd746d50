"""Who is not there costs as much as who is, and gets the same answer.

CIBA Core section 14 leaves it to the server whether a client learns who is known.  A client that
is not to know learns it neither from the answer nor from how long it took.
"""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.approvals.fatigue import REMEMBERED_FOR
from pairing_server.approvals.inbox import INBOX_LIFETIME
from pairing_server.oidc.pace import INTERVAL
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.tables import client as client_table
from pairing_server.store.shelf import GRACE
from tests.oidc.flows import ciba
from tests.oidc.test_flow import STRANGER
from tests.oidc.test_redemption import change

UNKNOWN = {
    "uzi": "uzi:900000009",
    "elsewhere": f"uzi:{STRANGER.uzi_number}",
    "name": "nobody",
}


class Watched:
    """Two stores that write down what is asked of them, but no identifiers."""

    def __init__(self, store, registry):
        self._store, self._registry = store, registry
        self.done = []

    async def _verb(self, name, key, *rest):
        self.done.append((name, key.partition(":")[0]))
        return await getattr(self._store, name)(key, *rest)

    async def create(self, *args):
        return await self._verb("create", *args)

    async def get(self, *args):
        return await self._verb("get", *args)

    async def swap(self, *args):
        return await self._verb("swap", *args)

    async def take(self, *args):
        return await self._verb("take", *args)

    async def delete(self, *args):
        return await self._verb("delete", *args)

    async def signal(self, *args):
        return await self._verb("signal", *args)

    def listen(self, channel):
        self.done.append(("listen", channel.partition(":")[0]))
        return self._store.listen(channel)

    async def read(self, query):
        return await self._registry.read(lambda tx: query(WatchedQuery(tx, self.done)))

    async def commit(self, change):
        self.done.append(("commit", ""))
        return await self._registry.commit(change)


class WatchedQuery:
    def __init__(self, tx, done):
        self._tx, self._done = tx, done

    def one(self, statement, /, **values):
        self._done.append(("one", str(statement)))
        return self._tx.one(statement, **values)

    def all(self, statement, /, **values):
        self._done.append(("all", str(statement)))
        return self._tx.all(statement, **values)


@pytest.fixture
async def discreet(house, desk):
    """A client that is not to know who is there."""
    await house.bind(await house.registered(STRANGER))
    await change(desk, sa.update(client_table).values(policy='{"knows_users": "none"}'))


async def ask(desk, hint, context='{"workstation_id": "ws-1"}'):
    """Ask by the server's own steps, and say what was asked of the stores."""
    house = desk.house
    watched = Watched(house.store, house.registry)
    ports = Ports(watched, watched, house.ports.clock, house.ports.random)
    approvals = desk.flow(watched, watched)
    flow = ciba(ports, approvals, house.stores, house.settings)
    client = await house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    form = {"scope": "openid uzi", "login_hint": hint, "request_context": context}
    answer = await flow.begin(form, client)
    return watched.done, answer


@pytest.mark.usefixtures("discreet")
@pytest.mark.parametrize("hint", UNKNOWN.values(), ids=UNKNOWN)
async def test_the_same_is_asked_of_both_stores(desk, hint, house):
    known = f"uzi:{house.holder.uzi_number}"
    if not hint.startswith("uzi:"):
        known = await user_name(desk)
    for _ in range(3):
        # The first one, and those that supersede it.
        there, _ = await ask(desk, known)
        not_there, _ = await ask(desk, hint)
        assert len(there) > 10
        assert not_there == there


@pytest.mark.usefixtures("discreet")
async def test_who_has_no_phone_costs_as_much_as_who_has_one(desk, house):
    known = f"uzi:{house.holder.uzi_number}"
    there, _ = await ask(desk, known)
    await desk.block()
    blocked, answer = await ask(desk, known)
    assert blocked == there
    assert set(answer) == set((await ask(desk, UNKNOWN["uzi"]))[1])


async def user_name(desk):
    query = sa.text("SELECT user_name FROM person WHERE uzi_number = :uzi")
    uzi = desk.house.holder.uzi_number
    row = await desk.house.registry.read(lambda tx: tx.one(query, uzi=uzi))
    return row["user_name"]


@pytest.mark.usefixtures("discreet")
async def test_who_has_no_phone_is_told_of_to_no_client_that_is_not_to_know(desk, client, clock):
    await desk.block()
    answers = [
        await client.ask(login_hint=hint, requested_expiry="20")
        for hint in (f"uzi:{desk.house.holder.uzi_number}", UNKNOWN["uzi"])
    ]
    assert [status for status, _ in answers] == [200, 200]
    polls = [await client.poll(body["auth_req_id"]) for _, body in answers]
    assert polls[0] == polls[1]
    assert polls[0][1]["error"] == "authorization_pending"
    clock.advance(timedelta(seconds=20))
    ended = [await client.poll(body["auth_req_id"]) for _, body in answers]
    assert ended[0] == ended[1]
    assert ended[0][1]["error"] == "expired_token"


@pytest.mark.usefixtures("discreet")
@pytest.mark.parametrize("hint", UNKNOWN.values(), ids=UNKNOWN)
async def test_of_nobody_as_few_requests_may_be_open(client, hint):
    """Without a workstation's name three may be open; else who is not there had no limit."""
    known = f"uzi:{client.house.holder.uzi_number}"
    for each in (known, hint):
        answers = [await client.ask(login_hint=each) for _ in range(4)]
        assert [status for status, _ in answers] == [200, 200, 200, 403]
        assert answers[3][1]["error"] == "access_denied"


@pytest.mark.usefixtures("discreet")
@pytest.mark.parametrize("hint", UNKNOWN.values(), ids=UNKNOWN)
async def test_what_is_asked_of_nobody_is_superseded(client, hint):
    context = '{"workstation_id": "ws-1"}'
    known = f"uzi:{client.house.holder.uzi_number}"
    for each in (known, hint):
        _, older = await client.ask(login_hint=each, request_context=context)
        await client.ask(login_hint=each, request_context=context)
        status, body = await client.poll(older["auth_req_id"])
        assert (status, body["error"], body["reason"]) == (400, "access_denied", "superseded")


async def test_who_is_not_there_is_remembered_no_longer_than_what_was_asked_of_them(
    desk, monkeypatch
):
    """Or a client that asks for made-up names leaves a week of each in the Store."""
    lasting, create = {}, desk.house.store.create

    async def watched(key, value, lifetime):
        lasting[key] = lifetime
        return await create(key, value, lifetime)

    monkeypatch.setattr(desk.house.store, "create", watched)
    for hint in (f"uzi:{desk.house.holder.uzi_number}", UNKNOWN["uzi"], UNKNOWN["name"]):
        await ask(desk, hint)
    kept = [each for key, each in lasting.items() if key.startswith("pressure:")]
    assert kept == [REMEMBERED_FOR + GRACE, *[INBOX_LIFETIME + GRACE] * 2]


@pytest.mark.usefixtures("discreet")
async def test_nobody_is_said_not_to_have_opened_the_app_either(client, clock):
    _, asked = await client.ask(login_hint=UNKNOWN["uzi"])
    clock.advance(INTERVAL + timedelta(seconds=1))
    _, body = await client.poll(asked["auth_req_id"])
    assert body["hint"] == "open_the_app"


@pytest.mark.usefixtures("discreet")
async def test_a_phone_that_fetched_is_told_of_to_no_client_that_is_not_to_know(
    desk, client, clock
):
    """Else whoever is said not to have opened the app would be nobody more often than not."""
    hints = (f"uzi:{desk.house.holder.uzi_number}", UNKNOWN["uzi"])
    asked = [(await client.ask(login_hint=hint))[1] for hint in hints]
    assert len(await desk.phone.auth_requests()) == 1
    clock.advance(INTERVAL + timedelta(seconds=1))
    polls = [await client.poll(each["auth_req_id"]) for each in asked]
    assert polls[0] == polls[1]
    assert polls[0][1]["hint"] == "open_the_app"
