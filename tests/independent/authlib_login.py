"""Authlib logs in; all that it knows is the issuer.

python authlib_login.py ISSUER CLIENT_ID key.pem ciba uzi:900001234
python authlib_login.py ISSUER CLIENT_ID key.pem code REDIRECT_URI

Each line that it writes is an object with one member: `exchange`, `show`, `visit` or `claims`.
"""

import json
import secrets
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken, IDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CIBA = "urn:openid:params:grant-type:ciba"
#: What Authlib takes over TLS alone, where the tests' issuer is on loopback; and that RS256 must
#: be among the algorithms (OpenID Connect Discovery 1.0 section 3), with which nothing is signed.
_NOT_HERE = {
    *("issuer", "jwks_uri", "authorization_endpoint", "token_endpoint"),
    "id_token_signing_alg_values_supported",
}


class ShortLived(PrivateKeyJWT):
    """Of itself it makes assertions for an hour, and the server takes none beyond ten minutes.

    Claims that were given once it would keep, with the `jti` of its first assertion in them.
    """

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 300}
        return super().sign(auth, token_endpoint)


def tell(**told):
    print(json.dumps(told), flush=True)  # noqa: T201 - what the test reads.


def watch(response, **_options):
    sent = response.request.body or ""
    form = dict(parse_qsl(sent if isinstance(sent, str) else sent.decode()))
    try:
        body = response.json()
    except ValueError:
        body = None
    method, url = response.request.method, response.request.url
    tell(
        exchange={
            "method": method,
            "url": url,
            "form": form,
            "status": response.status_code,
            "body": body,
        }
    )


def ciba(session, metadata, auth, who):
    form = {"scope": "openid uzi", "login_hint": who}
    endpoint = metadata["backchannel_authentication_endpoint"]
    started = session.post(endpoint, data=form, auth=auth, withhold_token=True).json()
    tell(show=started["binding_code"])
    while True:
        try:
            return session.fetch_token(
                metadata["token_endpoint"],
                grant_type=CIBA,
                auth_req_id=started["auth_req_id"],
                headers={"Prefer": "wait=25", "Accept": "application/json"},
            )
        except OAuthError as error:
            if error.error != "authorization_pending":
                raise


def code(session, metadata, auth, redirect_uri):
    session.redirect_uri = redirect_uri
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    endpoint = metadata["authorization_endpoint"]
    url, state = session.create_authorization_url(
        endpoint,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    pushed = session.post(
        metadata["pushed_authorization_request_endpoint"],
        data=dict(parse_qsl(url.partition("?")[2])),
        auth=auth,
        withhold_token=True,
    ).json()
    query = {"client_id": session.client_id, "request_uri": pushed["request_uri"]}
    tell(visit=f"{endpoint}?{urlencode(query)}")
    returned = sys.stdin.readline().strip()
    # Authlib itself does not look at it (RFC 9207 section 2.4).
    if dict(parse_qsl(urlsplit(returned).query)).get("iss") != metadata["issuer"]:
        raise SystemExit("mix-up: the answer of another server")
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=returned,
        state=state,
        code_verifier=verifier,
    )
    return token | {"nonce": nonce}


def verified(token, metadata, client_id, keys):
    """Check as Authlib does what an ID token of this client must say."""
    algorithms = metadata["id_token_signing_alg_values_supported"]
    read = jwt.decode(token["id_token"], keys, algorithms=algorithms)
    options = {
        "iss": {"essential": True, "value": metadata["issuer"]},
        "aud": {"essential": True, "value": client_id},
    }
    kind = CodeIDToken if "nonce" in token else IDToken
    claims = kind(
        read.claims, read.header, options, {"client_id": client_id, "nonce": token.get("nonce")}
    )
    claims.validate(leeway=5)
    return read.claims


def main():
    issuer, client_id, file, flow, what = sys.argv[1:]
    session = OAuth2Session(
        client_id,
        ECKey.import_key(Path(file).read_text()),
        scope="openid uzi",
        token_endpoint_auth_method="private_key_jwt",
    )
    session.hooks["response"].append(watch)
    found = session.get(get_well_known_url(issuer, external=True), withhold_token=True).json()
    metadata = OpenIDProviderMetadata(found)
    for name in set(metadata.REGISTRY_KEYS) - _NOT_HERE:
        getattr(metadata, f"validate_{name}")()
    assert metadata["issuer"] == issuer
    session.register_client_auth_method(ShortLived(alg="ES256"))
    auth = session.client_auth("private_key_jwt")
    token = {"ciba": ciba, "code": code}[flow](session, metadata, auth, what)
    keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
    claims = verified(token, metadata, client_id, keys)
    session.token = token
    tell(claims=claims, userinfo=session.get(metadata["userinfo_endpoint"]).json())


main()
