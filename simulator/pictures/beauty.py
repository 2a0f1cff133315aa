"""Make-up, care and the drugstore: tubes, bottles, jars and packs."""

from simulator.pictures.pen import GOLD, INK, METAL, STEEL, WHITE, WOOD, WOOD_DARK, Pen, mix


def _case(p: Pen) -> str:
    """Return the colour of the house: black, gold, rose or white cases by chance."""
    return p.rng.choice(("#2d2a33", "#2d2a33", GOLD, "#e9d3c9", "#f4f2ee"))


def lipstick(p: Pen) -> None:
    """Draw a lipstick in its shade with the cap beside it."""
    p.ground(28)
    case = _case(p)
    p.path("M37 44V26Q37 24 39 22L51 13Q53 12 53 15V44Z", p.base)
    p.path("M47 16L51 13Q53 12 53 15V44H47Z", p.shade)
    p.path("M37 30V26Q37 24 39 22L51 13Q44 24 40 32Z", p.light)
    p.rect(35, 42, 20, 14, GOLD if p.style == 0 else METAL, 1)
    p.rect(48, 42, 7, 14, mix(GOLD if p.style == 0 else METAL, INK, 0.16), 1)
    p.rect(32, 55, 26, 28, case, 2)
    p.rect(49, 55, 9, 28, mix(case, INK, 0.14), 2)
    p.rect(63, 52, 17, 31, case, 2)
    p.rect(74, 52, 6, 31, mix(case, INK, 0.14), 2)
    p.rect(63, 58, 17, 2.2, GOLD if p.style == 0 else METAL)


def pencil(p: Pen) -> None:
    """Draw a lip liner with its cap."""
    with p.turned(38):
        p.rect(43, 24, 10, 54, p.base, 1)
        p.rect(49, 24, 4, 54, p.shade, 1)
        p.rect(43, 74, 10, 8, GOLD, 1.5)
        p.path("M43 25L48 9L53 25Q48 28 43 25Z", "#e6cfae")
        p.path("M46.3 14.5L48 8L49.7 14.5Z", p.dark)
    with p.turned(38, 48, 48), p.moved(17, 6):
        p.rect(43, 46, 10, 26, _case(p), 4)
    p.stroke("M18 70Q26 62 34 70T48 72", p.base, 3, 0.7)


def nail_polish(p: Pen) -> None:
    """Draw a flacon of nail polish; gel has a squared bottle."""
    p.ground(20)
    cap = "#2d2a33" if p.style == 0 else "#f4f2ee"
    p.path("M41 14Q48 11 55 14L54 46H42Z", cap)
    p.path("M50 12.5Q53 13 55 14L54 46H50Z", mix(cap, INK, 0.14))
    if p.style == 0:
        p.path("M42 46H54Q66 52 66 66Q66 82 58 82H38Q30 82 30 66Q30 52 42 46Z", p.base)
        p.path("M54 46Q66 52 66 66Q66 82 58 82H52Q60 66 54 46Z", p.shade)
        p.path("M36 56Q33 62 34 72Q37 62 40 55Z", WHITE, 0.45)
    else:
        p.rect(31, 46, 34, 37, p.base, 4)
        p.rect(54, 46, 11, 37, p.shade, 3)
        p.rect(35, 51, 4, 24, WHITE, 2, 0.45)


def foundation(p: Pen) -> None:
    """Draw a glass bottle of foundation."""
    p.ground(20)
    cap = p.rng.choice(("#2d2a33", "#f7f4ef", GOLD))
    p.rect(39, 12, 18, 24, cap, 2)
    p.rect(51, 12, 6, 24, mix(cap, INK, 0.13), 2)
    p.rect(42, 36, 12, 4, METAL)
    p.rect(31, 39, 34, 44, "#ffffff", 5, 0.55)
    p.bottle(33, 43 + 2 * (p.style % 3), 30, 38 - 2 * (p.style % 3), p.base, 4)
    p.stroke(f"M41 {58 + p.style}H55M44 {63 + p.style}H52", p.deep, 1.4)


