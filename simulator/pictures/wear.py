"""Bags, jewellery and what is worn beside clothes."""

from simulator.pictures.pen import GOLD, INK, METAL, STEEL, WHITE, Pen, mix


def scarf(p: Pen) -> None:
    """Draw a scarf round a neck: wool, checked, or fine with fringes."""
    p.path("M34 40Q30 62 32 80H46Q48 60 46 44Z", p.shade)
    p.path("M26 24Q48 8 70 24Q74 36 66 42Q48 54 30 42Q22 36 26 24Z", p.base)
    p.path("M34 24Q48 16 62 24Q60 33 48 34Q36 33 34 24Z", p.deep)
    p.path("M50 44Q60 42 62 40Q68 62 66 84H50Q52 64 50 44Z", p.base)
    if p.style == 1:
        p.stroke("M30 30Q48 48 67 30M52 56H66M51 66H66M33 56H46M33 66H45", p.accent, 2.4)
        p.stroke("M58 44Q60 64 58 82M40 46Q39 64 39 78", p.pale, 1.8)
    elif p.style == 0:
        for y in (52, 60, 68):
            p.stroke(f"M52 {y}H65", p.line, 1.4)
    for x in (52, 56, 60, 64):
        p.stroke(f"M{x} 83V88", p.dark, 1.5)
    for x in (34, 38, 42):
        p.stroke(f"M{x} 79V84", p.dark, 1.5)


def gloves(p: Pen) -> None:
    """Draw gloves, leather or knitted."""
    hand = (
        "M30 84V62Q22 54 20 46Q21 42 25 44L31 52L29 26Q29 22 32.5 22Q35.5 22 36 26L37.5 42"
        "L38 20Q38.5 16 41.5 16Q44.5 16 44.5 20V42L47 24Q48 20 51 21Q53.5 22 53 26L51 46"
        "L54 34Q55.5 31 58 32Q60 33 59.5 37L55 62V84Z"
    )
    with p.moved(22, 6, 0.9), p.turned(10):
        p.path(hand, p.dark)
    with p.moved(-2, 4, 0.94):
        p.path(hand, p.base)
        p.rect(29, 72, 27, 13, p.shade, 2)
        if p.style == 0:
            p.stroke("M36 50V60M42 49V60M48 51V60", p.line, 1.3)
            p.circle(42, 78, 1.8, GOLD)
        else:
            for x in (33, 38, 43, 48, 53):
                p.stroke(f"M{x} 74V83", p.line, 1.2)
            p.stroke("M31 62L36 56L41 62L46 56L51 62L55 57", p.accent, 1.8)


def beanie(p: Pen) -> None:
    """Draw a knitted hat, with a bobble or without."""
    if p.style == 1:
        p.circle(48, 21, 9, p.pale)
        for x, y in ((44, 17), (52, 18), (46, 25), (53, 25)):
            p.circle(x, y, 1.4, p.light)
    p.halves("M48 26Q24 26 22 62H48Z")
    for x in (29, 37):
        p.twin_stroke(f"M{x + 5} 36Q{x} 46 {x - 1} 60", p.line, 1.4)
    p.stroke("M48 28V60", p.line, 1.4)
    p.rect(18, 58, 60, 17, p.dark, 6)
    for x in range(24, 76, 6):
        p.stroke(f"M{x} 62V71", p.line, 1.5)


def belt(p: Pen) -> None:
    """Draw a rolled belt with buckle."""
    p.ground(30, 82)
    p.ring(44, 50, 25, p.base, 11)
    p.ring(44, 50, 25, p.line, 0.8)
    p.ring(44, 50, 14.5, p.dark, 8)
    p.path("M62 62L84 72L81 81L58 70Z", p.base)
    if p.style == 1:
        for x, y in (
            (24, 36),
            (34, 27),
            (46, 25),
            (58, 30),
            (66, 40),
            (21, 48),
            (24, 60),
            (34, 70),
        ):
            p.stroke(f"M{x - 2} {y - 2}l4 4m0 -4l-4 4", p.line, 1.1)
    else:
        for x, hole in ((72, 71.5), (66, 68.7), (78, 74.3)):
            p.circle(x, hole, 1.1, p.deep)
    with p.turned(24, 60, 67):
        p.rect(51, 60, 12, 15, METAL, 2.5)
        p.rect(54, 63, 6, 9, p.base, 1)
        p.stroke("M54 67.5H64", STEEL, 1.8)


