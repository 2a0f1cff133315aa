"""The published description of the HTTP interface is the one the code has."""

import json

from tests.http_openapi import DOCUMENT, document


def test_the_document_is_the_code() -> None:
    """It is written by `python -m tests.http_openapi`."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_request_body_refuses_extra_fields() -> None:
    """No form lets unknown fields through."""
    described = json.loads(document())
    forms = {
        content["schema"]["$ref"].rpartition("/")[2]
        for path in described["paths"].values()
        for operation in path.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    assert forms == {"Begin", "Code", "GiftWord", "RuleFile", "Word"}
    for form in forms:
        assert described["components"]["schemas"][form]["additionalProperties"] is False
