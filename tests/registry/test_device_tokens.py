"""A phone's token stays in use until the one that follows it is used, and is no other phone's."""

from dataclasses import replace
from functools import partial

import pytest

from pairing_server.registry import AlreadyExistsError, credentials, device_tokens
from tests.registry.people import CREDENTIAL, OTHER_CREDENTIAL


def get(registry):
    return registry.read(lambda tx: credentials.get(tx, CREDENTIAL.id))


def _announce(tx, digest):
    device_tokens.announce(tx, CREDENTIAL.id, digest)


async def test_both_tokens_work_until_the_new_one_is_adopted(filled):
    await filled.commit(partial(_announce, digest="next"))

    by_old, by_new = await filled.read(
        lambda tx: [credentials.by_device_token(tx, token).id for token in ("token-1", "next")]
    )
    adopted = await filled.commit(lambda tx: device_tokens.adopt(tx, CREDENTIAL.id, "next"))

    assert (by_old, by_new, adopted) == (CREDENTIAL.id, CREDENTIAL.id, True)
    assert await get(filled) == replace(CREDENTIAL, device_token_digest="next")
    assert await filled.read(lambda tx: credentials.by_device_token(tx, "token-1")) is None


async def test_a_token_that_is_not_announced_any_more_is_not_adopted(filled):
    await filled.commit(partial(_announce, digest="first"))
    await filled.commit(partial(_announce, digest="second"))

    assert not await filled.commit(lambda tx: device_tokens.adopt(tx, CREDENTIAL.id, "first"))
    assert (await get(filled)).device_token_digest == "token-1"


async def test_a_replaced_token_ends_both_others(filled):
    await filled.commit(partial(_announce, digest="next"))
    await filled.commit(lambda tx: device_tokens.replace(tx, CREDENTIAL.id, "new"))

    assert await get(filled) == replace(CREDENTIAL, device_token_digest="new")


@pytest.mark.parametrize("take", [device_tokens.announce, device_tokens.replace])
@pytest.mark.parametrize("token", ["token-1", "announced"])
async def test_a_token_of_one_phone_is_no_other_phones(filled, take, token):
    await filled.commit(lambda tx: credentials.add(tx, OTHER_CREDENTIAL))
    await filled.commit(partial(_announce, digest="announced"))

    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: take(tx, OTHER_CREDENTIAL.id, token))
