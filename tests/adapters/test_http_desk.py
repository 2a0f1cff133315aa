"""The consent desk over HTTP: who may say what, and when it is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from edge.adapters.http.sessions import IDLE_S, LONGEST_S, MAX_SESSIONS, Sessions
from edge.core.errors import TrustError, UnavailableError
from edge.core.notices import Purpose
from tests.http_box import HttpBox, http_box

GIVE = {"is_given": True, "notice_version": "2026-01", "language": "de"}
TAKE_BACK = {**GIVE, "is_given": False}


@dataclass
class Visitor:
    """A browser with a cookie."""

    box: HttpBox
    cookie: str = ""

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask the desk; keep its cookie."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        status, given, answer = await self.box.request(
            method, f"/api/desk/{path}", headers, content
        )
        if "set-cookie" in given:
            self.cookie = given["set-cookie"].partition(";")[0]
        return status, json.loads(answer) if answer.startswith((b"{", b"[")) else None

    async def begin(self) -> None:
        """Say who one is."""
        assert (await self.ask("POST", "session", {"member_id": "M1", "method": "station"}))[
            0
        ] == 201


@asynccontextmanager
async def visitor() -> AsyncIterator[Visitor]:
    """Somebody at the station of a running box, session begun."""
    async with http_box() as box:
        guest = Visitor(box)
        await guest.begin()
        yield guest


async def test_everything_starts_switched_off() -> None:
    """Eleven purposes, none given."""
    async with visitor() as guest:
        _, standing = await guest.ask("GET", "session")
    assert [c["purpose"] for c in standing["choices"]] == [p.value for p in Purpose]
    assert not any(choice["is_given"] for choice in standing["choices"])


async def test_giving_and_taking_back_take_one_request_each() -> None:
    """Each names its purpose; the answer is the standing after it."""
    async with visitor() as guest:
        _, after_giving = await guest.ask("PUT", "consents/offers", GIVE)
        _, after_taking = await guest.ask("PUT", "consents/offers", TAKE_BACK)
        said = guest.box.members.said
    assert given(after_giving) == {"offers"}
    assert given(after_taking) == set()
    assert said == [
        (Purpose.OFFERS, True, "de", "station"),
        (Purpose.OFFERS, False, "de", "station"),
    ]


def given(standing: dict[str, Any]) -> set[str]:
    """Return the purposes that are given."""
    return {c["purpose"] for c in standing["choices"] if c["is_given"]}


async def test_an_app_is_paired_after_a_proof_and_parted_without() -> None:
    """What the app takes is an address with the key in it, told once; taking back asks nothing."""
    async with visitor() as guest:
        assert (await guest.ask("POST", "app"))[0] == 403
        assert (await guest.ask("GET", "session"))[1]["has_app"] is False
        await guest.ask("POST", "proof", {"code": "R-9"})
        status, paired = await guest.ask("POST", "app")
        _, after = await guest.ask("GET", "session")
        await guest.ask("DELETE", "session")
        await guest.begin()
        _, parted = await guest.ask("DELETE", "app")
    assert status == 201
    assert paired["uri"] == (
        f"otpauth://totp/Kaufhaus%20Lindenhof?secret={paired['secret']}"
        "&issuer=Kaufhaus%20Lindenhof&algorithm=SHA256&digits=8&period=30"
    )
    assert len(paired["code"]) == len(paired["code"][0]) == 53
    assert after["has_app"] is True
    assert parted["has_app"] is False


async def test_nothing_is_answered_before_it_is_on_disk() -> None:
    """While the disk waits there is no answer."""
    async with visitor() as guest:
        guest.box.members.disk.clear()
        asking = asyncio.create_task(guest.ask("PUT", "consents/offers", GIVE))
        done, _ = await asyncio.wait({asking}, timeout=0.2)
        assert not done
        guest.box.members.disk.set()
        assert (await asking)[0] == 200


async def test_a_full_disk_is_said() -> None:
    """503, and nothing is shown as given."""
    async with visitor() as guest:
        guest.box.members.is_full = True
        assert (await guest.ask("PUT", "consents/offers", GIVE))[0] == 503
        assert given((await guest.ask("GET", "session"))[1]) == set()


async def test_history_is_opened_only_with_proof_and_closed_without() -> None:
    """Giving `profile` asks for a code; taking it back never does."""
    async with visitor() as guest:
        assert (await guest.ask("PUT", "consents/profile", GIVE))[0] == 403
        assert (await guest.ask("POST", "proof", {"code": "R-1"}))[0] == 403
        assert (await guest.ask("POST", "proof", {"code": "R-9"}))[0] == 200
        assert (await guest.ask("PUT", "consents/profile", GIVE))[0] == 200
        other = Visitor(guest.box)
        await other.begin()
        assert (await other.ask("PUT", "consents/profile", TAKE_BACK))[0] == 200
        assert guest.box.members.given == set()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "uses"), ("GET", "purchases"), ("GET", "export"), ("POST", "erasure")],
)
async def test_own_data_needs_proof(method: str, path: str) -> None:
    """Without a code 403; with it, the data of this person."""
    async with visitor() as guest:
        assert (await guest.ask(method, path))[0] == 403
        await guest.ask("POST", "proof", {"code": "R-9"})
        status, answer = await guest.ask(method, path)
    assert status == 200
    assert answer


CORRECTIONS: list[tuple[str, str, object, int]] = [
    ("a whole receipt", "00000000000000aa", {"is_gift": False}, 204),
    ("one sku of it", "00000000000000aa", {"is_gift": True, "sku": "scarf-1"}, 204),
    ("somebody else's", "00000000000000bb", {"is_gift": True}, 404),
    ("no receipt's form", "aa", {"is_gift": True}, 422),
    ("no word", "00000000000000aa", {"sku": "scarf-1"}, 422),
    ("more than was asked", "00000000000000aa", {"is_gift": True, "who": "wife"}, 422),
]


@pytest.mark.parametrize(
    ("receipt", "word", "status"), [c[1:] for c in CORRECTIONS], ids=[c[0] for c in CORRECTIONS]
)
async def test_whom_a_purchase_was_for_is_the_buyers_word(
    receipt: str, word: object, status: int
) -> None:
    """With a proof, and about one's own purchases alone."""
    async with visitor() as guest:
        path = f"purchases/{receipt}/gift"
        assert (await guest.ask("PUT", path, word))[0] in (403, 422)
        assert guest.box.members.corrected == []
        await guest.ask("POST", "proof", {"code": "R-9"})
        assert (await guest.ask("PUT", path, word))[0] == status
        assert len(guest.box.members.corrected) == (status != 422)


