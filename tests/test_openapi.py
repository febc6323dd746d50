"""The document tells of the calls what is so."""

import json
import re

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from pairing_server.approvals.refusals import WrongCode
from pairing_server.errors import Expired
from pairing_server.limits import LIMITED
from pairing_server.openapi import Caller, Header, Operation, document
from tests.documents import read
from tests.phone_api.served import app, served


class Asked(msgspec.Struct):
    """What is asked."""

    code: str


class Told(msgspec.Struct):
    """What is told."""

    id: str


async def handler(request):
    """Do it.

    Raises:
        WrongCode: it is.
    """


def of(*operations, **options):
    return document(operations, server="https://login.example", version="1", **options)


def responses(operation, **options):
    made = of(operation, **options)
    return made["paths"][operation.path][operation.method.lower()]["responses"]


def codes(response):
    (_, narrowed) = response["content"]["application/json"]["schema"]["allOf"]
    return narrowed["properties"]["error"]["enum"]


def reached(described):
    """Name the schemas that are referred to, by references as well."""
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described)))
    schemas = served()["components"]["schemas"]
    return named.union(*(reached(schemas[name]) for name in named))


def test_a_call_is_described_by_its_handler_and_its_types():
    call = Operation(
        "POST",
        "/phone/things/{id}",
        handler,
        body=Asked,
        responses={201: Told},
        refusals=(Expired, WrongCode),
        description="Once.",
    )
    made = of(call)["paths"]["/phone/things/{id}"]["post"]

    assert made["operationId"] == "postPhoneThingsId"
    assert made["summary"] == "Do it."
    assert made["description"] == "Once."
    assert made["security"] == [{"deviceToken": []}]
    assert [parameter["name"] for parameter in made["parameters"]] == ["id"]
    sent = made["requestBody"]["content"]["application/json"]["schema"]
    told = made["responses"]["201"]["content"]["application/json"]["schema"]
    assert sent == {"$ref": "#/components/schemas/Asked"}
    assert told == {"$ref": "#/components/schemas/Told"}


def test_what_every_call_can_be_refused_with_is_not_named_again():
    call = Operation("PUT", "/phone/things/{id}", handler, body=Asked, refusals=(WrongCode,))

    refused = {
        status: codes(said) for status, said in responses(call).items() if int(status) >= 400
    }

    assert refused == {
        "400": ["invalid_request"],
        "401": ["invalid_token"],
        "403": ["phone_blocked", "phone_expired"],
        "404": ["not_found"],
        "408": ["invalid_request"],
        "413": ["invalid_request"],
        "415": ["invalid_request"],
        "421": ["wrong_host"],
        "422": ["wrong_code"],
        "500": ["server_error"],
        "503": ["temporarily_unavailable"],
    }


def test_who_needs_no_token_is_not_refused_for_having_none():
    call = Operation("POST", "/phone/things", handler, caller=Caller.ANYBODY)

    assert set(responses(call)) == {"204", "421", "500", "503"}
    assert of(call)["paths"]["/phone/things"]["post"]["security"] == []


def test_a_call_that_is_limited_says_so_and_when_to_come_back():
    call = Operation("POST", "/phone/things", handler)

    refused = responses(call, limited={("POST", "/phone/things")})

    assert "Retry-After" in refused["429"]["headers"]
    assert "429" not in responses(call, limited={("GET", "/phone/things")})


def test_a_list_that_the_phone_knows_is_not_sent_again():
    headers = (Header.PREFER, Header.IF_NONE_MATCH)
    call = Operation("GET", "/phone/things", handler, headers=headers, responses={200: Told})

    told = responses(call)

    assert "ETag" in told["200"]["headers"]
    assert "content" not in told["304"]


def test_the_served_document_is_openapi_3_1():
    OpenAPIV31SpecValidator(served()).validate()

    assert served()["openapi"].startswith("3.1")
    assert served()["servers"] == [{"url": "http://localhost:8080"}]


def test_every_call_of_a_phone_is_in_the_document_and_nothing_else():
    routes = {
        (route.method, route.resource.canonical)
        for route in app().router.routes()
        if route.method != "HEAD" and route.resource.canonical.startswith("/phone/")
    }

    told = {
        (method.upper(), path) for path, calls in served()["paths"].items() for method in calls
    }

    assert told == routes
    assert len(told) > 10


def test_every_call_has_a_summary_and_a_name_of_its_own():
    calls = [call for item in served()["paths"].values() for call in item.values()]

    assert all(call["summary"].endswith((".", ")")) for call in calls)
    assert len({call["operationId"] for call in calls}) == len(calls)


def test_every_error_in_the_document_is_in_the_table_of_the_protocol():
    table = read("docs/protocol.md")
    refused = {
        (code, status)
        for item in served()["paths"].values()
        for call in item.values()
        for status, said in call["responses"].items()
        if int(status) >= 400 and status != "500"
        for code in codes(said)
    }

    assert {pair for pair in refused if "| `{}` | {} |".format(*pair) not in table} == set()
    assert ("wrong_code", "422") in refused


def test_wherever_a_phone_says_where_it_is_woken_it_may_be_told_that_this_cannot_be():
    taking = {
        (method, path)
        for path, item in served()["paths"].items()
        for method, call in item.items()
        if "WebPushBody" in reached(call.get("requestBody", {}))
    }

    refused = {
        pair: codes(served()["paths"][pair[1]][pair[0]]["responses"]["400"]) for pair in taking
    }

    assert ("post", "/phone/pairings/{id}/credential") in taking
    assert {pair for pair, said in refused.items() if "unusable_subscription" not in said} == set()


def test_what_is_limited_is_told_of_in_the_document():
    told = {
        (method.upper(), path)
        for path, item in served()["paths"].items()
        for method, call in item.items()
        if "429" in call["responses"]
    }

    by_address = {pair for pair in LIMITED if pair[1].startswith("/phone/")}
    by_person = {("POST", "/phone/user-code")}
    assert told == by_address | by_person
