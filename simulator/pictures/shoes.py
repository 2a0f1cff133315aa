"""Shoes, from the side."""

from simulator.pictures.pen import GOLD, INK, STEEL, WHITE, Pen


def sneaker(p: Pen) -> None:
    """Draw sneakers: leather, retro with stripes, or slip-on."""
    p.ground(36, 78)
    p.path("M14 68Q13 57 24 55Q36 53 43 40Q46 35 51 38Q60 44 70 38Q77 35 80 41L83 68Z", p.base)
    p.path("M62 43Q71 39 76 37Q79 38 80 41L83 68H64Q66 54 62 43Z", p.shade)
    if p.style == 2:
        p.path("M40 46L50 38Q58 44 64 42L58 56Q46 57 38 52Z", p.dark)
    else:
        p.path("M14 68Q13 57 24 55Q31 54 35 51L42 60L38 68Z", p.light)
        for x, y in ((39, 48), (42.5, 44), (46, 40.5)):
            p.stroke(f"M{x} {y}L{x + 6} {y + 4}", WHITE if p.base != "#f6f5f1" else STEEL, 1.9)
    if p.style == 1:
        for x in (48, 54, 60):
            p.stroke(f"M{x} 65L{x + 6} 50", p.accent, 2.6)
    p.path("M12 67H84Q87 67 86 71Q85 76 79 76H18Q11 76 12 67Z", "#fbfaf6")
    p.stroke("M14 72H84", "#d8d4ca", 1.2)


def runner(p: Pen) -> None:
    """Draw running shoes with a thick sole."""
    p.ground(37, 80)
    p.path("M13 66Q12 57 24 54Q36 51 44 40Q48 36 53 40Q62 46 72 36Q78 33 81 39L84 66Z", p.base)
    p.path("M13 66Q12 57 24 54L33 51.5Q36 60 30 66Z", p.light)
    p.path("M72 36Q78 33 81 39L83 58Q74 56 70 46Z", p.accent)
    p.stroke("M36 64Q48 50 66 50M42 65Q54 55 70 56", p.accent, 2.4)
    for x, y in ((40, 48), (43.5, 44.5), (47, 41.5)):
        p.stroke(f"M{x} {y}L{x + 6} {y + 4}", p.pale, 1.8)
    tread = ("M10 64H86Q89 68 86 74Q83 79 74 78Q62 75 52 78H20Q8 78 10 64Z", "#fbfaf6")
    p.path(*tread)
    p.path(
        "M10 70Q40 66 87 70Q86 79 74 78Q62 75 52 78H20Q9 78 10 70Z", p.accent if p.style else p.pale
    )
    if p.style == 1:
        for x in range(16, 82, 7):
            p.rect(x, 77, 4, 3, INK, 0.8)


def hiking_boot(p: Pen) -> None:
    """Draw hiking boots, high or low."""
    p.ground(34, 82)
    top = 22 if p.style == 0 else 36
    p.path(
        f"M16 70Q14 58 26 56Q38 54 42 46L44 {top}Q58 {top - 4} 70 {top}L74 48Q80 58 79 70Z", p.base
    )
    p.path(f"M60 {top - 2}L70 {top}L74 48Q80 58 79 70H62Q66 50 60 {top - 2}Z", p.shade)
    p.path("M16 70Q14 58 26 56Q32 55 36 53Q42 60 38 70Z", p.dark)
    p.rect(43, top - 3, 28, 6, p.dark, 3)
    for at in range(4 if p.style == 0 else 2):
        y = 47 - at * 6
        p.stroke(f"M{41 if at else 38} {y + 2}L50 {y}", "#e2574c", 2)
    p.path("M13 69H81L83 75L80 80H16L12 75Z", INK)
    p.stroke("M14 73H82", p.accent, 1.6)
    for x in range(17, 80, 8):
        p.rect(x, 78, 5, 3.4, INK, 0.6)


