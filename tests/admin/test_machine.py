"""A program acts as far as is agreed with its client at the moment of the commit."""

from dataclasses import replace

import pytest

from admin import machine
from admin.access import Act
from admin.people_flow import PeopleFlow
from admin.refusals import Forbidden
from pairing_server.errors import NotFound, Unauthenticated
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import ClientStatus
from tests.admin.machine import HR, put
from tests.admin.staff import BIRTHS, NOW, OURS, THEIRS, membership_of, written
from tests.keys.handset import MeanwhileRegistry

ACTOR = machine.actor_of(HR, OURS.ura, NOW)


async def nobody(person_id, ura):
    """End nothing: there is nothing to end."""


def flow_on(ports):
    return PeopleFlow(ports, BIRTHS, nobody)


def agreed(**changed):
    return replace(HR, policy={**HR.policy, **changed})


@pytest.fixture
async def hired(staffed):
    await put(staffed, HR)
    return staffed


def test_a_program_is_an_actor_with_the_acts_of_its_policy():
    assert ACTOR.name == "client:hr"
    assert ACTOR.acts == {Act.UNLINK, Act.SET_ROLES, Act.RENAME}


def test_a_program_serves_its_own_organisations_alone():
    machine.check_serves(HR, OURS.ura)

    with pytest.raises(NotFound):
        machine.check_serves(HR, THEIRS.ura)


async def test_what_a_program_does_is_told_as_done_by_it(hired, ports):
    await flow_on(ports).unlink(ACTOR, "nina")

    action, who, whom, ura, _ = (await written(hired))[-1]
    assert (action, who, whom, ura) == ("MemberUnlinked", "client:hr", "person:nina", OURS.ura)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        (replace(HR, status=ClientStatus.CLOSED), Unauthenticated),
        (replace(HR, metadata=ClientMetadata()), Unauthenticated),
        (agreed(machine_scopes=["ssf.read"]), Unauthenticated),
        (agreed(admin_acts=["rename"]), Forbidden),
        (replace(HR, uras=(THEIRS.ura,)), NotFound),
    ],
    ids=["closed", "grant", "scope", "act", "organisation"],
)
async def test_what_was_taken_back_by_the_commit_changes_nothing(hired, ports, changed, refusal):
    registry = MeanwhileRegistry(hired, lambda: put(hired, changed))
    flow = flow_on(replace(ports, registry=registry))

    with pytest.raises(refusal):
        await flow.unlink(ACTOR, "nina")

    assert registry.stalled
    assert (await membership_of(hired, "nina")).is_valid(NOW)


async def test_a_program_that_nobody_registered_does_nothing(staffed, ports):
    with pytest.raises(Unauthenticated):
        await flow_on(ports).unlink(ACTOR, "nina")
