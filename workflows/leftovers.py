"""What is cleared away once it has served, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral import leftovers
from referral.actors import the_system
from referral.audit import log
from referral.states import Noun
from referral.store import Tx

ANSWERS = timedelta(hours=48)  # a repeat of the same request comes in minutes
LETTERS = timedelta(days=30)
BEGINNINGS = timedelta(days=30)  # said on the page where one is found again
BATCH = 500


def clear(tx: Tx, at: datetime, n: int = BATCH) -> int:
    """Clear up to `n` rows of each kind, so that nobody waits long behind it. How many went: none
    when there is nothing more to clear."""
    begun = leftovers.forget_beginnings(tx, at - BEGINNINGS, n)
    for record_id, system_id, subject in begun:
        system = the_system(system_id, "cleared")
        log(tx, system, at, "referral_not_begun", str(Noun.REFERRAL), record_id, subject=subject)
    answers = leftovers.forget_answers(tx, at - ANSWERS, n)
    return len(begun) + answers + leftovers.forget_letters(tx, at - LETTERS, n)
