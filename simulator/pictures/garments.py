"""Clothes, laid flat: each is a left half and its mirror image, with its own details."""

from simulator.pictures.pen import INK, METAL, WHITE, Pen, mix


def _top(p: Pen, sleeve: str, hem: float = 80, waist: float = 32, flare: float = 0.0) -> None:
    """Draw a body with sleeves: `none`, `short` or `long`."""
    body = f"L{waist} 46L{waist - flare:g} {hem - 1:g}Q{waist - flare:g} {hem} {waist - flare + 2:g} {hem}L48 {hem}Z"
    if sleeve == "long":
        p.halves(
            f"M48 22L40 16Q30 19 26 25L15 66Q15 68 17 68.6L23.5 70Q25.5 70 26 68L{waist} 46{body}"
        )
    elif sleeve == "short":
        p.halves(
            f"M48 22L40 16Q30 19 25 25L14 43Q13.5 45 15 46L22 50.5Q24 51 25 49.5L{waist} 40{body}"
        )
    else:
        p.halves(f"M48 24L39 17L34 19Q36 34 {waist} 40{body}")


def coat(p: Pen) -> None:
    """Draw a winter coat: wool with lapels, quilted down, or duffle with toggles."""
    p.halves(
        "M48 20L39 14Q29 17 25 23L15 64Q15 66 17 66.5L24 68Q26 68 26.5 66L31 46L28 84Q28 86 30 86H48Z"
    )
    if p.style == 1:
        for y in (30, 39, 48, 57, 66, 75):
            p.stroke(
                f"M{31 if y > 40 else 29} {y}Q48 {y + 3} {65 if y > 40 else 67} {y}", p.line, 1.4
            )
        p.stroke("M48 24V85", p.deep, 1.6)
        p.path("M38 14Q48 10 58 14L60 21Q48 25 36 21Z", p.dark)
    elif p.style == 2:
        p.path("M37 15Q48 8 59 15L57 26Q48 20 39 26Z", p.dark)
        p.stroke("M48 26V85", p.deep, 1.6)
        for y in (36, 48, 60):
            p.stroke(f"M42 {y}H54", "#e6d3ab", 2)
            p.rect(45, y - 1.6, 6, 3.2, "#8a5a32", 1.6)
        p.rect(32, 68, 11, 9, p.dark, 1.5)
        p.rect(53, 68, 11, 9, p.dark, 1.5)
    else:
        p.path("M48 44L39 14L34 18L38 32Z", p.light)
        p.path("M48 44L57 14L62 18L58 32Z", p.base)
        p.path("M40 14.5Q48 18 56 14.5L48 40Z", p.deep)
        p.stroke("M48 44V85", p.line, 1.6)
        for y in (50, 60, 70):
            p.circle(44, y, 1.7, p.deep)
            p.circle(52, y, 1.7, p.deep)


def trench(p: Pen) -> None:
    """Draw a light coat with belt."""
    hem = 84 if p.style == 0 else 74
    p.halves(
        f"M48 20L39 14Q29 17 25 23L16 62Q16 64 18 64.5L24.5 66Q26 66 26.5 64L32 44L28 {hem}H48Z"
    )
    p.path("M48 40L38 14L32 20L37 32Z", p.light)
    p.path("M48 40L58 14L64 20L59 32Z", p.base)
    p.path("M41 15Q48 18 55 15L48 36Z", p.deep)
    p.rect(30.5, 51, 35, 5, p.dark, 1)
    p.rect(45.5, 49.5, 6.5, 8, METAL, 1.2)
    p.rect(47.2, 51.3, 3, 4.4, p.dark)
    p.stroke(f"M48 57V{hem - 1}", p.line, 1.5)
    for y in (42, 47):
        p.circle(43, y, 1.4, p.deep)
        p.circle(53, y, 1.4, p.deep)


