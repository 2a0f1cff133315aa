"""Colours by name: what a customer calls them in two languages, and what the pictures paint."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour of the assortment: names for people, hexadecimal sRGB for the pictures."""

    de: str
    en: str
    rgb: str


COLOURS: dict[str, Colour] = {
    "amber": Colour("bernstein", "amber", "#d08a2e"),
    "anthracite": Colour("anthrazit", "anthracite", "#454a52"),
    "berry": Colour("beere", "berry", "#8e2150"),
    "black": Colour("schwarz", "black", "#2b2b31"),
    "bordeaux": Colour("bordeaux", "burgundy", "#7a2335"),
    "brick": Colour("ziegel", "brick", "#a8402f"),
    "camel": Colour("camel", "camel", "#c19a6b"),
    "cobalt": Colour("kobaltblau", "cobalt blue", "#2f5fc4"),
    "cognac": Colour("cognac", "cognac", "#a9622f"),
    "coral": Colour("koralle", "coral", "#ee7560"),
    "cream": Colour("creme", "cream", "#efe4cb"),
    "darkbrown": Colour("dunkelbraun", "dark brown", "#5b3d2b"),
    "denim": Colour("jeansblau", "denim blue", "#4a6c96"),
    "gold": Colour("gold", "gold", "#cfa545"),
    "grey": Colour("grau", "grey", "#98a0a8"),
    "indigo": Colour("indigo", "indigo", "#2c3a63"),
    "lightdenim": Colour("hellblau gewaschen", "light wash", "#93b3d1"),
    "lilac": Colour("flieder", "lilac", "#b39bd6"),
    "mint": Colour("mint", "mint", "#7fcbb2"),
    "mustard": Colour("senfgelb", "mustard", "#dba637"),
    "navy": Colour("marine", "navy", "#2b3c63"),
    "nude": Colour("nude", "nude", "#cf9c84"),
    "olive": Colour("oliv", "olive", "#77784a"),
    "pine": Colour("tannengrün", "pine green", "#2f6150"),
    "pink": Colour("pink", "pink", "#dd5691"),
    "plum": Colour("pflaume", "plum", "#6a3262"),
    "powder": Colour("puder", "powder pink", "#e6c3b8"),
    "rose": Colour("rosé", "rose", "#dd9aa3"),
    "rosegold": Colour("roségold", "rose gold", "#d29c8a"),
    "rosewood": Colour("rosenholz", "rosewood", "#a4525a"),
    "ruby": Colour("rubinrot", "ruby red", "#b51f38"),
    "sage": Colour("salbei", "sage", "#9db39a"),
    "sand": Colour("sand", "sand", "#d5c2a1"),
    "silver": Colour("silber", "silver", "#b9c1c9"),
    "skyblue": Colour("hellblau", "sky blue", "#97c1e6"),
    "terracotta": Colour("terrakotta", "terracotta", "#c56b4b"),
    "tortoise": Colour("schildpatt", "tortoiseshell", "#7e5330"),
    "white": Colour("weiß", "white", "#f6f5f1"),
}

# Lip and skin shades with number and name, as they stand on the pack.
SHADES: dict[str, list[tuple[str, str]]] = {
    "lips": [
        ("01 Nude Silk", "#cf9c84"),
        ("02 Rosewood", "#a4525a"),
        ("03 Coral Kiss", "#e5624e"),
        ("04 Ruby", "#b51f38"),
        ("05 Brick", "#a8402f"),
        ("06 Berry", "#8e2150"),
        ("07 Plum", "#6a3262"),
        ("08 Pink Peony", "#dd5691"),
    ],
    "skin": [
        ("10 Porcelain", "#f3dcc9"),
        ("20 Ivory", "#ebcbb0"),
        ("30 Sand", "#dcb38f"),
        ("40 Honey", "#c6926a"),
        ("50 Caramel", "#a56f49"),
        ("60 Chestnut", "#7d4f33"),
        ("70 Espresso", "#55341f"),
    ],
}

SIZES: dict[str, list[str]] = {
    "women": ["34", "36", "38", "40", "42", "44", "46"],
    "men": ["46", "48", "50", "52", "54", "56"],
    "alpha": ["XS", "S", "M", "L", "XL", "XXL"],
    "collar": ["38", "39", "40", "41", "42", "43", "44"],
    "bra": ["70A", "70B", "75B", "75C", "80B", "80C", "85D"],
    "gloves": ["S", "M", "L"],
    "belt": ["75", "85", "95", "105"],
    "kids": ["92", "104", "116", "128", "140", "152"],
    "baby": ["50/56", "62/68", "74/80", "86/92"],
    "nappies": ["2", "3", "4", "5", "6"],
    "shoes": ["36", "37", "38", "39", "40", "41", "42", "43", "44", "45"],
    "shoes-women": ["36", "37", "38", "39", "40", "41"],
    "shoes-men": ["40", "41", "42", "43", "44", "45", "46"],
    "shoes-kids": ["24", "26", "28", "30", "32", "34"],
    "socks": ["35–38", "39–42", "43–46"],
    "helmet": ["S/M", "L/XL"],
    "weights": ["2 kg", "4 kg", "8 kg", "12 kg"],
    "pots": ["16 cm", "20 cm", "24 cm"],
    "pans": ["20 cm", "24 cm", "28 cm"],
    "duvet": ["135 × 200", "155 × 220", "200 × 200"],
    "sheet": ["90 × 200", "140 × 200", "180 × 200"],
    "pillow": ["40 × 80", "80 × 80"],
}
