"""Cookware, tableware and appliances."""

from simulator.pictures.pen import GLASS, INK, METAL, STEEL, WHITE, WOOD, WOOD_DARK, Pen, mix


def espresso(p: Pen) -> None:
    """Draw a portafilter machine, or a bean-to-cup one."""
    p.ground(30, 85)
    p.rect(22, 18, 52, 65, p.base, 5)
    p.rect(60, 18, 14, 65, p.shade, 5)
    p.rect(26, 46, 40, 30, mix(p.base, INK, 0.55), 3)
    p.rect(22, 76, 52, 8, p.dark, 3)
    p.rect(28, 75, 36, 3, STEEL, 1)
    if p.style == 0:
        p.circle(36, 32, 8, "#f7f4ee")
        p.stroke("M36 32L40 27", "#c64b3c", 1.6)
        p.circle(56, 29, 3, METAL)
        p.circle(65, 29, 3, METAL)
        p.rect(38, 46, 16, 6, METAL, 1.5)
        p.rect(14, 48, 26, 5, INK, 2.5)
        p.stroke("M70 40V62", METAL, 2.6)
        p.path("M24 12H50V18H24Z", STEEL)
        p.path("M28 5H37L36 12H29ZM39 5H48L47 12H40Z", "#f7f4ee")
    else:
        p.rect(30, 25, 26, 13, "#27313c", 2.5)
        p.circle(37, 31.5, 3, "#e9d9b8")
        p.stroke("M44 30H52M44 34H49", "#8fa3b3", 1.4)
        p.rect(40, 46, 12, 11, METAL, 2)
        p.path("M30 10H66L62 18H34Z", "#7d5a3d", 0.75)
    p.path("M40 62H53Q53 73 46.5 74Q40 73 40 62Z", WHITE)
    p.stroke("M53 64Q57 65 53 69", WHITE, 1.6)
    p.stroke("M45 53V61M48.5 53V61", "#8a5a36", 1.3)


def cup(p: Pen) -> None:
    """Draw two cups on saucers: small or large."""
    p.ground(34, 82)
    big = p.style == 1
    for dx, tone, dark in ((14, p.shade, p.dark), (-10, p.base, p.shade)):
        with p.moved(dx, -6 if dx > 0 else 2):
            p.ellipse(46, 74, 27, 6, dark)
            p.ellipse(46, 72.5, 22, 4, mix(tone, WHITE, 0.25))
            top = 36 if big else 44
            p.stroke(
                f"M60 {top + 9}Q73 {top + 8} 70 {top + 17}Q67 {top + 22} 59 {top + 22}", tone, 3.6
            )
            p.path(f"M27 {top}H64Q64 70 50 72H41Q27 70 27 {top}Z", tone)
            p.path(f"M54 {top}H64Q64 70 50 72Q56 58 54 {top}Z", dark)
            p.ellipse(45.5, top, 18.5, 4, mix(tone, WHITE, 0.3))
            p.ellipse(45.5, top + 0.6, 15.5, 2.9, "#c99b6c" if big else "#6b4429")


def pot(p: Pen) -> None:
    """Draw pots of a collection: saucepan, casserole, stewing pot, steamer insert."""
    p.ground(32, 80)
    tone = p.base
    high = (44, 44, 34, 50)[p.style % 4]
    if p.style == 0:
        p.rect(64, 46, 26, 6, "#33303a", 3)
    else:
        p.stroke("M20 54Q10 52 12 60Q14 64 20 63M72 54Q82 52 80 60Q78 64 72 63", STEEL, 3)
    p.path(f"M20 {high}H72V72Q72 79 65 79H27Q20 79 20 72Z", tone)
    p.path(f"M58 {high}H72V72Q72 79 65 79H56Q62 62 58 {high}Z", p.shade)
    p.rect(25, high + 5, 4, 70 - high, WHITE, 2, 0.4)
    if p.style == 3:
        for row in range(3):
            for column in range(6):
                p.circle(28 + 7.5 * column, 58 + 7 * row, 1.7, p.deep)
        p.ellipse(46, high, 26, 4, p.dark)
        return
    p.path(
        f"M20 {high}Q22 {high - 12} 46 {high - 13}Q70 {high - 12} 72 {high}Z",
        mix(tone, WHITE, 0.25),
    )
    p.path(f"M46 {high - 13}Q70 {high - 12} 72 {high}H58Q56 {high - 9} 46 {high - 13}Z", tone)
    p.rect(17, high - 2, 58, 4.5, METAL, 2)
    p.rect(41, high - 19, 10, 7, "#33303a", 3)