def men_coat(p: Pen) -> None:
    """Draw a straight wool coat, or a parka with fur at the hood."""
    p.halves("M48 20L38 14Q27 17 23 23L15 65Q15 67 17 67.5L24 69Q26 69 26.3 67L30 47L29 82H48Z")
    if p.style == 1:
        p.path("M33 17Q48 4 63 17Q62 28 48 27Q34 28 33 17Z", mix(p.base, "#d8c3a0", 0.75))
        p.path("M38 18Q48 10 58 18Q57 24 48 24Q39 24 38 18Z", p.deep)
        p.stroke("M48 27V81", p.line, 2.2)
        for x in (32, 52):
            p.rect(x, 56, 12, 13, p.dark, 2)
            p.rect(x, 56, 12, 4, p.line, 1.5)
        return
    p.path("M48 52L38 14L31 20L37 36Z", p.light)
    p.path("M48 52L58 14L65 20L59 36Z", p.base)
    p.path("M41 15.5Q48 19 55 15.5L48 46Z", WHITE, 0.85)
    p.stroke("M48 52V81", p.line, 1.6)
    for y in (57, 67):
        p.circle(48 + 3, y, 1.8, p.deep)
    p.stroke("M33 62H41M55 62H63", p.line, 2)


def dress(p: Pen) -> None:
    """Draw a wrap, sheath or summer dress."""
    if p.style == 1:
        p.halves("M48 22L39 14L33 16L34 30Q37 40 36 46L33 60L34 84H48Z")
        p.path("M39.5 14.5Q48 26 56.5 14.5L54 14Q48 21 42 14Z", p.deep)
        p.stroke("M36.5 46Q48 49 59.5 46", p.line, 1.6)
        return
    if p.style == 2:
        p.halves("M48 28L38 26Q36 36 38 44L22 82Q34 87 48 86Z")
        p.twin_stroke("M39 27Q38 20 41 13", p.shade, 2.4)
        p.stroke("M38 44Q48 47 58 44", p.deep, 2)
        for x, y in ((34, 64), (43, 58), (52, 70), (60, 62), (30, 76), (45, 78), (64, 77)):
            p.circle(x, y, 1.9, p.pale)
        return
    p.halves("M48 40L39 15Q32 17 29 20L22 36L30 40L35 33Q38 42 36 48L26 83Q36 87 48 86Z")
    p.path("M39 15L48 42L57 15L53 14L48 30L43 14Z", p.deep, 0.55)
    p.stroke("M36.5 48Q48 51 59.5 48", p.deep, 2.6)
    p.path("M56 49L64 60L60 62L54 51Z", p.dark)
    p.stroke("M40 52Q37 68 34 83M54 52Q50 70 49 84", p.line, 1.3)


def blouse(p: Pen) -> None:
    """Draw a silk, shirt or bow blouse."""
    _top(p, "long", hem=76, waist=33)
    if p.style == 2:
        p.path("M48 24L36 20Q33 27 37 30ZM48 24L60 20Q63 27 59 30Z", p.dark)
        p.path("M46 25L40 44L45 45L48 28ZM50 25L56 42L51 44L48 28Z", p.shade)
        p.circle(48, 25, 2.6, p.deep)
    elif p.style == 1:
        p.path("M40 16L48 24L43 29L36 20ZM56 16L48 24L53 29L60 20Z", p.light)
        p.stroke("M48 24V75", p.line, 1.3)
        for y in (32, 41, 50, 59, 68):
            p.circle(49.8, y, 1.1, p.deep)
    else:
        p.path("M40 16L48 36L56 16Q48 20 40 16Z", p.deep, 0.5)
        p.stroke("M40 17L48 37L56 17", p.light, 2)
        p.stroke("M48 38V75", p.line, 1.2)
    p.twin_stroke("M16.5 63.5L24 65.5", p.line, 1.6)


def knit(p: Pen) -> None:
    """Draw a jumper: roll neck, cable or zip; V-neck; plain."""
    _top(p, "long", hem=79, waist=31)
    p.rect(31, 74, 34, 5.5, p.dark, 1.5)
    for x in range(34, 64, 4):
        p.stroke(f"M{x} 75V78.5", p.line, 0.9)
    p.twin_stroke("M16 62.5L24.5 64.5", p.line, 2.4)
    if p.style == 0:
        p.rect(40, 11, 16, 10, p.dark, 3)
        p.stroke("M41 15.5Q48 18 55 15.5", p.line, 1.2)
    elif p.style == 1:
        p.path("M40 16Q48 24 56 16L53 15Q48 19 43 15Z", p.dark)
        for x in (40, 48, 56):
            p.stroke(f"M{x} 28q4 4 0 8q-4 4 0 8q4 4 0 8q-4 4 0 8q4 4 0 8", p.line, 1.9)
    else:
        p.path("M39.5 16L48 32L56.5 16L52.5 15Q48 20 43.5 15Z", p.dark)
        p.stroke("M31 50H65", p.accent, 3.2, 0.85)
        p.stroke("M31 56H65", p.line, 1.6)


