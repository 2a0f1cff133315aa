"""The web application of the box: which address gives what. What it means is decided elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path as Folder
from typing import cast

from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from edge.adapters.http import messages, site
from edge.adapters.http.defence import Defence, Rate
from edge.adapters.http.desk import desk_routes
from edge.adapters.http.disclosure import notice_routes
from edge.adapters.http.hub import Hub
from edge.adapters.http.ports import (
    ConsentDesk,
    Health,
    Notices,
    Operations,
    Path,
    Refusal,
    RuleDesk,
)
from edge.adapters.http.rulebook import rule_routes
from edge.adapters.http.wire import Wire
from edge.core.errors import MessageError, UnavailableError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Address of each page and the file that answers it.
PAGES: Mapping[str, str] = {"/": "tablet.html", "/tablet": "tablet.html"}
DESK_PAGES: Mapping[str, str] = {"/station": "desk.html", "/door": "desk.html"}
RULE_PAGES: Mapping[str, str] = {"/rules": "rules.html"}
NOTICE_PAGES: Mapping[str, str] = {"/notice": "notice.html"}
# Messages of one tablet: enough for everything it queued while offline, then some per second.
TABLET_RATE = (200.0, 20.0)
# Messages of one tablet whose effect is not yet durable.
_MAX_IN_FLIGHT = 64
_PLAIN = "text/plain; version=0.0.4; charset=utf-8"


def create_app(
    *,
    hub: Hub,
    path: Path,
    operations: Operations,
    pictures: Folder | None = None,
    hosts: frozenset[str] = LOOPBACK,
    desk: ConsentDesk | None = None,
    notices: Notices | None = None,
    rules: RuleDesk | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        hub: Live frames to tablets.
        path: Takes what tablets say.
        operations: Health and counters.
        pictures: Folder of item pictures; None where the store has none.
        hosts: Names under which browsers may address this box.
        desk: What persons may say about their own data; None: no such pages.
        notices: The public facts; None: no such page.
        rules: The rules of people; None: no such page.

    Returns:
        An ASGI application; `serve` runs it. It has no `/docs`: the document is made by
        `app.openapi()` where it is wanted.
    """
    app = FastAPI(title="Stammgast", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    pages = dict(PAGES)
    if desk is not None:
        app.include_router(desk_routes(desk))
        pages |= DESK_PAGES
    if notices is not None:
        app.include_router(notice_routes(notices))
        pages |= NOTICE_PAGES
    if rules is not None:
        app.include_router(rule_routes(rules))
        pages |= RULE_PAGES
    _add_pages(app, pages, pictures)
    _add_operations(app, operations)
    _add_tablets(app, hub, path)
    app.add_middleware(Defence, hosts=hosts)
    app.add_exception_handler(RequestValidationError, _refuse)
    return app


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request of another form; what was sent is not told again, it may not be text."""
    assert isinstance(error, RequestValidationError)
    problems = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return JSONResponse({"detail": problems}, 422)


def _add_pages(app: FastAPI, pages: Mapping[str, str], pictures: Folder | None) -> None:
    documents = site.read_site()
    for address, name in pages.items():
        app.add_api_route(address, _page(documents[name]), include_in_schema=False)

    @app.get("/web/{name:path}", include_in_schema=False)
    async def file(request: Request, name: str) -> Response:
        return site.respond(request, documents.get(name))

    @app.get("/pictures/{name}", include_in_schema=False)
    async def picture(name: str) -> Response:
        return await site.picture(pictures, name)


def _page(document: site.Document) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return site.respond(request, document)

    return page


def _add_operations(app: FastAPI, operations: Operations) -> None:
    @app.get("/healthz", tags=["operations"], responses={503: {"description": "Stands still"}})
    async def healthz() -> JSONResponse:
        """Tell whether the pipeline moves: 200, or 503 with the part that stands still."""
        health: Health = operations.health()
        content = {"is_healthy": health.is_healthy, "parts": dict(health.parts)}
        return JSONResponse(content, 200 if health.is_healthy else 503)

    @app.get("/metrics", tags=["operations"], response_class=Response)
    async def metrics() -> Response:
        """Give all counters in the Prometheus text format."""
        return Response(operations.render_metrics(), media_type=_PLAIN)


def _add_tablets(app: FastAPI, hub: Hub, path: Path) -> None:
    @app.websocket("/ws/tablet")
    async def tablet(
        websocket: WebSocket,
        epoch: str = Query("", max_length=64),
        seq: int = Query(0, ge=0),
    ) -> None:
        await websocket.accept()
        wire = cast(Wire, websocket.scope["state"]["wire"])
        hub.join(wire, epoch, seq)
        try:
            await _listen(websocket, wire, hub, path)
        finally:
            hub.leave(wire)


async def _listen(websocket: WebSocket, wire: Wire, hub: Hub, path: Path) -> None:
    """Take a tablet's messages until it goes; their effects become durable side by side."""
    rate = Rate(*TABLET_RATE)
    in_flight = asyncio.Semaphore(_MAX_IN_FLIGHT)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as effects:
        while (event := await websocket.receive())["type"] == "websocket.receive":
            if not rate.allows("", loop.time()):
                await websocket.close(1008, "too many messages")
                return
            try:
                message = messages.decode(event.get("text") or event.get("bytes") or b"")
            except MessageError as error:
                hub.answer(wire, Refusal("", str(error)))
                continue
            await in_flight.acquire()
            effects.create_task(_take(message, wire, hub, path, in_flight))


async def _take(
    message: messages.ClientMessage, wire: Wire, hub: Hub, path: Path, in_flight: asyncio.Semaphore
) -> None:
    try:
        reply = await path.on_client_message(message)
    except (MessageError, UnavailableError) as error:
        reply = Refusal(getattr(message, "id", ""), str(error))
    finally:
        in_flight.release()
    if reply is not None:
        hub.answer(wire, reply)
