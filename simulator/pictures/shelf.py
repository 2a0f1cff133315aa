"""Books, paper and toys."""

from simulator.pictures.pen import GLASS, GOLD, INK, METAL, WHITE, WOOD, Pen, mix

CREAM = "#fdfbf6"


def _volume(p: Pen) -> None:
    """Draw a closed book, standing, with pages to the right."""
    p.ground(24, 86)
    p.path("M26 12H68L74 16V86H32L26 82Z", "#efe8da")
    p.stroke("M71 18V84M72.8 18V84", "#d8cfbd", 0.8)
    p.rect(22, 10, 46, 74, p.base, 2)
    p.rect(22, 10, 7, 74, p.dark, 2)


def book(p: Pen) -> None:
    """Draw a novel: the series shares colour and frame, each volume has its own scene."""
    _volume(p)
    scene = p.style % 5
    p.rect(33, 34, 31, 42, p.light, 1.5)
    if scene == 0:
        p.circle(54, 44, 5, "#f6dc8a")
        p.path("M44 76L46 46H52L54 76Z", CREAM)
        p.path("M45.3 56H52.7L53.2 63H44.8Z", "#c9503f")
        p.path("M33 70Q48 64 64 70V76H33Z", p.dark)
    elif scene == 1:
        for y in (50, 58, 66, 74):
            p.stroke(f"M34 {y}q4 -4 7.5 0t7.5 0t7.5 0t6 0", p.dark, 1.8)
        p.circle(49, 42, 4.5, CREAM)
    elif scene == 2:
        p.path("M33 34H64V56H33Z", p.deep)
        p.path("M50 38L43 54H48L44 68L56 50H50L54 38Z", "#f6dc8a")
    elif scene == 3:
        p.path("M38 62L48.5 52L59 62V74H38Z", CREAM)
        p.path("M36 63L48.5 50L61 63L59 65L48.5 54L38 65Z", p.deep)
        p.rect(46, 66, 5.5, 8, p.deep)
    else:
        p.circle(48.5, 58, 12, "#f6dc8a")
        p.path("M33 60H64V76H33Z", p.dark)
        p.stroke("M40 66H57M43 71H54", "#f6dc8a", 1.5)
    p.stroke("M35 20H62M39 26H58", CREAM, 2.4)
    for at in range(p.style + 1):
        p.circle(48.5 + 4 * (at - p.style / 2), 80, 1.2, CREAM)


def kids_book(p: Pen) -> None:
    """Draw a picture book, large and square."""
    p.ground(32, 84)
    p.rect(18, 16, 64, 66, "#efe8da", 3)
    p.rect(14, 14, 64, 66, p.base, 4)
    p.rect(14, 14, 6, 66, p.dark, 3)
    p.path(
        "M20 62Q36 50 52 60Q64 66 78 56V76Q78 80 74 80H20Z",
        ("#8fbf7a", "#4f9ac2", "#f4f6f8", "#b7a0d8")[p.style % 4],
    )
    if p.style == 0:
        p.path("M36 46L48 36L60 46V60H36Z", CREAM)
        p.path("M33 47L48 33L63 47Z", "#c9503f")
    elif p.style == 1:
        p.path("M32 58H64L58 68H38Z", "#8a5a32")
        p.path("M48 30V56H34ZM50 34L62 56H50Z", CREAM)
    elif p.style == 2:
        p.circle(48, 62, 10, WHITE)
        p.circle(48, 47, 7, WHITE)
        p.circle(46, 46, 1, INK)
        p.circle(50, 46, 1, INK)
        p.path("M48 48l5 1.5-5 1Z", "#e88b3c")
    else:
        p.path("M34 52H62V66H34Z", "#f2b8c6")
        p.path("M34 52q3.5 5 7 0q3.5 5 7 0q3.5 5 7 0q3.5 5 7 0Z", CREAM)
        for x in (40, 48, 56):
            p.rect(x - 1, 43, 2, 9, p.accent)
            p.circle(x, 41, 1.8, "#f6c84c")
    p.stroke("M28 23H66M34 29H60", CREAM, 3)


