"""The files of the pages, held in memory: small, few, and first on the screen.

Every file under `edge/web` is read once, hashed for its ETag and compressed. Pictures of items are
many and the chain's own; they are served from their folder, as images that may do nothing.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from edge.adapters.http.defence import PICTURE_POLICY

WEB = Path(__file__).parents[2] / "web"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_PICTURE_TYPES = {".svg": "image/svg+xml", ".webp": "image/webp", ".png": "image/png"}
_PICTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
# Below this many bytes compression costs more than it saves.
_WORTH_COMPRESSING_BYTES = 512


@dataclass(frozen=True, slots=True)
class Document:
    """One file as it goes out."""

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str


def read_site(folder: Path = WEB) -> Mapping[str, Document]:
    """Read all files of a known type, by their path below the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(folder).as_posix(): _document(path) for path in files}


def _document(path: Path) -> Document:
    body = path.read_bytes()
    is_text = path.suffix != ".woff2" and len(body) >= _WORTH_COMPRESSING_BYTES
    return Document(
        body=body,
        compressed=gzip.compress(body, 9, mtime=0) if is_text else None,
        media_type=_TYPES[path.suffix],
        etag=f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
    )


def respond(request: Request, document: Document | None) -> Response:
    """Answer with a document, with 304 where the browser has it, or with 404."""
    if document is None:
        return Response("There is no such page.\n", 404, media_type="text/plain; charset=utf-8")
    headers = {"ETag": document.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if document.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if document.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(document.compressed, 200, headers, document.media_type)
    return Response(document.body, 200, headers, document.media_type)


async def picture(folder: Path | None, name: str) -> Response:
    """Answer with the picture of an item; a name that is not a plain file name is not found."""
    suffix = Path(name).suffix
    if folder is not None and suffix in _PICTURE_TYPES and _PICTURE_NAME.fullmatch(name):
        path = folder / name
        if await run_in_threadpool(path.is_file):
            headers = {
                "Content-Security-Policy": PICTURE_POLICY,
                "Cache-Control": "max-age=3600",
            }
            return FileResponse(path, headers=headers, media_type=_PICTURE_TYPES[suffix])
    return Response("There is no such picture.\n", 404, media_type="text/plain; charset=utf-8")
