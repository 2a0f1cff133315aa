"""Hosiery, underwear and swimwear."""

from simulator.pictures.pen import Pen


def tights(p: Pen) -> None:
    """Draw tights hanging."""
    p.halves("M48 13H36L33 34L31 62Q30 76 24 81Q22 86 28 86H36Q41 84 42 74L45 52L48 34Z")
    p.rect(36, 12, 24, 5, p.deep, 1.5)
    if p.style == 1:
        p.twin_stroke("M40 24L37 70", p.line, 1.2)
    else:
        p.twin_stroke("M39 22L36 72", p.light, 2)


def leggings(p: Pen) -> None:
    """Draw sports leggings with a wide band and a side panel."""
    p.halves("M48 12H36L33 32L36 86H44L48 38Z")
    p.rect(35.5, 11, 25, 8, p.dark, 2)
    p.twin(f"M34 30L37 58L{39 if p.style else 37} 80L39.5 80L40 54L37 30Z", p.accent)
    p.twin_stroke("M36.5 82H44", p.line, 1.4)


def bra(p: Pen) -> None:
    """Draw a bra or bralette."""
    p.twin_stroke("M35 44L38 22", p.shade, 2.4)
    p.halves("M48 52Q40 38 31 42Q22 48 26 58Q32 66 44 60L48 58Z")
    p.stroke("M24 56Q48 72 72 56", p.dark, 3)
    if p.style == 1:
        p.twin_stroke("M30 48Q36 52 44 56M34 44Q38 50 46 53", p.line, 1)
    p.path("M48 53L45.5 50L45.5 55ZM48 53L50.5 50L50.5 55Z", p.accent)


def boxers(p: Pen) -> None:
    """Draw boxer shorts."""
    for dx, dy in ((5, -7), (0, 0)) if p.style == 0 else ((0, 0),):
        with p.moved(dx, dy):
            p.halves("M48 30H28L24 68H44L48 54Z")
            p.rect(28, 27, 40, 7, p.deep, 1.5)
            p.stroke("M32 30.5H40M44 30.5H52", p.pale, 1.2)
    p.stroke("M48 36V52", p.line, 1.4)


def swimsuit(p: Pen) -> None:
    """Draw a swimsuit."""
    p.halves("M48 30L40 26L39 14L36 14L34 28Q38 42 36 50Q34 62 30 68L44 84Q46 86 48 86Z")
    if p.style == 1:
        p.path("M36 46Q48 50 60 46L60.5 52Q48 57 35.5 52Z", p.accent)
        p.path("M35 55Q48 60 61 55L61.5 58Q48 63 34.5 58Z", p.pale)
    else:
        p.stroke("M37 40Q48 44 59 38M36 50Q48 52 60 46", p.line, 1.4)


def socks(p: Pen) -> None:
    """Draw a pair of socks: plain, ribbed, or striped."""
    leg = "M34 14H50V48Q50 53 55 57L66 65Q71 70 66 76Q62 80 56 77L38 65Q34 62 34 56Z"
    with p.moved(10, -3):
        p.path(leg, p.dark)
    with p.moved(-8, 3):
        p.path(leg, p.base)
        p.path("M34 14H50V23H34Z", p.accent if p.style == 2 else p.shade)
        p.path("M60 61L66 65Q71 70 66 76Q62 80 56 77L54 76Q64 72 60 61Z", p.shade)
        p.path("M34 54Q42 52 44 60Q44 66 41 67L38 65Q34 62 34 56Z", p.shade)
        if p.style == 2:
            for y in (28, 35, 42):
                p.rect(34, y, 16, 3.4, p.accent)
        elif p.style == 1:
            for x in (38, 42, 46):
                p.stroke(f"M{x} 26V50", p.line, 1)


DRAWINGS = {
    "boxers": boxers, "bra": bra, "leggings": leggings, "socks": socks, "swimsuit": swimsuit,
    "tights": tights,
}  # fmt: skip