def pan(p: Pen) -> None:
    """Draw a pan from above, or a wok from the side."""
    if p.style == 2:
        p.ground(30, 80)
        p.path("M12 42H74Q72 76 43 78Q14 76 12 42Z", p.base)
        p.path("M58 42H74Q72 74 50 77.5Q62 62 58 42Z", p.shade)
        p.rect(9, 39, 68, 5.5, p.dark, 2.5)
        with p.turned(-14, 76, 42):
            p.rect(74, 38, 20, 6, WOOD_DARK, 3)
        p.stroke("M28 34q3 -5 0 -9M40 32q3 -6 0 -11M52 34q3 -5 0 -9", STEEL, 1.8)
        return
    with p.turned(45):
        p.rect(43, 58, 10, 36, WOOD_DARK if p.style == 0 else "#2f2c36", 5)
        p.circle(48, 88, 1.8, p.pale)
        p.rect(45.5, 55, 5, 9, STEEL, 1)
    p.circle(42, 42, 30, p.shade)
    p.circle(42, 42, 27.5, p.base)
    p.circle(42, 42, 22, p.dark if p.style == 0 else mix(p.base, INK, 0.5))
    p.path("M26 40A17 17 0 0 1 44 24L44 27.5A13.5 13.5 0 0 0 29.5 40Z", WHITE, 0.2)


def knife(p: Pen) -> None:
    """Draw a chef's, bread or paring knife."""
    short = p.style == 2
    with p.turned(42):
        tip = 26 if short else 4
        if p.style == 1:
            edge = "".join(f"l-2.4 {3} 2.4 3" for _ in range(8))
            p.path(
                f"M44 {tip + 2}Q44 {tip} 47 {tip}L54 {tip + 6}V58H46V{tip + 50}{''}L44 {tip + 50}Z",
                METAL,
            )
            p.path(f"M45 {tip + 2}{edge}V58H48V{tip + 2}Z", METAL)
        else:
            wide = 11 if short else 15
            p.path(f"M54 {tip}Q{54 - wide} {tip + 18} {54 - wide} 58H54Z", METAL)
            p.path(
                f"M54 {tip}Q{54 - wide * 0.45:g} {tip + 22} {54 - wide * 0.4:g} 58H54Z", "#e3e8ed"
            )
        p.rect(44 if p.style == 1 else 46, 57, 9, 4, STEEL, 1)
        p.path("M45 61H54V86Q54 92 49 92Q44 92 44.5 86Z", p.base)
        p.path("M51 61H54V86Q54 92 49 92Q52 78 51 61Z", p.shade)
        for y in (67, 76, 85):
            p.circle(49.5, y, 1.5, METAL)


def sharpener(p: Pen) -> None:
    """Draw a honing steel or a whetstone."""
    if p.style == 0:
        with p.turned(40):
            p.rect(46, 4, 5, 56, STEEL, 2.5)
            p.rect(46, 4, 2, 56, METAL, 1)
            p.ellipse(48.5, 60, 9, 3, METAL)
            p.rect(43, 62, 11, 28, p.base, 5)
            p.ring(48.5, 93, 2.6, STEEL, 1.5)
        return
    p.ground(32, 76)
    p.rect(14, 60, 68, 14, WOOD, 4)
    p.rect(18, 44, 60, 18, p.base, 2)
    p.rect(18, 44, 60, 8, p.light, 2)
    for x, y in ((28, 56), (44, 57), (60, 55), (70, 58)):
        p.circle(x, y, 1, p.deep)