def necklace(p: Pen) -> None:
    """Draw a necklace: pearls, a pendant, or links."""
    p.path("M34 12Q30 44 20 62Q16 86 20 90H76Q80 86 76 62Q66 44 62 12Z", "#57536a")
    if p.style == 0:
        for at in range(13):
            x = 30 + 3 * at
            y = 30 + 30 * (1 - ((at - 6) / 6.0) ** 2) ** 0.8
            p.circle(x, y, 3, mix("#f6ecdd", p.base, 0.12))
            p.circle(x - 0.7, y - 0.7, 1, WHITE)
            p.circle(x + 1, y + 1.1, 1.1, p.base, 0.6)
        return
    p.stroke("M31 26Q36 58 48 62Q60 58 65 26", p.base, 2.6 if p.style == 2 else 1.5)
    if p.style == 1:
        p.path("M48 60L55 68L48 78L41 68Z", p.base)
        p.path("M48 63L52 68L48 74.5L44 68Z", p.accent)
    else:
        for x, y in ((33, 36), (36, 47), (41, 57), (48, 61.5), (55, 57), (60, 47), (63, 36)):
            p.ring(x, y, 3, p.shade, 1.8)


def earrings(p: Pen) -> None:
    """Draw earrings: hoops, pearl drops, or studs."""
    p.rect(20, 18, 56, 62, "#fbf8f2", 5)
    p.stroke("M30 24H66", "#e2dace", 1.2)
    for x in (36, 60):
        if p.style == 0:
            p.ring(x, 50, 9.5, p.base, 3)
            p.stroke(f"M{x - 6} 44A9 9 0 0 1 {x + 2} 41.3", p.pale, 1.4)
        elif p.style == 1:
            p.stroke(f"M{x} 38V50", p.base, 1.6)
            p.circle(x, 38, 2, p.base)
            p.circle(x, 57, 8, mix("#f3e6d2", p.base, 0.18))
            p.circle(x + 2, 59.5, 4.5, p.base, 0.3)
            p.circle(x - 2.5, 54, 2.2, WHITE)
        else:
            p.path(f"M{x} 44L{x + 6} 50L{x} 57L{x - 6} 50Z", p.base)
            p.path(f"M{x} 44L{x + 2.5} 50L{x} 57L{x - 2.5} 50Z", p.pale)


def watch(p: Pen) -> None:
    """Draw a wristwatch with three hands, or a chronograph."""
    p.path("M38 8H58L60 34H36ZM36 62H60L58 88H38Z", p.base)
    p.path("M50 8H58L60 34H50ZM50 62H60L58 88H50Z", p.shade)
    p.stroke("M40 12L38.5 32M56 12L57.5 32M40 84L38.5 64M56 84L57.5 64", p.line, 1)
    case = METAL if p.rng.random() < 0.6 else GOLD
    p.rect(67, 45, 5, 6, STEEL, 1.5)
    p.circle(48, 48, 20.5, case)
    p.circle(48, 48, 17, "#fbfaf7" if p.rng.random() < 0.65 else "#26324a")
    hand = "#3a3a44"
    for turn in range(0, 360, 30):
        with p.turned(turn):
            p.stroke("M48 33.5V36", STEEL, 1.4)
    if p.style == 1:
        for x, y in ((41, 48), (55, 48), (48, 56)):
            p.ring(x, y, 3.6, STEEL, 1)
    p.stroke("M48 48L41 41", hand if p.style == 0 else STEEL, 2.2)
    p.stroke("M48 48L54 37", STEEL, 1.7)
    p.stroke("M48 52V36", "#c64b3c", 0.9)
    p.circle(48, 48, 1.7, hand)


