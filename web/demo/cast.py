"""Who and what there is in the demo. Everybody and everything here is invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from referral.states import Role
from workflows.session_days import weekdays

SYSTEM = "Saltmere"


@dataclass(frozen=True)
class Member:
    """Somebody who can sign in: `key@saltmere.example`."""

    key: str
    name: str
    organisation: str
    role: Role
    place: str | None = None


PLACES = ("Harbour", "Fen", "Moor")
ORGANISATIONS: tuple[tuple[str, str, str, str], ...] = (
    ("ash", "Ash Lane Surgery", "practice", "Harbour"),
    ("fenside", "Fenside Surgery", "practice", "Fen"),
    ("moor", "Moorgate Community Trust", "voluntary", "Moor"),
    ("harbour_board", "Harbour Partnership", "board", "Harbour"),
    ("fen_board", "Fen Partnership", "board", "Fen"),
    ("moor_board", "Moor Partnership", "board", "Moor"),
    ("singers", "Riverside Singers", "provider", "Harbour"),
    ("dance", "Steady Steps", "provider", "Harbour"),
    ("clay", "The Clay Table", "provider", "Harbour"),
    ("garden", "Harbour Garden", "provider", "Harbour"),
    ("readers", "Page Turners", "provider", "Harbour"),
    ("theatre", "Tide Theatre", "provider", "Harbour"),
)
MEMBERS = (
    Member("priya", "Priya Shah", "ash", Role.LINK_WORKER),
    Member("sam", "Sam Okafor", "ash", Role.LINK_WORKER),
    Member("tess", "Tess Marsh", "ash", Role.TEAM_LEAD),
    Member("gwen", "Gwen Hardy", "ash", Role.SAFEGUARDING_LEAD),
    Member("olu", "Olu Adeyemi", "fenside", Role.LINK_WORKER),
    Member("tom", "Tom Hale", "fenside", Role.TEAM_LEAD),
    Member("bron", "Bronwen Rees", "moor", Role.LINK_WORKER),
    Member("dev", "Dev Patel", "fenside", Role.LINK_WORKER),
    Member("lena", "Lena Frost", "moor", Role.LINK_WORKER),
    Member("mo", "Mo Khan", "moor", Role.TEAM_LEAD),
    Member("sol", "Sol Rivers", "singers", Role.PROVIDER_LEADER),
    Member("rae", "Rae Lister", "singers", Role.PROVIDER_LEADER),
    Member("dana", "Dana Moss", "dance", Role.PROVIDER_LEADER),
    Member("kit", "Kit Bowen", "clay", Role.PROVIDER_LEADER),
    Member("hana", "Hana Gill", "garden", Role.PROVIDER_LEADER),
    Member("petra", "Petra Lund", "readers", Role.PROVIDER_LEADER),
    Member("toby", "Toby Wells", "theatre", Role.PROVIDER_LEADER),
    Member("grace", "Grace Amos", "harbour_board", Role.GOVERNANCE_LEAD, "Harbour"),
    Member("paul", "Paul Sweet", "harbour_board", Role.SAFEGUARDING_LEAD, "Harbour"),
    Member("fred", "Fred Nash", "fen_board", Role.GOVERNANCE_LEAD, "Fen"),
    Member("fleur", "Fleur Day", "fen_board", Role.SAFEGUARDING_LEAD, "Fen"),
    Member("max", "Max Orr", "moor_board", Role.SAFEGUARDING_LEAD, "Moor"),
    Member("mina", "Mina Roy", "moor_board", Role.GOVERNANCE_LEAD, "Moor"),
    Member("gail", "Gail Stone", "board", Role.GOVERNANCE_LEAD, "root"),
    Member("seth", "Seth Vane", "board", Role.SAFEGUARDING_LEAD, "root"),
    Member("ingrid", "Ingrid Falk", "board", Role.INFORMATION_GOVERNANCE_LEAD, "root"),
    Member("amara", "Amara Cole", "board", Role.ACCOUNTABLE_OFFICER, "root"),
    Member("ada", "Ada Fry", "board", Role.ADMINISTRATOR, "root"),
    Member("alma", "Alma Reyes", "board", Role.AUDITOR, "root"),
    Member("nell", "Nell Hart", "board", Role.COMMISSIONER, "root"),
)
# What an activity asks of everybody before a place is given.
ASKS: dict[str, tuple[str, ...]] = {
    "choir": ("Do you use oxygen?",),
    "steps": ("Have you fallen in the last six months?",),
}
# (key of the organisation, key of the activity, size of provider, name, what, when, where, places)
ACTIVITIES: tuple[tuple[str, str, str, str, str, str, str, int], ...] = (
    (
        "singers",
        "choir",
        "small_group",
        "Singing for breathing",
        "Gentle singing for people whose breath is short. No need to read music.",
        "Thursdays, 2pm to 3:30pm",
        "Harbour Hall, Quay Street. Step-free, hearing loop.",
        16,
    ),
    (
        "singers",
        "evening",
        "small_group",
        "Evening singing",
        "Songs everybody knows, for people who work in the day.",
        "Tuesdays, 7pm to 8:30pm",
        "Harbour Hall, Quay Street. Step-free, hearing loop.",
        12,
    ),
    (
        "dance",
        "steps",
        "small_group",
        "Dance for steadiness",
        "Dance to build balance and confidence after a fall.",
        "Tuesdays, 10:30am to 11:30am",
        "The Drill Hall, Bell Lane. Step-free.",
        2,
    ),
    (
        "clay",
        "pottery",
        "sole_artist",
        "The pottery table",
        "Six people, one table, and time to make something.",
        "Mondays, 1pm to 3pm",
        "Unit 4, Boatyard Studios. Ground floor.",
        6,
    ),
    (
        "garden",
        "garden",
        "small_group",
        "Garden mornings",
        "Growing things together, at your own pace, whatever the weather.",
        "Wednesdays and Fridays, 10am to midday",
        "Harbour Garden, Mill Road. Firm paths, a warm hut.",
        10,
    ),
    (
        "readers",
        "reading",
        "small_group",
        "Shared reading",
        "A story read aloud, and talk about whatever it brings up.",
        "Fridays, 2pm to 3:30pm",
        "Harbour Library, first floor, lift.",
        8,
    ),
    (
        "theatre",
        "theatre",
        "small_group",
        "Saturday stage",
        "Making a short play together.",
        "Saturdays, 11am to 1pm",
        "Tide Theatre, back entrance, step-free.",
        12,
    ),
)
# Saltmere's own postcodes: YY is no postcode area, and they lie in the sea.
DIRECTORY = """\
pcds,lsoa21cd,lat,long
YY1 1AA,E01999901,52.0000,2.2000
YY1 1AB,E01999901,52.0045,2.1920
YY1 2LB,E01999902,52.0110,2.2110
YY1 3NR,E01999903,52.0230,2.1800
YY2 4BY,E01999904,51.9850,2.2390
YY2 5DH,E01999905,52.0650,2.2700
YY3 6HN,E01999906,52.0080,2.2020
YY3 6FN,E01999907,52.0900,2.1500
YY4 7LP,E01999908,51.9000,2.3000
"""
INDICES = """\
LSOA code (2021),Index of Multiple Deprivation (IMD) Decile
E01999901,1
E01999902,3
E01999903,8
E01999904,5
E01999905,6
E01999906,2
E01999907,4
E01999908,10
"""
# Who lives in Saltmere: invented like all of it.
RESIDENTS = """\
kind,group,number,source
age,18 to 34,19400,"Saltmere's invented census, 21 March 2021"
age,35 to 49,17900,"Saltmere's invented census, 21 March 2021"
age,50 to 64,18300,"Saltmere's invented census, 21 March 2021"
age,65 to 79,13100,"Saltmere's invented census, 21 March 2021"
age,80 and over,5200,"Saltmere's invented census, 21 March 2021"
ethnic_group,asian,6900,"Saltmere's invented census, 21 March 2021"
ethnic_group,black,3200,"Saltmere's invented census, 21 March 2021"
ethnic_group,mixed,2400,"Saltmere's invented census, 21 March 2021"
ethnic_group,white,77600,"Saltmere's invented census, 21 March 2021"
ethnic_group,other,1300,"Saltmere's invented census, 21 March 2021"
disability,yes,16900,"Saltmere's invented census, 21 March 2021"
disability,no,74500,"Saltmere's invented census, 21 March 2021"
fifth,1,24800,"Saltmere's invented indices, 2025"
fifth,2,20300,"Saltmere's invented indices, 2025"
fifth,3,18100,"Saltmere's invented indices, 2025"
fifth,4,15700,"Saltmere's invented indices, 2025"
fifth,5,12500,"Saltmere's invented indices, 2025"
"""
# Where each activity is, and in turn where people live: some have no home, and some postcodes are
# in no table.
POSTCODES: dict[str, str] = {
    "choir": "YY1 1AA",
    "evening": "YY1 1AA",
    "steps": "YY2 5DH",
    "pottery": "YY2 4BY",
    "garden": "YY1 3NR",
    "reading": "YY1 2LB",
}
HOMES = ("YY3 6HN", "YY1 1AB", "YY3 6FN", "ZZ99 3VZ", "YY1 2LB", "YY4 7LP", "YY9 9YY")
# How one gets there, as the leaders say it.
GETTING_THERE: dict[str, str] = {
    "choir": "Bus 14 stops outside, every 15 minutes. Free parking behind the hall.",
    "evening": "Bus 14 stops outside until 9pm. Free parking behind the hall.",
    "steps": "Bus 3 or 14 to Bell Lane, then 2 minutes on the flat. No parking, but one may be"
    " dropped off at the door.",
    "garden": "Bus 7 to Mill Road, then 5 minutes along the canal path.",
}
LEADER = {
    "choir": "sol",
    "evening": "rae",
    "steps": "dana",
    "pottery": "kit",
    "garden": "hana",
    "reading": "petra",
    "theatre": "toby",
}
PROVIDER_OF = {activity: organisation for organisation, activity, *_ in ACTIVITIES}

# (key, name, what they do): the doors of the demo's first page.
DOORS = (
    ("priya", "Priya Shah", "link worker at Ash Lane Surgery"),
    ("tess", "Tess Marsh", "team lead at Ash Lane Surgery"),
    ("kit", "Kit Bowen", "potter, The Clay Table"),
    ("sol", "Sol Rivers", "leader of Riverside Singers"),
    ("rae", "Rae Lister", "leader of Riverside Singers"),
    ("gwen", "Gwen Hardy", "safeguarding lead at Ash Lane Surgery"),
    ("grace", "Grace Amos", "governance lead for Harbour"),
    ("ingrid", "Ingrid Falk", "information governance lead of Saltmere"),
    ("ada", "Ada Fry", "administrator of Saltmere"),
    ("alma", "Alma Reyes", "auditor of Saltmere"),
    ("amara", "Amara Cole", "accountable officer of Saltmere"),
    ("nell", "Nell Hart", "commissioner of Saltmere: numbers, and nobody's record"),
)
NEEDS = ("loneliness", "bereavement", "long_term_condition", "confidence", "moving_more")
PEOPLE: tuple[tuple[str, str, date, str], ...] = (
    ("Margaret", "Okoro", date(1951, 3, 15), "To sing again. I used to, before John died."),
    ("Derek", "Lowe", date(1948, 7, 2), "To have somewhere to be on a Thursday."),
    ("Winifred", "Abara", date(1944, 11, 20), "Not to be afraid of the stairs."),
    ("Samuel", "Pike", date(1979, 1, 9), "Something to do with my hands that is not a screen."),
    ("Adaeze", "Nwosu", date(1966, 5, 30), "To make a bowl for my daughter."),
    ("Leonard", "Finch", date(1957, 9, 12), "To be outside with people who don't ask questions."),
    ("Ruth", "Adler", date(1939, 2, 27), "To talk about books with somebody who has read them."),
    ("Colin", "Shaw", date(1952, 12, 5), "To dance at my grandson's wedding."),
    ("Beryl", "Tan", date(1946, 6, 18), "To breathe more easily, and laugh."),
    ("Hugo", "Stein", date(1961, 10, 3), "To learn one song all the way through."),
    ("Joan", "Petrie", date(1950, 4, 22), "To walk to the shop again without holding the wall."),
    ("Musa", "Bello", date(1985, 8, 14), "To grow okra. My mother did."),
    ("Elsie", "Crane", date(1938, 1, 31), "To see the same faces every week."),
    ("Victor", "Hall", date(1972, 3, 8), "To be in a choir that will have me."),
    ("Nora", "Quinn", date(1949, 5, 6), "To get out of the flat before it gets dark."),
    ("Tariq", "Aziz", date(1990, 11, 11), "To think about something other than the accident."),
    ("Ivy", "Lam", date(1955, 7, 25), "To be read to, the way my father did."),
    ("Peter", "Dunn", date(1964, 2, 14), "To play the trumpet with others."),
    ("Sylvia", "North", date(1943, 9, 9), "To have an afternoon that is mine."),
    ("Arthur", "Bright", date(1936, 12, 24), "To hold a tune as long as I can hold my breath."),
    ("Mei", "Tan", date(1978, 4, 4), "To be somewhere quiet with other people."),
    ("Gordon", "Fell", date(1953, 10, 19), "To get up for something."),
    ("Padma", "Iyer", date(1969, 6, 1), "To move without thinking about my knee."),
    ("Oscar", "Wren", date(1981, 8, 28), "To learn a trade for my hands."),
    ("Hilda", "Moss", date(1940, 3, 3), "To sing the hymns I know."),
)

# How some of them want to be reached, where it is not as for the rest.
REACHED: dict[str, dict[str, str]] = {
    "Nora": {"contact_times": "Mornings, before her son comes"},
    "Hilda": {
        "contact_method": "someone_else",
        "through_name": "Ann Moss, her niece",
        "through_phone": "07700 900196",
    },
}


def test_number(n: int) -> str:
    """The n-th NHS number of the range kept for tests (999...), with a valid check digit."""
    body = 0
    while True:
        digits = f"999{body:06d}"
        check = 11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            if n == 0:
                return digits + str(0 if check == 11 else check)
            n -= 1
        body += 7


# The weekdays of each activity, as its words say them.
MEETS = {row[1]: weekdays(row[5]) or frozenset(range(7)) for row in ACTIVITIES}

# (given name, family name, born, language): held by the team of Fen.
OF_A_SEASON: tuple[tuple[str, str, int, str], ...] = (
    *(("Agnes", "Vale", 1941, "English"), ("Bogdan", "Zielinski", 1958, "Polish")),
    *(("Clive", "Rook", 1949, "English"), ("Danuta", "Wrona", 1962, "Polish")),
    *(("Edith", "Farrow", 1937, "English"), ("Fergus", "Lyle", 1953, "English")),
    *(("Greta", "Holm", 1946, "English"), ("Halina", "Sroka", 1955, "Polish")),
    *(("Ivor", "Penn", 1944, "English"), ("Jadwiga", "Kruk", 1960, "Polish")),
    *(("Keith", "Marlow", 1951, "English"), ("Lidia", "Czajka", 1959, "Polish")),
    *(("Mabel", "Stone", 1939, "English"), ("Nigel", "Frost", 1963, "English")),
    *(("Olive", "Birch", 1945, "English"), ("Pawel", "Wilk", 1957, "Polish")),
    *(("Queenie", "Dale", 1942, "English"), ("Renata", "Sowa", 1961, "Polish")),
    *(("Sidney", "Thorn", 1948, "English"), ("Teresa", "Bocian", 1956, "Polish")),
    *(("Una", "Kerr", 1988, "English"), ("Walter", "Ash", 1943, "English")),
    *(("Yvonne", "Reed", 1982, "English"), ("Zofia", "Lis", 1954, "Polish")),
    *(("Alfie", "Crow", 1979, "English"), ("Bertha", "Moor", 1940, "English")),
)
