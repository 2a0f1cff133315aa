"""Files, pictures, health and metrics over HTTP."""

import gzip
import json
from pathlib import Path

import pytest

from edge.adapters.http import site
from edge.adapters.http.ports import Health
from tests.http_box import http_box


async def test_pages_come_compressed_and_are_not_sent_twice() -> None:
    """The second request with the ETag costs no body."""
    async with http_box() as box:
        status, headers, body = await box.request("GET", "/tablet", {"Accept-Encoding": "gzip"})
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == (site.WEB / "tablet.html").read_bytes()
        again = await box.request("GET", "/tablet", {"If-None-Match": headers["etag"]})
        assert (again[0], again[2]) == (304, b"")


async def test_every_file_that_a_page_names_is_there() -> None:
    """No address in a page, a style or a module leads nowhere."""
    documents = site.read_site()
    named = {
        part.split('"')[0].removeprefix("/web/")
        for name, document in documents.items()
        if name.endswith(".html")
        for part in document.body.decode().split('"')
        if part.startswith("/web/")
    }
    assert named
    assert named <= set(documents)


async def test_the_tablet_page_is_small() -> None:
    """Everything a tablet loads before its first picture, as it goes over the wire: < 60 kB."""
    documents = site.read_site()
    html = documents["tablet.html"].body.decode()
    parts = {p.removeprefix("/web/") for p in html.split('"') if p.startswith("/web/")}
    loaded = [documents["tablet.html"], *(documents[part] for part in parts)]
    total = sum(len(d.compressed if d.compressed is not None else d.body) for d in loaded)
    assert total < 60_000


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("plain climbing", "/pictures/../secret.svg"),
        ("encoded climbing", "/pictures/%2e%2e%2fsecret.svg"),
        ("a backslash", "/pictures/..%5csecret.svg"),
        ("a hidden file", "/pictures/.hidden.svg"),
        ("another type", "/pictures/notes.txt"),
        ("a script", "/pictures/run.js"),
        ("nothing there", "/pictures/none.svg"),
        ("a null byte", "/pictures/a%00.svg"),
        ("climbing among the pages", "/web/../app.py"),
    ],
)
async def test_no_other_file_is_served(name: str, path: str, tmp_path: Path) -> None:
    """Only pictures lying in the folder itself are found."""
    (tmp_path / "secret.svg").write_text("<svg/>")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for file in (".hidden.svg", "notes.txt", "run.js"):
        (pictures / file).write_text("x")
    async with http_box(pictures) as box:
        assert (await box.request("GET", path))[0] in {400, 404}, name


async def test_a_picture_may_do_nothing(tmp_path: Path) -> None:
    """A chain's SVG is an image: as a document it runs no script and loads nothing."""
    (tmp_path / "scarf-01.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    async with http_box(tmp_path) as box:
        status, headers, _ = await box.request("GET", "/pictures/scarf-01.svg")
    assert status == 200
    assert headers["content-type"] == "image/svg+xml"
    assert "sandbox" in headers["content-security-policy"]
    assert "script" not in headers["content-security-policy"]


@pytest.mark.parametrize(("is_healthy", "status"), [(True, 200), (False, 503)])
async def test_health_is_a_status(is_healthy: bool, status: int) -> None:
    """Supervisors look at the status, people at the parts."""
    async with http_box() as box:
        box.figures.health_now = Health(is_healthy, {"last_message_age_s": 61.5})
        answer = await box.request("GET", "/healthz")
    assert answer[0] == status
    assert json.loads(answer[2]) == {
        "is_healthy": is_healthy,
        "parts": {"last_message_age_s": 61.5},
    }


async def test_metrics_are_text_for_prometheus() -> None:
    """The exposition format goes out as the port gave it."""
    async with http_box() as box:
        status, headers, body = await box.request("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert body.endswith(b"stammgast_messages_total 3\n")
