"""Guests and cards as a store would see them, for the tests of pages."""

from dataclasses import replace

from edge.adapters.http.ports import Because
from edge.core.board import (
    Allowed,
    Contact,
    OnShelf,
    Place,
    Reason,
    ScreenCard,
    Suppressed,
    Why,
)
from edge.core.catalog import Text
from edge.core.contributions import Share
from edge.core.explanation import Price
from tests.http_box import NOW_S

WEEK_S = 7 * 86_400

WOMEN = Place("women", Text("Damen", "Women"))
SHOES = Place("shoes", Text("Schuhe & Accessoires", "Shoes and accessories"))

SCARF = ScreenCard(
    card_id="d1-0",
    decision_id="d1",
    kind="item",
    item_id="scarf-03",
    name=Text("Kaschmirschal »Lova«, grau", "Cashmere scarf “Lova”, grey"),
    brand="Terracina",
    price_cents=10_195,
    currency="EUR",
    offer=None,
    picture="/pictures/scarf-03.svg",
    aisle="EG 25",
    zone=SHOES,
    stock=OnShelf(7, (), None),
    text=None,
    why=(
        Reason(Text("Passt dazu: Wintermantel", "Goes with: winter coat"), "receipts", 3 * WEEK_S),
        Reason(Text("Liegt gleich hier in der Abteilung", "Right here"), "zone", 240),
    ),
    allowed=Allowed("profile", Text("Sie haben zugestimmt.", "You agreed.")),
    controls=("less", "never", "correct", "opt_out"),
    suppressed=(
        Suppressed(
            Text("Wintermantel »Elbe«", "Winter coat “Elbe”"),
            "not_due",
            Text("Vor Kurzem gekauft", "Bought recently"),
        ),
    ),
    lease_s=60,
)

GLOVES = replace(
    SCARF,
    card_id="d1-1",
    item_id="gloves-01",
    name=Text("Lederhandschuhe »Tove«, schwarz", "Leather gloves “Tove”, black"),
    brand="Maison Ilse",
    price_cents=5_995,
    offer=Price(Text("Wintertage: 20 % günstiger", "Winter days: 20 % off"), 4_795),
    picture="/pictures/gloves-01.svg",
    stock=OnShelf(3, ("S", "M"), "M"),
    why=(Reason(Text("Wird hier gern gekauft", "A favourite in this store"), "sales", 86_400),),
    suppressed=(),
)

# What counted for the two of them.
OF_SCARF = Because(
    "", "d1-0", (Share("history", 0.62), Share("zone", 0.26), Share("popularity", -0.12))
)
OF_GLOVES = Because(
    "",
    "d1-1",
    (Share("popularity", 0.55), Share("others", 0.29), Share("basket", 0.1), Share("zone", 0.06)),
    adds_up=False,
    overlap=0.23,
)

# A guest without a name, with everything a guest can have.
SHOPPER = Contact(
    contact_id="v1",
    title=Text("Gast in Damen", "Guest in Women"),
    zone=WOMEN,
    since_s=NOW_S - 6 * 60,
    language="en",
    insights=(
        Reason(
            Text("Eigene Angabe: mag Schals", "Own words: likes scarves"), "stated", 26 * WEEK_S
        ),
        Reason(Text("Seit 4 Min. in dieser Abteilung", "Here for 4 min"), "zone", 240),
        Reason(Text("2 Artikel im Korb", "2 in the basket"), "basket", None),
    ),
    cards=(SCARF, GLOVES),
)

# A guest who allowed to be greeted by name, and has no card.
NAMED = Contact(
    contact_id="v2",
    title=Text("Frau Öztürk", "Ms Öztürk"),
    zone=SHOES,
    since_s=NOW_S - 17 * 60,
    language="de",
    empty=Why("quiet_after_entry", Text("Erst einmal ankommen lassen", "Let them arrive first")),
)