def cookbook(p: Pen) -> None:
    """Draw a cookery book with a dish for each title."""
    _volume(p)
    p.circle(48.5, 56, 17, CREAM)
    dish = p.style % 6
    if dish == 0:
        p.path("M36 54H61Q60 68 48.5 68Q37 68 36 54Z", p.dark)
        p.stroke("M43 49q2 -3 0 -6M50 49q2 -3 0 -6M56 49q2 -3 0 -6", p.dark, 1.4)
    elif dish == 1:
        p.path("M37 60Q35 50 48.5 48Q62 50 60 60Q60 64 56 64H41Q37 64 37 60Z", "#c98d4e")
        p.stroke("M43 53l3 5M49 51l3 5M55 53l2 4", "#f1d6a6", 1.6)
    elif dish == 2:
        p.circle(48.5, 56, 10, "#d9a94f")
        p.stroke("M41.5 49L55.5 63M55.5 49L41.5 63", "#a86d2e", 1.4)
        p.circle(48.5, 56, 3, "#b5313c")
    elif dish == 3:
        p.path("M48.5 68Q42 58 45 50H52Q55 58 48.5 68Z", "#e58a3a")
        p.stroke("M48.5 50Q44 44 42 46M48.5 50V43M48.5 50Q53 44 55 46", "#5d9a5b", 2)
    elif dish == 4:
        p.path("M36 66L45 48L50 57L54 51L61 66Z", "#7f93a8")
        p.path("M45 48L48 54L45 55.5L42 54Z", WHITE)
    else:
        p.path("M38 58H59V66H38Z", "#efd0a8")
        p.path("M38 58Q40 50 48.5 50Q57 50 59 58Q55 62 52 58Q49 62 45 58Q42 62 38 58Z", "#e79aa8")
        p.circle(48.5, 47.5, 2.5, "#b5313c")
    p.stroke("M35 20H62M39 26H58", CREAM, 2.4)


def bookmark(p: Pen) -> None:
    """Draw a leather bookmark with tassel."""
    with p.turned(12):
        p.rect(37, 8, 22, 60, p.base, 3)
        p.rect(52, 8, 7, 60, p.shade, 3)
        p.stroke("M40 12H56V64H40Z", p.line, 1.1)
        p.sprig(48, 36, p.pale, 1.3)
        p.stroke("M48 66V72", p.accent, 2)
        for x in (44, 46, 48, 50, 52):
            p.stroke(f"M48 72L{x} 90", p.accent, 1.3)


def notebook(p: Pen) -> None:
    """Draw a notebook with its band, or a spiral diary."""
    p.ground(24, 86)
    p.rect(26, 12, 46, 74, "#efe8da", 4)
    p.rect(22, 10, 46, 74, p.base, 4)
    p.rect(56, 10, 12, 74, p.shade, 4)
    if p.style == 0:
        p.rect(60, 10, 3.4, 74, p.accent)
        p.rect(32, 24, 20, 12, CREAM, 2)
        p.stroke("M36 30H48", p.dark, 1.4)
        p.path("M30 84V92L32.5 89.5L35 92V84Z", p.accent)
        return
    for y in range(16, 82, 8):
        p.ring(22, y, 2.8, METAL, 1.6)
    p.rect(34, 26, 24, 24, CREAM, 2)
    p.rect(34, 26, 24, 6, p.accent, 2)
    for row in range(3):
        for column in range(4):
            p.circle(38.5 + 5 * column, 36 + 5 * row, 1.1, p.dark)


def pen_(p: Pen) -> None:
    """Draw a fountain pen with nib, or a ballpoint pen."""
    p.stroke("M20 80Q32 70 44 78T70 74", mix(p.base, INK, 0.2), 1.8, 0.7)
    with p.turned(40):
        p.rect(42, 4, 12, 44, p.base, 5)
        p.rect(49, 4, 5, 44, p.shade, 3)
        p.rect(42, 44, 12, 4, GOLD if p.style == 0 else METAL)
        p.rect(52.5, 8, 2.8, 24, GOLD if p.style == 0 else METAL, 1.4)
        p.rect(43, 48, 10, 20, p.dark, 2)
        if p.style == 0:
            p.path("M44 68H52L50 80L48 86L46 80Z", GOLD)
            p.stroke("M48 72V83", "#8a6a24", 0.9)
        else:
            p.path("M43 68H53L49 84H47Z", METAL)
            p.rect(45, 0, 6, 6, METAL, 2)


