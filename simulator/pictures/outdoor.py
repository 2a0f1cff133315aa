"""Sport and outdoor goods."""

import math

from simulator.pictures.pen import GLASS, INK, METAL, STEEL, WHITE, Pen, mix


def tent(p: Pen) -> None:
    """Draw a ridge tent or a dome tent."""
    p.path("M6 82Q48 74 90 82Q48 92 6 82Z", "#8fa97f", 0.6)
    if p.style == 0:
        p.path("M48 20L84 80H12Z", p.base)
        p.path("M48 20L84 80H60Z", p.shade)
        p.path("M48 34L60 80H36Z", p.deep)
        p.path("M48 34L44 62L36 80Z", p.pale)
        p.stroke("M48 20L44 12M48 20L52 12M84 80L90 84M12 80L6 84", STEEL, 1.6)
    else:
        p.path("M10 80Q16 24 48 24Q80 24 86 80Z", p.base)
        p.path("M58 25Q80 30 86 80H64Q70 46 58 25Z", p.shade)
        p.path("M34 80Q36 46 48 44Q60 46 62 80Z", p.deep)
        p.path("M34 80Q36 46 48 44Q46 66 40 80Z", p.pale)
        p.stroke("M10 80Q40 20 70 32M86 80Q56 20 26 32", p.accent, 1.8)


def sleeping_bag(p: Pen) -> None:
    """Draw a mummy or a blanket sleeping bag."""
    if p.style == 0:
        p.path(
            "M48 8Q66 8 68 26Q70 50 62 78Q60 88 48 88Q36 88 34 78Q26 50 28 26Q30 8 48 8Z", p.base
        )
        p.path("M56 10Q66 14 68 26Q70 50 62 78Q60 86 54 87.5Q64 48 56 10Z", p.shade)
        p.ellipse(48, 24, 13, 11, p.deep)
        p.ellipse(48, 26, 8.5, 7, p.accent)
    else:
        p.rect(24, 10, 48, 78, p.base, 8)
        p.rect(58, 10, 14, 78, p.shade, 8)
        p.path("M24 18Q24 10 32 10H64Q72 10 72 18V30L24 38Z", p.accent)
    for y in (44, 54, 64, 74):
        p.stroke(f"M31 {y}Q48 {y + 4} 65 {y}", p.line, 1.4)
    p.stroke("M64 38L61 74" if p.style == 0 else "M66 36V84", p.deep, 1.6)


def mat(p: Pen) -> None:
    """Draw a rolled sleeping mat with straps, or an air mat."""
    if p.style == 1:
        with p.turned(12):
            p.rect(28, 10, 40, 76, p.base, 10)
            for x in (34, 42, 50, 58):
                p.rect(x, 24, 5, 58, p.shade, 2.5)
            p.rect(32, 13, 32, 9, p.light, 4)
            p.circle(62, 17.5, 2, STEEL)
        return
    _roll(p)
    for x in (30, 60):
        p.rect(x, 33, 6, 34, "#3a3641", 1)
        p.rect(x - 0.5, 44, 7, 5, METAL, 1)


def yoga_mat(p: Pen) -> None:
    """Draw a rolled yoga mat, its end unrolled; cork has specks."""
    p.ground(38, 80)
    p.path("M20 62L86 62Q90 72 84 78H20Z", p.light)
    p.stroke("M26 70H82", p.line, 1.2)
    _roll(p)
    if p.style == 1:
        for x, y in ((36, 42), (44, 54), (56, 46), (66, 58), (72, 42), (50, 62), (62, 38)):
            p.circle(x, y, 1.5, p.line)
    p.rect(44, 33, 7, 34, p.accent, 1.5)


def _roll(p: Pen) -> None:
    p.rect(20, 33, 62, 34, p.base, 4)
    p.path("M20 55H82V63Q82 67 78 67H20Z", p.shade)
    p.ellipse(20, 50, 9, 17, p.dark)
    p.ellipse(20, 50, 6.5, 13, p.base)
    p.ellipse(20, 50, 4, 8.5, p.dark)
    p.ellipse(20, 50, 2, 4, p.light)


