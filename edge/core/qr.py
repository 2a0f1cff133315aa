"""QR codes (ISO/IEC 18004): for the door, and for pairing an app.

Bytes at error correction level M in versions 1 to 12, up to 287 bytes. Draws nothing: a code is a
matrix of dark modules.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.bool_]
_Places = NDArray[np.int64]

# Table 9, level M, by version: correction codewords a block, then data codewords of each block.
_BLOCKS: dict[int, tuple[int, tuple[int, ...]]] = {
    1: (10, (16,)),
    2: (16, (28,)),
    3: (26, (44,)),
    4: (18, (32,) * 2),
    5: (24, (43,) * 2),
    6: (16, (27,) * 4),
    7: (18, (31,) * 4),
    8: (22, (38,) * 2 + (39,) * 2),
    9: (22, (36,) * 3 + (37,) * 2),
    10: (26, (43,) * 4 + (44,)),
    11: (30, (50,) + (51,) * 4),
    12: (22, (36,) * 6 + (37,) * 2),
}
# Annex E: centres of the alignment patterns.
_ALIGNMENT: dict[int, tuple[int, ...]] = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38),
    8: (6, 24, 42), 9: (6, 26, 46), 10: (6, 28, 50), 11: (6, 30, 54), 12: (6, 32, 58),
}  # fmt: skip
# Table 10: the eight masks.
_MASKS: tuple[Callable[[_Places, _Places], Modules], ...] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: (y % 2 == 0) | (x < 0),
    lambda y, x: (x % 3 == 0) | (y < 0),
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: (y * x) % 2 + (y * x) % 3 == 0,
    lambda y, x: ((y * x) % 2 + (y * x) % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + (y * x) % 3) % 2 == 0,
)
_LEVEL_M = 0b00
_BYTES = 0b0100
_PADS = (0xEC, 0x11)
# Modules of light around a code (6.3.8).
QUIET = 4


def qr_code(text: str) -> Modules:
    """Return the smallest code of a text: bool[n, n], dark is True, without the quiet zone.

    Raises:
        ValueError: The text is longer than 287 bytes.
    """
    content = text.encode()
    version = _version_for(len(content))
    bits = _interleaved(_codewords(content, version), version)
    base, is_fixed = _patterns(version)
    placed = _placed(base, is_fixed, bits)
    y, x = np.mgrid[: len(placed), : len(placed)]
    best: tuple[int, Modules] | None = None
    for number, mask in enumerate(_MASKS):
        candidate = placed ^ (mask(y, x) & ~is_fixed)
        _write_format(candidate, number)
        if version >= 7:
            _write_version(candidate, version)
        penalty = _penalty(candidate)
        if best is None or penalty < best[0]:
            best = penalty, candidate
    assert best is not None
    return best[1]


def qr_svg(code: Modules, title: str) -> str:
    """Draw a code as SVG, one unit a module, with its quiet zone."""
    size = len(code) + 2 * QUIET
    rows = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, x in np.argwhere(code).tolist())
    title = title.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img">'
        f"<title>{title}</title>"
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{rows}"/></svg>\n'
    )


def _version_for(length: int) -> int:
    for version, (_, blocks) in _BLOCKS.items():
        if length + (2 if version < 10 else 3) <= sum(blocks):
            return version
    raise ValueError(f"{length} bytes are more than a code of version 12 holds")


def _codewords(content: bytes, version: int) -> list[int]:
    """Return mode, length, content and padding as data codewords (7.4)."""
    bits = f"{_BYTES:04b}{len(content):0{8 if version < 10 else 16}b}"
    bits += "".join(f"{byte:08b}" for byte in content)
    room = sum(_BLOCKS[version][1])
    bits += "0" * min(4, 8 * room - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    return words + [_PADS[at % 2] for at in range(room - len(words))]


def _interleaved(words: Sequence[int], version: int) -> list[bool]:
    """Return data and correction codewords of all blocks in turn, as bits (7.6)."""
    n_correction, sizes = _BLOCKS[version]
    blocks, at = list[Sequence[int]](), 0
    for size in sizes:
        blocks.append(words[at : at + size])
        at += size
    corrections = [_correction(block, n_correction) for block in blocks]
    turns = [b[at] for at in range(max(sizes)) for b in blocks if at < len(b)]
    turns += [c[at] for at in range(n_correction) for c in corrections]
    return [bool(word >> shift & 1) for word in turns for shift in range(7, -1, -1)]


def _correction(block: Sequence[int], count: int) -> list[int]:
    """Return the Reed-Solomon codewords of a block over GF(256) with 0x11D (7.5)."""
    generator = [1]
    for power in range(count):
        root = _POWERS[power]
        scaled = [_times(g, root) for g in generator]
        generator = [a ^ b for a, b in zip([*generator, 0], [0, *scaled], strict=True)]
    rest = [*block, *([0] * count)]
    for at in range(len(block)):
        factor = rest[at]
        for offset, g in enumerate(generator):
            rest[at + offset] ^= _times(g, factor)
    return rest[len(block) :]


def _times(a: int, b: int) -> int:
    return _POWERS[(_LOGS[a] + _LOGS[b]) % 255] if a and b else 0


def _powers() -> tuple[list[int], list[int]]:
    powers, logs, value = [0] * 255, [0] * 256, 1
    for exponent in range(255):
        powers[exponent], logs[value] = value, exponent
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return powers, logs


_POWERS, _LOGS = _powers()


def _patterns(version: int) -> tuple[Modules, Modules]:
    """Return the function patterns and which modules are theirs (6.3)."""
    size = 17 + 4 * version
    code, fixed = np.zeros((2, size, size), np.bool_)
    code[6, ::2] = code[::2, 6] = True
    fixed[6], fixed[:, 6] = True, True
    for y, x in ((0, 0), (0, size - 7), (size - 7, 0)):
        code[max(y - 1, 0) : y + 8, max(x - 1, 0) : x + 8] = False
        fixed[max(y - 1, 0) : y + 8, max(x - 1, 0) : x + 8] = True
        code[y : y + 7, x : x + 7] = _finder(7)
    last = max(_ALIGNMENT[version], default=0)
    for y in _ALIGNMENT[version]:
        for x in _ALIGNMENT[version]:
            if (y, x) not in ((6, 6), (6, last), (last, 6)):
                code[y - 2 : y + 3, x - 2 : x + 3] = _finder(5)
                fixed[y - 2 : y + 3, x - 2 : x + 3] = True
    fixed[8, :9] = fixed[:9, 8] = fixed[8, -8:] = fixed[-8:, 8] = True
    code[-8, 8] = True
    if version >= 7:
        fixed[:6, -11:-8] = fixed[-11:-8, :6] = True
    return code, fixed


def _finder(size: int) -> Modules:
    """Return a dark frame with a dark middle: 3 modules of 7, or 1 of 5."""
    pattern = np.ones((size, size), np.bool_)
    pattern[1:-1, 1:-1] = False
    pattern[2:-2, 2:-2] = True
    return pattern


def _placed(base: Modules, is_fixed: Modules, bits: Sequence[bool]) -> Modules:
    """Write the bits in two-module columns from the right, up and down in turn (7.7.3)."""
    code, size, at = base.copy(), len(base), 0
    columns = [x for x in range(size - 1, 0, -2) if x > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        rows = range(size - 1, -1, -1) if turn % 2 == 0 else range(size)
        for y in rows:
            for x in (right, right - 1):
                if not is_fixed[y, x]:
                    code[y, x] = at < len(bits) and bits[at]
                    at += 1
    return code


def _write_format(code: Modules, mask: int) -> None:
    """Write level and mask twice, with their BCH(15, 5) code (7.9)."""
    value = (_LEVEL_M << 3 | mask) << 10
    value = (value | _remainder(value, 0x537)) ^ 0x5412
    bits = [bool(value >> at & 1) for at in range(15)]
    size = len(code)
    first = [(y, 8) for y in (0, 1, 2, 3, 4, 5, 7, 8)] + [(8, x) for x in (7, 5, 4, 3, 2, 1, 0)]
    second = [(8, size - 1 - at) for at in range(8)] + [(size - 7 + at, 8) for at in range(7)]
    for places in (first, second):
        for (y, x), bit in zip(places, bits, strict=True):
            code[y, x] = bit


def _write_version(code: Modules, version: int) -> None:
    """Write the version twice, with its BCH(18, 6) code (7.10)."""
    value = version << 12
    value |= _remainder(value, 0x1F25)
    for at in range(18):
        y, x = at // 3, len(code) - 11 + at % 3
        code[y, x] = code[x, y] = bool(value >> at & 1)


def _remainder(value: int, divisor: int) -> int:
    while value.bit_length() >= divisor.bit_length():
        value ^= divisor << (value.bit_length() - divisor.bit_length())
    return value


def _penalty(code: Modules) -> int:
    """Return how hard a code is to read (7.8.3)."""
    boxes = code[1:, 1:] == code[:-1, :-1]
    boxes &= (code[1:, :-1] == code[:-1, 1:]) & (code[1:, 1:] == code[1:, :-1])
    share = 100.0 * float(code.mean())
    lines = [*code, *code.T]
    return (
        sum(_line_penalty("".join("1" if dark else "0" for dark in line)) for line in lines)
        + 3 * int(boxes.sum())
        + 10 * int(abs(share - 50.0) // 5)
    )


def _line_penalty(line: str) -> int:
    """Return the penalty of runs of one colour, and of what looks like a finder."""
    runs, count = 0, 1
    for before, after in zip(line, line[1:] + "-", strict=True):
        if before == after:
            count += 1
            continue
        runs += count - 2 if count >= 5 else 0
        count = 1
    looks = sum(line[at : at + 11] in _LIKE_FINDER for at in range(len(line) - 10))
    return runs + 40 * looks


_LIKE_FINDER = frozenset({"10111010000", "00001011101"})