def ink(p: Pen) -> None:
    """Draw a glass of ink."""
    p.ground(24, 82)
    p.rect(36, 18, 24, 15, "#2d2a33", 3)
    p.rect(39, 32, 18, 6, GLASS)
    p.path("M30 38H66L76 50V78Q76 82 72 82H24Q20 82 20 78V50Z", GLASS)
    p.path("M26 50H70V74Q70 77 67 77H29Q26 77 26 74Z", p.base)
    p.path("M58 50H70V74Q70 77 67 77H58Z", p.shade)
    p.rect(36, 56, 24, 14, CREAM, 2)
    p.path("M48 58Q52 63 48 67Q44 63 48 58Z", p.base)


def card(p: Pen) -> None:
    """Draw a card: birthday cake, thanks, or a Christmas tree; with its envelope."""
    with p.turned(9):
        p.rect(26, 36, 56, 40, p.pale, 2)
        p.stroke("M26 36L54 58L82 36", p.shade, 1.6)
    with p.turned(-7):
        p.rect(20, 12, 46, 64, CREAM, 2)
        p.rect(24, 16, 38, 56, p.base, 2, 0.25)
        if p.style == 0:
            p.rect(31, 48, 24, 14, p.base, 2)
            p.path("M31 48q3 6 6 0q3 6 6 0q3 6 6 0q3 6 6 0Z", p.dark)
            for x in (37, 43, 49):
                p.rect(x - 1, 39, 2, 9, p.accent)
                p.circle(x, 37, 1.8, "#f3b64c")
        elif p.style == 1:
            p.path("M43 60L31 46Q27 38 34 35Q40 33 43 40Q46 33 52 35Q59 38 55 46Z", p.base)
        else:
            p.path("M43 26L52 40H48L55 52H47V60H39V52H31L38 40H34Z", "#3f7a5c")
            for x, y in ((42, 38), (46, 46), (38, 48)):
                p.circle(x, y, 1.6, "#e7b24a")
            p.path(
                "M43 20l1.5 3.5 3.5.3-2.7 2.3.9 3.5-3.2-1.9-3.2 1.9.9-3.5-2.7-2.3 3.5-.3Z",
                "#e7b24a",
            )


def wrapping(p: Pen) -> None:
    """Draw rolls of wrapping paper, striped or dotted."""
    for dx, tone, turn in ((16, p.accent, 16), (0, p.base, -12)):
        with p.turned(turn, 48, 80):
            p.rect(36 + dx, 8, 16, 78, tone, 3)
            p.rect(47 + dx, 8, 5, 78, mix(tone, INK, 0.14), 2)
            p.ellipse(44 + dx, 9, 8, 2.6, mix(tone, WHITE, 0.5))
            if p.style == 0:
                for y in range(16, 82, 9):
                    p.path(
                        f"M{36 + dx} {y + 5}L{52 + dx} {y}V{y + 3.5}L{36 + dx} {y + 8.5}Z",
                        WHITE,
                        0.55,
                    )
            else:
                for at, y in enumerate(range(16, 84, 7)):
                    p.circle(40 + dx + 7 * (at % 2), y, 2, WHITE, 0.7)


def plush(p: Pen) -> None:
    """Draw a teddy bear, or a rabbit."""
    p.ground(26, 86)
    if p.style == 1:
        p.ellipse(38, 18, 5.5, 15, p.base)
        p.ellipse(58, 18, 5.5, 15, p.shade)
        p.ellipse(38, 18, 2.6, 10, p.pale)
        p.ellipse(58, 18, 2.6, 10, p.pale)
    else:
        for x in (30, 66):
            p.circle(x, 22, 9, p.base)
            p.circle(x, 22, 5, p.pale)
    p.ellipse(27, 62, 8, 12, p.shade)
    p.ellipse(69, 62, 8, 12, p.shade)
    p.ellipse(48, 66, 21, 20, p.base)
    p.ellipse(48, 67, 13, 13, p.pale)
    p.ellipse(35, 82, 10, 6, p.shade)
    p.ellipse(61, 82, 10, 6, p.shade)
    p.circle(48, 36, 21, p.base)
    p.ellipse(48, 43, 10, 8, p.pale)
    p.circle(40, 34, 2.3, INK)
    p.circle(56, 34, 2.3, INK)
    p.ellipse(48, 39.5, 3, 2.2, INK)
    p.stroke("M48 41V44M48 44Q44 47 42 45M48 44Q52 47 54 45", INK, 1.2)
    p.path("M48 57L38 52V62ZM48 57L58 52V62Z", p.accent)