def sunglasses(p: Pen) -> None:
    """Draw sunglasses, round or square."""
    p.ground(34, 66)
    lens = mix(p.base, INK, 0.45)
    p.stroke("M16 40Q12 34 20 30M80 40Q84 34 76 30", p.dark, 3)
    p.stroke("M42 42Q48 37 54 42", p.base, 3.4)
    if p.style == 0:
        for x in (29, 67):
            p.circle(x, 47, 15, p.base)
            p.circle(x, 47, 11.5, lens)
            p.path(f"M{x - 9} 50A11 11 0 0 1 {x + 2} 36.5L{x - 5} 56Z", WHITE, 0.22)
    else:
        for x in (14, 52):
            p.rect(x, 34, 30, 24, p.base, 8)
            p.rect(x + 3.5, 37.5, 23, 17, lens, 6)
            p.path(f"M{x + 6} 50L{x + 12} 38H{x + 17}L{x + 9} 54Z", WHITE, 0.22)


def umbrella(p: Pen) -> None:
    """Draw an open stick umbrella, or a folded pocket one."""
    if p.style == 1:
        with p.turned(28):
            p.rect(40, 16, 16, 48, p.base, 7)
            p.rect(50, 16, 6, 48, p.shade, 4)
            p.stroke("M44 18V62M48 18V62", p.line, 1)
            p.rect(39, 50, 18, 5, p.accent, 1.5)
            p.rect(43, 64, 10, 16, "#4a3b34", 4)
            p.stroke("M48 80Q48 86 54 85", "#4a3b34", 1.8)
        return
    p.stroke("M48 20V76Q48 84 55 84Q61 84 61 78", "#8a5a32", 3)
    p.halves("M48 16Q18 18 12 52Q18 46 24 52Q30 46 36 52Q42 46 48 52Z")
    p.twin_stroke("M48 18Q30 28 24 51M48 18Q38 30 36 51", p.line, 1.2)
    p.stroke("M48 12V18", "#8a5a32", 2.4)


def handbag(p: Pen) -> None:
    """Draw a bag: top handle, shoulder bag, or tote."""
    p.ground(30, 83)
    if p.style == 1:
        p.stroke("M24 46Q30 12 48 12Q66 12 72 46", p.dark, 3)
        p.rect(20, 42, 56, 40, p.base, 10)
        p.path("M48 42H66Q76 42 76 52V72Q76 82 66 82H48Z", p.shade)
        p.path("M20 50Q20 42 30 42H66Q76 42 76 50Q76 66 48 68Q20 66 20 50Z", p.light)
        p.rect(44, 62, 8, 9, GOLD, 2)
    elif p.style == 2:
        p.stroke("M36 40Q36 14 48 14Q60 14 60 40", p.deep, 3.4)
        p.halves("M48 36H20L26 82Q26 83 28 83H48Z")
        p.stroke("M22 44H74", p.line, 1.4)
        p.rect(42, 52, 12, 9, p.accent, 1.5)
    else:
        p.stroke("M36 44V34Q36 20 48 20Q60 20 60 34V44", p.deep, 4)
        p.halves("M48 40H28Q22 40 21 46L18 76Q18 82 24 82H48Z")
        p.path("M22 46Q22 40 28 40H68Q74 40 74 46L75 52Q48 60 21 52Z", p.light)
        p.circle(48, 55, 3, GOLD)
        p.stroke("M26 76H70", p.line, 1.2)