def head_torch(p: Pen) -> None:
    """Draw a head torch with its beam."""
    p.path("M48 48L92 26V74Z", "#ffe9a8", 0.65)
    p.stroke("M44 34Q18 10 12 44Q10 78 44 64", p.base, 7)
    p.stroke("M44 34Q18 10 12 44Q10 78 44 64", p.pale, 1.4)
    p.rect(34, 32, 22, 34, "#33303a", 6)
    p.circle(50, 49, 11, STEEL)
    p.circle(50, 49, 8, "#fff6d6")
    p.circle(50, 49, 3.5 if p.style == 0 else 5, WHITE)
    p.rect(38, 35, 8, 4, p.accent, 2)


def flask(p: Pen) -> None:
    """Draw an insulated bottle, or a sports bottle."""
    p.ground(16)
    if p.style == 0:
        p.rect(39, 10, 18, 15, "#33303a", 4)
        p.ring(48, 9, 5, "#33303a", 2.6)
        p.rect(41, 24, 14, 4, METAL)
        p.bottle(35, 27, 26, 56, p.base, 8)
        p.path("M44 58L48 50L52 58Z", p.pale)
        p.stroke("M41 61H55", p.pale, 1.6)
    else:
        p.rect(43, 9, 10, 9, p.dark, 3)
        p.rect(36, 17, 24, 11, "#33303a", 4)
        p.path(
            "M35 28H61Q64 34 61 46Q59 50 61 54V78Q61 83 56 83H40Q35 83 35 78V54Q37 50 35 46Q32 34 35 28Z",
            p.base,
            0.9,
        )
        p.path("M54 28H61Q64 34 61 46Q59 50 61 54V78Q61 83 56 83H53Z", p.shade)
        for y in (58, 65, 72):
            p.stroke(f"M38 {y}H43", p.pale, 1.6)


def block(p: Pen) -> None:
    """Draw a yoga block."""
    p.ground(32, 78)
    p.path("M14 48L54 38L82 46V66L42 78L14 68Z", p.shade)
    p.path("M14 48L54 38L82 46L42 57Z", p.light)
    p.path("M14 48L42 57V78L14 68Z", p.base)
    p.sprig(62, 60, p.pale, 0.8)


def dumbbell(p: Pen) -> None:
    """Draw a pair of dumbbells, or a kettlebell."""
    if p.style == 1:
        p.ground(24, 84)
        p.path("M34 46Q26 14 48 14Q70 14 62 46L54 44Q60 24 48 24Q36 24 42 44Z", p.dark)
        p.circle(48, 60, 23, p.base)
        p.path("M56 38.5Q71 44 71 60Q71 76 56 81.5Q66 60 56 38.5Z", p.shade)
        p.circle(48, 60, 9, p.pale)
        p.ellipse(38, 50, 4, 6, WHITE, 0.25)
        return
    for dy, turn in ((-14, -12), (14, -12)):
        with p.turned(turn, 48, 48 + dy):
            p.rect(24, 45 + dy, 48, 6, STEEL, 2)
            for x, h in ((14, 24), (22, 30), (66, 30), (74, 24)):
                p.rect(x, 48 + dy - h / 2, 8, h, p.base if h == 30 else p.shade, 3)


def ball(p: Pen) -> None:
    """Draw a football; match balls have curved panels."""
    p.ground(26, 82)
    white = "#fbfaf6"
    p.circle(48, 48, 32, white)
    dark = p.base if p.base != "#f6f5f1" else "#33303a"
    if p.style == 0:
        points = " ".join(
            f"{48 + 11 * math.sin(math.tau * k / 5):.1f},{48 - 11 * math.cos(math.tau * k / 5):.1f}"
            for k in range(5)
        )
        p.path("M" + points.replace(" ", "L") + "Z", dark)
        for k in range(5):
            with p.turned(72 * k, 48, 48):
                p.stroke("M48 37V25", dark, 1.6)
                p.path("M48 25L38 20Q43 16.5 48 16Q53 16.5 58 20Z", dark)
    else:
        for k in range(3):
            with p.turned(120 * k, 48, 48):
                p.path("M48 46Q36 36 44 17.5Q60 14 68 23Q54 28 48 46Z", dark)
    p.path("M60 18.5A32 32 0 1 1 30 74.5A34 34 0 0 0 60 18.5Z", INK, 0.12)


