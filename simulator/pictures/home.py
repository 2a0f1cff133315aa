"""Home textiles, lights, and things for the table and the way."""

from simulator.pictures.pen import GLASS, GOLD, INK, METAL, STEEL, WHITE, WOOD, Pen


def bed_linen(p: Pen) -> None:
    """Draw a made bed from above: sateen, linen or flannelette."""
    p.rect(14, 14, 68, 70, "#fbf9f4", 6)
    p.rect(19, 18, 27, 18, p.pale, 6)
    p.rect(50, 18, 27, 18, p.pale, 6)
    p.path("M14 42H82V78Q82 84 76 84H20Q14 84 14 78Z", p.base)
    p.path("M62 42H82V78Q82 84 76 84H60Q68 62 62 42Z", p.shade)
    p.path("M14 40H82V49H14Z", p.light)
    if p.style == 0:
        p.stroke("M22 56Q34 62 44 84M40 52Q56 60 62 84", p.line, 1.3)
    elif p.style == 1:
        for x in range(22, 82, 9):
            p.stroke(f"M{x} 50V84", p.line, 1.4)
    else:
        for y in range(56, 84, 9):
            p.stroke(f"M14 {y}H82", p.line, 1.3)
        for x in range(24, 82, 11):
            p.stroke(f"M{x} 50V84", p.pale, 1.3)


def folded(p: Pen) -> None:
    """Draw a folded sheet with its band."""
    p.ground(34, 80)
    for at in range(4):
        y = 66 - 10 * at
        p.rect(16, y, 64, 12, p.base if at % 2 else p.shade, 6)
    p.rect(16, 36, 64, 12, p.light, 6)
    p.rect(40, 34, 16, 46, "#fdfbf6", 2)
    p.rect(40, 50, 16, 14, p.accent)


def pillow(p: Pen) -> None:
    """Draw a down pillow, or a neck pillow."""
    p.ground(34, 78)
    if p.style == 1:
        p.path(
            "M14 64Q10 40 30 40Q48 46 66 40Q86 40 82 64Q80 76 66 72Q48 66 30 72Q16 76 14 64Z",
            p.base,
        )
        p.path("M60 42Q86 36 82 64Q80 76 66 72Q74 58 60 42Z", p.shade)
        p.stroke("M24 52Q48 58 72 52", p.line, 1.4)
        return
    p.path("M12 34Q48 24 84 34Q90 54 84 74Q48 82 12 74Q6 54 12 34Z", p.base)
    p.path("M62 30Q76 31 84 34Q90 54 84 74Q74 78 60 78.5Q74 54 62 30Z", p.shade)
    p.stroke("M16 38Q26 44 30 54M80 38Q72 44 68 52M18 70Q28 66 34 58", p.line, 1.6)
    p.stroke("M14 36Q48 27 82 36", p.pale, 1.4)


def duvet(p: Pen) -> None:
    """Draw a quilted duvet, folded."""
    p.ground(36, 82)
    p.path("M12 46Q12 30 28 30H70Q84 30 84 46V68Q84 80 72 80H24Q12 80 12 68Z", p.base)
    p.path("M64 30H70Q84 30 84 46V68Q84 80 72 80H62Q74 54 64 30Z", p.shade)
    p.path("M12 52Q12 42 24 44H72Q84 42 84 52Q80 60 70 57H26Q16 60 12 52Z", p.light)
    for x in (28, 42, 56, 70):
        p.stroke(f"M{x} 32Q{x - 2} 38 {x} 44M{x} 58Q{x + 2} 68 {x} 79", p.line, 1.3)
    if p.style == 0:
        p.path("M44 62Q52 58 56 66Q50 72 44 62Z", p.accent)


def towel(p: Pen) -> None:
    """Draw a towel on a rail; bath towels are longer."""
    long = 82 if p.style == 1 else 70
    p.rect(12, 18, 72, 4.5, METAL, 2.2)
    p.circle(12, 20, 4, STEEL)
    p.circle(84, 20, 4, STEEL)
    p.rect(34, 18, 38, long - 28, p.dark, 2)
    p.rect(24, 17, 40, long - 17, p.base, 3)
    p.rect(52, 17, 12, long - 17, p.shade, 3)
    p.rect(24, long - 16, 40, 4, p.accent)
    if p.style == 1:
        p.rect(24, long - 9.5, 40, 2, p.pale)
    for x in range(27, 64, 4):
        p.stroke(f"M{x} {long}v3", p.dark, 1.2)