async def test_erasure_ends_the_session() -> None:
    """The token proves it, and nothing more can be asked."""
    async with visitor() as guest:
        await guest.ask("POST", "proof", {"code": "R-9"})
        _, answer = await guest.ask("POST", "erasure")
        assert answer == {"proof_token": "token-of-erasure"}
        assert guest.box.members.erased == ["p1"]
        assert (await guest.ask("GET", "session"))[0] == 401


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "status"),
    [
        ("a number nobody has", "POST", "session", {"member_id": "M2", "method": "phone"}, 404),
        ("staff vouching", "POST", "session", {"member_id": "M1", "method": "staff"}, 422),
        ("markup", "POST", "session", {"member_id": "<b>", "method": "phone"}, 422),
        ("an extra field", "PUT", "consents/offers", {**GIVE, "person": "p2"}, 422),
        ("an unknown purpose", "PUT", "consents/face", GIVE, 422),
        ("a word for a boolean", "PUT", "consents/offers", {**GIVE, "is_given": "yes"}, 422),
        ("an old notice", "PUT", "consents/offers", {**GIVE, "notice_version": "2025-01"}, 409),
        ("no body", "PUT", "consents/offers", None, 422),
    ],
)
async def test_bad_requests(name: str, method: str, path: str, body: object, status: int) -> None:
    """Refused, and nothing is said in the person's name."""
    async with visitor() as guest:
        assert (await guest.ask(method, path, body))[0] == status, name
        assert guest.box.members.said == []


