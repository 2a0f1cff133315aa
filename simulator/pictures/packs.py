"""What is sold in packs: detergents, paper, food and drink."""

from simulator.pictures.pen import GOLD, INK, METAL, STEEL, WHITE, Pen, mix

CREAM = "#fdfbf6"


def nappies(p: Pen) -> None:
    """Draw a pack of nappies with a face for each line."""
    p.ground(32)
    p.rect(18, 26, 60, 57, p.base, 9)
    p.rect(60, 26, 18, 57, p.shade, 9)
    p.path("M34 27Q48 10 62 27L57 28Q48 18 39 28Z", p.dark)
    p.circle(48, 52, 16, CREAM)
    if p.style == 0:
        p.path(
            "M38 58Q34 57 35 52Q37 49 40 50Q42 43 49 45Q54 46 55 50Q61 50 61 55Q60 58 56 58Z",
            p.light,
        )
    elif p.style == 1:
        p.path(
            "M48 40L51 48L60 48.5L53 54L55.5 62.5L48 57.5L40.5 62.5L43 54L36 48.5L45 48Z", "#f0c75e"
        )
    elif p.style == 2:
        p.sprig(48, 53, "#5d9a6d", 1.7)
    else:
        p.path(
            "M37 56Q40 46 50 46Q58 47 60 56ZM40 60a3 3 0 1 0 .1 0M56 60a3 3 0 1 0 .1 0", "#d9694f"
        )
    p.stroke("M26 75H48", p.pale, 2.4)
    p.path("M60 70h10l-1.5 8q-3.5 2-7 0Z", CREAM)


def wipes(p: Pen) -> None:
    """Draw a soft pack of wipes."""
    p.ground(34, 76)
    p.path("M12 40Q14 34 20 35H76Q82 34 84 40L82 70Q80 76 74 74H22Q16 76 14 70Z", p.base)
    p.path("M64 35H76Q82 34 84 40L82 70Q80 76 74 74H62Z", p.shade)
    p.rect(32, 42, 32, 18, CREAM, 5)
    p.path("M40 46Q46 34 52 44Q56 36 58 46L55 52H42Z", WHITE)
    p.stroke("M42 47Q48 38 54 47", "#dcd6ca", 1.2)
    if p.style == 1:
        p.sprig(24, 56, p.dark, 1.1)
    elif p.style == 2:
        p.circle(24, 54, 6, p.accent)
    else:
        p.stroke("M19 54q3 -4 6 0t6 0", p.dark, 1.6)


def detergent(p: Pen) -> None:
    """Draw detergent: a box with a handle, or a bottle."""
    p.ground(26)
    if p.style == 0:
        p.path("M24 26H64L74 32V83H24Z", p.base)
        p.path("M64 26L74 32V83H64Z", p.dark)
        p.path("M34 26Q36 14 48 14Q58 14 58 26L53 26Q53 19 47 19Q40 19 39 26Z", p.deep)
        p.circle(44, 52, 15, CREAM)
    else:
        p.path("M38 24H56L62 34Q70 40 70 50V78Q70 83 65 83H29Q24 83 24 78V46Q24 40 30 34Z", p.base)
        p.path("M60 33Q70 40 70 50V78Q70 83 65 83H58Q66 58 60 33Z", p.shade)
        p.path("M58 42Q66 44 66 56V66Q60 66 58 60Z", mix(p.base, INK, 0.4))
        p.rect(38, 10, 18, 15, p.accent, 3)
        p.circle(42, 58, 14, CREAM)
    x = 44 if p.style == 0 else 42
    y = 52 if p.style == 0 else 58
    if p.style in (0, 3):
        p.path(f"M{x} {y - 10}Q{x + 8} {y} {x} {y + 8}Q{x - 8} {y} {x} {y - 10}Z", p.base)
    else:
        for turn in range(0, 360, 60):
            with p.turned(turn, x, y):
                p.ellipse(x, y - 6, 2.6, 4.5, p.base if p.style == 1 else p.light)
        p.circle(x, y, 3, p.accent)


