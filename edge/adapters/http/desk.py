"""What a person allows, seen and changed by that person: the addresses under `/api/desk`.

Taking back asks for nothing that allowing did not ask for. Nothing is answered before it is on
disk. Who somebody is, and whether a code proves it, is the port's decision.
"""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Path as PathOf
from pydantic import BaseModel, ConfigDict, Field

from edge.adapters.http.defence import Rate
from edge.adapters.http.ports import ConsentDesk
from edge.adapters.http.sessions import IDLE_S, Session, Sessions
from edge.core.catalog import Text
from edge.core.errors import TrustError, UnavailableError
from edge.core.notices import Purpose
from edge.core.proof import Proven
from edge.core.statements import Outcome

COOKIE = "stammgast_desk"
# Member numbers tried from one address: in a burst, then per second. Nobody lists members here.
BEGINS = (20.0, 0.1)
# Outcomes after which the person's word holds.
_TAKEN = frozenset({Outcome.GIVEN, Outcome.WITHDRAWN, Outcome.UNCHANGED})


_now_s = time.monotonic
# As in `Purchase.receipt_id`.
ReceiptId = Annotated[str, PathOf(pattern=r"^[0-9a-f]{16}$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Begin(_Form):
    """Somebody says who they are."""

    member_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9 .\-]+$")]
    method: Literal["station", "phone"]


class Word(_Form):
    """What they say about one purpose, and under which notice."""

    is_given: bool
    notice_version: Annotated[str, Field(min_length=1, max_length=32)]
    language: Literal["de", "en"]


class Code(_Form):
    """The app's rotating code, or the code on the last receipt."""

    code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9\-]+$")]


class Choice(_Form):
    """One purpose as it stands."""

    purpose: Purpose
    is_given: bool
    needs_proof: bool


class UseLine(_Form):
    """One receipt of use."""

    at_s: float
    used: dict[str, str]
    got: dict[str, str]


class Pairing(_Form):
    """What the app takes: an address to open or to scan, or the same to type. Told once.

    `code` holds the rows of the address as a QR code, 1 is dark.
    """

    uri: str
    secret: str
    code: list[str]


class BoughtLine(_Form):
    """A line somebody bought; whom for is a guess until somebody says so."""

    receipt: str
    sku: str
    name: dict[str, str] | None
    at_s: float
    is_gift: bool


class GiftWord(_Form):
    """Whether a receipt, or one sku on it, was bought for somebody else."""

    is_gift: bool
    sku: Annotated[str | None, Field(max_length=64)] = None


class Erased(_Form):
    """What is left of a person who was forgotten."""

    proof_token: str


class Standing(_Form):
    """Everything as it stands, and how long the session waits for a touch."""

    choices: list[Choice]
    notice_version: str
    is_proven: bool
    has_app: bool
    idle_s: float