def trousers(p: Pen) -> None:
    """Draw trousers: wide, tailored, or short and wide."""
    hem, out = ((84, 24), (84, 32), (70, 25))[p.style % 3]
    p.halves(f"M48 14H35L33 30L{out} {hem}H45.5L48 36Z")
    p.rect(35, 13, 26, 5, p.dark, 1)
    p.stroke("M48 18V33", p.line, 1.3)
    p.twin_stroke(f"M40.5 22L{(out + 45) / 2:g} {hem - 2}", p.line, 1.1)
    p.twin_stroke("M36 20Q38 26 34.5 28", p.line, 1.3)
    p.circle(48, 15.5, 1.2, p.light)


def jeans(p: Pen) -> None:
    """Draw jeans with seams and pockets."""
    out = 33 if p.style == 0 else 27
    p.halves(f"M48 14H35L33 32L{out} 84H45L48 38Z")
    p.rect(35, 13, 26, 5.5, p.dark, 1)
    seam = "#e0ab5e"
    p.stroke("M48 18.5V34", seam, 1.2)
    p.twin_stroke("M36 22Q41 27 44.5 19", seam, 1.2)
    p.twin_stroke(f"M34.5 34L{out + 2.5:g} 80", seam, 1)
    p.twin_stroke(f"M{out + 1:g} 81.5H44", seam, 1)
    p.circle(48, 15.8, 1.5, seam)
    p.path("M37 44Q40 56 38.5 66L42 65Q43 54 41 44Z", p.light, 0.7)


def skirt(p: Pen) -> None:
    """Draw a pleated or a midi skirt."""
    if p.style == 0:
        p.halves("M48 22H36L22 76Q34 81 48 80Z")
        for x in (26, 33, 40):
            p.twin_stroke(f"M{36 + (x - 24) / 2:g} 26L{x} 77", p.line, 1.3)
        p.stroke("M48 26V79", p.line, 1.3)
    else:
        p.halves("M48 20H36Q32 36 33 50L30 80Q38 83 48 82Z")
        p.stroke("M54 52Q55 68 57 80", p.line, 1.6)
        p.twin_stroke("M37 27Q39 33 35 36", p.line, 1.3)
    p.rect(36, 19, 24, 5.5, p.dark, 1.2)


def tshirt(p: Pen) -> None:
    """Draw a T-shirt: plain, striped, or with a collar."""
    _top(p, "short", hem=79)
    if p.style == 1:
        for y in (34, 43, 52, 61, 70):
            p.rect(32, y, 32, 3.6, p.line if p.base != "#f6f5f1" else "#3a5078")
    p.path("M40 16Q48 27 56 16L53 15Q48 22 43 15Z", p.dark)
    p.twin_stroke("M16 42.5L24 47.6", p.line, 1.3)
    if p.style == 0:
        p.circle(40, 36, 2.6, p.accent)


def shirt(p: Pen) -> None:
    """Draw a men's shirt: four models, from business to French cuff."""
    _top(p, "long", hem=80, waist=31)
    if p.style == 1:
        for x in (36, 41, 55, 60):
            p.stroke(f"M{x} 26V79", p.line, 0.8)
        for y in (34, 44, 54, 64, 74):
            p.stroke(f"M31.5 {y}H64.5", p.line, 0.8)
    if p.style == 2:
        for x in (35, 39, 43, 53, 57, 61):
            p.stroke(f"M{x} 24V79", p.line, 0.7)
    p.rect(45.5, 24, 5, 56, p.light, 0.5)
    for y in (33, 43, 53, 63, 73):
        p.circle(48, y, 1.2, p.deep)
    p.path("M40 15L48 24L41.5 31L35 20ZM56 15L48 24L54.5 31L61 20Z", p.pale)
    p.stroke("M41.5 31L48 24L54.5 31", p.line, 1.1)
    p.rect(53.5, 36, 8, 9, p.dark, 1, 0.35)
    p.twin_stroke("M16 62.5L24.7 64.8", p.line, 2)
    if p.style == 3:
        p.circle(19, 66.4, 1.7, METAL)
        p.circle(77, 66.4, 1.7, METAL)