def jug(p: Pen) -> None:
    """Draw a bottle with a grip."""
    p.ground(22)
    p.rect(40, 11, 14, 13, CREAM, 3)
    p.rect(49, 11, 5, 13, "#e4dfd4", 3)
    p.path(
        "M39 23H55Q57 32 64 38Q70 44 70 54V77Q70 83 64 83H32Q26 83 26 77V50Q26 40 34 34Q38 30 39 23Z",
        p.base,
    )
    p.path("M56 28Q58 33 64 38Q70 44 70 54V77Q70 83 64 83H58Q66 60 56 28Z", p.shade)
    p.path("M57 42Q64 46 64 56Q64 60 60 60Q56 56 57 42Z", p.deep, 0.5)
    p.rect(31, 52, 24, 24, CREAM, 3)
    if p.style == 1:
        p.sprig(43, 61, p.dark, 1)
    elif p.style == 2:
        p.circle(43, 61, 5, p.accent)
    else:
        p.path("M43 55Q49 62 43 68Q37 62 43 55Z", p.dark)
    p.stroke("M37 72.5H49", p.dark, 1.3)


def rolls(p: Pen) -> None:
    """Draw rolls of paper in foil."""
    p.ground(32)
    columns = 3 if p.style == 0 else 2
    width = 60 / columns
    for row in range(2):
        for column in range(columns):
            x = 18 + width * column
            y = 25 + 29 * row
            p.rect(x + 1, y + 5, width - 2, 25, CREAM if column % 2 else WHITE, 3)
            p.ellipse(x + width / 2, y + 6, width / 2 - 1, 4.5, "#efeae0")
            p.ellipse(x + width / 2, y + 6, width / 6, 1.7, "#b9a88c")
    p.rect(16, 24, 64, 60, p.light, 7, 0.32)
    p.rect(16, 46, 64, 18, p.base, 1)
    p.rect(62, 46, 18, 18, p.shade, 1)
    if p.style == 0:
        p.sprig(34, 55, CREAM, 1.2)
        p.stroke("M44 53H60M44 58H54", CREAM, 1.8)
    else:
        p.stroke("M26 55q4 -6 8 0t8 0t8 0", CREAM, 2)


def spray(p: Pen) -> None:
    """Draw a cleaner: washing-up liquid, or a spray bottle."""
    p.ground(20)
    if p.style == 0:
        p.path("M44 12H52V24H44Z", CREAM)
        p.path("M40 24H56L58 30Q66 40 62 54Q66 70 60 83H36Q30 70 34 54Q30 40 38 30Z", p.base)
        p.path("M56 24L58 30Q66 40 62 54Q66 70 60 83H53Q60 54 56 24Z", p.shade)
        p.circle(47, 58, 10, CREAM)
        p.circle(47, 58, 6, "#efc94f")
        p.stroke("M47 53V63M42 58H52", CREAM, 1.2)
        return
    p.path("M36 14H62Q66 14 66 18V22H56V30H42V26Q34 26 30 32L27 29Q30 20 36 14Z", p.dark)
    p.path("M56 22H62L60 32H56Z", p.accent)
    p.path("M41 30H55V40Q66 44 66 54V78Q66 83 61 83H35Q30 83 30 78V54Q30 44 41 40Z", p.base, 0.92)
    p.path("M55 40Q66 44 66 54V78Q66 83 61 83H55Q61 60 55 40Z", p.shade)
    p.rect(35, 52, 22, 23, CREAM, 3)
    if p.style == 1:
        p.path("M46 56l1.8 5 5 1.8-5 1.8-1.8 5-1.8-5-5-1.8 5-1.8Z", p.dark)
    elif p.style == 2:
        p.path("M46 56Q52 63 46 69Q40 63 46 56Z", p.dark)
    else:
        p.rect(40, 57, 12, 12, p.light, 1)
        p.stroke("M42 67L50 59", WHITE, 2)


def remedy(p: Pen) -> None:
    """Draw a plain carton of the health shelf: no picture of a body, ever."""
    p.ground(26)
    p.path("M26 28H64L72 22V74L64 83H26Z", mix(p.base, INK, 0.2))
    p.rect(22, 28, 43, 55, CREAM, 2)
    p.path("M22 28L30 22H72L65 28Z", p.light)
    p.rect(22, 36, 43, 13, p.base)
    p.stroke("M28 42.5H50", CREAM, 2.2)
    if p.style == 0:
        p.sprig(43, 64, p.base, 1.5)
    elif p.style == 1:
        p.stroke("M33 62q5 -6 10 0t10 0M33 69q5 -6 10 0t10 0", p.base, 2)
    elif p.style == 2:
        p.circle(43, 65, 8, p.pale)
        p.circle(43, 65, 4, p.base)
    else:
        for x in (35, 43, 51):
            p.rect(x - 3, 59, 6, 13, p.light, 3)


