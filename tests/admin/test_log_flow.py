"""Looking at the log: what an organisation sees, and that it stands in the log that it did."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.actor import Role
from admin.log_flow import LogFlow, chunks
from admin.log_rules import Wanted
from pairing_server.audit.checkpoint import Checkpoints, verifier
from pairing_server.audit.events import AuthenticatorBlocked, AuthRequestApproved
from pairing_server.audit.export import verify_lines
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from tests.admin.staff import (
    ADMINISTRATOR,
    OURS,
    THEIRS,
    actor,
    add_phone,
    member,
    put,
    written,
)
from tests.audit.doubles import Signer
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)


class Keys(Signer):
    """A signer whose public key is known."""

    async def authentic_jwks(self):
        return [self.jwk]


@pytest.fixture
def keys():
    return Keys()


@pytest.fixture
async def flow(staffed, clock, keys):
    def phones(tx):
        for name in ("nina", "els"):
            add_phone(tx, name)

    await staffed.commit(phones)
    ports = Ports(registry=staffed, store=None, clock=clock, random=None)
    return LogFlow(ports, Checkpoints(staffed, keys, clock), keys)


@pytest.fixture
def happened(staffed, clock):
    """Let somebody approve a login, a second after what was before."""

    async def approve(name, ura=OURS.ura, workstation="Balie"):
        clock.advance(timedelta(seconds=1))
        event = AuthRequestApproved(
            actor=f"person:{name}",
            object="auth-request:r",
            ura=ura,
            evidence={"credential": f"phone-of-{name}", "signed": {"workstation": workstation}},
        )
        await staffed.commit(lambda tx: tx.record(event))

    return approve


def seen(view):
    return [
        (each.entry.facts.actor, each.is_elsewhere)
        for each in view.found
        if each.entry.facts.action == "AuthRequestApproved"
    ]


async def views(registry):
    return [evidence for action, *_, evidence in await written(registry) if action == "LogViewed"]


async def test_an_organisation_sees_its_own_log(flow, happened):
    await happened("nina")
    await happened("els", THEIRS.ura)

    view = await flow.view(ADMINISTRATOR, Wanted())

    assert seen(view) == [("person:nina", False)]
    assert view.names.name("person:nina") == "Nina de Boer"


async def test_that_it_was_looked_at_is_in_the_log_before_it_is_shown(flow, staffed):
    view = await flow.view(ADMINISTRATOR, Wanted(kind="log"))

    assert [each.entry.facts.action for each in view.found] == ["LogViewed"]
    assert await written(staffed) == [
        (
            *("LogViewed", "person:anne", "audit-log:90000001", OURS.ura),
            {"looked_for": {"kind": "log"}},
        )
    ]


async def test_a_reload_within_a_minute_is_no_event_more(flow, staffed, clock):
    for _ in range(3):
        await flow.view(ADMINISTRATOR, Wanted())
    assert len(await views(staffed)) == 1

    await flow.view(ADMINISTRATOR, Wanted(kind="log"))
    await flow.view(actor(Role.OPERATOR, "otto"), Wanted())
    assert len(await views(staffed)) == 3

    clock.advance(timedelta(minutes=1))
    await flow.view(ADMINISTRATOR, Wanted())
    assert len(await views(staffed)) == 4


async def test_another_page_is_another_view(flow, staffed, happened):
    for _ in range(60):
        await happened("nina")
    first = await flow.view(ADMINISTRATOR, Wanted(kind="AuthRequestApproved"))
    second = await flow.view(
        ADMINISTRATOR, Wanted(kind="AuthRequestApproved"), before=first.following
    )

    assert (len(first.found), len(second.found), second.following) == (50, 10, None)
    assert [each.get("before") for each in await views(staffed)] == [None, str(first.following)]


async def test_of_a_member_it_is_seen_that_a_phone_was_used_elsewhere(flow, happened):
    await happened("nina")
    await happened("nina", THEIRS.ura)

    view = await flow.view(ADMINISTRATOR, Wanted(person="nina"))

    assert seen(view) == [("person:nina", True), ("person:nina", False)]
    assert [phone.id for phone in view.phones] == ["phone-of-nina"]
    assert view.person.id == "nina"


@pytest.mark.parametrize(
    "looked_for",
    [
        Wanted(person="els"),
        Wanted(phone="phone-of-els"),
        Wanted(person="nina", phone="phone-of-els"),
    ],
)
async def test_of_anybody_else_nothing_is_seen_but_what_happened_here(flow, happened, looked_for):
    await happened("els", THEIRS.ura)
    await happened("els")

    view = await flow.view(ADMINISTRATOR, looked_for)

    assert seen(view) == [("person:els", False)]
    assert "phone-of-els" not in [phone.id for phone in view.phones]


@pytest.mark.parametrize("looked_for", [Wanted(person="nobody"), Wanted(phone="none")])
async def test_whom_nobody_knows_has_done_nothing(flow, happened, looked_for):
    await happened("nina")

    view = await flow.view(ADMINISTRATOR, looked_for)

    assert seen(view) == []
    assert (view.person, view.phones) == (None, [])


async def test_a_person_sees_who_looked_for_them(flow, staffed):
    await flow.view(ADMINISTRATOR, Wanted(person="nina"))

    view = await flow.view(actor(Role.OPERATOR, "otto"), Wanted(person="nina", kind="log"))

    assert [each.entry.facts.actor for each in view.found] == ["person:otto", "person:anne"]


async def test_one_event_is_seen_by_whose_it_is_and_that_is_told(flow, staffed, happened):
    await happened("nina")
    (found,) = (await flow.view(ADMINISTRATOR, Wanted(kind="AuthRequestApproved"))).found
    event_id = found.entry.facts.id

    entry, names = await flow.event(ADMINISTRATOR, event_id)

    assert entry == found.entry
    assert names.phones == {"phone-of-nina": names.name("credential:phone-of-nina")}
    assert (await views(staffed))[-1] == {"event": event_id}
    with pytest.raises(NotFound):
        await flow.event(actor(name="els", ura=THEIRS.ura), event_id)
    with pytest.raises(NotFound):
        await flow.event(ADMINISTRATOR, "x")


async def test_an_event_without_an_organisation_is_nobodys(flow, staffed):
    event = AuthenticatorBlocked(actor="operator:o", object="credential:phone-of-nina")
    await staffed.commit(lambda tx: tx.record(event))
    view = await flow.view(ADMINISTRATOR, Wanted(person="nina"))
    (found,) = [each for each in view.found if each.entry.facts.ura is None]

    with pytest.raises(NotFound):
        await flow.event(ADMINISTRATOR, found.entry.facts.id)


async def test_an_export_is_told_of_in_itself_and_verifies_to_a_checkpoint(
    flow, happened, keys, staffed
):
    await happened("nina")
    await happened("els", THEIRS.ura)

    lines = [line async for line in await flow.export(ADMINISTRATOR, Wanted(), "json")]

    events = [line for line in lines if line["type"] == "event"]
    assert [line["action"] for line in events] == ["AuthRequestApproved", "AuditExported"]
    assert json.loads(events[-1]["evidence"]) == {"looked_for": {}, "form": "json"}
    assert THEIRS.ura not in json.dumps(lines)
    assert [line["type"] for line in lines][:2] == ["keys", "checkpoint"]
    assert verify_lines(iter(lines), verifier([keys.jwk])) == []
    # Nothing that was exported is newer than what is signed.
    assert json.loads(lines[1]["heads"])["main"]["sequence"] == events[-1]["sequence"]


async def test_an_export_has_what_is_looked_for_and_nothing_from_elsewhere(flow, happened):
    await happened("nina")
    await happened("nina", THEIRS.ura)
    await happened("ivo")

    lines = [line async for line in await flow.export(ADMINISTRATOR, Wanted(person="nina"), "csv")]

    events = [line for line in lines if line["type"] == "event"]
    assert [(line["action"], line["actor"]) for line in events] == [
        ("AuthRequestApproved", "person:nina"),
        ("AuditExported", "person:anne"),
    ]


async def test_a_former_member_is_seen_as_a_stranger_is(flow, happened, staffed, clock):
    await put(staffed, replace(member("nina"), valid_until=clock() - timedelta(days=1)))
    await happened("nina")
    await happened("nina", THEIRS.ura)

    view = await flow.view(ADMINISTRATOR, Wanted(person="nina"))

    assert seen(view) == [("person:nina", False)]
    assert view.phones == []


async def test_the_first_line_comes_at_once_and_what_is_left_out_as_it_is_read():
    async def lines():
        yield {"type": "keys"}
        for _ in range(3):
            yield {"type": "left-out", "digests": ["d"] * 499}
        yield {"type": "head"}

    assert [len(chunk) async for chunk in chunks(lines())] == [1, 2, 2]
