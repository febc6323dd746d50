"""`docs/workstation.md`: its lines and examples log in, and every option that it names is one."""

import asyncio
import re

import pytest
from cryptography.hazmat.primitives import serialization

from clients.login_arguments import parser
from tests.documents import ROOT, blocks, check_blocks, fenced, kinds, read
from tests.login_command import asked, logging_in
from tests.node import node

DOCUMENT = "docs/workstation.md"
EXAMPLE = ROOT / "docs/examples/workstation.mjs"
#: What is drawn anew each time.
_DRAWN = (
    (r"http://localhost:\d+", "http://localhost:8080"),
    (r'"(sub|jti|aud|urn:openid:params:jwt:claim:auth_req_id)": "[^"]+"', r'"\1": "<\1>"'),
    (r"<urn:openid:params:jwt:claim:auth_req_id>", "<auth_req_id>"),
    (r'"(exp)": \d+', r'"\1": 1795349100'),
    (r'"(iat|nbf|auth_time)": \d+', r'"\1": 1795348800'),
)


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def key_file(house, tmp_path):
    """The client's key, registered and in a file."""
    await house.workstation()
    file = tmp_path / "client-key.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(house.client_key.private_bytes(*form, serialization.NoEncryption()))
    return file


def here(text, house, key_file):
    """Put this house in the place of the one that a document names."""
    return (
        text.replace("https://login.example.nl", house.base_url)
        .replace("<client_id>", house.client_id)
        .replace("client-key.pem", str(key_file))
        .replace("900001234", house.holder.uzi_number)
    )


def as_told(text):
    for drawn, shown in _DRAWN:
        text = re.sub(drawn, shown, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


async def approve(phone, code):
    await phone.approve(await asked(phone), code)


@pytest.mark.parametrize("name", [DOCUMENT, "README.md"])
async def test_the_ten_lines_log_in(house, phone, key_file, name):
    lines = here(blocks(name, "example")["python"], house, key_file)
    program = lines.removeprefix("```python\n").removesuffix("```\n")
    told = []
    names = {"print": lambda *words: told.append(" ".join(words))}
    exec(program.partition("asyncio.run(")[0], names)  # noqa: S102 - the document's own.
    login = asyncio.create_task(names["main"]())
    await phone.approve(await asked(phone), told[0].rpartition(" ")[2])
    await login
    assert told[-1] == f"Logged in: {house.holder.uzi_number} 01.015"


async def test_the_command_is_run_as_it_is_told(house, phone, key_file):
    options = ("--issuer", house.base_url, "--client-id", house.client_id)
    options += ("--key", str(key_file), "--workstation-id", "ws-1", "--workstation", "Balie 1")
    who, made = f"uzi:{house.holder.uzi_number}", {}
    for name, more in {"code": ["--language", "en"], "json": ["--json"]}.items():
        async with logging_in(who, *options, "--message", "042917", *more) as told:
            await approve(phone, "042917")
        assert told.status == 0
        typed = " ".join(["$ zorgid-login --demo data/demo/demo.json", *more])
        made[name] = fenced("console", as_told(f"{typed}\n{told.out}"))

    check_blocks(DOCUMENT, "run", made)
    assert kinds(DOCUMENT) == {"example", "run"}


def test_every_option_is_told_and_every_one_that_is_told_is_one():
    options = {option for action in parser()._actions for option in action.option_strings}
    named = set(re.findall(r"`(--[a-z-]+)", read(DOCUMENT)))

    assert options - named - {"-h", "--help", "--demo"} == set()
    assert named <= options


async def test_the_javascript_example_logs_in(house, phone, key_file):
    who = f"uzi:{house.holder.uzi_number}"
    async with node(EXAMPLE, house.base_url, house.client_id, str(key_file), who) as run:
        code = await run.says(r"phone: (\d{6})")
        await approve(phone, code)
        assert await run.says(r"Logged in: (\d+)") == house.holder.uzi_number
        assert await run.ends() == 0


async def test_the_javascript_example_believes_no_other_issuer(house, phone, key_file):
    who, elsewhere = f"uzi:{house.holder.uzi_number}", house.base_url.replace("http:", "HTTP:")
    async with node(EXAMPLE, elsewhere, house.client_id, str(key_file), who) as run:
        assert await run.ends() == 1
    assert "another issuer" in run.err


def test_what_stands_in_the_document_stands_in_the_examples():
    (js,) = re.findall(r"```js\n(.*?)```", read(DOCUMENT), re.DOTALL)
    methods = set(re.findall(r"workstation\.(\w+)\(", js))
    assert methods == {"start", "wait"}
    for name in methods:
        assert f"async {name}(" in EXAMPLE.read_text()
    (cs,) = re.findall(r"```csharp\n(.*?)```", read(DOCUMENT), re.DOTALL)
    source = (ROOT / "docs/examples/Workstation.cs").read_text()
    assert all(f" {name}(" in source for name in re.findall(r"workstation\.(\w+)\(", cs))
