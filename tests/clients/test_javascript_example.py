"""The JavaScript workstation in `docs/examples` believes what the Python one believes, no more."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.documents import ROOT
from tests.node import node

MODULE = (ROOT / "docs/examples/workstation.mjs").as_uri()
PROGRAM = f"""
import {{ Workstation }} from {json.dumps(MODULE)};
import {{ readFileSync }} from "node:fs";
const [issuer, file, ...tokens] = process.argv.slice(1);
const workstation = new Workstation(issuer, "test-client", readFileSync(file));
for (const token of tokens) {{
  console.log(await workstation.claims(token, "r0").then(() => "believed", (e) => e.message));
}}
"""
CIBA = "urn:openid:params:jwt:claim:auth_req_id"
WRONG = {
    "another issuer": {"iss": "https://evil.example"},
    "meant for somebody else": {"aud": "another-client"},
    "over": {"exp": 1_700_000_000},
    "the answer to another request": {CIBA: "another"},
}


@pytest.fixture
def tokens(stand_in):
    """A good token, and others with what is wrong with them."""
    honest, forged = stand_in.key, ec.generate_private_key(ec.SECP256R1())
    made = {"believed": stand_in.id_token("r0")}
    made |= {reason: stand_in.id_token("r0", **claims) for reason, claims in WRONG.items()}
    stand_in.key = forged
    made["a signature that does not verify"] = stand_in.id_token("r0")
    stand_in.key, stand_in.kid = honest, "unknown"
    made["a key that the server does not have"] = stand_in.id_token("r0")
    stand_in.kid = "first"
    made["another algorithm than ES256"] = jwt.encode(
        {"iss": stand_in.base}, "x" * 64, "HS256", {"kid": stand_in.kid}
    )
    return made


async def test_each_thing_that_is_wrong_is_found(stand_in, client_key_file, tokens):
    arguments = ("--input-type=module", "-e", PROGRAM, stand_in.base, client_key_file)
    async with node(*arguments, *tokens.values()) as run:
        assert await run.ends() == 0, run.err

    assert run.out.splitlines() == list(tokens)
