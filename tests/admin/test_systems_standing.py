"""How the systems of an organisation stand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from admin.systems_standing import Certified, certified, standing
from pairing_server.registry import clients, streams
from pairing_server.registry.streams import StreamCounts
from tests.admin.machine import HR
from tests.admin.staff import OURS, THEIRS
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.oidc.test_key_certificates import EC_KEYS, public
from tests.oidc.test_key_certificates import certified as certified_key
from tests.registry.test_streams import STREAM

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY, MOMENT = timedelta(days=1), timedelta(seconds=1)


def system(name, *keys, ura=OURS.ura):
    return replace(HR, id=name, name=name.upper(), jwks={"keys": list(keys)}, uras=(ura,))


async def test_those_that_end_first_stand_first_and_the_unknown_nowhere(staffed):
    def change(tx):
        clients.add(tx, system("his", certified_key(EC_KEYS[0], NOW + 40 * DAY)))
        clients.add(tx, system("siem", certified_key(EC_KEYS[1], NOW - DAY)))
        clients.add(tx, system("lab", certified_key(EC_KEYS[2], NOW), public(EC_KEYS[0])))
        clients.add(tx, system("far", certified_key(EC_KEYS[0], NOW), ura=THEIRS.ura))

    await staffed.commit(change)

    assert await staffed.read(lambda tx: certified(tx, OURS.ura)) == [
        Certified("siem", "SIEM", NOW - DAY),
        Certified("his", "HIS", NOW + 40 * DAY),
    ]


async def test_both_are_read_together(staffed):
    def change(tx):
        clients.add(tx, system("siem", certified_key(EC_KEYS[1], NOW)))
        streams.add(tx, replace(STREAM, client_id="siem", failing_since=NOW))

    await staffed.commit(change)

    read = await staffed.read(lambda tx: standing(tx, OURS.ura))
    assert (read.told, len(read.certified)) == (StreamCounts(1, 1), 1)
    there = await staffed.read(lambda tx: standing(tx, THEIRS.ura))
    assert (there.told, there.certified) == (StreamCounts(0, 0), [])


@pytest.mark.parametrize(
    ("left", "is_soon"),
    [(30 * DAY, True), (30 * DAY + MOMENT, False), (-DAY, True)],
    ids=["30 days", "longer", "over"],
)
def test_what_is_over_within_30_days_or_already_ends_soon(left, is_soon):
    assert Certified("siem", "SIEM", NOW + left).ends_soon(NOW) is is_soon