def coffee_bag(p: Pen) -> None:
    """Draw a bag of coffee with a bean."""
    p.ground(24)
    p.path("M28 20H68L70 78Q70 83 65 83H31Q26 83 26 78Z", p.base)
    p.path("M58 20H68L70 78Q70 83 65 83H58Q64 50 58 20Z", p.shade)
    p.path("M28 12H68V21H28Z", p.dark)
    p.rect(34, 15, 28, 2.6, GOLD, 1.3)
    p.rect(33, 36, 28, 34, "#f3e7d3", 3)
    with p.turned(24 + 14 * p.style, 47, 50):
        p.ellipse(47, 50, 6.5, 9, "#5a3a26")
        p.stroke("M47 42q-3 8 0 16", "#8e6748", 1.5)
    p.stroke("M39 64H55", p.dark, 1.6)
    for x in range(p.style + 1):
        p.circle(39 + 4 * x, 67.5, 1, p.dark)


def tea_tin(p: Pen) -> None:
    """Draw a tin of tea with a leaf or a cup."""
    p.ground(22)
    p.bottle(28, 26, 40, 57, p.base, 4)
    p.rect(26, 16, 44, 13, p.dark, 4)
    p.rect(58, 16, 12, 13, p.deep, 4)
    p.rect(33, 38, 26, 36, "#f6efdf", 13)
    if p.style % 2:
        p.path("M46 45Q56 50 50 64Q40 60 46 45Z", p.dark)
        p.stroke("M47 48Q49 56 49 67", "#f6efdf", 1.1)
    else:
        p.path("M39 54H53Q52 64 46 64Q40 64 39 54Z", p.dark)
        p.stroke("M53 56Q57 57 52 61M43 50q2 -3 0 -5M48 50q2 -3 0 -5", p.dark, 1.4)


def carton(p: Pen) -> None:
    """Draw a carton of vacuum bags or filters."""
    p.ground(28)
    p.path("M20 34H62L76 26V72L62 83H20Z", p.shade)
    p.rect(20, 34, 42, 49, p.base, 1)
    p.path("M20 34L34 26H76L62 34Z", p.light)
    p.rect(25, 44, 32, 28, CREAM, 2)
    if p.style == 0:
        p.path("M33 50H49Q53 62 49 68H33Q29 62 33 50Z", p.pale)
        p.circle(41, 56, 4, p.dark)
    else:
        for y in range(48, 70, 4):
            p.stroke(f"M30 {y}H52", STEEL, 1.5)


def batteries(p: Pen) -> None:
    """Draw a blister of batteries; rechargeable ones are fewer and thicker."""
    p.rect(20, 14, 56, 70, p.dark, 5)
    p.circle(48, 21, 3, p.pale)
    p.rect(25, 30, 46, 46, CREAM, 4, 0.25)
    count = 3 if p.style == 2 else 4
    width = 40 / count
    for at in range(count):
        x = 28 + at * width
        p.rect(x + width / 2 - 2, 32, 4, 4, METAL, 1)
        p.rect(x + 0.8, 35, width - 1.6, 37, p.base, 2)
        p.rect(x + 0.8, 35, width - 1.6, 12, GOLD if p.style != 1 else METAL, 2)
        p.rect(x + width * 0.64, 35, width * 0.28, 37, INK, 1.5, 0.15)


def protein(p: Pen) -> None:
    """Draw sports nutrition: bars, a tub, or tablets in a tube."""
    p.ground(26)
    if p.style == 0:
        for at, turn in enumerate((-10, 4)):
            with p.turned(turn):
                p.path(
                    f"M14 {38 + 20 * at}l4 -2v-2h60v2l4 2v15l-4 2v2h-60v-2l-4 -2Z",
                    p.base if at else p.shade,
                )
                p.rect(24, 39 + 20 * at, 30, 11, CREAM, 2)
                p.circle(64, 44.5 + 20 * at, 5, p.accent)
        return
    if p.style == 2:
        p.rect(36, 14, 24, 12, p.dark, 3)
        p.bottle(37, 26, 22, 57, p.base, 3)
        p.circle(48, 46, 7, "#f3d35d")
        p.stroke("M42 60H54M44 66H52", CREAM, 2)
        return
    p.rect(26, 16, 44, 15, INK, 4)
    p.bottle(28, 30, 40, 53, p.base, 6)
    p.rect(28, 42, 40, 26, CREAM)
    p.path("M36 60L44 48L48 54L52 48L60 60Z", p.dark if p.style == 3 else p.accent)