def basketball(p: Pen) -> None:
    """Draw a basketball."""
    p.ground(26, 82)
    p.circle(48, 48, 32, p.base)
    p.stroke("M16 48H80M48 16V80", p.deep, 2)
    p.stroke("M26 24Q42 48 26 72M70 24Q54 48 70 72", p.deep, 2)
    p.path("M60 18.5A32 32 0 1 1 30 74.5A34 34 0 0 0 60 18.5Z", INK, 0.14)
    p.ellipse(36, 32, 6, 4, WHITE, 0.25)
    if p.style == 1:
        p.stroke("M40 42L56 54", p.accent, 3)


def ball_pump(p: Pen) -> None:
    """Draw a hand pump with its needle."""
    with p.turned(34):
        p.rect(34, 10, 28, 8, "#33303a", 4)
        p.rect(46, 16, 4, 20, METAL)
        p.bottle(38, 34, 20, 40, p.base, 5)
        p.rect(44, 74, 8, 5, "#33303a", 1)
        p.rect(47, 78, 2, 13, STEEL, 1)
        p.stroke("M44 48H52M44 54H52", p.pale, 1.8)


def shin_guard(p: Pen) -> None:
    """Draw a pair of shin guards."""
    for x, tone, side in ((32, p.base, p.shade), (64, p.light, p.base)):
        p.path(
            f"M{x - 13} 18Q{x} 12 {x + 13} 18Q{x + 15} 50 {x + 7} 80Q{x} 86 {x - 7} 80Q{x - 15} 50 {x - 13} 18Z",
            tone,
        )
        p.path(
            f"M{x + 4} 14.5Q{x + 9} 15.5 {x + 13} 18Q{x + 15} 50 {x + 7} 80L{x + 3} 83Q{x + 9} 48 {x + 4} 14.5Z",
            side,
        )
        p.path(f"M{x - 7} 30L{x} 24L{x + 7} 30V36L{x} 30L{x - 7} 36Z", p.accent)
        p.rect(x - 13, 58, 26, 6, "#33303a", 2)


def racket(p: Pen) -> None:
    """Draw a tennis racket with a ball."""
    with p.turned(32):
        p.ellipse(48, 30, 20, 25, "#fdfbf6", 0.75)
        for x in (36, 42, 48, 54, 60):
            p.stroke(f"M{x} {9 if 40 < x < 56 else 14}V{51 if 40 < x < 56 else 46}", STEEL, 0.8)
        for y in (14, 21, 28, 35, 42):
            p.stroke(f"M30 {y}H66", STEEL, 0.8)
        p.oval(48, 30, 20, 25, p.base, 4.5)
        p.path("M40 53L46 66H50L56 53L52 53L48 60L44 53Z", p.dark)
        p.rect(45, 64, 6, 30, "#33303a", 3)
    p.circle(76, 74, 9, "#d6e04f")
    p.stroke("M69 70Q76 74 72 82", WHITE, 1.5)


def tennis_balls(p: Pen) -> None:
    """Draw balls in a tin, or in a net bag."""
    p.ground(24)
    if p.style == 2:
        p.stroke("M40 24Q48 8 56 24", "#33303a", 2.4)
        for x, y in ((36, 46), (58, 44), (30, 64), (48, 62), (66, 64), (40, 77), (58, 77)):
            p.circle(x, y, 10, "#d6e04f")
            p.stroke(f"M{x - 7} {y - 4}Q{x} {y} {x - 3} {y + 8}", WHITE, 1.2)
        p.stroke(
            "M40 24Q20 44 22 68M56 24Q76 44 74 68M40 24Q44 50 36 84M56 24Q52 50 60 84", p.base, 1.4
        )
        return
    p.rect(34, 12, 28, 71, GLASS, 5)
    for y in (30, 49, 68) if p.style else (26, 41, 56, 71):
        p.circle(48, y, 11 if p.style else 10, "#d6e04f")
        p.stroke(f"M40 {y - 5}Q48 {y} 43 {y + 8}", WHITE, 1.3)
    p.rect(32, 10, 32, 9, p.base, 3)
    p.rect(34, 58 if p.style else 62, 28, 14, p.base, 1, 0.92)
    p.rect(37, 22, 3, 58, WHITE, 1.5, 0.6)


