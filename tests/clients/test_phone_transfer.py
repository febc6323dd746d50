"""Transfers against a server that does what ours does not."""

import pytest
from aiohttp import web

from clients.phone import SoftwarePhone
from clients.transfer import TransferEnded, TransferSeen
from clients.wire import MalformedAnswer

ID, SECRET = "t" * 22, "s" * 43


async def test_a_transfer_at_another_server_is_not_claimed(http, stand_in):
    phone = SoftwarePhone.from_back_up(
        http, {"base": stand_in.base, "device": {}, "identity": None}
    )

    with pytest.raises(ValueError, match="another server"):
        await phone.claim_transfer(f"https://elsewhere.example/app/#t.{ID}.{SECRET}")

    assert stand_in.seen == []


@pytest.mark.parametrize("ended", ["refused", "expired"])
async def test_a_transfer_that_ends_is_no_binding(http, stand_in, ended):
    async def answer(_request):
        return web.json_response({"status": ended})

    stand_in.faults["GET", f"/phone/transfers/{ID}"] = answer
    phone = SoftwarePhone.from_back_up(
        http, {"base": stand_in.base, "device": {}, "identity": None}
    )

    with pytest.raises(TransferEnded, match=ended):
        await phone.wait_transferred(ID)

    assert phone.credential_id == ""


async def test_no_key_without_options_for_it(http):
    phone = SoftwarePhone(http)

    with pytest.raises(MalformedAnswer, match="without options"):
        await phone.prove_transfer(ID, TransferSeen(status="claimed"))

    assert phone.authenticator.credentials == []
