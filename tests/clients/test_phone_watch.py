"""`zorgid-phone watch`: what opens and closes, and the answers of a person and of a script."""

from datetime import timedelta

import pytest
from aiohttp import web

from clients import phone_watch
from clients.oauth_error import AccessDenied
from clients.workstation import Workstation
from tests.clients.conftest import refuse

ASKED = "The 6 digits on its screen: "


@pytest.fixture
async def workstation(house):
    return await house.workstation()


@pytest.fixture
def station(http, stand_in, client_key):
    return Workstation(http, stand_in.base, "test-client", client_key)


def at(number):
    return {"workstation_id": f"ws-{number}", "workstation": f"Balie {number}"}


def other_than(code):
    return f"{(int(code) + 1) % 1000000:06}"


async def test_what_opens_and_closes_is_told_live(house, paired, workstation):
    async with paired.on_a_terminal("watch") as run:
        await run.reads("Watching for Jan Jansen")
        await house.ask(workstation)
        shown = await run.reads("code_length   6")
        await house.ask(workstation)
        await run.reads("No longer open: ")
        await run.reads("code_length   6")
        run.interrupts()
        assert await run.ends() == 130

    assert "  client        HIS\n" in shown
    assert "  workstation   Balie 1\n" in shown
    assert "Traceback" not in run.shown


async def test_a_person_types_the_code_until_it_is_right(house, paired, workstation):
    async with paired.on_a_terminal("watch", "--approve", "--once") as run:
        await run.reads("Watching")
        started = await house.ask(workstation)
        await run.reads(ASKED)
        run.types(other_than(started.binding_code))
        await run.reads("That is not the code: 2 more can be typed.")
        await run.reads(ASKED)
        run.types(started.binding_code)
        await run.reads("Approved: ")
        assert await run.ends() == 0

    assert (await workstation.poll(started)).claims.uzi_number == house.holder.uzi_number


async def test_what_was_asked_is_withdrawn_when_the_request_is_over(house, paired, workstation):
    async with paired.on_a_terminal("watch", "--approve", "--once") as run:
        await run.reads("Watching")
        await house.ask(workstation)
        await run.reads(ASKED)
        second = await house.ask(workstation)
        await run.reads("No longer open: ")
        await run.reads(ASKED)
        run.types(second.binding_code)
        await run.reads("Approved: ")
        assert await run.ends() == 0

    assert (await workstation.poll(second)).claims


async def test_a_line_typed_before_the_question_is_no_answer_to_it(house, paired, workstation):
    async with paired.on_a_terminal("watch", "--approve", "--once") as run:
        await run.reads("Watching")
        run.types("000000")
        await run.reads("000000")
        started = await house.ask(workstation)
        await run.reads(ASKED)
        run.types("")
        await run.reads(ASKED)
        run.types(started.binding_code)
        await run.reads("Approved: ")
        assert await run.ends() == 0

    assert "That is not the code" not in run.shown


async def test_an_answer_that_comes_too_late_leaves_the_step_to_the_next_request(
    stand_in_phone, stand_in, station
):
    async def over(_request):
        stand_in.requests["r0"].status = "superseded"
        raise refuse(409, "closed", status="superseded")

    stand_in.faults["PUT", "/phone/auth-requests/r0/answer"] = over
    code = stand_in_phone.home / "code"
    code.write_text("111111")
    await station.start("uzi:900000001")
    async with stand_in_phone.doing("watch", "--approve", "--code", f"@{code}", "--once") as told:
        await told.says("No longer open: r0")
        second = await station.start("uzi:900000001")
        code.write_text(second.binding_code)

    assert "That is over: the workstation asked again." in told.err
    assert (await station.poll(second)).claims
    assert told.status == 0


async def test_a_person_who_hangs_up_is_told_what_to_do(house, paired, workstation):
    async with paired.on_a_terminal("watch", "--approve") as run:
        await run.reads("Watching")
        await house.ask(workstation)
        await run.reads(ASKED)
        run.hangs_up()
        await run.reads("Nobody is there to ask")
        assert await run.ends() == 1


async def test_ctrl_c_ends_a_question_at_once(house, paired, workstation):
    async with paired.on_a_terminal("watch", "--approve") as run:
        await run.reads("Watching")
        await house.ask(workstation)
        await run.reads(ASKED)
        run.interrupts()
        assert await run.ends() == 130

    assert "Traceback" not in run.shown