def helmet(p: Pen) -> None:
    """Draw a bike helmet for town or touring."""
    p.ground(32, 78)
    p.stroke("M30 60Q34 82 50 80", "#33303a", 2.2)
    p.path("M12 58Q12 22 48 22Q84 22 86 56Q86 62 78 62H22Q12 64 12 58Z", p.base)
    p.path("M62 24Q84 30 86 56Q86 62 78 62H66Q74 42 62 24Z", p.shade)
    if p.style == 0:
        p.path("M10 58H40Q40 66 26 68Q12 68 10 58Z", p.dark)
        for x in (44, 54, 64):
            p.rect(x, 36, 4.5, 14, p.deep, 2.2)
        p.stroke("M16 54H82", p.pale, 1.6)
        return
    for d in (
        "M22 48Q26 34 40 28L36 44Z",
        "M44 27Q54 26 58 28L52 46H42Z",
        "M64 30Q76 36 78 50L60 46Z",
    ):
        p.path(d, p.deep)
    p.stroke("M16 56Q48 50 84 56", p.accent, 2.4)


def bike_light(p: Pen) -> None:
    """Draw a front light, a rear light, or both."""
    if p.style in (0, 2):
        dy = -16 if p.style == 2 else 0
        p.path(f"M56 {48 + dy}L92 {30 + dy}V{66 + dy}Z", "#fff0b8", 0.8)
        p.rect(22, 36 + dy, 28, 24, p.base, 7)
        p.rect(22, 50 + dy, 28, 10, p.shade, 5)
        p.path(f"M48 {34 + dy}H58V{62 + dy}H48Z", "#33303a")
        p.rect(55, 37 + dy, 5, 22, "#fff6d6", 2)
        p.rect(30, 60 + dy, 8, 8, "#33303a", 1.5)
    if p.style in (1, 2):
        dy = 20 if p.style == 2 else 0
        p.circle(48, 48 + dy, 24 if p.style == 1 else 14, "#e24a3b", 0.22)
        p.rect(34, 38 + dy, 28, 20, p.base, 8)
        for x in (41, 48, 55):
            p.circle(x, 48 + dy, 3.3, "#ef4b3c")
            p.circle(x - 1, 47 + dy, 1, WHITE)


def goggles(p: Pen) -> None:
    """Draw swimming goggles."""
    p.stroke("M18 46Q8 28 28 24H68Q88 28 78 46", p.dark, 4)
    for x in (29, 67):
        p.ellipse(x, 52, 17, 12.5, p.base)
        p.ellipse(x, 52, 12.5, 8.5, mix(p.base, INK, 0.4))
        p.path(f"M{x - 9} 52Q{x - 7} 45 {x} 44.5L{x - 4} 58Z", WHITE, 0.3)
    p.stroke("M44 50Q48 46 52 50", p.dark, 3.4)


def backpack(p: Pen) -> None:
    """Draw a daypack, or a larger hiking pack with lid."""
    p.ground(26, 85)
    if p.style == 1:
        p.rect(26, 24, 44, 60, p.base, 11)
        p.path("M58 24Q70 26 70 36V73Q70 84 59 84H58Q64 54 58 24Z", p.shade)
        p.path("M24 32Q24 12 48 12Q72 12 72 32V38H24Z", p.dark)
        p.rect(17, 48, 10, 30, p.dark, 4)
        p.rect(69, 48, 10, 30, p.deep, 4)
        p.rect(34, 52, 28, 24, p.light, 5)
        p.stroke("M38 38V46M58 38V46", p.accent, 2.6)
    else:
        p.stroke("M40 18Q40 9 48 9Q56 9 56 18", p.deep, 3)
        p.path("M24 40Q24 16 48 16Q72 16 72 40V74Q72 84 62 84H34Q24 84 24 74Z", p.base)
        p.path("M58 18Q72 22 72 40V74Q72 84 62 84H58Q66 50 58 18Z", p.shade)
        p.rect(32, 50, 32, 26, p.dark, 7)
        p.stroke("M34 58H62", p.accent, 1.8)
        p.stroke("M30 40Q48 34 66 40", p.line, 1.8)
    p.rect(44, 26, 9, 7, p.accent, 1.5)


DRAWINGS = {
    "backpack": backpack, "ball": ball, "ball_pump": ball_pump, "basketball": basketball,
    "bike_light": bike_light, "block": block, "dumbbell": dumbbell, "flask": flask,
    "goggles": goggles, "head_torch": head_torch, "helmet": helmet, "mat": mat,
    "racket": racket, "shin_guard": shin_guard, "sleeping_bag": sleeping_bag,
    "tennis_balls": tennis_balls, "tent": tent, "yoga_mat": yoga_mat,
}  # fmt: skip
