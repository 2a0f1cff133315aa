"""QR codes, read back by somebody else's reader."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.__main__ import main
from edge.core.qr import QUIET, Modules, qr_code, qr_svg


def read(code: Modules) -> str:
    """Photograph a code squarely and have OpenCV read it."""
    framed = np.pad(~code, QUIET, constant_values=True).astype(np.uint8) * 255
    picture = np.kron(framed, np.ones((8, 8), np.uint8))
    text, _, _ = cv2.QRCodeDetectorAruco().detectAndDecode(picture)
    return str(text)


@pytest.mark.parametrize(
    ("length", "version"),
    [
        (1, 1), (14, 1), (15, 2), (26, 2), (27, 3), (42, 3), (62, 4), (84, 5), (106, 6),
        (122, 7), (152, 8), (180, 9), (213, 10), (251, 11), (287, 12),
    ],
)  # fmt: skip
def test_every_version_is_read(length: int, version: int) -> None:
    """The longest text of each version; capacities after table 7 of the standard, level M."""
    text = ("http://127.0.0.1:8080/door?" * 12)[:length]
    code = qr_code(text)
    assert len(code) == 17 + 4 * version
    assert read(code) == text


def test_a_longer_text_is_refused() -> None:
    with pytest.raises(ValueError, match="288 bytes"):
        qr_code("x" * 288)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=120))
@settings(max_examples=30)
def test_any_text_is_read_back(text: str) -> None:
    assert read(qr_code(text)) == text


def test_a_torn_corner_is_mended() -> None:
    """Level M brings back what a sticker covers: here 4 % of the modules."""
    text = "otpauth://totp/Haus?secret=" + "A" * 52
    code = qr_code(text)
    code[20:28, 20:28] = ~code[20:28, 20:28]
    assert read(code) == text


def test_the_code_for_the_door_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`stammgast-edge door-code` writes what a phone reads; an endless address is refused."""
    address, out = "https://lindenhof.example/door", tmp_path / "door.svg"
    assert main(["door-code", address, "--out", str(out)]) == 0
    drawn = re.findall(r"M(\d+) (\d+)h1v1h-1z", out.read_text(encoding="utf-8"))
    code = np.zeros((29, 29), np.bool_)
    for x, y in drawn:
        code[int(y) - QUIET, int(x) - QUIET] = True
    assert read(code) == address
    assert main(["door-code", "x" * 300]) == 2
    assert "300 bytes" in capsys.readouterr().err


def test_the_drawing_has_its_quiet_zone_and_a_title() -> None:
    code = qr_code("a")
    svg = qr_svg(code, "Tür <1> & mehr")
    assert f'viewBox="0 0 {21 + 2 * QUIET} {21 + 2 * QUIET}"' in svg
    assert "<title>Tür &lt;1> &amp; mehr</title>" in svg
    assert svg.count("h1v1h-1z") == int(code.sum())
