"""`zorgid-phone`, command by command, against a real server."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing
from types import SimpleNamespace

import pytest
import qrcode
import sqlalchemy as sa
from aiohttp import web
from qrcode.image.svg import SvgPathImage

from clients.oauth_error import AccessDenied
from clients.phone_command import run
from clients.portal import PortalPage
from clients.workstation import Workstation
from pairing_server.registry.tables import membership
from tests.documents import ROOT
from tests.software_phone import PROGRAM, screenshot


@pytest.fixture
async def workstation(house):
    return await house.workstation()


async def test_the_phone_of_a_screenshot_is_paired(house, phone, tmp_path):
    page = await house.registered()
    offered = await page.start_pairing()
    file = screenshot(offered.qr_svg, tmp_path / "screenshot.png")

    async with phone.on_a_terminal("pair", file) as run:
        shown = await run.reads("Type this number at the page: ")
        number = (await run.reads("\n")).strip()
        await page.wait_proved(offered.id)
        await page.confirm(offered.id, number)
        await run.reads("Paired.\n")
        assert await run.ends() == 0

    assert f"{house.holder.first_names} {house.holder.last_name}" in shown
    assert phone.directory.stat().st_mode & 0o777 == 0o700
    assert (phone.directory / "default.json").stat().st_mode & 0o777 == 0o600
    assert (await phone.does("status")).status == 0


async def test_several_phones_stand_side_by_side(house, phone):
    page = await house.registered()

    assert (await phone.pairs(page, "--phone", "one")).status == 0
    assert (await phone.pairs(page, "--phone", "two")).status == 0

    (one,) = (await phone.does("status", "--phone", "one", "--json")).rows
    (two,) = (await phone.does("--phone", "two", "--json", "status")).rows
    assert one["credential_id"] != two["credential_id"]
    missing = await phone.does("status")
    assert missing.status == 1
    assert "There is: one, two" in missing.err


async def test_a_bound_phone_is_not_paired_over(house, paired):
    page = await house.logged_in()
    offered = await page.start_pairing()
    before = paired.state()

    refused = await paired.does("pair", offered.link)

    assert (refused.status, refused.out) == (1, "")
    assert "--replace" in refused.err
    assert paired.state() == before
    assert (await page.pairing(offered.id)).status == "offered"


async def test_an_unbound_phone_is_paired_again(house, paired):
    assert (await paired.does("unbind", "--yes")).status == 0
    page = await house.logged_in()

    assert (await paired.pairs(page)).status == 0


async def test_a_pairing_that_comes_to_nothing_leaves_the_phone_that_was(house, paired):
    page = await house.logged_in()
    offered = await page.start_pairing()
    assert (await paired.does("pair", "--phone", "first", offered.link + "x")).status == 1
    before = paired.state()

    async with paired.doing("pair", "--replace", offered.link) as replacing:
        await replacing.says("Type this number")
        await page.wait_proved(offered.id)
        wrong = f"{(int(replacing.out.split()[-1]) + 1) % 10000:04}"
        for _ in range(3):
            await asyncio.gather(page.confirm(offered.id, wrong), return_exceptions=True)

    assert (replacing.status, "refused" in replacing.err) == (1, True)
    assert paired.state() == before
    assert not (paired.directory / "first.json").exists()


async def test_a_request_is_listed_shown_and_approved(house, paired, workstation):
    assert (await paired.does("list")).out == "Nothing is open.\n"
    started = await house.ask(workstation)

    (listed,) = (await paired.does("list", "--json")).rows
    shown = await paired.does("show", listed["id"][:6])
    approved = await paired.does("approve", "--code", started.binding_code)

    assert (listed["client"], listed["workstation"]) == ("HIS", "Balie 1")
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == list(listed)
    assert approved.status == 0
    assert approved.out.endswith(f"Approved: {listed['id']}\n")
    assert (await workstation.poll(started)).claims.uzi_number == house.holder.uzi_number


async def test_a_role_is_chosen_of_those_that_are_offered(house, paired, workstation):
    nurse = sa.update(membership).values(other_role_codes='["30.000"]')
    await house.registry.commit(lambda tx: tx.run(nurse))
    started = await house.ask(workstation)

    shown = await paired.does("show")
    answering = ("approve", "--code", started.binding_code, "--role")
    refused = await paired.does(*answering, "17.000")
    approved = await paired.does(*answering, "30.000")

    assert "01.015 arts, huisarts; 30.000 verpleegkundige" in shown.out
    assert refused.status == 1
    assert refused.err == "The request offers no role 17.000, but 01.015, 30.000.\n"
    assert approved.status == 0
    assert (await workstation.poll(started)).claims.role_code == "30.000"


async def test_a_wrong_code_is_refused_in_words(house, paired, workstation):
    started = await house.ask(workstation)
    wrong = f"{(int(started.binding_code) + 1) % 1000000:06}"

    first = await paired.does("approve", "--code", wrong)
    second = await paired.does("approve", "--code", wrong, "--json")
    third = await paired.does("approve", "--code", wrong)
    after = await paired.does("approve", "--code", started.binding_code)

    assert (first.status, first.err) == (1, "That is not the code: 2 more can be typed.\n")
    assert json.loads(second.err) == {
        "error": "wrong_code",
        "message": "That is not the code: 1 more can be typed.",
    }
    assert "the last one" in third.err
    assert (after.status, after.err) == (1, "Nothing is open.\n")


@pytest.mark.parametrize(("option", "reason"), [([], "denied"), (["--not-me"], "not_me")])
async def test_a_denial_is_heard_at_the_workstation(house, paired, workstation, option, reason):
    started = await house.ask(workstation)

    assert (await paired.does("deny", *option)).status == 0

    with pytest.raises(AccessDenied) as denied:
        await workstation.poll(started)
    assert denied.value.reason == reason


async def test_an_approval_waits_for_the_request(house, paired, workstation):
    async with paired.doing("approve", "--wait", "30", "--code", "424242") as waiting:
        await asyncio.sleep(0.3)
        started = await house.ask(workstation, binding_message="424242")

    assert waiting.status == 0
    assert (await workstation.poll(started)).claims


async def test_a_request_that_is_not_open_is_told(house, paired, workstation):
    await house.ask(workstation)

    refused = await paired.does("deny", "unknown")

    assert (refused.status, refused.err) == (1, "No such request is open.\n")


async def test_nobody_is_asked_where_nobody_is(house, paired, workstation):
    await house.ask(workstation)

    refused = await paired.does("approve")

    assert refused.status == 1
    assert "Nobody is there to ask" in refused.err


async def test_a_blocked_phone_says_what_opens_it(house, paired):
    await house.phone_status().block(paired.state()["credential_id"], "operator:test")

    refused = await paired.does("list")

    assert refused.status == 1
    assert "zorgid-phone unblock --code" in refused.err


async def test_a_revoked_phone_is_told_to_pair_again(house, paired):
    await house.phone_status().revoke(paired.state()["credential_id"], "operator:test")

    told = await paired.does("status")

    assert told.status == 1
    assert "It was the login key of Jan Jansen" in told.out
    assert "pair it again" in told.err


async def test_a_token_is_rotated_and_recovered(paired):
    first = paired.state()["device_token"]
    assert (await paired.does("rotate")).status == 0
    second = paired.state()["device_token"]
    assert (await paired.does("recover")).status == 0
    third = paired.state()["device_token"]

    assert len({first, second, third}) == 3
    assert (await paired.does("status")).status == 0


async def test_a_push_address_is_registered(house, paired):
    assert (await paired.does("push", "fcm", "registration-token")).status == 0

    (told,) = (await paired.does("status", "--json")).rows
    assert told["push"] == "fcm"


async def test_an_unbound_phone_is_gone_here_too(paired):
    assert (await paired.does("unbind", "--yes")).status == 0

    assert not (paired.directory / "default.json").exists()
    assert (await paired.does("status")).status == 1


async def test_an_unbinding_is_asked_before(paired):
    async with paired.on_a_terminal("unbind") as run:
        await run.reads("Unbind it? [y/N] ")
        run.types("n")
        await run.reads("Left as it was.")
        assert await run.ends() == 1

    assert (await paired.does("status")).status == 0


async def test_the_sign_count_of_two_commands_at_once_goes_up_by_each(house, paired, workstation):
    for number in range(3):
        context = {"workstation_id": f"ws-{number}", "workstation": f"Balie {number}"}
        await house.ask(workstation, request_context=context, binding_message="111111")
    rows = (await paired.does("list", "--json")).rows

    approvals = [paired.on_a_terminal("approve", row["id"], "--code", "111111") for row in rows]
    async with approvals[0] as first, approvals[1] as second, approvals[2] as third:
        ended = [await run.ends() for run in (first, second, third)]

    assert ended == [0, 0, 0]
    assert paired.state()["authenticator"]["credentials"][0]["sign_count"] == 3


async def test_no_secret_is_ever_shown(house, paired, workstation):
    started = await house.ask(workstation)
    told = [
        await paired.does(*arguments)
        for arguments in (
            ["status"],
            ["status", "--json"],
            ["list", "--json"],
            ["approve", "--code", started.binding_code, "--json"],
            ["rotate", "--json"],
            ["status", "--json"],
            ["recover", "--json"],
            ["status", "--json"],
        )
    ]

    state = paired.state()
    said = "".join(each.out + each.err for each in told)
    assert all(each.status == 0 for each in told)
    assert state["device_token"] not in said
    assert state["authenticator"]["credentials"][0]["private_key"] not in said


async def test_a_server_that_is_away_is_told_in_words(stand_in_phone, stand_in):
    state = stand_in_phone.state() | {"base": "http://localhost:1"}
    (stand_in_phone.directory / "default.json").write_text(json.dumps(state))

    refused = await stand_in_phone.does("list")

    assert (refused.status, refused.err) == (1, "The server cannot be reached.\n")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"auth_requests": 1}', b'{"auth_requests": [{}]}', b"\xff"],
)
async def test_a_malformed_answer_is_told_in_words(stand_in_phone, stand_in, body):
    async def answer(_request):
        return web.Response(body=body)

    stand_in.faults["GET", "/phone/auth-requests"] = answer

    refused = await stand_in_phone.does("list")

    assert refused.status == 1
    assert refused.err.startswith("The server said what no phone understands: ")
    assert refused.err.count("\n") == 1


async def test_an_answer_whose_connection_breaks_is_sent_again_as_it_was(
    stand_in_phone, stand_in, http, client_key
):
    station = Workstation(http, stand_in.base, "test-client", client_key)
    started = await station.start("uzi:900000001")
    (request,) = (await stand_in_phone.does("list", "--json")).rows
    path = f"/phone/auth-requests/{request['id']}/answer"
    sent = []

    async def break_off(asked):
        sent.append(await asked.read())
        asked.transport.close()
        if len(sent) == 2:
            del stand_in.faults["PUT", path]
        return web.Response()

    stand_in.faults["PUT", path] = break_off

    assert (await stand_in_phone.does("approve", "--code", started.binding_code)).status == 0
    assert sent[0] == sent[1]
    assert (await station.poll(started)).claims


async def test_a_code_is_not_left_out_by_who_did_not_scan(stand_in_phone, stand_in):
    async def answer(_request):
        return web.json_response({"auth_requests": [{"id": "r", "code_length": 0}]})

    stand_in.faults["GET", "/phone/auth-requests"] = answer

    refused = await stand_in_phone.does("approve", "--code", "")

    assert refused.status == 1
    assert "zorgid-phone scan" in refused.err
    assert not any(method == "PUT" for method, *_ in stand_in.seen)


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://login.example.nl/app/#t.x.y", "zorgid-phone give"),
        ("https://login.example.nl/app/#l.x.y", "zorgid-phone scan"),
        ("ftp://x", "not the link of a pairing"),
        ("missing.png", "missing.png cannot be read: No such file"),
    ],
)
async def test_another_link_is_told_in_words(phone, link, told):
    refused = await phone.does("pair", link)

    assert refused.status == 1
    assert told in refused.err


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"GIF89a", "not a PNG. Take a PNG"), (b"\x89PNG\r\n\x1a\n\0\0", "not a whole PNG. Take")],
)
async def test_a_file_without_a_code_is_told_in_words(phone, tmp_path, content, told):
    file = tmp_path / "screenshot.png"
    file.write_bytes(content)

    refused = await phone.does("pair", str(file))

    assert refused.status == 1
    assert told in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["--phone", "../x", "list"],
        ["list", "--wait", "soon"],
        ["transfer"],
        ["transfer", "--base", "http://login.example.nl"],
        ["push", "fcm"],
        ["push", "off", "token"],
        ["push", "webpush", "no json"],
        ["watch", "--code", "1"],
        ["watch", "--once"],
        ["watch", "--approve", "--deny"],
        ["watch", "--script", "/nonexistent"],
    ],
)
def test_a_wrong_use_is_status_2(phone, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run(arguments)

    assert ended.value.code == 2
    assert "usage: zorgid-phone" in capsys.readouterr().err
    assert not phone.directory.exists()


async def test_a_reader_that_goes_away_is_no_traceback(paired):
    reads, writes = os.pipe()
    os.close(reads)
    around = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "status", stdout=writes, stderr=asyncio.subprocess.PIPE, env=around
    )
    os.close(writes)

    _, err = await process.communicate()

    assert (process.returncode, err) == (1, b"")


@pytest.fixture
async def scanned(stand_in_phone, stand_in, http, client_key, tmp_path):
    """A login QR code: as a link, as a screenshot, and by which way it was handed in."""
    station = Workstation(http, stand_in.base, "test-client", client_key)
    started = await station.start("uzi:900000001")
    ways = []

    async def take(request):
        body = await request.json()
        assert body["payload"] == link
        ways.append(body["via"])
        if body["via"] == "camera":
            stand_in.requests["r0"].shown["code_length"] = 0
            stand_in.requests["r0"].code = ""
        return web.json_response({"id": "r0"})

    stand_in.faults["POST", "/phone/qr"] = take
    link = f"{stand_in.base}/app/#l.handle.1.mac"
    svg = qrcode.make(link, image_factory=SvgPathImage).to_string().decode()
    file = screenshot(svg, tmp_path / "login.png")
    return SimpleNamespace(station=station, started=started, link=link, file=file, ways=ways)


async def test_a_login_code_on_the_screen_is_scanned_in_the_place_of_its_code(
    house, paired, workstation
):
    started = await house.ask(workstation)
    async with aclosing(workstation.frames(started)) as frames:
        link = (await anext(frames)).link
        told = await paired.does("scan", link, "--via", "camera", "--approve")

    assert (told.status, told.err) == (0, "")
    assert "  code_length   0" in told.out.splitlines()
    assert (await workstation.poll(started)).claims


async def test_what_was_scanned_before_is_approved_by_its_code_alone(house, paired, workstation):
    started = await house.ask(workstation)
    async with aclosing(workstation.frames(started)) as frames:
        link = (await anext(frames)).link
        assert (await paired.does("scan", link, "--via", "camera")).status == 0

    refused = await paired.does("approve", "--code", "")
    async with paired.on_a_terminal("approve") as run:
        await run.reads("The code on its screen: ")
        run.types(started.binding_code)
        assert await run.ends() == 0

    assert (refused.status, "zorgid-phone scan" in refused.err) == (1, True)
    assert (await workstation.poll(started)).claims


async def test_a_code_that_was_scanned_is_approved_without_typing(stand_in_phone, scanned):
    told = await stand_in_phone.does("scan", scanned.file, "--approve")

    assert (told.status, scanned.ways) == (0, ["camera"])
    assert (await scanned.station.poll(scanned.started)).claims


async def test_a_link_that_was_not_scanned_still_asks_the_code(stand_in_phone, scanned):
    asked = await stand_in_phone.does("scan", scanned.link, "--approve")
    code = scanned.started.binding_code
    told = await stand_in_phone.does("scan", scanned.link, "--approve", "--code", code)

    assert (asked.status, told.status) == (1, 0)
    assert "Nobody is there to ask" in asked.err
    assert scanned.ways == ["link", "link"]
    assert (await scanned.station.poll(scanned.started)).claims


async def test_what_was_scanned_is_shown_and_not_approved_by_itself(stand_in_phone, scanned):
    told = await stand_in_phone.does("scan", scanned.link, "--via", "camera", "--json")
    denied = await stand_in_phone.does("scan", scanned.file, "--deny")

    assert (told.status, [row["event"] for row in told.rows]) == (0, ["opened"])
    assert denied.status == 0
    with pytest.raises(AccessDenied):
        await scanned.station.poll(scanned.started)


def test_the_command_needs_nothing_of_the_server_and_nothing_for_cards():
    program = (
        "import sys, clients.phone_command as command; command.parser();"
        " print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()

    assert "aiohttp" in loaded
    others = {"pairing_server", "admin", "pkcs11", "tkinter", "zxingcpp", "resvg_py", "sqlalchemy"}
    assert others & set(loaded) == set()


async def test_a_terminal_that_knows_few_letters_is_no_traceback(paired):
    around = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "status",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=around,
    )

    out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert b"T?st Zorginstelling 03" in out


async def test_a_server_moves_no_cursor(phone, stand_in):
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        offered = await page.start_pairing()
        scan = stand_in.scan

        async def evil(request):
            answer = json.loads((await scan(request)).body)
            return web.json_response(answer | {"check_number": "\x1b[2J1234\u202e"})

        stand_in.faults["POST", f"/phone/pairings/{offered.id}/scan"] = evil
        async with phone.doing("pair", offered.link) as told:
            await told.says("Type this number at the page:  [2J1234")
            await page.wait_proved(offered.id)
            await page.confirm(offered.id, "1234")

    assert told.status == 0
    assert all(line.isprintable() for line in told.out.splitlines())
