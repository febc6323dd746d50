"""`zorgid-phone` through the life of a key, against a real server."""

import re

import pytest

from clients.phone_line import PhoneLine
from clients.qr_image import GreyImage, read_qr
from pairing_server.keys.flow import PhoneFlow
from pairing_server.phones.unblocking import UnblockingFlow


@pytest.fixture
def unblocking(house):
    """The administrator's side of an unblocking."""
    statuses = house.phone_status()
    return UnblockingFlow(house.ports, PhoneFlow(house.ports, house.rp(), statuses), statuses)


def key(command, name="default"):
    return command.state(name)["credential_id"]


def read_blocks(shown):
    """Read the QR code that stands in a terminal in half blocks, as a camera would."""
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines() if line[:1] == " "]
    halves = {" ": "11", "▀": "01", "▄": "10", "█": "00"}
    rows = [
        "".join(halves[block][half] * 4 for block in line) for line in lines for half in (0, 1)
    ]
    pixels = bytes(255 * int(bit) for row in rows for _ in range(4) for bit in row)
    return read_qr(GreyImage(len(rows[0]), 4 * len(rows), pixels))


def other_than(code):
    return f"{(int(code) + 1) % 1000000:06}"


async def test_a_key_is_renewed_and_goes_on(house, paired):
    before = paired.state()

    renewed = await paired.does("renew")

    after = paired.state()
    assert renewed.status == 0
    assert renewed.out.startswith("Renewed: it expires at 20")
    assert after["credential_id"] != before["credential_id"]
    assert after["device_token"] == before["device_token"]
    (left,) = after["authenticator"]["credentials"]
    assert left["credential_id"] == after["credential_id"]
    workstation = await house.workstation()
    started = await house.ask(workstation)
    assert (await paired.does("approve", "--code", started.binding_code)).status == 0
    assert (await workstation.poll(started)).claims


@pytest.mark.parametrize("reaches", [True, False])
async def test_a_renewal_that_was_killed_is_settled_by_status(house, paired, monkeypatch, reaches):
    before, call = key(paired), PhoneLine._call

    async def killed(self, method, path, *args, **options):
        if method == "PUT" and path.startswith("/phone/renewals/"):
            if reaches:
                await call(self, method, path, *args, **options)
            raise TimeoutError
        return await call(self, method, path, *args, **options)

    monkeypatch.setattr(PhoneLine, "_call", killed)
    assert (await paired.does("renew")).status == 1
    assert len(paired.state()["authenticator"]["credentials"]) == 2
    monkeypatch.setattr(PhoneLine, "_call", call)

    assert (await paired.does("status")).status == 0

    (left,) = paired.state()["authenticator"]["credentials"]
    assert left["credential_id"] == key(paired)
    assert (key(paired) != before) == reaches


async def test_a_new_phone_is_let_in_by_the_old_one(house, paired):
    new = ["--phone", "new"]
    async with paired.doing(
        "transfer", "--base", house.base_url, "--model", "Pixel 12", *new, "--json"
    ) as told:
        await told.says('"code"')
        link, code = (row[name] for row, name in zip(told.rows, ("link", "code"), strict=True))
        given = await paired.does("give", link, "--code", code, "--json")

    assert (told.status, given.status) == (0, 0)
    assert given.rows[0]["transfer"]["device"]["model"] == "Pixel 12"
    assert told.rows[2]["identity"]["name"] == "Jan Jansen"
    assert [row["event"] for row in told.rows] == ["offered", "code", "identity", "paired"]
    assert (await paired.does("status", *new)).status == 0
    assert (await paired.does("status")).status == 0
    assert key(paired, "new") != key(paired)


async def test_the_old_phone_ends_if_it_shall(house, paired):
    new = ["--phone", "new"]
    async with paired.doing("transfer", "--base", house.base_url, *new) as told:
        await told.says("Type this code on the old phone: ")
        link = told.out.partition("Scan this with the old phone: ")[2].split()[0]
        code = told.out.split()[-1]
        given = await paired.does("give", link, "--code", code, "--revoke")

    assert (told.status, given.status) == (0, 0)
    assert "This one is revoked." in given.out
    assert (await paired.does("status", *new)).status == 0
    assert "not bound" in (await paired.does("status")).err