def wallet(p: Pen) -> None:
    """Draw a wallet or a card holder."""
    p.ground(30, 76)
    if p.style == 1:
        p.rect(28, 26, 40, 26, "#e8e2d6", 3)
        p.rect(31, 32, 40, 24, p.accent, 3)
        p.rect(24, 40, 48, 34, p.base, 5)
        p.stroke("M24 52Q48 58 72 52", p.line, 1.4)
        return
    p.rect(20, 32, 56, 42, p.dark, 6)
    p.rect(18, 30, 56, 42, p.base, 6)
    p.path("M48 30H68Q74 30 74 36V66Q74 72 68 72H48Z", p.shade)
    p.rect(56, 44, 20, 14, p.dark, 5)
    p.circle(63, 51, 2.6, GOLD)
    p.stroke("M22 35H52M22 67H52", p.line, 1)


def tie(p: Pen) -> None:
    """Draw a tie: silk with dots, knitted, or striped."""
    p.path("M41 10H55L58 20L52 27H44L38 20Z", p.dark)
    if p.style == 1:
        p.path("M44 27H52L57 80H39Z", p.base)
        p.path("M48 27H52L57 80H48Z", p.shade)
        for y in range(33, 80, 5):
            p.stroke(f"M43 {y}l2.5 2.5l2.5 -2.5l2.5 2.5l2.5 -2.5", p.line, 1)
        return
    p.path("M44 27H52L60 74L48 88L36 74Z", p.base)
    p.path("M48 27H52L60 74L48 88Z", p.shade)
    if p.style == 2:
        for at in range(4):
            y = 38 + 12 * at
            half = 4 + (y - 27) * 0.155
            p.path(
                f"M{48 - half:g} {y + 5}L{48 + half:g} {y - 4}V{y + 1}L{48 - half:g} {y + 10}Z",
                p.accent,
            )
    else:
        for x, y in (
            (46, 36),
            (50, 44),
            (45, 52),
            (52, 56),
            (46, 63),
            (53, 68),
            (42, 70),
            (48, 76),
        ):
            p.circle(x, y, 1.3, p.pale)


def cufflinks(p: Pen) -> None:
    """Draw cufflinks on their card: round, enamel or silk knots."""
    p.rect(18, 26, 60, 46, "#e9e2d6", 6)
    p.rect(22, 30, 52, 38, "#f8f4ec", 4)
    rim = METAL if p.base not in (GOLD, "#cfa545") else GOLD
    for x in (36, 60):
        if p.style == 2:
            p.circle(x, 49, 8.5, p.base)
            p.stroke(
                f"M{x - 7} 46Q{x} 42 {x + 7} 50M{x - 7} 53Q{x} 47 {x + 6} 55M{x - 3} 41Q{x + 4} 49 {x} 57",
                p.line,
                1.8,
            )
        elif p.style == 1:
            p.rect(x - 9, 40, 18, 18, rim, 4)
            p.rect(x - 6.5, 42.5, 13, 13, p.base, 2.5)
            p.path(f"M{x - 6.5} 42.5h8l-8 8Z", WHITE, 0.3)
        else:
            p.circle(x, 49, 9.5, rim)
            p.circle(x, 49, 7, p.base)
            p.circle(x - 2.2, 46.5, 2.2, WHITE, 0.4)


def pocket_square(p: Pen) -> None:
    """Draw a folded cloth in a breast pocket."""
    p.rect(14, 20, 68, 66, "#3a4256", 8)
    p.path("M26 50L36 20L44 34L52 16L60 34L70 24V50Z", p.base)
    p.path("M52 16L60 34L70 24V50H52Z", p.shade)
    p.stroke("M36 22L40 49M52 18L50 49M66 28L60 49", p.accent if p.style == 0 else p.line, 1.8)
    p.rect(22, 47, 54, 9, "#2b3142", 1.5)
    p.stroke("M22 56V78H76V56", "#2b3142", 1.4)


DRAWINGS = {
    "beanie": beanie, "belt": belt, "cufflinks": cufflinks, "earrings": earrings,
    "gloves": gloves, "handbag": handbag, "necklace": necklace, "pocket_square": pocket_square,
    "scarf": scarf, "sunglasses": sunglasses, "tie": tie, "umbrella": umbrella, "wallet": wallet,
    "watch": watch,
}  # fmt: skip