def board(p: Pen) -> None:
    """Draw a cutting board: oak with a groove, or olive with a handle."""
    if p.style == 1:
        p.path(
            "M36 30Q40 24 44 22V12Q44 8 48 8Q52 8 52 12V22Q56 24 60 30Q72 40 70 62Q68 86 48 86Q28 86 26 62Q24 40 36 30Z",
            p.base,
        )
        p.stroke("M36 42Q44 56 38 76M46 36Q56 54 48 80M58 42Q64 56 58 74", p.line, 1.4)
        p.circle(48, 14, 2, p.deep)
        return
    with p.turned(-8):
        p.rect(20, 18, 58, 62, p.dark, 6)
        p.rect(18, 16, 58, 62, p.base, 6)
        p.rect(23, 21, 48, 52, p.light, 3, 0.5)
        for x in (32, 44, 56, 64):
            p.stroke(f"M{x} 18V76", p.line, 1, 0.7)
        p.rect(40, 19, 14, 4, p.deep, 2)


def whisk(p: Pen) -> None:
    """Draw a whisk, a spatula, or a cooking spoon."""
    with p.turned(30):
        p.rect(45, 50, 6.5, 40, p.base, 3.2)
        p.rect(49, 50, 2.5, 40, p.shade, 1.5)
        if p.style == 0:
            p.rect(45, 46, 6.5, 7, STEEL, 1)
            for wide in (4, 10, 16):
                p.stroke(f"M46 47Q{48 - wide} 26 48 8Q{48 + wide} 26 50 47", STEEL, 1.6)
        elif p.style == 1:
            p.rect(46.5, 36, 3.5, 16, STEEL, 1)
            p.path("M38 8H58Q60 8 60 11L57 38H40L36 11Q36 8 38 8Z", p.dark)
            p.stroke("M43 14L44 31M48 14V31M53 14L52 31", p.light, 2)
        else:
            p.rect(46, 30, 5, 30, WOOD, 2)
            p.ellipse(48.5, 20, 11, 15, WOOD)
            p.ellipse(48.5, 19, 7.5, 11, WOOD_DARK)


def mixer(p: Pen) -> None:
    """Draw a stand mixer."""
    p.ground(34, 84)
    p.path("M20 78H80Q82 84 76 84H24Q18 84 20 78Z", p.dark)
    p.path("M60 44H78V80H62Q58 60 60 44Z", p.shade)
    p.path("M14 32Q14 20 28 20H68Q82 20 82 34Q82 48 72 48H24Q14 46 14 32Z", p.base)
    p.path("M60 20H68Q82 20 82 34Q82 48 72 48H58Q68 34 60 20Z", p.shade)
    p.stroke("M18 36H66", METAL, 2.4)
    p.circle(74, 34, 4, METAL)
    p.rect(31, 47, 9, 7, STEEL, 1)
    p.path("M20 52H54Q54 76 44 78H30Q20 76 20 52Z", METAL)
    p.path("M44 52H54Q54 76 44 78Q49 64 44 52Z", STEEL)
    p.ellipse(37, 52, 17, 3, "#e6ebf0")


def baking_tin(p: Pen) -> None:
    """Draw a bundt tin, or a springform with its clasp."""
    p.ground(32, 80)
    if p.style == 0:
        p.path("M14 42H82Q80 78 66 79H30Q16 78 14 42Z", p.base)
        for x in (24, 36, 48, 60, 72):
            p.stroke(f"M{x} 45Q{48 + (x - 48) * 0.8:g} 62 {48 + (x - 48) * 0.7:g} 77", p.line, 2)
        p.ellipse(48, 42, 34, 9, p.dark)
        p.ellipse(48, 42, 29, 6.5, p.deep)
        p.ellipse(48, 41, 8, 3.5, p.base)
        return
    p.path("M14 46H82V72Q80 80 48 80Q16 80 14 72Z", p.base)
    p.path("M64 46H82V72Q80 78 62 79.5Q67 62 64 46Z", p.shade)
    p.ellipse(48, 46, 34, 9, p.light)
    p.ellipse(48, 47, 30, 6.8, p.deep)
    p.rect(36, 54, 14, 18, METAL, 2)
    p.rect(40, 57, 22, 5, STEEL, 2.5)