def compact(p: Pen) -> None:
    """Draw an open compact with mirror."""
    p.ground(28)
    case = _case(p)
    p.circle(48, 32, 21, case)
    p.circle(48, 32, 17.5, "#dfe9ee")
    p.path("M36 40L50 18L56 19L41 45Z", WHITE, 0.6)
    p.ellipse(48, 66, 27, 16, case)
    p.ellipse(48, 64.5, 22, 12, p.base)
    if p.style == 1:
        p.path("M48 56Q56 60 48 72Q40 60 48 56Z", p.light)
    else:
        p.stroke("M34 62Q48 70 62 62M36 67Q48 74 60 67", p.light, 1.6)


def mascara(p: Pen) -> None:
    """Draw mascara: tube and wand."""
    with p.turned(18):
        p.bottle(26, 30, 15, 52, p.base, 4)
        p.stroke("M31 44H36M31 50H36", p.pale, 1.4)
        p.rect(54, 10, 15, 30, p.base, 4)
        p.rect(63, 10, 6, 30, p.shade, 3)
        p.rect(60, 40, 3, 14, METAL)
        p.rect(58, 52, 7, 28, INK, 3.5)
        for y in range(54, 80, 4):
            wide = 2.5 + p.style % 3
            p.stroke(f"M{58 - wide:g} {y}H{65 + wide:g}", INK, 1.5)


