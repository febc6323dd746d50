"""An HR system's day, with Authlib and HTTPX: all that it knows is the issuer, and what is told.

python authlib_hr.py ISSUER CLIENT_ID key.pem URA PHONE_OWNER

Calls are made by the names that the OpenAPI document gives them, with the headers that it asks
for; each answer is checked against it.  Each line that it writes is an object with one member.
"""

import json
import re
import sys
import time
import uuid
from pathlib import Path

import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import get_well_known_url
from joserfc.jwk import ECKey
from jsonschema import Draft202012Validator

DISCOVERY = "openid-configuration"


class ShortLived(PrivateKeyJWT):
    """Of itself it makes assertions for an hour, and the server takes none beyond ten minutes."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 300}
        return super().sign(auth, token_endpoint)


def tell(**told):
    print(json.dumps(told), flush=True)  # noqa: T201 - what the test reads.


class Api:
    """The calls of a document, by their names."""

    def __init__(self, http, document, **known):
        self.http = http
        self.server = document["servers"][0]["url"]
        self.components = document["components"]
        self.known = known
        self.calls = {
            call["operationId"]: (method, path, call)
            for path, item in document["paths"].items()
            for method, call in item.items()
        }

    def __call__(self, name, body=None, query=None, tag="", key="", **named):
        method, path, call = self.calls[name]
        known = {**self.known, **named}
        url = self.server + re.sub(r"\{(\w+)\}", lambda part: known[part[1]], path)
        given = {"If-Match": tag, "Idempotency-Key": key or str(uuid.uuid4())}
        needed = [each["name"] for each in call.get("parameters", ()) if each.get("required")]
        headers = {name: given[name] for name in needed if name in given}
        sent = {} if body is None else {"json": body}
        answer = self.http.request(method, url, params=query, headers=headers, **sent)
        self.check(call["responses"][str(answer.status_code)], answer)
        return answer

    def check(self, described, answer):
        if "application/json" in described.get("content", {}):
            schema = described["content"]["application/json"]["schema"]
            whole = {"allOf": [schema], "components": self.components}
            Draft202012Validator(whole).validate(answer.json())


def pages(api, http, first):
    while True:
        yield first.json()
        following = first.links.get("next")
        if following is None:
            return
        first = http.get(following["url"])


def main():
    issuer, client_id, file, ura, owner = sys.argv[1:]
    http = OAuth2Client(
        client_id,
        ECKey.import_key(Path(file).read_text()),
        scope="admin",
        token_endpoint_auth_method="private_key_jwt",
    )
    http.register_client_auth_method(ShortLived(alg="ES256"))
    metadata = httpx2.get(get_well_known_url(issuer, external=True, suffix=DISCOVERY)).json()
    token = http.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    document = httpx2.get(f"{issuer}/admin/api/openapi.json").json()
    people = "AdminApiOrganisationsUraPeople"
    api = Api(http, document, ura=ura)
    tell(scope=token["scope"])

    listed = list(pages(api, http, api(f"get{people}", query={"limit": 2})))
    tell(pages=[len(page["people"]) for page in listed])

    newcomer = {
        "first_names": "Nora",
        "last_name": "Nieuw",
        "date_of_birth": "1990-02-03",
        "role_codes": ["01.015"],
    }
    made = api(f"post{people}", newcomer, key="employee-4711")
    again = api(f"post{people}", newcomer, key="employee-4711")
    tell(invited=[made.status_code, again.status_code, made.json() == again.json()])

    nora = made.json()["id"]
    read = api(f"get{people}Person", person=nora)
    roles = {"role_codes": ["01.016", "01.015"], "last_day": "2030-12-31"}
    changed = api(f"put{people}PersonMembership", roles, tag=read.headers["ETag"], person=nora)
    stale = api(f"put{people}PersonMembership", roles, tag=read.headers["ETag"], person=nora)
    tell(changed=[changed.json()["membership"]["role_codes"], stale.json()["error"]])

    address = {"address": "nora@ziekenhuis.example"}
    mailed = api(
        f"put{people}PersonMailAddress", address, tag=changed.headers["ETag"], person=nora
    )
    tell(mailed=mailed.json()["has_mail_address"])

    guest = {
        "first_names": "Gea",
        "last_name": "Gast",
        "uzi_number": "911111111",
        "kind": "guest",
        "role_codes": ["01.015"],
        "last_day": "2027-06-30",
    }
    offered = api("postAdminApiOrganisationsUraOffers", guest)
    read = api("getAdminApiOrganisationsUraOffersOffer", offer=offered.json()["id"])
    gone = api(
        "deleteAdminApiOrganisationsUraOffersOffer",
        tag=read.headers["ETag"],
        offer=offered.json()["id"],
    )
    tell(offered=[offered.status_code, gone.status_code])

    found = api("postAdminApiOrganisationsUraSearch", {"text": owner}).json()["people"][0]["id"]
    (phone,) = api(f"get{people}PersonPhones", person=found).json()["phones"]
    blocked = api(f"post{people}PersonPhonesPhoneBlock", {}, person=found, phone=phone["id"])
    (after,) = api(f"get{people}PersonPhones", person=found).json()["phones"]
    tell(blocked=[phone["status"], blocked.status_code, after["status"]])

    tag = api(f"get{people}Person", person=nora).headers["ETag"]
    left = api(f"delete{people}PersonMembership", tag=tag, person=nora)
    tell(left=left.json()["membership"]["is_linked"])

    log = list(pages(api, http, api("getAdminApiOrganisationsUraLog", query={"person": nora})))
    tell(log=[each["action"] for page in log for each in page["events"]])
    exported = api("getAdminApiOrganisationsUraLogExport").text.splitlines()
    tell(exported=sorted({json.loads(line)["type"] for line in exported}))


main()