def blocks(p: Pen) -> None:
    """Draw wooden blocks, or a marble run."""
    p.ground(34, 84)
    if p.style == 1:
        for y, flip in ((22, 1), (42, -1), (62, 1)):
            with p.turned(9 * flip, 48, y):
                p.rect(14, y, 66, 6, (p.base, WOOD, p.shade)[(y // 20) % 3], 3)
        p.rect(16, 24, 5, 58, WOOD, 1)
        p.rect(75, 34, 5, 48, WOOD, 1)
        for x, y in ((34, 17), (60, 38), (30, 57)):
            p.circle(x, y, 4.5, p.accent)
            p.circle(x - 1.4, y - 1.4, 1.3, WHITE)
        return
    p.rect(16, 58, 24, 24, p.base, 2)
    p.rect(42, 58, 24, 24, WOOD, 2)
    p.rect(68, 66, 16, 16, p.accent, 2)
    p.rect(29, 33, 24, 24, mix(p.base, WHITE, 0.4), 2)
    p.path("M28 32L41 14L54 32Z", p.dark)
    p.path(
        "M42 82V76Q42 68 54 68Q66 68 66 76V82H60V77Q60 74 54 74Q48 74 48 77V82Z",
        mix(WOOD, INK, 0.2),
    )
    p.circle(28, 70, 5, p.pale)
    p.circle(62, 50, 7.5, p.dark)


def board_game(p: Pen) -> None:
    """Draw a box of a game with its picture."""
    p.ground(36, 84)
    p.path("M14 26H72L84 20V70L72 82H14Z", p.deep)
    p.rect(12, 26, 62, 56, p.base, 2)
    p.path("M12 26L24 20H84L74 26Z", p.light)
    p.rect(18, 42, 50, 34, p.pale, 2)
    if p.style == 0:
        p.path("M26 66H60L54 73H32Z", "#8a5a32")
        p.path("M42 46V64H28Q34 52 42 46ZM45 48Q56 54 58 64H45Z", "#c9503f")
    elif p.style == 1:
        p.path("M20 74L36 50L46 62L54 48L66 74Z", p.dark)
        p.path("M36 50L40 56L36 58L32 56ZM54 48L58 55L54 57L50 55Z", WHITE)
    elif p.style == 2:
        for x in (24, 40, 54):
            p.rect(x, 56, 11, 16, ("#c9503f", "#e8c468", "#3f6c8f")[(x // 14) % 3])
            p.path(f"M{x - 1.5} 57L{x + 5.5} 48L{x + 12.5} 57Z", p.dark)
    elif p.style == 3:
        p.path("M18 60H68V76H18Z", "#6fa9c4")
        p.path("M18 60L34 46L44 56L54 46L68 60Z", "#5d8a68")
        p.stroke("M43 42V76M18 59H68", CREAM, 1.2)
        p.circle(43, 59, 3, CREAM)
    else:
        p.path("M18 42H68V76H18Z", "#26324a")
        p.circle(58, 50, 4, "#f6dc8a")
        p.rect(22, 58, 40, 12, "#c9503f", 3)
        for x in (26, 36, 46):
            p.rect(x, 61, 6, 4, "#f6dc8a", 1)
    p.stroke("M22 34H56", CREAM, 3)


DRAWINGS = {
    "blocks": blocks, "board_game": board_game, "book": book, "bookmark": bookmark,
    "card": card, "cookbook": cookbook, "ink": ink, "kids_book": kids_book,
    "notebook": notebook, "pen": pen_, "plush": plush, "wrapping": wrapping,
}  # fmt: skip