def suit(p: Pen) -> None:
    """Draw a jacket with shirt and tie."""
    p.halves(
        "M48 24L38 14Q27 17 23 23L16 66Q16 68 18 68.5L25 69.5Q27 69.5 27.3 67.5L31 47L30 82H46L48 78Z"
    )
    p.path("M40 15L48 50L56 15L52 14Q48 17 44 14Z", WHITE)
    tie = p.accent if p.accent != "#efe6d6" else "#7a2335"
    p.path("M46 20H50L51.5 26L50.5 44L48 49L45.5 44L44.5 26Z", tie)
    p.path("M48 54L38.5 14L31 20L36.5 32L33 35Z", p.light)
    p.path("M48 54L57.5 14L65 20L59.5 32L63 35Z", p.base)
    p.stroke("M48 54V79", p.line, 1.4)
    for y in (59, 67) if p.style else (60,):
        p.circle(50.5, y, 1.6, p.deep)
    p.stroke("M33 64H41M55 64H63", p.line, 1.8)
    p.path("M57 38L63 37V39.5H57Z", WHITE)


def jacket(p: Pen) -> None:
    """Draw a rain or quilted jacket with hood."""
    p.path("M34 22Q36 9 48 9Q60 9 62 22Q48 30 34 22Z", p.dark)
    _top(p, "long", hem=77, waist=30)
    p.path("M38 19Q48 12 58 19Q55 26 48 26Q41 26 38 19Z", p.deep)
    zip_colour = p.accent
    p.stroke("M48 26V76", zip_colour, 2)
    if p.style == 1:
        for y in (36, 46, 56, 66):
            p.stroke(f"M31.5 {y}Q40 {y + 2.5} 46 {y}M50 {y}Q56 {y + 2.5} 64.5 {y}", p.line, 1.3)
    else:
        p.path("M26 25Q30 19 39 17L46 26V36H28Z", p.light, 0.6)
        p.stroke("M34 58L40 52M62 58L56 52", zip_colour, 1.8)
    p.twin_stroke("M16 62.5L24.7 64.8", p.line, 2)


def fleece(p: Pen) -> None:
    """Draw a fleece with a high collar and contrast yoke."""
    _top(p, "long", hem=78, waist=31)
    p.rect(40, 11, 16, 11, p.dark, 3)
    p.path("M27 25Q30 20 40 17L48 22L56 17Q66 20 69 25L66 36H30Z", p.light)
    p.stroke(f"M48 12V{77 if p.style == 0 else 44}", p.deep, 1.8)
    p.rect(34, 42, 10, 8, p.dark, 1.5)
    for x, y in ((37, 58), (43, 66), (54, 54), (59, 64), (52, 71), (36, 70)):
        p.stroke(f"M{x} {y}q1.5 -1.5 3 0", p.line, 1.1)


def pyjama(p: Pen) -> None:
    """Draw pyjamas, or a dressing gown with its belt."""
    if p.style == 1:
        p.halves("M48 42L38 14Q29 17 25 23L15 58L25 62L31 46L27 84H48Z")
        p.path("M38 14L48 44L58 14L54 13L48 32L42 13Z", p.pale)
        p.rect(30.5, 50, 35, 5, p.dark, 1)
        p.path("M46 54L42 70L46 71L49 56L54 68L57 66L51 54Z", p.deep)
        return
    with p.moved(4, 0, 0.92):
        _top(p, "long", hem=62, waist=33)
        p.path("M40 16L48 30L56 16L60 20L48 36L36 20Z", p.pale)
        p.stroke("M48 34V61", p.line, 1.3)
    p.halves("M48 60H34L31 86H45L48 70Z", p.light, p.base)
    for x, y in ((36, 34), (42, 44), (55, 40), (60, 50), (36, 54), (38, 74), (57, 76)):
        p.circle(x, y, 1.3, p.pale)


def sport_shirt(p: Pen) -> None:
    """Draw a running shirt with side panels."""
    _top(p, "short" if p.style == 0 else "long", hem=79)
    p.path("M40 16Q48 25 56 16L53.5 15Q48 20 42.5 15Z", p.deep)
    p.path("M32 46L32 79H37Q34 60 36 44ZM64 46L64 79H59Q62 60 60 44Z", p.accent)
    p.stroke("M40 40L56 34M40 46L56 40", p.pale, 2)


