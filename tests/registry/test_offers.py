"""Memberships that were offered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import AlreadyExistsError, offers
from pairing_server.registry.offers import MembershipOffer, OfferStatus
from pairing_server.registry.people import MembershipKind
from tests.registry.people import NOW, ORGANISATION, PERSON, add_everybody

OFFER = MembershipOffer(
    id="offer-1",
    ura=ORGANISATION.ura,
    uzi_number=PERSON.uzi_number,
    first_names="Saskia",
    last_name="de Boer",
    kind=MembershipKind.GUEST,
    role_codes=("01.015", "01.016"),
    valid_until=NOW + timedelta(days=30),
    offered_by="person:somebody",
    offered_at=NOW,
    expires_at=NOW + timedelta(days=7),
)


@pytest.fixture
async def filled(registry):
    def change(tx):
        add_everybody(tx)
        offers.add(tx, OFFER)

    await registry.commit(change)
    return registry


async def test_what_was_offered_is_found_by_all_that_it_stands_on(filled):
    def read(tx):
        return [
            [offers.get(tx, OFFER.id)],
            [offers.get_for_update(tx, OFFER.id)],
            [offers.unsettled_for_update(tx, OFFER.ura, OFFER.uzi_number)],
            offers.to_number(tx, OFFER.uzi_number),
            offers.of_organisation(tx, OFFER.ura),
        ]

    assert await filled.commit(read) == [[OFFER]] * 5


async def test_what_was_not_offered_is_not_found(filled):
    def read(tx):
        return [
            offers.get(tx, "unknown"),
            offers.get_for_update(tx, "unknown"),
            offers.unsettled_for_update(tx, OFFER.ura, "000000000"),
            offers.unsettled_for_update(tx, "00000000", OFFER.uzi_number),
            *offers.to_number(tx, "000000000"),
            *offers.of_organisation(tx, "00000000"),
        ]

    assert await filled.commit(read) == [None] * 4


async def test_a_number_has_one_open_offer_of_an_organisation(filled):
    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: offers.add(tx, replace(OFFER, id="offer-2")))


@pytest.mark.parametrize("status", sorted(set(OfferStatus) - {OfferStatus.OPEN}))
async def test_an_offer_is_settled_once_and_makes_room_for_another(filled, status):
    at = NOW + timedelta(hours=1)

    def settle(tx):
        return [
            offers.settle(tx, OFFER.id, status, at),
            offers.settle(tx, OFFER.id, OfferStatus.ACCEPTED, at),
        ]

    assert await filled.commit(settle) == [True, False]
    settled = await filled.read(lambda tx: offers.get(tx, OFFER.id))
    assert settled == replace(OFFER, status=status, settled_at=at)
    assert await filled.read(lambda tx: offers.to_number(tx, OFFER.uzi_number)) == []
    await filled.commit(lambda tx: offers.add(tx, replace(OFFER, id="offer-2")))


@pytest.mark.parametrize(
    ("changed", "moment"),
    [
        ({}, OFFER.expires_at),
        ({"valid_until": NOW + timedelta(days=1)}, NOW + timedelta(days=1)),
        ({"status": OfferStatus.WITHDRAWN}, NOW),
    ],
    ids=["offer over", "membership would be over", "settled"],
)
def test_an_offer_is_open_until_it_is_over_or_of_no_use(changed, moment):
    offer = replace(OFFER, **changed)

    assert not offer.is_open(moment)
    assert OFFER.is_open(moment - timedelta(milliseconds=1))


def test_an_offer_without_a_last_day_is_open():
    assert replace(OFFER, valid_until=None).is_open(NOW)


def test_an_offer_names_whom_the_organisation_means():
    assert OFFER.name == "Saskia de Boer"