def rug(p: Pen) -> None:
    """Draw a bath mat."""
    p.ellipse(48, 58, 40, 25, p.dark, 0.5)
    p.ellipse(48, 54, 40, 25, p.base)
    p.ellipse(48, 54, 31, 18, p.light)
    p.ellipse(48, 54, 21, 11.5, p.base)
    p.ellipse(48, 54, 11, 5.5, p.pale)
    for x in range(14, 84, 7):
        p.circle(x, 54 + 22 * (1 - ((x - 48) / 38) ** 2) ** 0.5, 1.2, p.pale)


def cushion(p: Pen) -> None:
    """Draw a cushion: velvet with piping, or linen with a pattern."""
    p.ground(32, 84)
    p.path("M16 18Q48 24 80 18Q74 50 80 82Q48 76 16 82Q22 50 16 18Z", p.base)
    p.path("M62 20.5Q70 19.5 80 18Q74 50 80 82Q70 80 60 79Q70 50 62 20.5Z", p.shade)
    if p.style == 0:
        p.stroke("M18 20Q48 26 78 20Q72 50 78 80Q48 74 18 80Q24 50 18 20Z", p.light, 1.5)
        p.circle(48, 50, 2.6, p.dark)
        p.stroke("M48 50L30 32M48 50L66 32M48 50L30 68M48 50L66 68", p.line, 1)
        return
    pattern = p.rng.randrange(3)
    if pattern == 0:
        for x in (32, 42, 52, 62):
            p.stroke(f"M{x} 23V77", p.pale, 2.2)
    elif pattern == 1:
        for x, y in (
            (34, 36),
            (48, 36),
            (62, 36),
            (41, 50),
            (55, 50),
            (34, 64),
            (48, 64),
            (62, 64),
        ):
            p.circle(x, y, 3, p.pale)
    else:
        p.stroke(
            "M24 40L36 30L48 40L60 30L72 40M24 56L36 46L48 56L60 46L72 56M24 72L36 62L48 72L60 62L72 72",
            p.pale,
            2.2,
        )


def throw(p: Pen) -> None:
    """Draw a folded blanket with fringes."""
    p.ground(32, 82)
    p.rect(18, 28, 60, 50, p.base, 6)
    p.rect(60, 28, 18, 50, p.shade, 6)
    p.path("M18 34Q18 28 24 28H72Q78 28 78 34V44H18Z", p.light)
    p.stroke("M18 46H78", p.dark, 2)
    if p.style == 0:
        p.stroke("M32 46V78M44 46V78M18 58H78M18 68H78", p.accent, 2, 0.8)
    else:
        for x in range(24, 76, 8):
            p.stroke(f"M{x} 50q4 5 0 10q-4 5 0 14", p.line, 1.4)
    for x in range(22, 78, 5):
        p.stroke(f"M{x} 78V84", p.dark, 1.5)


def candle(p: Pen) -> None:
    """Draw a scented candle in its glass, or a pillar candle."""
    p.ground(22)
    p.path("M48 10Q55 20 48 27Q41 20 48 10Z", "#f3b64c")
    p.path("M48 16Q51 21 48 25Q45 21 48 16Z", "#fff1c4")
    p.stroke("M48 26V34", INK, 1.6)
    if p.style == 1:
        p.bottle(33, 33, 30, 50, p.base, 4)
        p.ellipse(48, 34, 15, 3.5, p.light)
        p.path("M33 36Q36 50 38 36Z", p.light)
        return
    p.rect(28, 34, 40, 49, GLASS, 6)
    p.rect(31, 42, 34, 38, p.base, 4)
    p.rect(56, 42, 9, 38, p.shade, 4)
    p.rect(36, 52, 22, 19, "#fdfbf6", 2)
    p.sprig(47, 60, p.dark, 0.8)
    p.stroke("M41 67.5H53", p.dark, 1.2)