async def test_a_code_that_is_known_approves_each(house, paired, workstation):
    async with paired.doing("watch", "--approve", "--code", "424242", "--once") as told:
        await told.says("Watching")
        started = await house.ask(workstation, binding_message="424242")

    assert told.status == 0
    assert (await workstation.poll(started)).claims


async def test_a_script_answers_one_request_with_each_step(house, paired, workstation, tmp_path):
    script, code = tmp_path / "script", tmp_path / "code"
    script.write_text(f"deny\nwait 0.1\nnot-me\nignore\napprove 000000\napprove @{code}\n")
    reasons = []
    async with paired.doing("watch", "--script", str(script), "--json") as told:
        await told.says("watching")
        for number in range(2):
            started = await house.ask(workstation, request_context=at(number))
            with pytest.raises(AccessDenied) as denied:
                await workstation.poll(started)
            reasons.append(denied.value.reason)
        await house.ask(workstation, request_context=at(2))
        await told.says("ignored")
        await house.ask(workstation, request_context=at(3), binding_message="424242")
        await told.says("Balie 3")
        last = await house.ask(workstation, request_context=at(4))
        code.write_text(last.binding_code)

    assert reasons == ["denied", "not_me"]
    assert (await workstation.poll(last)).claims
    assert not code.exists()
    assert told.status == 1
    assert '"error": "wrong_code"' in told.err
    answers = {"denied", "ignored", "approved"}
    assert [row["event"] for row in told.rows if row["event"] in answers] == [
        "denied",
        "denied",
        "ignored",
        "approved",
    ]


async def test_a_step_goes_on_to_the_next_request_when_one_is_over(house, paired, workstation):
    code = paired.home / "code"
    async with paired.doing("watch", "--approve", "--code", f"@{code}", "--once") as told:
        await told.says("Watching")
        await house.ask(workstation)
        await told.says("code_length")
        second = await house.ask(workstation)
        await told.says("No longer open: ")
        code.write_text(second.binding_code)

    assert told.status == 0
    assert (await workstation.poll(second)).claims


@pytest.mark.parametrize("change", ["rotate", "recover"])
async def test_a_token_that_another_command_changed_is_taken_up(
    house, paired, workstation, change
):
    async with paired.doing("watch", "--deny", "--once") as told:
        await told.says("Watching")
        assert (await paired.does(change)).status == 0
        assert (await paired.does("status")).status == 0
        await house.ask(workstation)

    assert told.status == 0


async def test_a_phone_that_is_blocked_meanwhile_ends_the_watch(house, paired, workstation):
    async with paired.doing("watch") as told:
        await told.says("Watching")
        await house.phone_status().block(paired.state()["credential_id"], "operator:test")

    assert told.status == 1
    assert "blocked" in told.err


async def test_a_server_that_goes_away_is_waited_for(stand_in_phone, stand_in, monkeypatch):
    monkeypatch.setattr(phone_watch, "_FIRST_PAUSE", 0.05)
    tries = []

    async def away(asked):
        tries.append(asked)
        if len(tries) == 3:
            del stand_in.faults["GET", "/phone/auth-requests"]
        return web.Response(status=503)

    stand_in.faults["GET", "/phone/auth-requests"] = away
    async with stand_in_phone.doing("watch", "--json") as told:
        await told.says("watching")
        stand_in.blocked = True
        stand_in.changed.set()

    assert [row["event"] for row in told.rows] == ["away", "back", "watching"]
    assert told.status == 1


async def test_nobody_approves_without_a_code_what_was_not_scanned(stand_in_phone, stand_in):
    async def answer(_request):
        return web.json_response({"auth_requests": [{"id": "r", "code_length": 0}]})

    stand_in.faults["GET", "/phone/auth-requests"] = answer

    told = await stand_in_phone.does("watch", "--approve", "--code", "", "--once")

    assert told.status == 1
    assert "zorgid-phone scan" in told.err
    assert not any(method == "PUT" for method, *_ in stand_in.seen)


async def test_a_request_that_runs_out_is_no_longer_open(house, paired, workstation, clock):
    async with paired.doing("watch", "--json") as told:
        await told.says("watching")
        await house.ask(workstation)
        await told.says("opened")
        clock.advance(timedelta(minutes=3))
        await told.says("closed")
        await house.phone_status().block(paired.state()["credential_id"], "operator:test")

    assert [row["event"] for row in told.rows] == ["watching", "opened", "closed"]