async def test_the_qr_code_in_the_terminal_says_the_link(house, paired, tmp_path):
    async with paired.on_a_terminal("transfer", "--base", house.base_url, "--phone", "new") as run:
        shown = await run.reads("Scan this with the old phone: ")
        link = (await run.reads("\n")).strip()
        run.interrupts()
        assert await run.ends() == 130

    assert read_blocks(shown) == link
    assert not (paired.directory / "new.json").exists()


async def test_a_person_types_the_code_of_the_new_phone_until_it_is_right(house, paired):
    async with paired.doing("transfer", "--base", house.base_url, "--phone", "new") as told:
        await told.says("Type this code on the old phone: ")
        link = told.out.partition("Scan this with the old phone: ")[2].split()[0]
        code = told.out.split()[-1]
        async with paired.on_a_terminal("give", link) as run:
            await run.reads("The code on the new phone: ")
            run.types(other_than(code))
            await run.reads("That is not the code: 2 more can be typed.")
            await run.reads("The code on the new phone: ")
            run.types(code)
            await run.reads("The new phone is bound.")
            assert await run.ends() == 0

    assert told.status == 0


async def test_a_wrong_code_of_the_new_phone_three_times_ends_it(house, paired):
    async with paired.doing("transfer", "--base", house.base_url, "--phone", "new") as told:
        await told.says("Type this code on the old phone: ")
        link = told.out.partition("Scan this with the old phone: ")[2].split()[0]
        wrong = other_than(told.out.split()[-1])
        given = [await paired.does("give", link, "--code", wrong) for _ in range(3)]

    assert [each.status for each in given] == [1, 1, 1]
    assert "the last one" in given[2].err
    assert (told.status, "refused" in told.err) == (1, True)
    assert not (paired.directory / "new.json").exists()


async def test_a_new_phone_is_denied(house, paired):
    async with paired.doing("transfer", "--base", house.base_url, "--phone", "new") as told:
        await told.says("Type this code on the old phone: ")
        link = told.out.partition("Scan this with the old phone: ")[2].split()[0]
        denied = await paired.does("give", link, "--deny")

    assert (denied.status, told.status) == (0, 1)
    assert not (paired.directory / "new.json").exists()


async def test_a_transfer_of_another_server_is_told_in_words(paired):
    link = f"https://elsewhere.example/app/#t.{'t' * 22}.{'s' * 43}"

    refused = await paired.does("give", link)

    assert (refused.status, refused.err) == (
        1,
        "The new phone is at another server than this one.\n",
    )


async def test_an_administrator_and_the_person_unblock_a_phone(house, paired, unblocking):
    await house.phone_status().block(key(paired), "operator:test")
    nobody = await paired.does("unblock", "--code", "123456")
    offer = await unblocking.offer(key(paired), "operator:test")

    wrong = await paired.does("unblock", "--code", other_than(offer.code))
    right = await paired.does("unblock", "--code", offer.code)

    assert (nobody.status, wrong.status, right.status) == (1, 1, 0)
    assert "2 more can be typed" in wrong.err
    assert right.out == "Unblocked.\n"
    assert (await paired.does("list")).status == 0


async def test_the_administrators_code_is_asked_for(house, paired, unblocking):
    await house.phone_status().block(key(paired), "operator:test")
    offer = await unblocking.offer(key(paired), "operator:test")

    async with paired.on_a_terminal("unblock") as run:
        await run.reads("The administrator's code: ")
        run.types(offer.code)
        await run.reads("Unblocked.")
        assert await run.ends() == 0


async def test_a_phone_is_woken_no_more(paired):
    assert (await paired.does("push", "apns", "abc")).status == 0
    assert (await paired.does("push", "off")).status == 0

    (told,) = (await paired.does("status", "--json")).rows
    assert told["push"] is None