def kids_tee(p: Pen) -> None:
    """Draw a child's top with whale, star or cloud."""
    with p.moved(3, 4, 0.94):
        _top(p, "short", hem=78, waist=31)
        p.path("M40 16Q48 26 56 16L53 15Q48 22 43 15Z", p.dark)
        if p.style == 0:
            p.path(
                "M36 54Q37 44 48 44Q57 45 60 52L64 47Q66 54 60 58Q54 63 46 62Q37 62 36 54Z", p.pale
            )
            p.circle(42, 53, 1.4, INK)
            p.stroke("M44 41Q42 37 39 38M44 41Q46 37 49 38", p.pale, 1.6)
        elif p.style == 1:
            p.path(
                "M48 38L51.7 47.5L62 48L54 54.5L57 64.5L48 58.7L39 64.5L42 54.5L34 48L44.3 47.5Z",
                "#f3cf5e",
            )
        else:
            p.path(
                "M38 58Q32 58 33 52Q34 47 39 48Q42 41 49 43Q54 44 55 49Q62 48 62 54Q62 58 57 58Z",
                WHITE,
            )
            p.stroke("M41 62V66M48 62V68M55 62V66", "#8fc0e0", 2)


def kids_trousers(p: Pen) -> None:
    """Draw dungarees or joggers."""
    if p.style == 0:
        p.twin_stroke("M40 36L37 15", p.dark, 3.4)
        p.halves("M48 32H38V46L32 48L30 84H44L48 60Z")
        p.rect(42, 37, 12, 9, p.line, 1.5)
        p.twin("M36 78H31L30.5 84H44L44.5 78Z", p.dark)
        p.circle(39.5, 34.5, 1.8, "#f0c75e")
        p.circle(56.5, 34.5, 1.8, "#f0c75e")
        return
    p.halves("M48 18H35L31 76Q31 82 34 83H42Q45 82 45 78L48 44Z")
    p.rect(35, 17, 26, 6, p.dark, 2)
    p.stroke("M46 23L44 32M50 23L52 31", p.pale, 1.4)
    p.twin_stroke("M32 78H45", p.line, 2.4)
    p.circle(38, 56, 4, p.accent)


def bodysuit(p: Pen) -> None:
    """Draw a baby's bodysuit."""
    sleeve = (
        "M48 26L40 18Q30 20 26 26L18 42L27 47L33 40"
        if p.style == 0
        else "M48 26L40 18Q30 20 27 26L18 54L26 57L33 42"
    )
    p.halves(f"{sleeve}L33 62Q36 76 43 80Q45 82 48 82Z")
    p.path("M40 18Q48 28 56 18L53 17Q48 23 43 17Z", p.pale)
    for x in (43.5, 48, 52.5):
        p.circle(x, 77, 1.2, p.deep)
    p.stroke("M35 64Q41 67 43 78M61 64Q55 67 53 78", p.line, 1.3)
    p.path(
        "M48 55L43.5 50.5Q41.5 47 44.5 45.5Q47 45 48 47.5Q49 45 51.5 45.5Q54.5 47 52.5 50.5Z",
        p.accent,
    )


def men_trousers(p: Pen) -> None:
    """Draw chinos or corduroys."""
    p.halves("M48 14H35L33 32L32.5 84H45L48 38Z")
    p.rect(35, 13, 26, 5, p.dark, 1)
    p.stroke("M48 18V34", p.line, 1.3)
    if p.style == 1:
        for x in (36, 39, 42):
            p.twin_stroke(f"M{x} 30L{x - 0.5:g} 82", p.line, 1)
    else:
        p.twin_stroke("M39.5 24L38.5 82", p.line, 1)
    p.twin_stroke("M37 19Q38 25 34.5 27", p.line, 1.4)
    p.twin_stroke("M32.5 80H45", p.line, 1.6)
    for x in (38, 58):
        p.rect(x - 1, 12.5, 2, 6, p.deep, 0.5)
    p.circle(48, 15.5, 1.2, p.pale)


DRAWINGS = {
    "blouse": blouse, "bodysuit": bodysuit, "coat": coat, "dress": dress, "fleece": fleece,
    "jacket": jacket, "jeans": jeans, "kids_tee": kids_tee, "kids_trousers": kids_trousers,
    "knit": knit, "men_coat": men_coat, "men_trousers": men_trousers, "pyjama": pyjama,
    "shirt": shirt, "skirt": skirt, "sport_shirt": sport_shirt, "suit": suit, "trench": trench,
    "trousers": trousers, "tshirt": tshirt,
}  # fmt: skip