def paper_ream(p: Pen) -> None:
    """Draw reams of printer paper: one, recycled, or a box of five."""
    p.ground(34)
    if p.style == 2:
        p.path("M14 36H64L82 28V74L64 83H14Z", "#b98e5a")
        p.rect(14, 36, 50, 47, "#d2a873")
        p.path("M14 36L32 28H82L64 36Z", "#e2bf90")
        p.rect(14, 52, 50, 16, p.base)
        p.stroke("M22 60H46", CREAM, 2.6)
        return
    wrapper = p.base if p.style == 0 else mix(p.base, "#c9b48a", 0.45)
    p.path("M12 50L50 40L84 48L48 60Z", mix(wrapper, WHITE, 0.3))
    p.path("M12 50L48 60V80L12 69Z", wrapper)
    p.path("M48 60L84 48V67L48 80Z", mix(wrapper, INK, 0.16))
    p.path("M20 40L56 30L86 38L52 49Z", WHITE)
    p.path("M18 42L52 51L86 40V43L52 54L18 45Z", "#e8e4da")
    p.rect(18, 60, 16, 8, CREAM, 1.5)
    if p.style == 1:
        p.sprig(64, 64, CREAM, 1)


def chocolates(p: Pen) -> None:
    """Draw a box of chocolates, or a bar of squares."""
    p.ground(34, 80)
    if p.style == 3:
        p.path("M18 30H78V76H18Z", p.base)
        p.path("M18 30H78V46L68 41L58 47L48 41L38 47L28 41L18 46Z", "#4a2c1d")
        for groove in (33, 48, 63):
            p.stroke(f"M{groove} 30V41", "#69452f", 1.5)
        p.rect(30, 53, 36, 16, "#f6efdf", 2)
        p.stroke("M36 61H60", "#4a2c1d", 2)
        return
    p.rect(14, 30, 68, 49, p.base, 5)
    p.rect(19, 35, 58, 39, "#f6efdf", 3)
    brown = ("#4a2c1d", "#7b4c2e", "#e7d3b3", "#5e3826")
    for at in range(8):
        x, y = 26.5 + (at % 4) * 14.5, 45 + (at // 4) * 19
        tone = brown[(at + p.style) % 4]
        if (at + p.style) % 3 == 0:
            p.rect(x - 5, y - 5, 10, 10, tone, 2)
        elif p.style == 2:
            p.path(
                f"M{x} {y + 6}L{x - 5.5} {y}Q{x - 6} {y - 5} {x - 2.5} {y - 5}Q{x} {y - 5} {x} {y - 2}Q{x} {y - 5} {x + 2.5} {y - 5}Q{x + 6} {y - 5} {x + 5.5} {y}Z",
                tone,
            )
        else:
            p.circle(x, y, 5.5, tone)
        p.stroke(f"M{x - 2.5} {y - 1}q2.5 -2 5 0", mix(tone, WHITE, 0.4), 1)


def wine(p: Pen) -> None:
    """Draw a bottle of wine; slim for Riesling, broad for red."""
    p.ground(15)
    slim = p.style in (0, 2)
    red = p.style in (1, 4)
    glass = "#33402f" if red else "#7d8f4e" if p.style != 3 else "#e9b6a8"
    neck = "M44 10H52V28"
    shoulder = "Q61 38 61 50" if slim else "Q64 32 64 44"
    side = 35 if slim else 32
    p.path(
        f"{neck}{shoulder}V80Q{96 - side} 84 {92 - side} 84H{side + 4}Q{side} 84 {side} 80V{50 if slim else 44}Q{side} {38 if slim else 32} 44 28Z",
        glass,
    )
    p.rect(37, 40, 3, 38, WHITE, 1.5, 0.3)
    p.rect(43, 8, 10, 16, p.base, 1.5)
    p.rect(side, 52, 96 - 2 * side, 22, CREAM)
    p.rect(side, 52, 96 - 2 * side, 4, p.base)
    p.circle(48, 62, 3.6, p.base)
    p.stroke("M42 69.5H54", "#8c8171", 1.2)


DRAWINGS = {
    "batteries": batteries, "carton": carton, "chocolates": chocolates, "coffee_bag": coffee_bag,
    "detergent": detergent, "jug": jug, "nappies": nappies, "paper_ream": paper_ream,
    "protein": protein, "remedy": remedy, "rolls": rolls, "spray": spray, "tea_tin": tea_tin,
    "wine": wine, "wipes": wipes,
}  # fmt: skip