def palette(p: Pen) -> None:
    """Draw an eye shadow palette around the item's colour."""
    p.ground(34, 80)
    case = _case(p)
    p.rect(14, 26, 68, 52, case, 6)
    tones = (p.pale, p.light, p.base, p.shade, p.dark, p.deep, p.accent, mix(p.base, GOLD, 0.5))
    for at, tone in enumerate(tones):
        x, y = 19 + (at % 4) * 15, 31 + (at // 4) * 16
        p.rect(x, y, 13, 13, tone, 3)
        p.path(f"M{x + 2} {y + 8}L{x + 8} {y + 2}h3l-8 9Z", WHITE, 0.22)
    p.rect(19, 65, 40, 7, mix(case, WHITE, 0.2), 3)
    p.rect(56, 66, 20, 5, "#d9c7b5", 2)


def brush(p: Pen) -> None:
    """Draw a make-up brush; powder brushes are wide."""
    with p.turned(32):
        p.path("M45 52H51L50 90H46Z", "#2d2a33")
        p.rect(42.5, 38, 11, 16, p.base, 2)
        p.rect(49, 38, 4.5, 16, p.shade, 2)
        wide = 15 if p.style == 0 else 9
        p.path(
            f"M42 38Q{48 - wide * 1.3:g} 22 {48 - wide / 2:g} 10Q48 4 {48 + wide / 2:g} 10Q{48 + wide * 1.3:g} 22 54 38Z",
            "#c99d8a",
        )
        p.path(
            f"M{48 - wide / 2:g} 10Q48 4 {48 + wide / 2:g} 10L{48 + wide * 0.8:g} 18Q48 12 {48 - wide * 0.8:g} 18Z",
            p.light,
        )


def bottle(p: Pen) -> None:
    """Draw a flip-top bottle; the label's shape goes by the model."""
    p.ground(18)
    cap = mix(p.base, INK, 0.25)
    p.rect(40, 14, 16, 12, cap, 3)
    p.path("M38 26H58Q66 32 66 44V76Q66 83 59 83H37Q30 83 30 76V44Q30 32 38 26Z", p.base)
    p.path("M56 26H58Q66 32 66 44V76Q66 83 59 83H54Q60 54 56 26Z", p.shade)
    p.rect(34, 40, 3.4, 34, WHITE, 1.7, 0.45)
    _label(p, 40, 46, 20, 24)


def _label(p: Pen, x: float, y: float, w: float, h: float) -> None:
    """Draw a paper label with a motif that differs by model."""
    p.rect(x, y, w, h, "#fdfbf6", 3)
    cx, cy = x + w / 2, y + h * 0.4
    motif = p.style % 6
    if motif == 0:
        p.circle(cx, cy, 4.2, p.accent)
    elif motif == 1:
        p.sprig(cx, cy, p.dark, 0.9)
    elif motif == 2:
        p.stroke(f"M{cx - 6} {cy}q3 -4 6 0t6 0M{cx - 6} {cy + 4}q3 -4 6 0t6 0", p.dark, 1.5)
    elif motif == 3:
        p.path(f"M{cx} {cy - 6}Q{cx + 5} {cy} {cx} {cy + 5}Q{cx - 5} {cy} {cx} {cy - 6}Z", p.dark)
    elif motif == 4:
        for dx, dy in ((-3, -1), (3, -1), (0, 3)):
            p.circle(cx + dx, cy + dy, 2.6, p.base if dx else p.accent)
    else:
        p.path(
            f"M{cx} {cy - 5}l1.5 3.5 3.8.3-2.9 2.5.9 3.7-3.3-2-3.3 2 .9-3.7-2.9-2.5 3.8-.3Z",
            p.accent,
        )
    p.stroke(f"M{cx - w * 0.28:g} {y + h - 5:g}H{cx + w * 0.28:g}", p.dark, 1.3)


def jar(p: Pen) -> None:
    """Draw a jar of cream with a lid."""
    p.ground(28, 80)
    lid = p.rng.choice(("#f7f4ef", GOLD, "#2d2a33", METAL))
    p.rect(22, 46, 52, 33, p.base, 9)
    p.path("M58 46H65Q74 46 74 55V70Q74 79 65 79H56Q62 62 58 46Z", p.shade)
    p.rect(20, 32, 56, 17, lid, 4)
    p.rect(60, 32, 16, 17, mix(lid, INK, 0.1), 4)
    p.rect(27, 52, 3.5, 20, WHITE, 1.7, 0.45)
    p.rect(34, 54, 26, 16, "#fdfbf6", 3)
    if p.style == 1:
        p.path("M47 56Q52 62 47 66Q42 62 47 56Z", p.dark)
    else:
        p.stroke("M39 60H55M42 65H52", p.dark, 1.5)


def dropper(p: Pen) -> None:
    """Draw a serum with its pipette."""
    p.ground(18)
    p.path("M43 12Q48 8 53 12V24H43Z", "#2d2a33")
    p.rect(40, 24, 16, 11, GOLD if p.style % 2 == 0 else METAL, 2)
    p.path("M40 35H56Q66 39 66 48V77Q66 83 60 83H36Q30 83 30 77V48Q30 39 40 35Z", p.base, 0.9)
    p.path("M56 35Q66 39 66 48V77Q66 83 60 83H55Q61 56 56 35Z", p.shade)
    p.rect(34, 48, 3.4, 28, WHITE, 1.7, 0.5)
    _label(p, 40, 50, 20, 24)


def perfume(p: Pen) -> None:
    """Draw a flacon; glass and stopper take six shapes by model."""
    p.ground(24)
    glass = mix(p.light, WHITE, 0.35)
    cap = p.rng.choice((GOLD, "#2d2a33", "#f4f2ee"))
    shape = p.style % 6
    p.rect(43, 28, 10, 8, METAL, 1)
    if shape == 0:
        p.rect(40, 13, 16, 16, cap, 3)
        body = "M30 35H66Q70 35 70 40V78Q70 83 65 83H31Q26 83 26 78V40Q26 35 30 35Z"
    elif shape == 1:
        p.circle(48, 20, 9.5, cap)
        body = "M48 34Q74 36 74 60Q74 83 48 83Q22 83 22 60Q22 36 48 34Z"
    elif shape == 2:
        p.path("M40 29L43 11H53L56 29Z", cap)
        body = "M38 35H58L72 79Q72 83 68 83H28Q24 83 24 79Z"
    elif shape == 3:
        p.rect(37, 18, 22, 11, cap, 5)
        body = "M36 35H60Q68 44 64 58Q74 70 66 83H30Q22 70 32 58Q28 44 36 35Z"
    elif shape == 4:
        p.path("M48 8L57 20L48 30L39 20Z", cap)
        body = "M48 34L72 50V72L60 83H36L24 72V50Z"
    else:
        p.rect(36, 12, 24, 17, cap, 1)
        body = "M34 35H62V83H34Z"
    p.path(body, p.base)
    with p.moved(7.7, 9.5, 0.84):
        p.path(body, glass, 0.55)
    p.path("M48 40Q62 56 52 82H64Q72 60 58 38Z", p.shade, 0.4)
    p.rect(38, 56, 20, 12, "#fdfbf6", 1.5)
    p.stroke("M42 60.5H54M44.5 64H51.5", p.deep, 1.2)


def tube(p: Pen) -> None:
    """Draw a tube on its cap."""
    p.ground(18)
    p.path("M29 14H67L61 70H35Z", p.base)
    p.path("M58 14H67L61 70H54Z", p.shade)
    p.path("M28.5 12H67.5V19H28.5Z", p.dark)
    p.rect(36, 69, 24, 14, "#fbf9f4", 3)
    p.rect(52, 69, 8, 14, "#e6e1d6", 3)
    _label(p, 38, 28, 20, 28)


def pump_bottle(p: Pen) -> None:
    """Draw a bottle with pump; solid soap is a bar on its dish."""
    p.ground(22)
    if p.style == 5:
        p.ellipse(48, 76, 30, 6, WOOD)
        p.rect(24, 52, 48, 22, p.base, 11)
        p.rect(24, 52, 48, 10, p.light, 9)
        p.sprig(48, 62, p.dark, 1.1)
        return
    cap = "#2f2c36" if p.style % 2 else "#fbf9f4"
    p.path("M44 30V18H34Q31 18 31 15Q31 12 35 12H54Q57 12 57 15V30Z", cap)
    p.rect(40, 28, 16, 8, mix(cap, INK, 0.15), 2)
    p.rect(28, 35, 40, 48, p.base, 7)
    p.rect(56, 35, 12, 48, p.shade, 6)
    p.rect(32, 42, 3.4, 34, WHITE, 1.7, 0.45)
    _label(p, 38, 44, 22, 29)


def toothpaste(p: Pen) -> None:
    """Draw a tube of toothpaste lying aslant."""
    with p.turned(-28):
        p.path("M16 34H20L70 42V58L20 66H16Z", "#fdfbf6")
        p.path("M34 36.5L70 42V58L34 63.5Q42 50 34 36.5Z", p.base)
        p.path("M16 34H19V66H16Z", p.dark)
        p.rect(70, 42, 13, 16, p.dark, 3)
        p.stroke("M46 50Q50 44 54 50T62 50", WHITE, 2.2)
        if p.style == 2:
            p.circle(27, 50, 4, p.accent)
        elif p.style == 3:
            p.sprig(27, 50, "#5d8a68", 0.8)
        else:
            p.stroke("M24 45V55M29 45V55", p.base, 2)


def toothbrush(p: Pen) -> None:
    """Draw a toothbrush with its bristles."""
    with p.turned(40):
        p.path("M44 40Q44 36 46 34V14H51V34Q53 36 53 40V84Q53 88 48.5 88Q44 88 44 84Z", p.base)
        p.path("M50 14H51V34Q53 36 53 40V84Q53 88 48.5 88Q51 60 49 34Z", p.shade)
        p.rect(45, 8, 7, 22, p.base, 3)
        for at in range(4):
            p.rect(52, 10 + 5 * at, 8, 4, WHITE if at % 2 or p.style else p.pale, 1)
        p.rect(46.5, 50, 4, 20, p.pale, 2)


def cotton_pads(p: Pen) -> None:
    """Draw pads in a bag, or a stack of washable ones."""
    p.ground(24)
    if p.style == 1:
        for at in range(5):
            p.ellipse(48 + (at % 2) * 2, 76 - 9 * at, 24, 8.5, p.light if at % 2 else "#fdfaf5")
            p.ellipse(48 + (at % 2) * 2, 74.5 - 9 * at, 19, 6, p.pale if at % 2 else WHITE)
        return
    p.path("M34 18H62L66 28V78Q66 83 61 83H35Q30 83 30 78V28Z", p.pale)
    for y in range(36, 82, 6):
        p.ellipse(48, y, 14.5, 3.6, WHITE)
        p.ellipse(48, y + 1.3, 14.5, 3.4, "#f2ede4")
    p.rect(30, 46, 36, 20, p.base, 2)
    p.stroke("M38 54H58M42 59H54", WHITE, 1.8)
    p.stroke("M38 18Q48 12 58 18", p.dark, 2)


def razor(p: Pen) -> None:
    """Draw a razor and its blades."""
    with p.turned(32):
        if p.style != 2:
            p.rect(22, 46, 24, 34, "#fdfbf6", 3)
            p.rect(22, 46, 24, 10, p.base, 3)
            for y in range(60, 78, 5 if p.style else 8):
                p.rect(26, y, 16, 3, STEEL, 1)
        p.path("M53 30H59L60 84Q56 90 52 84Z", p.base)
        p.path("M56 30H59L60 84Q58 88 56 87Z", p.shade)
        p.rect(40, 16, 32, 13, METAL, 4)
        for y in (19, 22, 25):
            p.stroke(f"M44 {y}H68", STEEL, 1.1)
        p.stroke("M54.5 46V64", p.pale, 1.5)


def gift_box(p: Pen) -> None:
    """Draw a gift box with ribbon."""
    p.ground(32, 84)
    ribbon = p.accent
    p.rect(20, 46, 56, 37, p.base, 3)
    p.rect(54, 46, 22, 37, p.shade, 3)
    p.rect(16, 34, 64, 15, p.light, 3)
    p.rect(58, 34, 22, 15, p.base, 3)
    p.rect(43, 34, 10, 49, ribbon)
    p.path(
        "M48 34Q30 32 30 22Q32 12 42 18Q47 24 48 34ZM48 34Q66 32 66 22Q64 12 54 18Q49 24 48 34Z",
        ribbon,
    )
    p.path("M48 34Q38 30 36 23Q40 20 44 25ZM48 34Q58 30 60 23Q56 20 52 25Z", mix(ribbon, INK, 0.25))
    p.circle(48, 33, 4, mix(ribbon, INK, 0.12))
    if p.style % 2:
        for x, y in ((26, 56), (34, 66), (27, 75), (60, 56), (68, 66), (61, 76)):
            p.circle(x, y, 1.8, p.pale)


def tin(p: Pen) -> None:
    """Draw a round tin, or a spray can for the second model of care goods."""
    p.ground(28, 80)
    if p.style == 1 and p.rng.random() < 0.5:
        p.rect(41, 12, 14, 12, "#fbf9f4", 3)
        p.path("M36 28Q48 20 60 28V83H36Z", p.base)
        p.path("M54 24.5Q58 26 60 28V83H54Z", p.shade)
        _label(p, 38, 40, 20, 28)
        return
    p.path("M20 50H76V68Q76 80 48 80Q20 80 20 68Z", p.dark)
    p.path("M58 52H76V68Q76 78 58 79.5Z", p.deep)
    p.ellipse(48, 50, 28, 13, METAL)
    p.ellipse(48, 48.5, 27, 12, p.base)
    p.ellipse(48, 48.5, 19, 7.5, p.light)
    if p.style == 2:
        p.path("M40 49H56L53 45H43Z", p.deep)
    else:
        p.sprig(48, 48, p.deep, 0.8)
    p.rect(17, 64, 12, 4, STEEL, 2)


def clothes_brush(p: Pen) -> None:
    """Draw a clothes brush, a fabric shaver, or cedar rings."""
    if p.style == 1:
        p.ground(22)
        p.circle(48, 34, 20, "#f7f4ef")
        p.circle(48, 34, 14, METAL)
        for turn in range(0, 360, 45):
            with p.turned(turn, 48, 34):
                p.circle(48, 26, 2, STEEL)
        p.rect(40, 50, 16, 33, p.base, 7)
        p.rect(50, 50, 6, 33, p.shade, 4)
    elif p.style == 2:
        for x, y in ((34, 38), (60, 36), (46, 62)):
            p.ring(x, y, 13, WOOD, 8)
            p.ring(x, y, 13, WOOD_DARK, 1)
        p.stroke("M34 12V26", p.base, 2)
    else:
        with p.turned(-20):
            p.rect(14, 42, 68, 15, WOOD, 7)
            p.rect(14, 42, 68, 6, mix(WOOD, WHITE, 0.25), 5)
            for x in range(20, 64, 4):
                p.rect(x, 56, 2.8, 17, p.deep, 1)


DRAWINGS = {
    "bottle": bottle, "brush": brush, "clothes_brush": clothes_brush, "compact": compact,
    "cotton_pads": cotton_pads, "dropper": dropper, "foundation": foundation,
    "gift_box": gift_box, "jar": jar, "lipstick": lipstick, "mascara": mascara,
    "nail_polish": nail_polish, "palette": palette, "pencil": pencil, "perfume": perfume,
    "pump_bottle": pump_bottle, "razor": razor, "tin": tin, "toothbrush": toothbrush,
    "toothpaste": toothpaste, "tube": tube,
}  # fmt: skip
