"""People and memberships."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import AlreadyExistsError, people
from pairing_server.registry.driver import StatementRefusedError
from pairing_server.registry.people import MembershipKind, PersonStatus
from tests.registry.people import COLLEAGUE, MEMBERSHIP, NOW, ORGANISATION, PERSON


@pytest.mark.parametrize("person", [PERSON, COLLEAGUE])
async def test_what_was_added_is_found(filled, person):
    assert await filled.read(lambda tx: people.get_person(tx, person.id)) == person


async def test_a_change_reads_them_for_share(filled):
    def read(tx):
        return [
            people.get_person_for_share(tx, PERSON.id),
            people.get_person_for_share(tx, "unknown"),
            people.membership_for_share(tx, PERSON.id, ORGANISATION.ura),
            people.membership_for_share(tx, COLLEAGUE.id, ORGANISATION.ura),
        ]

    assert await filled.commit(read) == [PERSON, None, MEMBERSHIP, None]


async def test_a_change_reads_them_for_update(filled):
    def read(tx):
        return [
            people.by_uzi_number_for_update(tx, PERSON.uzi_number),
            people.by_uzi_number_for_update(tx, "unknown"),
            people.membership_for_update(tx, PERSON.id, ORGANISATION.ura),
            people.membership_for_update(tx, COLLEAGUE.id, ORGANISATION.ura),
        ]

    assert await filled.commit(read) == [PERSON, None, MEMBERSHIP, None]


@pytest.fixture
async def employed(filled):
    """A colleague without a UZI number works for the organisation too."""
    member = replace(MEMBERSHIP, person_id=COLLEAGUE.id)
    await filled.commit(lambda tx: people.put_membership(tx, member))
    return filled


async def namesakes(registry, first="saskia  maria", last="De Boer", ura=None, at=NOW):
    named = (ura or ORGANISATION.ura, first, last, at)
    found = await registry.read(lambda tx: people.namesakes(tx, *named))
    assert await registry.commit(lambda tx: people.namesakes_for_update(tx, *named)) == found
    return found


async def test_a_namesake_is_found_however_the_name_is_spelled(employed):
    assert await namesakes(employed) == [COLLEAGUE]


@pytest.mark.parametrize(
    "asked",
    [{"first": "Saskia"}, {"last": "Boer"}, {"ura": "00000000"}, {"at": MEMBERSHIP.valid_until}],
    ids=["first names", "last name", "organisation", "membership over"],
)
async def test_somebody_else_is_no_namesake(employed, asked):
    assert await namesakes(employed, **asked) == []


@pytest.mark.parametrize(
    "changed",
    [{"uzi_number": "900000001"}, {"status": PersonStatus.CLOSED}, {"last_name": "Vries"}],
    ids=["has a number", "closed", "other name"],
)
async def test_who_has_a_number_or_is_closed_is_no_namesake(employed, changed):
    await employed.commit(lambda tx: people.update_person(tx, replace(COLLEAGUE, **changed)))

    assert await namesakes(employed) == []


async def test_a_person_is_found_by_what_is_theirs(filled):
    assert await filled.read(lambda tx: people.by_uzi_number(tx, "123456789")) == PERSON
    assert await filled.read(lambda tx: people.by_user_name(tx, "sdeboer")) == PERSON


@pytest.mark.parametrize("find", [people.get_person, people.by_uzi_number, people.by_user_name])
async def test_an_unknown_one_is_none(filled, find):
    assert await filled.read(lambda tx: find(tx, "unknown")) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(COLLEAGUE, id="new", user_name="new", uzi_number="123456789"),
        replace(COLLEAGUE, id="new"),
    ],
)
async def test_uzi_number_and_user_name_are_one_persons(filled, other):
    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: people.add_person(tx, other))


async def test_all_but_id_and_creation_can_be_updated(filled):
    new = replace(
        PERSON,
        uzi_number="987654321",
        first_names="S.",
        last_name="Boer",
        birth_digest="digest-of-another",
        user_name="boer",
        status=PersonStatus.CLOSED,
    )
    late = replace(new, created_at=NOW + timedelta(days=1))

    assert await filled.commit(lambda tx: people.update_person(tx, late))
    assert await filled.read(lambda tx: people.get_person(tx, PERSON.id)) == new
    assert await filled.read(lambda tx: people.get_person(tx, COLLEAGUE.id)) == COLLEAGUE


async def test_an_unknown_person_is_not_updated(filled):
    unknown = replace(PERSON, id="unknown", uzi_number=None, user_name="unknown")

    assert not await filled.commit(lambda tx: people.update_person(tx, unknown))


async def test_a_membership_is_put_in_place_of_the_one_before(filled):
    guest = replace(
        MEMBERSHIP,
        kind=MembershipKind.GUEST,
        administrative_role=None,
        valid_until=None,
        created_at=NOW + timedelta(days=1),
    )
    await filled.commit(lambda tx: people.put_membership(tx, guest))

    found = await filled.read(lambda tx: people.membership(tx, PERSON.id, ORGANISATION.ura))

    assert found == replace(guest, created_at=NOW)


async def test_memberships_are_a_persons_own(filled):
    assert await filled.read(lambda tx: people.memberships(tx, PERSON.id)) == [MEMBERSHIP]
    assert await filled.read(lambda tx: people.memberships(tx, COLLEAGUE.id)) == []
    assert await filled.read(lambda tx: people.membership(tx, PERSON.id, "00000000")) is None


async def test_a_membership_needs_an_organisation(filled):
    nowhere = replace(MEMBERSHIP, ura="00000000")

    with pytest.raises(StatementRefusedError):
        await filled.commit(lambda tx: people.put_membership(tx, nowhere))


def test_a_membership_ends_at_its_last_moment():
    assert MEMBERSHIP.is_valid(MEMBERSHIP.valid_until - timedelta(milliseconds=1))
    assert not MEMBERSHIP.is_valid(MEMBERSHIP.valid_until)
    assert replace(MEMBERSHIP, valid_until=None).is_valid(NOW)


def test_a_name_is_first_names_and_last_name():
    assert PERSON.name == "Saskia Maria de Boer"


async def test_two_who_sign_somebody_out_at_one_moment_leave_two_moments(filled):
    seen = []
    for at in (NOW, NOW, NOW - timedelta(seconds=2), NOW + timedelta(seconds=1)):
        await filled.commit(lambda tx, at=at: people.sign_out(tx, PERSON.id, at))
        seen.append((await filled.read(lambda tx: people.get_person(tx, PERSON.id))).signed_out_at)

    one = timedelta(milliseconds=1)
    assert seen == [NOW, NOW + one, NOW + 2 * one, NOW + timedelta(seconds=1)]


TWO = replace(MEMBERSHIP, other_role_codes=("30.000", "17.000"))


async def test_roles_are_kept_in_their_order(filled):
    await filled.commit(lambda tx: people.put_membership(tx, TWO))
    kept = await filled.read(lambda tx: people.membership(tx, PERSON.id, ORGANISATION.ura))
    assert kept.role_codes == ("01.015", "30.000", "17.000")


def test_a_role_that_is_chosen_stands_first():
    assert TWO.in_role("30.000").role_codes == ("30.000", "01.015", "17.000")
    assert TWO.in_role("01.015") == TWO


@pytest.mark.parametrize("role", ["", "01.010"])
def test_no_other_role_is_chosen(role):
    assert TWO.in_role(role) is None


@pytest.mark.parametrize(
    ("role", "roles"),
    [
        ("30.000", ("30.000", "01.015", "17.000")),
        ("88.000", ("88.000", "01.015", "30.000", "17.000")),
    ],
)
def test_a_role_is_had_once(role, roles):
    assert TWO.with_role(role).role_codes == roles
