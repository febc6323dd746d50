"""What schemathesis checks beside its own rules."""

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response


@schemathesis.check
def what_the_document_allows_is_well_formed(
    ctx: CheckContext, response: Response, case: Case
) -> None:
    """No call that the document allows is of another form than the server takes."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if response.status_code == 400 and response.json()["error"] == "invalid_request":
        raise AssertionError(f"allowed, yet malformed: {response.text}")
