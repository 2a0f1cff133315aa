"""The public facts about the box: the notice's texts, what it reads, what left the building."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from edge.adapters.http.ports import Notices
from edge.core.catalog import Text
from edge.core.notices import Purpose

Both = dict[str, str]


class PurposeText(BaseModel):
    """What one purpose means, in the words that a consent names."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    text: Both


class ReadingText(BaseModel):
    """One kind of data that is read here."""

    model_config = ConfigDict(extra="forbid")

    what: Both
    kept: Both
    purposes: list[Purpose]
    is_on: bool


class NoticePage(BaseModel):
    """Everything the notice page says."""

    model_config = ConfigDict(extra="forbid")

    version: str
    store: str
    controller: str
    purposes: list[PurposeText]
    readings: list[ReadingText]
    since_s: float
    messages_out: int
    bytes_out: int


def notice_routes(notices: Notices) -> APIRouter:
    """Build the address of the public facts."""
    router = APIRouter(tags=["notice"])

    @router.get("/api/notice")
    async def notice() -> NoticePage:
        """Give the notice in force and what the box does here."""
        facts, texts = notices.disclosure(), notices.notice()
        return NoticePage(
            version=texts.version,
            store=facts.store,
            controller=facts.controller,
            purposes=[PurposeText(purpose=p, text=_both(texts.texts[p])) for p in Purpose],
            readings=[
                ReadingText(
                    what=_both(r.what),
                    kept=_both(r.kept),
                    purposes=list(r.purposes),
                    is_on=r.is_on,
                )
                for r in facts.readings
            ],
            since_s=facts.since_s,
            messages_out=facts.messages_out,
            bytes_out=facts.bytes_out,
        )

    return router


def _both(text: Text) -> Both:
    return {"de": text.de, "en": text.en}
