"""What a link worker's journeys cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from tests.measures.table import Measure, counted, journey
from tests.measures.walking import Counting, begin
from tests.web.client import sign_in
from tests.world import World
from workflows.people import save_plan

NUMBER = "999 000 0018"
BORN = date(1951, 3, 15)


@journey("New referral, new person", writing=90, fields=24, pages=11, activations=30, minutes=6)
def new_person(w: World) -> Counting:
    """As one usually is: by NHS number, with a phone number and both consents."""
    walk = begin(w, "priya", "/")
    walk.press("Make a referral")
    walk.fill(nhs_number=NUMBER).press("Continue")
    walk.fill(given_name="Margaret", family_name="Okoro", birth_date=BORN).press("Continue")
    walk.fill(phone="07700 900982").press("Continue")
    walk.fill(contact_method="phone", message_safe="yes").press("Continue")
    walk.fill(what_matters="To sing again").press("Continue")
    walk.fill(needs=["company"]).press("Continue")
    walk.press("Continue")
    walk.fill(risks="none").press("Continue")
    walk.fill(group_id=w.group["choir"]).press("Continue")
    walk.fill(share="yes", practice="yes", how="in_person").press("Continue")
    walk.press("Send the referral")
    assert walk.banner.startswith("Sent to Riverside Singers"), walk.banner
    return walk


@journey("New referral, new person, the least that can be said", answers=12)
def least(w: World) -> Counting:
    walk = begin(w, "priya", "/")
    walk.press("Make a referral")
    walk.fill(nhs_number=NUMBER).press("Continue")
    walk.fill(given_name="Margaret", family_name="Okoro", birth_date=BORN).press("Continue")
    walk.fill(phone="07700 900982").press("Continue")
    walk.fill(contact_method="phone").press("Continue")
    walk.fill(what_matters="To sing again").press("Continue")
    walk.fill(needs=["company"]).press("Continue")
    walk.press("Continue")
    walk.fill(risks="none").press("Continue")
    walk.fill(group_id=w.group["choir"]).press("Continue")
    walk.fill(share="yes", how="in_person").press("Continue")
    walk.press("Send the referral")
    assert walk.banner.startswith("Sent to Riverside Singers"), walk.banner
    return walk


@journey("New referral, known person", writing=90, fields=9, pages=6, minutes=3.5)
def known_person(w: World) -> Counting:
    """From their own page, where what is known is asked about once."""
    person = w.person(contact_method="phone", access_needs="No stairs")
    with w.store.begin(w.actor["priya"]) as tx:
        plan = {"what_matters": "Singing again", "needs": ["company"]}
        save_plan(tx, w.actor["priya"], w.at, person, plan)
    walk = begin(w, "priya", f"/people/{person}")
    walk.press("Start a new referral")
    walk.fill(risks="none").press("Yes, this is right. Continue")
    walk.fill(what_matters="To sing again").press("Continue")
    walk.fill(needs=["company"]).press("Continue")
    walk.fill(group_id=w.group["choir"]).press("Continue")
    walk.fill(share="yes", practice="yes", how="in_person").press("Continue")
    walk.press("Send the referral")
    assert walk.banner.startswith("Sent to Riverside Singers"), walk.banner
    return walk


@journey("Rematch after a decline, from My work", activations=3)
def rematch(w: World) -> Counting:
    person = w.person()
    w.consent(person, "clay")
    record = w.sent(person)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    walk = begin(w, "priya", "/")
    walk.press("Rematch")
    walk.fill(group_id=w.group["pottery"]).press("Refer on")
    assert walk.banner.startswith("Sent to Clay Table"), walk.banner
    return walk


@journey("Record a withdrawal of consent", pages=2)
def withdrawal(w: World) -> Counting:
    """From the referral it is about."""
    walk = begin(w, "priya", f"/referrals/{w.sent()}")
    walk.press("Change or take back")
    walk.press("They take their consent back")
    walk.press("Take it back")
    assert walk.banner.startswith("Consent is taken back"), walk.banner
    return walk


@journey("Raise a concern, the least that can be said", answers=2)
def concern(w: World) -> Counting:
    walk = begin(w, "priya", f"/referrals/{w.sent()}")
    walk.press("Raise a safeguarding concern")
    walk.fill(danger="no", seen="A bruise on her arm").press("Raise the concern")
    assert "Nobody has seen this yet" in walk.words
    return walk


@counted("Raise a concern, from any page of a referral")
def concern_is_near(w: World) -> Iterator[Measure]:
    """Every page that a referral's own page leads to has the link."""
    record = w.active()
    visitor = sign_in(w, "priya")
    home = visitor.get(f"/referrals/{record}").text
    pages = {f"/referrals/{record}", *re.findall(rf'href="(/referrals/{record}[^"#]*)"', home)}
    assert len(pages) > 3
    pages -= {f"/referrals/{record}/concern", f"/referrals/{record}?as=pdf"}
    far = [p for p in pages if not re.search(r'href="/[^"]*/concern["?]', visitor.get(p).text)]
    yield Measure("Raise a concern: pages of a referral without its link", 0, len(far))
