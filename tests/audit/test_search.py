"""Finding events: by each filter, in pages that neither repeat nor miss one, in its scope."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from pairing_server.audit import search as rules
from pairing_server.audit.events import (
    AssertionIssued,
    AuthenticatorBlocked,
    AuthRequestApproved,
    CardProved,
    KeyPolicyChanged,
)
from pairing_server.audit.search import NEWEST, Place, Scope, Search, find, one
from tests.plans import plan, read_whole, sorts

HERE, THERE = "90000380", "90000381"
NOON = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)


def approved(person="p", credential="c", workstation="Balie 1", ura=HERE):
    return AuthRequestApproved(
        actor=f"person:{person}",
        object="auth-request:r",
        ura=ura,
        evidence={"credential": credential, "signed": {"workstation": workstation}},
    )


def issued(person="p", ura=HERE):
    return AssertionIssued(actor="client:x", object=f"person:{person}", ura=ura)


def blocked(credential="c", actor="operator:o", ura=HERE):
    return AuthenticatorBlocked(actor=actor, object=f"credential:{credential}", ura=ura)


@pytest.fixture
def record(registry, clock):
    """Record events, a second apart."""

    async def one_after_the_other(*events, registry=registry):
        for event in events:
            clock.advance(timedelta(seconds=1))
            await registry.commit(lambda tx, event=event: tx.record(event))

    return one_after_the_other


@pytest.fixture
def found(registry):
    """Find events, and tell each by its kind."""

    async def named(**search):
        events = await registry.read(lambda tx: find(tx, Search(**{"ura": HERE, **search})))
        return [each.entry.facts.action for each in events]

    return named


async def test_the_newest_comes_first(record, found):
    await record(approved(), issued(), blocked())

    assert await found() == ["AuthenticatorBlocked", "AssertionIssued", "AuthRequestApproved"]


async def test_another_organisations_events_are_not_found(record, found):
    await record(approved(ura=THERE), approved(ura=None), blocked(ura=THERE))

    assert await found() == []
    assert await found(people=("p",), credentials=("c",)) == []
    assert await found(credentials=("c",)) == []
    assert await found(workstation="Balie 1") == []
    assert await found(actions=("AuthRequestApproved", "AuthenticatorBlocked")) == []
    assert (
        await found(people=("p",), workstation="Balie 1", actions=("AuthRequestApproved",)) == []
    )


async def test_a_persons_events_are_those_they_did_and_those_done_to_them_or_their_phones(
    record, found
):
    await record(
        approved(),
        issued(),
        blocked(),
        CardProved(actor="uzi:900000001", object="uzi-session:s", ura=HERE),
        approved("q", "d"),
        issued("q"),
        blocked("d"),
    )

    assert await found(people=("p",), uzi_number="900000001", credentials=("c",)) == [
        *("CardProved", "AuthenticatorBlocked", "AssertionIssued", "AuthRequestApproved"),
    ]


async def test_an_event_that_is_reached_twice_is_found_once(record, found):
    await record(blocked(actor="person:p"), approved())

    assert await found(people=("p",), credentials=("c",)) == [
        *("AuthRequestApproved", "AuthenticatorBlocked"),
    ]


async def test_a_phones_events_are_its_uses_and_what_was_done_to_it(record, found):
    await record(approved(), blocked(), approved(credential="d"), blocked("d"))

    assert await found(credentials=("c",)) == ["AuthenticatorBlocked", "AuthRequestApproved"]


async def test_a_workstation_is_found_by_its_name(record, found):
    await record(approved(), approved(workstation="Balie 2"), blocked())

    assert await found(workstation="Balie 1") == ["AuthRequestApproved"]
    assert await found(workstation="Balie 1", people=("p",)) == ["AuthRequestApproved"]
    assert await found(workstation="Balie 1", people=("q",)) == []
    assert await found(workstation="Balie") == []


@pytest.mark.parametrize("about", [{}, {"people": ("p",), "credentials": ("c",)}])
async def test_kinds_are_any_of_those_named(record, found, about):
    await record(approved(), issued(), blocked())

    assert await found(actions=("AssertionIssued",), **about) == ["AssertionIssued"]
    assert await found(actions=("AuthRequestApproved", "AuthenticatorBlocked"), **about) == [
        *("AuthenticatorBlocked", "AuthRequestApproved"),
    ]
    assert await found(actions=("CardProved",), **about) == []


async def test_a_kind_at_a_workstation_is_found(record, found):
    await record(approved(), issued())

    assert await found(workstation="Balie 1", actions=("AuthRequestApproved",)) == [
        "AuthRequestApproved"
    ]
    assert await found(workstation="Balie 1", actions=("AssertionIssued",)) == []


async def test_a_period_has_its_first_moment_and_not_its_last(record, found):
    await record(approved(), issued(), blocked())
    second = NOON + timedelta(seconds=2)

    assert await found(since=second) == ["AuthenticatorBlocked", "AssertionIssued"]
    assert await found(until=second) == ["AuthRequestApproved"]
    assert await found(since=second, until=second) == []


async def test_of_a_members_phone_it_is_found_that_it_was_used_elsewhere_and_no_more(
    record, registry
):
    await record(
        approved(ura=THERE),
        blocked(ura=THERE),
        blocked(ura=None),
        issued(ura=THERE),
        KeyPolicyChanged(actor="person:p", object=f"organisation:{THERE}", ura=THERE),
        approved(),
    )
    search = Search(ura=HERE, people=("p",), credentials=("c",), scope=Scope.MEMBER)

    events = await registry.read(lambda tx: find(tx, search))

    assert [(each.entry.facts.action, each.is_elsewhere) for each in events] == [
        ("AuthRequestApproved", False),
        ("AuthenticatorBlocked", False),
        ("AuthenticatorBlocked", True),
        ("AuthRequestApproved", True),
    ]


async def test_a_person_finds_their_own_everywhere(record, registry):
    await record(approved(ura=THERE), issued(ura=THERE), approved(ura=None), approved("q", "d"))
    search = Search(people=("p",), credentials=("c",), scope=Scope.ALL)

    events = await registry.read(lambda tx: find(tx, search))

    assert [(each.entry.facts.action, each.is_elsewhere) for each in events] == [
        ("AuthRequestApproved", False),
        ("AssertionIssued", False),
        ("AuthRequestApproved", False),
    ]


@pytest.mark.parametrize("together", [1, 7])
@pytest.mark.parametrize(
    "about",
    [{}, {"people": ("p",), "credentials": ("c",)}, {"actions": ("AuthRequestApproved",)}],
)
async def test_pages_hold_every_event_once_in_order_also_those_of_one_moment(
    open_at, database_url, clock, about, together
):
    """Two writers give the same numbers in the same millisecond."""
    writers = [open_at(database_url, chain) for chain in ("b", "a")]
    for number in range(7):
        clock.advance(timedelta(seconds=number % together == 0))
        for writer in writers:
            await writer.commit(lambda tx: tx.record(approved()))
    search = Search(ura=HERE, **about)

    pages, before = [], NEWEST
    while page := await writers[0].read(partial(find, search=search, before=before, limit=3)):
        pages.append(page)
        before = Place.read(str(page[-1].place))
    listed = [each for page in pages for each in page]

    assert [len(page) for page in pages] == [3, 3, 3, 3, 2]
    assert len({each.entry.facts.id for each in listed}) == 14
    order = [(each.place.time, each.place.sequence, each.place.hash) for each in listed]
    assert order == sorted(order, reverse=True)


async def test_what_comes_while_one_turns_the_page_moves_nothing(registry, record):
    await record(*[approved()] * 4)
    first = await registry.read(lambda tx: find(tx, Search(ura=HERE), limit=2))
    await record(blocked(), blocked())

    second = await registry.read(lambda tx: find(tx, Search(ura=HERE), first[-1].place, 2))

    assert [each.entry.facts.sequence for each in [*first, *second]] == [4, 3, 2, 1]


async def test_one_event_is_found_by_its_id(registry, record):
    await record(approved())
    (found,) = await registry.read(lambda tx: find(tx, Search(ura=HERE)))

    assert await registry.read(lambda tx: one(tx, found.entry.facts.id)) == found.entry
    assert await registry.read(lambda tx: one(tx, "x")) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.2", "1.2.", "1.2.x", f"1.2.{'0' * 63}", f"1.2.{'0' * 64}x"),
        *(f"-1.2.{'0' * 64}", f"\u0663.2.{'0' * 64}", f"{'9' * 30}.2.{'0' * 64}"),
    ],
)
def test_a_place_is_read_as_it_was_written_or_not_at_all(text):
    place = Place(1, 2, "0" * 64)

    assert Place.read(str(place)) == place
    assert Place.read(text) is None


@pytest.mark.parametrize(
    ("search", "index"),
    [
        (Search(ura=HERE), "ix_audit_event_ura"),
        (Search(ura=HERE, actions=("CardProved",)), "ix_audit_event_action"),
        (Search(ura=HERE, workstation="Balie"), "ix_audit_event_workstation"),
        (Search(ura=HERE, credentials=("c",)), "ix_audit_event_credential"),
        (Search(people=("p",), scope=Scope.ALL), "ix_audit_event_actor"),
    ],
)
def test_each_filter_has_an_index_in_order_of_time(database_url, search, index):
    path, values = next(iter(rules._paths(search)))
    statement = rules._statement(*path, search.scope)

    asked = plan(database_url, statement, **rules._values(search, NEWEST, 5), **values)

    assert re.search(rf"[Uu]sing (INDEX )?{index}\b", asked.replace("USING", "using"))
    assert re.search(r"time<|\btime <=", asked.replace('"', ""))
    assert read_whole(asked) == []
    # Sorted is what happened in one millisecond, never all that there is.
    assert not sorts(asked)
