"""The rules of people over HTTP."""

import json

import pytest

from tests.http_box import http_box

JSON = {"Content-Type": "application/json"}


async def test_rules_come_with_author_date_and_reason() -> None:
    """Who signed in is verified, a name in a file is not."""
    async with http_box() as box:
        _, _, body = await box.request("GET", "/api/rules")
    tie, scent = json.loads(body)["rows"]
    assert (tie["author"], tie["is_verified"], tie["day"]) == ("M. Weber", False, "2026-01-12")
    assert tie["to"] == ["class:cufflinks", "class:tie"]
    assert tie["never"] == ["class:suit"]
    assert (scent["author"], scent["is_verified"]) == ("A. Kaya", True)
    assert (scent["to_day"], scent["is_in_force"]) == ("2026-02-14", False)


async def test_class_table_and_matrix_come_with_author_date_and_reason() -> None:
    """Of a line that does not say when or why, neither; of a default nobody is named."""
    async with http_box() as box:
        _, _, body = await box.request("GET", "/api/rules")
    sheet = json.loads(body)
    shirts, home = sheet["matrix"]
    assert (shirts["group"], shirts["audience"], shirts["then"]) == (
        "class:shirt", "kids", ["repeat"],
    )  # fmt: skip
    assert shirts["by"] == {
        "author": "M. Weber", "is_verified": False, "day": "2026-01-12",
        "reason": "Sie wachsen schnell heraus.",
    }  # fmt: skip
    assert (home["then"], home["by"]["day"], home["by"]["reason"]) == ([], None, "")
    durable, shirt = sheet["classes"]
    assert (durable["interval_days"], durable["by"]) == (1_095.0, None)
    assert durable["then"] == ["complement", "care"]
    assert (shirt["reopen_share"], shirt["by"]["author"]) == (0.7, "M. Weber")
    assert sheet["given"] == [{"target": "class:laptop", "to": ["class:bag", "class:unknown"]}]
    assert sheet["names"]["class:tie"] == {"de": "Krawatte", "en": "Tie"}


async def test_a_trial_changes_nothing() -> None:
    """It tells what would have changed, in names, and the file stays."""
    async with http_box() as box:
        before = box.house.text
        status, _, body = await box.request("POST", "/api/rules/trial", JSON, b'{"text":"new"}')
        assert box.house.text == before
    assert status == 200
    outlook = json.loads(body)["outlook"]
    assert (outlook["decisions"], outlook["partly"], outlook["changed"]) == (2, 1, 1)
    assert outlook["earning"] == {"verdict": "too_little", "gain": 0.021}
    assert outlook["examples"][0]["before"] == [{"de": "Kaschmirschal", "en": "Cashmere scarf"}]
    assert outlook["examples"][0]["after"] == [{"de": "gloves-01", "en": "gloves-01"}]


async def test_a_good_file_goes_live_and_a_bad_one_does_not() -> None:
    """A bad one is a 409 with line, key and expectation; the last good one stays."""
    async with http_box() as box:
        assert (await box.request("PUT", "/api/rules", JSON, b'{"text":"good"}'))[0] == 200
        assert box.house.text == "good"
        status, _, body = await box.request("PUT", "/api/rules", JSON, b'{"text":"broken"}')
        assert status == 409
        assert "line 3, value" in json.loads(body)["detail"][0]
        assert box.house.text == "good"


@pytest.mark.parametrize(
    "body", [b'{"text":"\\ud800"}', b'{"text":1e999}', b'{"text":"\xff"}', b"[" * 10_000, b"{"]
)
async def test_what_is_no_text_is_refused(body: bytes) -> None:
    """With a word about its form; what was sent does not come back."""
    async with http_box() as box:
        status, _, answer = await box.request("POST", "/api/rules/trial", JSON, body)
    assert status in (400, 422), answer
    assert "ud800" not in answer.decode()


async def test_another_site_cannot_change_rules() -> None:
    """The origin is checked before the file is read."""
    async with http_box() as box:
        foreign = {**JSON, "Origin": "http://evil.example"}
        assert (await box.request("PUT", "/api/rules", foreign, b'{"text":"x"}'))[0] == 403
        assert box.house.text == "# rules of the house"