class _Desk:
    """The handlers, with the sessions that are open."""

    def __init__(self, desk: ConsentDesk) -> None:
        self._desk = desk
        self._sessions = Sessions(_now_s)
        self._begins = Rate(*BEGINS)

    async def begin(self, form: Begin, request: Request, response: Response) -> Standing:
        """Say who one is: a member number, typed or scanned."""
        if not self._begins.allows(request.client.host if request.client else "", _now_s()):
            raise HTTPException(429, "too many numbers were tried; wait a minute")
        person = self._desk.person_of(form.member_id.replace(" ", ""))
        if person is None:
            raise HTTPException(404, "this number is not known here")
        self._sessions.end(request.cookies.get(COOKIE))
        try:
            token = self._sessions.begin(person, form.method)
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        is_secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, token, path="/api/desk", httponly=True, samesite="strict", secure=is_secure
        )
        return self._standing(self._sessions.touch(token))

    async def show(self, request: Request) -> Standing:
        """See what one allows."""
        return self._standing(self._session(request))

    async def end(self, request: Request, response: Response) -> None:
        """Leave."""
        self._sessions.end(request.cookies.get(COOKIE))
        response.delete_cookie(COOKIE, path="/api/desk")

    async def prove(self, form: Code, request: Request) -> Standing:
        """Prove who one is; a wrong code is a 403 and counts as a try."""
        session = self._session(request)
        try:
            session.proven = self._desk.prove(session.person, form.code)
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        if session.proven is None:
            raise HTTPException(403, "the code is wrong, or was tried too often")
        return self._standing(session)

    async def pair(self, request: Request) -> Pairing:
        """Pair the own app, after a proof; from then on its rotating code is one."""
        try:
            paired = await self._desk.pair_app(_proof_of(self._session(request)))
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        rows = ["".join("1" if dark else "0" for dark in row) for row in paired.code]
        return Pairing(uri=paired.uri, secret=paired.secret, code=rows)

    async def part(self, request: Request) -> Standing:
        """Part the app; like every taking back it asks for no proof."""
        session = self._session(request)
        await self._desk.part_app(session.person)
        return self._standing(session)

    async def state(self, purpose: Purpose, word: Word, request: Request) -> Standing:
        """Allow something or take it back; answered once it is on disk."""
        session = self._session(request)
        if word.is_given:
            if word.notice_version != self._desk.notice().version:
                raise HTTPException(409, "the notice has changed: show the present one first")
            if self._desk.needs_proof(purpose) and session.proven is None:
                raise HTTPException(403, "a code is needed first")
        try:
            outcome = await self._desk.state(
                session.person, purpose, word.is_given, word.language, session.method
            )
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        if outcome not in _TAKEN:
            raise HTTPException(409, outcome.value)
        return self._standing(session)

    async def uses(self, request: Request) -> list[UseLine]:
        """See what one's data was used for, and what one got for it."""
        try:
            lines = await self._desk.uses(_proof_of(self._session(request)))
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        return [UseLine(at_s=u.at_s, used=_both(u.used), got=_both(u.got)) for u in lines]

    async def purchases(self, request: Request) -> list[BoughtLine]:
        """See what one bought, and what counts as bought for somebody else."""
        try:
            lines = await self._desk.purchases(_proof_of(self._session(request)))
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        return [
            BoughtLine(
                receipt=line.receipt,
                sku=line.sku,
                name=None if line.name is None else _both(line.name),
                at_s=line.at_s,
                is_gift=line.is_gift,
            )
            for line in lines
        ]

    async def correct_gift(self, receipt: ReceiptId, word: GiftWord, request: Request) -> None:
        """Say whether a receipt was for somebody else; answered once it is on disk."""
        session = self._session(request)
        try:
            is_known = await self._desk.correct_gift(
                _proof_of(session), receipt, word.sku, word.is_gift
            )
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from error
        if not is_known:
            raise HTTPException(404, "no such purchase of yours is known")

    async def export(self, request: Request) -> Response:
        """Take everything along, as a file."""
        session = self._session(request)
        try:
            body = await self._desk.export(_proof_of(session))
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        name = {"Content-Disposition": 'attachment; filename="stammgast.json"'}
        return Response(body, headers=name, media_type="application/json")

    async def erase(self, request: Request, response: Response) -> Erased:
        """Be forgotten for good; the token proves it."""
        session = self._session(request)
        try:
            token = await self._desk.erase(_proof_of(session))
        except TrustError as error:
            raise HTTPException(403, str(error)) from error
        await self.end(request, response)
        return Erased(proof_token=token)

    def _session(self, request: Request) -> Session:
        try:
            return self._sessions.touch(request.cookies.get(COOKIE))
        except TrustError as error:
            raise HTTPException(401, str(error)) from error

    def _standing(self, session: Session) -> Standing:
        given = self._desk.standing(session.person)
        choices = [
            Choice(purpose=p, is_given=p in given, needs_proof=self._desk.needs_proof(p))
            for p in Purpose
        ]
        return Standing(
            choices=choices,
            notice_version=self._desk.notice().version,
            is_proven=session.proven is not None,
            has_app=self._desk.has_app(session.person),
            idle_s=IDLE_S[session.method],
        )


def _proof_of(session: Session) -> Proven:
    if session.proven is None:
        raise HTTPException(403, "a code is needed first")
    return session.proven


def _both(text: Text) -> dict[str, str]:
    return {"de": text.de, "en": text.en}


def desk_routes(desk: ConsentDesk) -> APIRouter:
    """Build the addresses; their sessions belong to this application alone."""
    router = APIRouter(prefix="/api/desk", tags=["consent"])
    at = _Desk(desk)
    router.add_api_route("/session", at.begin, methods=["POST"], status_code=201)
    router.add_api_route("/session", at.show, methods=["GET"])
    router.add_api_route("/session", at.end, methods=["DELETE"], status_code=204)
    router.add_api_route("/proof", at.prove, methods=["POST"])
    router.add_api_route("/consents/{purpose}", at.state, methods=["PUT"])
    router.add_api_route("/app", at.pair, methods=["POST"], status_code=201)
    router.add_api_route("/app", at.part, methods=["DELETE"])
    router.add_api_route("/uses", at.uses, methods=["GET"])
    router.add_api_route("/purchases", at.purchases, methods=["GET"])
    router.add_api_route(
        "/purchases/{receipt}/gift", at.correct_gift, methods=["PUT"], status_code=204
    )
    router.add_api_route("/export", at.export, methods=["GET"], response_class=Response)
    router.add_api_route("/erasure", at.erase, methods=["POST"])
    return router