def kettle(p: Pen) -> None:
    """Draw an electric kettle."""
    p.ground(28, 84)
    p.stroke("M64 28Q84 28 80 50Q78 64 69 68", "#33303a", 6)
    p.path("M32 28H62L70 78H24Z", p.base)
    p.path("M54 28H62L70 78H58Q62 50 54 28Z", p.shade)
    p.path("M33 30L18 40L29 48Z", p.base)
    p.path("M31 28Q34 18 47 18Q60 18 63 28Z", p.dark)
    p.circle(47, 16, 4, "#33303a")
    p.rect(22, 76, 50, 8, "#33303a", 3)
    p.rect(34, 36, 4, 34, WHITE, 2, 0.4)


def toaster(p: Pen) -> None:
    """Draw a toaster with two slices."""
    p.ground(34, 82)
    for x in (28, 50):
        p.path(f"M{x} 40V22Q{x - 3} 14 {x + 9} 14Q{x + 21} 14 {x + 18} 22V40Z", "#d9a566")
        p.path(f"M{x + 3} 40V24Q{x + 1} 18 {x + 9} 18Q{x + 17} 18 {x + 15} 24V40Z", "#f1d09a")
    p.rect(14, 36, 68, 44, p.base, 11)
    p.path("M66 36H71Q82 36 82 47V69Q82 80 71 80H64Q71 58 66 36Z", p.shade)
    p.rect(22, 36, 52, 4, p.deep, 2)
    p.rect(73, 50, 12, 5, "#33303a", 2)
    p.circle(30, 66, 5, METAL)
    p.stroke("M30 66L32.5 62.5", "#33303a", 1.4)
    p.rect(20, 44, 4, 18, WHITE, 2, 0.4)


def plate(p: Pen) -> None:
    """Draw plates of a service: dinner, soup, dessert, and a platter."""
    rim = mix(p.base, WHITE, 0.15)
    if p.style == 3:
        p.ellipse(48, 50, 37, 25, p.shade)
        p.ellipse(48, 48, 37, 25, rim)
        p.ellipse(48, 48, 27, 17, mix(p.base, WHITE, 0.4))
        return
    radius = (34, 31, 26)[p.style % 3]
    p.circle(48, 50, radius, p.shade)
    p.circle(48, 48, radius, rim)
    p.ring(48, 48, radius - 2.5, p.line, 1)
    p.circle(48, 48, radius * 0.68, p.shade if p.style == 1 else mix(p.base, WHITE, 0.4))
    if p.style == 1:
        p.circle(48, 49.5, radius * 0.6, mix(p.base, WHITE, 0.35))
    if p.style == 2:
        for turn in range(0, 360, 45):
            with p.turned(turn, 48, 48):
                p.circle(48, 48 - radius + 6, 1.6, p.accent)


def cutlery(p: Pen) -> None:
    """Draw fork, knife and spoon, or pastry forks."""
    tones = (p.base, p.shade)
    if p.style == 1:
        for x in (28, 42, 56, 70):
            p.rect(x - 1.5, 40, 3, 46, tones[0], 1.5)
            p.path(
                f"M{x - 5} 14V32Q{x - 5} 42 {x} 42Q{x + 5} 42 {x + 5} 32V14H{x + 2}V28H{x + 1}V14H{x - 2}V28H{x - 3}V14Z",
                tones[0],
            )
        return
    p.rect(24, 42, 4, 44, tones[0], 2)
    p.path("M18 10V32Q18 44 26 44Q34 44 34 32V10H31V28H28V10H24V28H21V10Z", tones[0])
    p.path("M46 50H52V84Q52 87 49 87Q46 87 46 84Z", tones[0])
    p.path("M46 10Q55 18 54 50H46Z", tones[1])
    p.rect(70, 40, 4, 46, tones[0], 2)
    p.ellipse(72, 24, 8.5, 14.5, tones[0])
    p.ellipse(72, 23, 5.5, 11, p.light)


