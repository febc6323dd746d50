"""A typed code makes a request its typer's, and guessing finds none."""

import asyncio
from datetime import timedelta

import pytest

from clients.auth_request import WrongCode
from pairing_server.approvals.refusals import NotKnownThere, TooManyUserCodes, UnknownUserCode
from pairing_server.approvals.user_code import TRIES, WINDOW
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.ports import Ports
from tests.approvals.opened import Opened, end_membership, opening
from tests.doubles import StalledStore
from tests.qr.logins import bound, stranger

LIFETIME = timedelta(minutes=2)


@pytest.fixture
def flow(desk):
    return UserCodes(desk.house.ports)


@pytest.fixture
async def opened(desk, stores) -> Opened:
    return await opening(desk, stores)()


@pytest.fixture
async def code(flow, opened):
    return await flow.offer(opened.id, LIFETIME)


async def test_who_types_the_code_is_asked_and_types_the_other_one(desk, flow, opened, code):
    assert await flow.take(await desk.bound(), code.lower()) == opened.id

    (request,) = await desk.phone.auth_requests()
    assert (request.id, request.code_length) == (opened.id, 6)
    with pytest.raises(WrongCode):
        await desk.phone.approve(request, "")
    await desk.phone.approve(request, opened.code)
    assert "id_token" in await opened.poll()


async def test_the_same_person_may_type_it_again(desk, flow, opened, code):
    phone = await desk.bound()
    assert [await flow.take(phone, code) for _ in range(2)] == [opened.id] * 2
    assert len(await desk.phone.auth_requests()) == 1


async def test_unknown_foreign_used_and_over_are_one_answer(desk, flow, opened, code, clock):
    mine, theirs = await desk.bound(), await bound(desk, await stranger(desk))
    await flow.take(theirs, code)
    late = await flow.offer(opened.id, LIFETIME)
    for typed in (code, late, "BBBB-BBBB", "x", ""):
        with pytest.raises(UnknownUserCode):
            await flow.take(mine, typed)
    clock.advance(LIFETIME)
    with pytest.raises(UnknownUserCode):
        await flow.take(mine, late)


async def test_what_ran_out_becomes_nobodys(desk, flow, opened, code, clock):
    clock.advance(LIFETIME)
    with pytest.raises(UnknownUserCode):
        await flow.take(await desk.bound(), code)
    assert (await opened.record()).person_id is None


async def test_who_is_nobody_there_is_told_so(desk, flow, opened, code):
    phone = await desk.bound()
    await end_membership(desk)
    with pytest.raises(NotKnownThere):
        await flow.take(phone, code)
    assert (await opened.record()).person_id is None


async def test_of_many_guesses_at_once_no_more_are_made_than_may_be(desk, flow, code):
    phone = await desk.bound()
    done = await asyncio.gather(
        *(flow.take(phone, "BBBB-BBBB") for _ in range(4 * TRIES)), return_exceptions=True
    )
    kinds = [type(each) for each in done]
    assert (kinds.count(UnknownUserCode), kinds.count(TooManyUserCodes)) == (TRIES, 3 * TRIES)
    with pytest.raises(TooManyUserCodes):
        await flow.take(phone, code)


async def test_a_guess_between_read_and_swap_is_counted_too(desk, flow):
    phone, ports = await desk.bound(), desk.house.ports

    async def guess(guesser):
        with pytest.raises(UnknownUserCode):
            await guesser.take(phone, "BBBB-BBBB")

    for _ in range(TRIES - 2):
        await guess(flow)
    store = StalledStore(ports.store, lambda: guess(flow))
    await guess(UserCodes(Ports(ports.registry, store, ports.clock, ports.random)))
    assert store.stalled
    with pytest.raises(TooManyUserCodes):
        await flow.take(phone, "BBBB-BBBB")


async def test_guesses_are_a_persons_own_and_end(desk, flow, opened, code, clock):
    mine, theirs = await desk.bound(), await bound(desk, await stranger(desk))
    for _ in range(TRIES):
        with pytest.raises(UnknownUserCode):
            await flow.take(theirs, "BBBB-BBBB")
    assert await flow.take(mine, code) == opened.id
    clock.advance(WINDOW)
    with pytest.raises(UnknownUserCode):
        await flow.take(theirs, "BBBB-BBBB")


async def test_codes_that_open_something_do_not_count(desk, flow, opened, code):
    phone = await desk.bound()
    assert [await flow.take(phone, code) for _ in range(2 * TRIES)] == [opened.id] * 2 * TRIES


async def test_no_two_requests_have_one_code(desk, opened, code):
    ports = desk.house.ports
    draws = iter([_bytes_of(code), bytes(range(16))])
    flow = UserCodes(Ports(ports.registry, ports.store, ports.clock, lambda _: next(draws)))
    assert await flow.offer("another", LIFETIME) != code


async def test_the_store_keeps_no_code(desk, flow, opened):
    class Seen:
        """A Store that keeps what it was told."""

        told = ""

        def __getattr__(self, name):
            return getattr(desk.house.store, name)

        async def create(self, key, value, ttl):
            Seen.told += f"{key} {value}"
            return await desk.house.store.create(key, value, ttl)

    ports = desk.house.ports
    flow = UserCodes(Ports(ports.registry, Seen(), ports.clock, ports.random))
    code = await flow.offer(opened.id, LIFETIME)
    assert opened.id in Seen.told
    assert code not in Seen.told
    assert code.replace("-", "") not in Seen.told


def _bytes_of(code):
    letters = "BCDFGHJKLMNPQRSTVWXZ"
    return bytes(letters.index(letter) for letter in code.replace("-", "")) * 2
