"""`docs/software-phone.md`: its day is played here, and every command that it names is one."""

import re
import shlex

import pytest

from clients.phone_arguments import parser
from tests.documents import check_blocks, documents, fenced, kinds, read
from tests.software_phone import Command

DOCUMENT = "docs/software-phone.md"
_COMMAND = re.compile(r"(?:`|^|\$ )zorgid-phone( [^`\n]+)", re.MULTILINE)
#: What is drawn anew each time, or is the machine's.
_DRAWN = (
    (r"\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", ".<pairing id>.<secret>"),
    (r"(Request|id           |Approved:) [A-Za-z0-9_-]{22}", r"\1 <request id>"),
    (r"(nonce        ) \S+", r"\1 <nonce>"),
    (r"localhost:\d+", "localhost:8080"),
    (r"(requested_at ) \S+", r"\1 2026-11-26T12:00:00Z"),
    (r"(expires_at   ) \S+", r"\1 2026-11-26T12:02:00Z"),
    (r"(screen: |code )\d{6}", r"\g<1>042917"),
    (r"(page: )\d{4}", r"\g<1>4711"),
)


def named(name):
    """Return the commands that a document names, as they would be typed."""
    return [shlex.split(match[1], comments=True) for match in _COMMAND.finditer(read(name))]


def transcript(*said):
    text = "\n".join(line.rstrip() for line in "".join(said).splitlines())
    for drawn, shown in _DRAWN:
        text = re.sub(drawn, shown, text)
    return fenced("console", text)


@pytest.fixture
def phone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return Command(tmp_path / "home")


async def test_the_day_is_played_as_it_is_told(house, phone):
    made = {}
    page, workstation = await house.registered(), await house.workstation()
    offered = await page.start_pairing()
    async with phone.doing("pair", offered.link) as told:
        await told.says("Type this number")
        await page.wait_proved(offered.id)
        await page.confirm(offered.id, told.out.split()[-1])
    made["pair"] = transcript(f"$ zorgid-phone pair '{offered.link}'\n", told.out)

    async with phone.on_a_terminal("watch", "--approve") as run:
        await run.reads("Watching")
        started = await house.ask(workstation)
        await run.reads("screen: ")
        run.types(started.binding_code)
        await run.reads("Approved: ")
        await run.reads("\n")
        run.interrupts()
        assert await run.ends() == 130
    assert (await workstation.poll(started)).claims
    made["watch"] = transcript("$ zorgid-phone watch --approve\n", run.shown.replace("^C", ""))

    started = await house.ask(workstation)
    wrong = f"{(int(started.binding_code) + 1) % 1000000:06}"
    refused = await phone.does("approve", "--code", wrong)
    shown = refused.out + refused.err
    made["wrong code"] = transcript("$ zorgid-phone approve --code 042918\n", shown)
    approved = await phone.does("approve", "--code", started.binding_code)
    assert (refused.status, approved.status) == (1, 0)
    made["by hand"] = transcript("$ zorgid-phone approve --code 042917\n", approved.out)

    check_blocks(DOCUMENT, "day", made)
    assert kinds(DOCUMENT) == {"day"}


@pytest.mark.parametrize("name", [path.name for path in documents()])
def test_every_command_that_is_named_is_one(name):
    (file,) = [str(path) for path in documents() if path.name == name]
    for words in named(file):
        typed = ["http://localhost" if word == "URL" else word for word in words]
        parser().parse_args([word for word in typed if word != "--script"])


def test_every_command_is_told():
    (commands,) = [action.choices for action in parser()._actions if action.choices]
    told = {word for words in named(DOCUMENT) for word in words}

    assert commands.keys() - told == set()