def boot(p: Pen) -> None:
    """Draw ankle boots: Chelsea or laced, with a block heel."""
    p.ground(32, 82)
    p.path("M16 72Q15 62 28 60Q40 58 43 48L44 20H72V50Q76 60 76 72Z", p.base)
    p.path("M62 20H72V50Q76 60 76 72H64Q68 44 62 20Z", p.shade)
    if p.style == 0:
        p.path("M50 26H62L64 50H52Z", p.deep)
        p.stroke("M54 29L55.5 48M58 29L60 48", p.line, 1)
    else:
        for y in (28, 35, 42, 49):
            p.stroke(f"M44 {y}L53 {y - 2}", p.pale, 1.8)
    p.path("M14 71H77V76H14Q13 73 14 71Z", p.deep)
    p.path("M60 75H77L75 83H63Z", p.deep)


def pump(p: Pen) -> None:
    """Draw a court shoe, closed or with a sling."""
    p.ground(34, 80)
    p.path(
        "M12 72Q20 64 34 62Q46 60 58 46Q64 40 70 34Q78 32 80 40Q80 50 76 56L66 60Q52 74 34 76H18Q12 76 12 72Z",
        p.base,
    )
    p.path("M34 62Q46 60 58 46Q66 38 70 34L72 40Q64 54 52 60Q44 65 34 62Z", p.deep)
    p.path("M70 57L77 54L76 79H72Z", p.dark)
    if p.style == 1:
        p.path("M58 46Q66 38 70 34Q76 33 79 38L62 54Z", p.pale, 0.9)
        p.stroke("M60 50Q70 46 79 38", p.base, 2.6)
        p.circle(63, 49.5, 2, GOLD)
    p.stroke("M16 75H34Q52 73 65 61", p.dark, 1.6)


def oxford(p: Pen) -> None:
    """Draw men's shoes: Oxford, derby or loafer."""
    p.ground(36, 79)
    p.path("M12 69Q13 58 28 56Q40 54 48 44L54 40Q66 44 78 40L82 46Q84 58 83 69Z", p.base)
    p.path("M66 43Q74 42 78 40L82 46Q84 58 83 69H68Q72 54 66 43Z", p.shade)
    if p.style == 2:
        p.path("M34 56Q44 52 50 44L62 50Q56 60 42 62Z", p.dark)
        p.rect(42, 52, 12, 3.6, GOLD, 1.8)
    else:
        p.stroke("M28 56Q36 60 34 69", p.line, 1.5)
        for x, y in ((42, 54), (46, 50), (50, 46)):
            p.stroke(f"M{x} {y}L{x + 6} {y + 4}", p.pale, 1.6)
        for x in (19, 23, 27):
            p.circle(x, 64 - (x - 19) / 4, 0.9, p.line)
    p.path("M11 68H84V72H11Z", INK)
    p.path("M64 71H84V78H65ZM11 71H58V74H12Z", INK)


def slipper(p: Pen) -> None:
    """Draw felt slippers, or knitted ones."""
    p.ground(36, 78)
    p.path("M14 66Q14 48 34 46Q48 45 54 56L80 58Q84 60 83 68Z", p.base)
    p.path("M36 46Q48 45 54 56L80 58Q76 64 60 63Q44 62 36 46Z", p.pale)
    p.path("M12 66H84Q86 74 78 74H20Q11 74 12 66Z", p.deep)
    if p.style == 1:
        for x in (20, 26, 32, 38):
            p.stroke(f"M{x} 52q3 5 0 11", p.line, 1.4)
    else:
        p.stroke("M18 60Q30 54 46 58", p.line, 1.6)


def welly(p: Pen) -> None:
    """Draw a child's wellington boot."""
    p.ground(30, 83)
    p.path("M20 74Q18 62 32 60Q42 58 43 48L44 18H70V54Q74 62 74 74Z", p.base)
    p.path("M60 18H70V54Q74 62 74 74H62Q65 44 60 18Z", p.shade)
    p.rect(42, 15, 30, 7, p.dark, 2)
    p.path("M17 73H76V77Q76 82 70 82H22Q17 82 17 77Z", p.dark)
    for x, y in ((50, 30), (60, 37), (51, 44), (62, 51), (50, 57), (40, 65), (60, 65)):
        p.circle(x, y, 2.3, p.pale)


DRAWINGS = {
    "boot": boot, "hiking_boot": hiking_boot, "oxford": oxford, "pump": pump, "runner": runner,
    "slipper": slipper, "sneaker": sneaker, "welly": welly,
}  # fmt: skip