def vase(p: Pen) -> None:
    """Draw a vase with twigs: ceramic in three shapes, or glass."""
    p.ground(22)
    leaf = "#7d9a76"
    p.stroke("M48 36Q46 20 36 10M48 36Q50 18 60 12M48 36V8", leaf, 1.6)
    for x, y in ((36, 11), (40, 17), (60, 13), (55, 20), (48, 9), (46, 22), (52, 27)):
        p.ellipse(x, y, 3.2, 2, leaf)
    fill, opacity = (p.base, 1.0) if p.style == 0 else (p.light, 0.85)
    shape = p.rng.randrange(3)
    body = (
        "M42 34H54Q54 42 62 50Q72 62 64 78Q62 83 56 83H40Q34 83 32 78Q24 62 34 50Q42 42 42 34Z",
        "M38 34H58L62 80Q62 83 58 83H38Q34 83 34 80Z",
        "M40 34H56Q52 44 66 56Q70 70 58 83H38Q26 70 30 56Q44 44 40 34Z",
    )[shape]
    right = (
        "M50 34H54Q54 42 62 50Q72 62 64 78Q62 83 56 83H52Q62 62 50 34Z",
        "M51 34H58L62 80Q62 83 58 83H53Q56 58 51 34Z",
        "M51 34H56Q52 44 66 56Q70 70 58 83H52Q64 60 51 34Z",
    )[shape]
    p.path(body, fill, opacity)
    p.path(right, p.shade, opacity)
    if p.style == 0:
        p.stroke("M33 62H63", p.pale, 2)
    else:
        p.stroke("M38 52Q34 64 38 76", WHITE, 2)


def lamp(p: Pen) -> None:
    """Draw a table lamp with shade, or a reading lamp with an arm."""
    p.ground(24)
    if p.style == 1:
        p.ellipse(42, 82, 18, 3.5, "#3a3641")
        p.stroke("M42 80L30 50L54 26", "#3a3641", 3.2)
        p.circle(30, 50, 3, METAL)
        with p.turned(35, 58, 26):
            p.path("M50 16H66L76 36H40Z", p.base)
            p.path("M60 16H66L76 36H62Z", p.shade)
            p.ellipse(58, 37, 17, 4, "#fff2c9")
        return
    p.path("M34 14H62L74 48H22Z", p.base)
    p.path("M54 14H62L74 48H58Z", p.shade)
    p.path("M26 48H70L60 58H36Z", "#ffe9ad", 0.6)
    p.path("M44 48H52V56Q62 62 58 76H38Q34 62 44 56Z", p.rng.choice((WOOD, "#efe9de", GOLD)))
    p.rect(34, 76, 28, 7, "#3a3641", 3)
    p.stroke("M58 50V60", STEEL, 1.2)


def suitcase(p: Pen) -> None:
    """Draw a cabin case, or a larger trolley."""
    big = p.style == 1
    x, y, w, h = (22, 24, 52, 54) if big else (28, 32, 40, 46)
    p.ground(w / 2, 86)
    p.stroke(f"M39 {y}V10H57V{y}", STEEL, 3)
    p.rect(38, 8, 20, 5, "#33303a", 2.5)
    p.rect(x, y, w, h, p.base, 8)
    p.path(
        f"M{x + w * 0.72:g} {y}H{x + w - 8}Q{x + w} {y} {x + w} {y + 8}V{y + h - 8}Q{x + w} {y + h} {x + w - 8} {y + h}H{x + w * 0.72:g}Z",
        p.shade,
    )
    for at in range(1, 6 if big else 5):
        gx = x + w * at / (6 if big else 5)
        p.stroke(f"M{gx:g} {y + 5}V{y + h - 5}", p.line, 1.7)
    p.rect(x + w - 13, y + 9, 8, 11, p.accent, 1.5)
    for wheel in (x + 9, x + w - 9):
        p.circle(wheel, y + h + 4, 4, "#33303a")


DRAWINGS = {
    "bed_linen": bed_linen, "candle": candle, "cushion": cushion, "duvet": duvet,
    "folded": folded, "lamp": lamp, "pillow": pillow, "rug": rug, "suitcase": suitcase,
    "throw": throw, "towel": towel, "vase": vase,
}  # fmt: skip
