"""Clients of others log in: they know the issuer and no more, and believe the assertion."""

import json
import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.documents import check_blocks, fenced
from tests.login_command import asked
from tests.node import install, node, program
from tests.oidc.browser import LoginPage
from tests.pages.visitor import visitor

HERE = Path(__file__).parent
DOCUMENT = "docs/independent-clients.md"
#: Where the client says that it waits; the test brings it the answer.
PAGE = "http://localhost:9/cb"
CIBA = "urn:openid:params:jwt:claim:auth_req_id"


@pytest.fixture(scope="session")
def packages():
    install(HERE)


def authlib(*arguments):
    return program(sys.executable, HERE / "authlib_login.py", *arguments)


def openid_client(*arguments):
    return node(HERE / "openid_client_login.mjs", *arguments)


CLIENTS = {"Authlib": authlib, "openid-client": openid_client}


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def client(house, tmp_path):
    """Issuer, client and key: what a client is told before it begins."""
    await house.workstation(redirect_uris=(PAGE,))
    file = tmp_path / "key.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(house.client_key.private_bytes(*form, serialization.NoEncryption()))
    return house.base_url, house.client_id, file


def said(run, member):
    return [told[member] for told in map(json.loads, run.out.splitlines()) if member in told]


def shown(value):
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def transcript(run):
    """Show what went to and fro, without what nobody may have."""
    lines = []
    for each in said(run, "exchange"):
        lines.append(f"{each['method']} {each['url']}")
        lines += [f"  {name}={value}" for name, value in each["form"].items()]
        lines.append(f"{each['status']}")
        if "/.well-known/" in each["url"]:
            lines += ["  (the metadata)", ""]
            continue
        lines += [f"  {line}" for line in shown(each["body"])]
        lines.append("")
    told = json.loads(run.out.splitlines()[-1])
    lines += ["The claims that it believes:"]
    lines += [f"  {line}" for line in shown(told["claims"])]
    return fenced("text", redacted("\n".join(lines)))


def redacted(text):
    for name in ("client_assertion", "code_verifier", "code_challenge", "state", "nonce", "code"):
        text = re.sub(rf"(?m)^(  {name}=)(?!<).+$", rf"\1<{name}>", text)
    secret = "auth_req_id|access_token|id_token|sub|aud|jti|nonce|sid|request_uri|x|y|kid|at_hash"
    text = re.sub(rf'"({secret}|{CIBA})": "[^"]+"', r'"\1": "<\1>"', text)
    text = re.sub(r"(?m)^(  (?:auth_req_id|request_uri|redirect_uri)=).+$", r"\1<as told>", text)
    text = re.sub(r'("(?:exp|iat|nbf|auth_time)"): \d+', r"\1: 1795348800", text)
    text = re.sub(r'("binding_code"): "\d+"', r'\1: "042917"', text)
    text = re.sub(r"(client_id=)\S+", r"\1<client_id>", text)
    return re.sub(r"http://localhost:\d+", "http://localhost:8080", text)


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_of_others_logs_in_by_ciba(house, phone, client, packages, name):
    who = f"uzi:{house.holder.uzi_number}"
    async with CLIENTS[name](*client, "ciba", who) as run:
        code = await run.says(r'"show": ?"(\d{6})"')
        await phone.approve(await asked(phone), code)
        assert await run.ends() == 0, run.err

    (claims,), (userinfo,) = said(run, "claims"), said(run, "userinfo")
    assert claims["uzi_number"] == userinfo["uzi_number"] == house.holder.uzi_number
    assert (claims["iss"], claims["aud"]) == (house.base_url, house.client_id)
    assert claims["acr"] == "http://eidas.europa.eu/LoA/substantial"
    check_blocks(DOCUMENT, f"{name.replace('-', '_').lower()}_ciba", {"run": transcript(run)})


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_of_others_hears_a_no(house, phone, client, packages, name):
    who = f"uzi:{house.holder.uzi_number}"
    async with CLIENTS[name](*client, "ciba", who) as run:
        await run.says(r'"show": ?"(\d{6})"')
        await phone.deny(await asked(phone), "not_me")
        assert await run.ends() != 0

    assert said(run, "claims") == []
    assert "access_denied" in run.err


async def walked(house, phone, run):
    """Go where the client sends a browser, and return with what it is sent back with."""
    address = await run.says(r'"visit": ?"([^"]+)"')
    page = LoginPage(house, None, await visitor(house))
    shown = await page.visitor.get(address.removeprefix(house.base_url))
    assert shown.status == 303, shown.text
    page.path = shown.location
    await page.approve(phone)
    return (await page.look()).location


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_of_others_logs_in_by_a_code(house, phone, client, packages, name):
    async with CLIENTS[name](*client, "code", PAGE) as run:
        run.hears(await walked(house, phone, run))
        assert await run.ends() == 0, run.err

    (claims,), (userinfo,) = said(run, "claims"), said(run, "userinfo")
    assert claims["uzi_number"] == userinfo["uzi_number"] == house.holder.uzi_number
    assert (claims["iss"], claims["aud"]) == (house.base_url, house.client_id)
    check_blocks(DOCUMENT, f"{name.replace('-', '_').lower()}_code", {"run": transcript(run)})


@pytest.mark.parametrize("forged", ["iss", "state"])
@pytest.mark.parametrize("name", CLIENTS)
async def test_a_client_of_others_believes_no_answer_that_is_not_to_its_question(
    house, phone, client, packages, name, forged
):
    """Mix-up (RFC 9207) and login CSRF: both are the client's to notice, by what we send."""
    async with CLIENTS[name](*client, "code", PAGE) as run:
        answer = await walked(house, phone, run)
        assert f"{forged}=" in answer
        run.hears(re.sub(rf"([?&]{forged}=)[^&]+", r"\1another", answer))
        assert await run.ends() != 0

    assert said(run, "claims") == []
    assert not any(each["url"].endswith("/token") for each in said(run, "exchange"))
