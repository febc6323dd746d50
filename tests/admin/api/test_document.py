"""The document tells of every call of a program what is so."""

import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from admin.access import of_machines
from tests.admin.api.served import served
from tests.documents import read


def every_call():
    return [
        (method.upper(), path, call)
        for path, item in served()["paths"].items()
        for method, call in item.items()
    ]


def secured():
    return [each for each in every_call() if each[2]["security"]]


async def test_anybody_may_read_and_keep_the_document(house):
    async with house.http.get(f"{house.base_url}/admin/api/openapi.json") as response:
        told = await response.json()

    assert response.status == 200
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert told["servers"] == [{"url": house.base_url}]
    assert "/admin/api/openapi.json" in told["paths"]


def test_the_document_is_openapi_3_1():
    OpenAPIV31SpecValidator(served()).validate()

    assert served()["openapi"].startswith("3.1")


def test_every_call_has_a_summary_and_a_name_of_its_own():
    calls = [call for _, _, call in every_call()]

    assert all(call["summary"].endswith((".", ")")) for call in calls)
    assert len({call["operationId"] for call in calls}) == len(calls)
    assert len(calls) > 10


def test_every_call_but_the_document_wants_a_token_for_administering():
    assert [path for _, path, call in every_call() if not call["security"]] == [
        "/admin/api/openapi.json"
    ]
    assert {str(call["security"]) for *_, call in secured()} == {"[{'client': ['admin']}]"}
    flow = served()["components"]["securitySchemes"]["client"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://localhost:8080/token"


def test_every_call_tells_that_it_may_be_refused_for_its_token_its_act_and_its_pace():
    for method, path, call in secured():
        assert {"401", "403", "404", "429"} <= call["responses"].keys(), (method, path)


def test_what_changes_something_names_what_it_changes_or_the_act():
    """A search changes nothing."""
    needed = {"PUT": "If-Match", "DELETE": "If-Match", "POST": "Idempotency-Key"}
    for method, path, call in secured():
        if method == "GET" or path.endswith("/search"):
            continue
        found = [
            each["name"]
            for each in call["parameters"]
            if each["in"] == "header" and each["required"]
        ]
        assert found == [needed[method]], (method, path)


def test_every_body_is_closed():
    """Mass assignment: what a body does not name is refused."""
    schemas = served()["components"]["schemas"]
    for _, _, call in secured():
        if "requestBody" in call:
            reference = call["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            assert schemas[reference.rpartition("/")[2]]["additionalProperties"] is False


def test_every_error_in_the_document_is_in_the_table_of_the_protocol():
    table = read("docs/protocol.md")
    for _, _, call in secured():
        for status, said in call["responses"].items():
            codes = re.findall(r"^- `(\w+)`", said["description"], re.MULTILINE)
            assert status < "400" or status == "500" or codes
            for code in codes:
                assert f"| `{code}` | {status} |" in table, (code, status)


def test_the_act_that_each_call_is_stands_in_it():
    acts = [re.search(r"For who may `(\w+)`\.$", call["description"])[1] for *_, call in secured()]

    assert set(acts) <= set(of_machines())
    assert len(acts) == len(secured())