def wine_glass(p: Pen) -> None:
    """Draw glasses: red, white, tumbler, sparkling."""
    p.ground(28, 84)
    drink = ("#7a2335", "#e9dc9c", "#bfe0ea", "#efd98e")[p.style % 4]
    for x in (32, 62):
        if p.style == 2:
            p.path(f"M{x - 13} 36H{x + 13}L{x + 10} 83H{x - 10}Z", GLASS)
            p.path(f"M{x - 12} 54H{x + 12}L{x + 10} 82H{x - 10}Z", drink)
            p.path(f"M{x - 9} 40L{x - 7} 78H{x - 5}L{x - 6} 40Z", WHITE, 0.7)
            continue
        wide, top, low = ((15, 20, 54), (12, 20, 54), (0, 0, 0), (7, 12, 58))[p.style % 4]
        p.stroke(f"M{x} {low}V81", "#c9d5db", 2.4)
        p.ellipse(x, 82, 11, 2.6, "#c9d5db")
        p.path(
            f"M{x - wide * 0.8:g} {top}H{x + wide * 0.8:g}Q{x + wide * 1.3:g} {low} {x} {low}Q{x - wide * 1.3:g} {low} {x - wide * 0.8:g} {top}Z",
            GLASS,
        )
        level = top + (low - top) * 0.48
        p.path(
            f"M{x - wide * 0.92:g} {level}H{x + wide * 0.92:g}Q{x + wide * 0.9:g} {low - 1} {x} {low - 1}Q{x - wide * 0.9:g} {low - 1} {x - wide * 0.92:g} {level}Z",
            drink,
        )
        p.stroke(
            f"M{x - wide * 0.55:g} {top + 4}Q{x - wide * 0.75:g} {level} {x - wide * 0.45:g} {low - 8}",
            WHITE,
            1.5,
        )


def vacuum(p: Pen) -> None:
    """Draw a cylinder or a cordless vacuum cleaner."""
    if p.style == 1:
        with p.turned(18):
            p.rect(46, 34, 5, 46, STEEL, 2)
            p.path("M34 80H63L66 88H31Z", "#33303a")
            p.rect(38, 12, 22, 28, p.base, 8)
            p.rect(52, 12, 8, 28, p.shade, 5)
            p.path("M58 14Q72 14 70 28L62 34L60 28Q66 22 58 20Z", "#33303a")
            p.rect(42, 26, 12, 12, GLASS, 3)
        return
    p.ground(36, 84)
    p.stroke("M34 50Q20 12 48 14Q66 14 78 60", "#4a4752", 4)
    p.stroke("M66 30L84 80", STEEL, 3.4)
    p.path("M78 78H92V84H76Z", "#33303a")
    p.path("M12 70Q12 48 34 48H52Q66 52 66 72V78H12Z", p.base)
    p.path("M48 48H52Q66 52 66 72V78H52Q58 62 48 48Z", p.shade)
    p.circle(24, 78, 7, "#33303a")
    p.circle(56, 78, 7, "#33303a")
    p.circle(24, 78, 3, METAL)
    p.circle(56, 78, 3, METAL)
    p.stroke("M26 58H42", p.pale, 2.4)


DRAWINGS = {
    "baking_tin": baking_tin, "board": board, "cup": cup, "cutlery": cutlery,
    "espresso": espresso, "kettle": kettle, "knife": knife, "mixer": mixer, "pan": pan,
    "plate": plate, "pot": pot, "sharpener": sharpener, "toaster": toaster, "vacuum": vacuum,
    "whisk": whisk, "wine_glass": wine_glass,
}  # fmt: skip
