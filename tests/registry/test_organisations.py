"""Organisations."""

from dataclasses import replace

import pytest

from pairing_server.registry import AlreadyExistsError, organisations
from tests.registry.people import ORGANISATION


async def test_what_was_added_is_found(registry):
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))

    found = await registry.read(lambda tx: organisations.get(tx, ORGANISATION.ura))

    assert found == ORGANISATION


async def test_an_unknown_one_is_none(registry):
    assert await registry.read(lambda tx: organisations.get(tx, "00000000")) is None


async def test_a_change_reads_it_for_share(registry):
    def read(tx):
        organisations.add(tx, ORGANISATION)
        return [organisations.get_for_share(tx, ura) for ura in (ORGANISATION.ura, "00000000")]

    assert await registry.commit(read) == [ORGANISATION, None]


async def test_an_ura_number_is_registered_once(registry):
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))

    with pytest.raises(AlreadyExistsError):
        await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))


async def test_all_are_listed_by_name(registry):
    first = replace(ORGANISATION, ura="99999999", name="Apotheek")
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))
    await registry.commit(lambda tx: organisations.add(tx, first))

    assert await registry.read(organisations.list_all) == [first, ORGANISATION]
