"""Attestation is asked for where the organisation takes no key without, and else not."""

import pytest

from pairing_server.keys.offer import KeyOffers
from pairing_server.keys.policy import KeyPolicy
from pairing_server.registry import organisations
from tests.keys.handset import RP, URA


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ({}, "none"),
        ({"verdicts": ["hardware", "unknown"]}, "none"),
        ({"verdicts": ["hardware"]}, "direct"),
    ],
)
async def test_what_the_phone_is_asked_for(registry, person, own, asked):
    await registry.commit(lambda tx: organisations.set_key_policy(tx, URA, own))
    options = await KeyOffers(registry, RP, KeyPolicy()).options(
        ura=URA, challenge="AAAA", user_id="BBBB", user_name="jansen", display_name="Jan Jansen"
    )
    assert options["attestation"] == asked
    assert (options["challenge"], options["user"]["id"]) == ("AAAA", "BBBB")
    assert options["authenticatorSelection"]["userVerification"] == "required"