async def test_taking_back_works_under_any_notice() -> None:
    """Whoever has an old page open can still withdraw."""
    async with visitor() as guest:
        await guest.ask("PUT", "consents/offers", GIVE)
        old = {**TAKE_BACK, "notice_version": "2025-01"}
        assert (await guest.ask("PUT", "consents/offers", old))[0] == 200
        assert guest.box.members.given == set()


@pytest.mark.parametrize("cookie", ["", "stammgast_desk=", "stammgast_desk=guessed", "x=1"])
async def test_without_a_session_nothing_is_read(cookie: str) -> None:
    """401 for everybody who did not begin."""
    async with http_box() as box:
        stranger = Visitor(box, cookie)
        for method, path in (("GET", "session"), ("GET", "uses"), ("GET", "export")):
            assert (await stranger.ask(method, path))[0] == 401


async def test_the_cookie_is_out_of_reach() -> None:
    """HttpOnly, same site, this path only; long and new each time; gone after leaving."""
    async with http_box() as box:
        body = b'{"member_id":"M1","method":"phone"}'
        kind = {"Content-Type": "application/json"}
        cookies = [
            (await box.request("POST", "/api/desk/session", kind, body))[1]["set-cookie"]
            for _ in range(2)
        ]
        values = [cookie.partition("=")[2].partition(";")[0] for cookie in cookies]
        assert "HttpOnly" in cookies[0]
        assert "SameSite=strict" in cookies[0]
        assert "Path=/api/desk" in cookies[0]
        assert len(values[0]) >= 43  # 256 bits in base64
        assert values[0] != values[1]
        guest = Visitor(box, f"stammgast_desk={values[1]}")
        assert (await guest.ask("DELETE", "session"))[0] == 204
        guest.cookie = f"stammgast_desk={values[1]}"
        assert (await guest.ask("GET", "session"))[0] == 401


async def test_member_numbers_cannot_be_listed() -> None:
    """After twenty tries from one address there is 429."""
    async with http_box() as box:
        guest = Visitor(box)
        tried = [
            (await guest.ask("POST", "session", {"member_id": f"X{n}", "method": "phone"}))[0]
            for n in range(25)
        ]
    assert tried[:20] == [404] * 20
    assert 429 in tried[20:]


def test_a_session_ends_idle_and_in_the_end() -> None:
    """Idle at the station after 120 s; at the latest after 1,800 s; worked by hand."""
    now_s = 0.0
    sessions = Sessions(lambda: now_s)
    token = sessions.begin("p1", "station")
    now_s = IDLE_S["station"]
    assert sessions.touch(token).person == "p1"
    now_s += IDLE_S["station"] + 1
    with pytest.raises(TrustError):
        sessions.touch(token)
    begun_s, token = now_s, sessions.begin("p1", "phone")
    while now_s - begun_s <= LONGEST_S:
        sessions.touch(token)
        now_s += 300
    with pytest.raises(TrustError):
        sessions.touch(token)


def test_sessions_are_bounded_and_old_ones_make_room() -> None:
    """The 257th is refused; when others are over there is room again."""
    now_s = 0.0
    sessions = Sessions(lambda: now_s)
    for _ in range(MAX_SESSIONS):
        sessions.begin("p1", "station")
    with pytest.raises(UnavailableError):
        sessions.begin("p1", "station")
    now_s = 1_000.0
    sessions.begin("p1", "station")
    assert len(sessions) == 1


async def test_the_notice_is_public_and_has_the_words_a_consent_names() -> None:
    """Same texts, same version, what is read, and counted bytes."""
    async with http_box() as box:
        box.members.left = (3, 2_048)
        _, _, body = await box.request("GET", "/api/notice")
        page, notice = json.loads(body), box.members.notice()
    assert page["version"] == notice.version
    assert {p["purpose"]: p["text"]["de"] for p in page["purposes"]} == {
        purpose.value: text.de for purpose, text in notice.texts.items()
    }
    assert (page["messages_out"], page["bytes_out"]) == (3, 2_048)
    assert [r["is_on"] for r in page["readings"]] == [True] * 7 + [False]
