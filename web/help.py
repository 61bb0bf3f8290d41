"""Help: how each thing is done, by its title, for those who do it, and on the pages where it is
done."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from referral.states import Role
from web.access import GOVERNANCE, REVIEWERS, STAFF, TEAM, public
from web.current import settings
from web.labels import said
from web.say import _
from web.signed_in import actor_or_none
from workflows.moves import N_

pages = Blueprint("help_pages", __name__)
HERE = 2
"""How many tasks a page names at its foot."""
MOST = 5
"""How many a search names; the page of help finds them all."""

PERSON = frozenset({Role.PERSON})
LEADERS = frozenset({Role.PROVIDER_LEADER})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
AUDITORS = frozenset({Role.AUDITOR})


class Task(NamedTuple):
    """Something people do. `where`: the addresses at which it is done, `*` for one part. `roles`
    None: for anybody, with an account or without."""

    slug: str
    title: str
    steps: tuple[str, ...]
    where: tuple[str, ...] = ()
    roles: frozenset[Role] | None = STAFF


class Group(NamedTuple):
    """Tasks that belong together."""

    title: str
    tasks: tuple[Task, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        N_("If you are the person"),
        (
            Task(
                "open-my-page",
                N_("Open your own page"),
                (
                    N_("Open the link we sent you, or type the code from your letter."),
                    N_("Type the word you agreed on with your link worker."),
                    N_(
                        "The link opens on one phone or computer. The same word opens it there"
                        " again."
                    ),
                    N_(
                        "If it opens nothing any more, ask there for a new one, or ring your link"
                        " worker's team."
                    ),
                ),
                ("/code",),
                PERSON,
            ),
            Task(
                "stop",
                N_("Say that you do not want this any more"),
                (
                    N_("Choose “I do not want this any more” on your own page."),
                    N_("You do not have to say why."),
                    N_("You can also ring your link worker, or write to them."),
                ),
                ("/mine/stop/*",),
                PERSON,
            ),
            Task(
                "not-safe",
                N_("Say that you are not safe"),
                (
                    N_("If you are in danger now, ring 999."),
                    N_("Choose “I am not safe” on your own page. Somebody reads it."),
                    N_("Ring the number on that page too. A person answers at this hour."),
                ),
                ("/mine/not-safe",),
                PERSON,
            ),
            Task(
                "ask-about-mine",
                N_("Ask about what is kept about you"),
                (
                    N_("Choose “Ask about what is kept about you” on your own page."),
                    N_("Say what you want: a copy, or something put right. It is free."),
                    N_("You get an answer within a month."),
                ),
                ("/mine/ask",),
                PERSON,
            ),
        ),
    ),
    Group(
        N_("Signing in and your account"),
        (
            Task(
                "sign-in",
                N_("Sign in"),
                (
                    N_(
                        "Use the email address you were invited with. Pasting and password"
                        " managers work."
                    ),
                    N_(
                        "After 10 wrong tries in a minute you wait a minute. Nothing is locked"
                        " for good."
                    ),
                    N_(
                        "You are signed out when a page is not used for a while. What you typed is"
                        " kept: sign in again and go on."
                    ),
                ),
                ("/sign-in",),
                None,
            ),
            Task(
                "first-sign-in",
                N_("Sign in for the first time"),
                (
                    N_("Open the link in the email that invited you. It works once, for 7 days."),
                    N_("Choose a password of 12 letters or more. Then sign in with it and with your"
                       " email address."),
                    N_("If the link does not work any more, ask whoever set up your account for"
                       " another."),
                ),
                ("/invitation/*",),
                None,
            ),
            Task(
                "forgot-my-password",
                N_("Get in when you forgot your password"),
                (
                    N_("Choose “I have forgotten my password” where you sign in, and enter your"
                       " email address."),
                    N_("Open the link in the email. It works once, for 1 hour."),
                    N_("Choose a new password of 12 letters or more. Then sign in with it."),
                    N_("If no email comes, ask whoever gave you your account for a new password."),
                ),
                ("/forgotten-password", "/choose-password/*"),
                None,
            ),
            Task(
                "second-step",
                N_("Sign in with a code from your phone"),
                (
                    N_("Open your account by your name at the top of each page, and choose “Second"
                       " step at sign-in”."),
                    N_("Point the camera of the app for codes at the picture, and enter the 6"
                       " numbers it shows."),
                    N_("Keep the 10 recovery codes apart from your phone: each signs you in one"
                       " time without it."),
                    N_("Without phone and codes, ask whoever gave you your account to take the"
                       " second step away."),
                    N_("Once it is on, you can add a passkey there: you unlock your phone, your"
                       " computer or a key that is plugged in, and need no code."),
                ),
                ("/account/second-step", "/account/second-step/set-up", "/sign-in/code"),
                None,
            ),
            Task(
                "language",
                N_("Read in English or Welsh"),
                (
                    N_("Press the name of the language at the foot of any page."),
                    N_("It is kept on this browser, and with your account if you have one."),
                    N_("Messages to you come in that language too."),
                ),
                (),
                None,
            ),
            Task(
                "change-role",
                N_("Work in another of your roles"),
                (
                    N_("Choose “Change role” at the top of the page."),
                    N_("Choose the role you work in now. You see only what that role sees."),
                ),
                ("/change-role",),
            ),
            Task(
                "notices",
                N_("Choose how you hear of things"),
                (
                    N_("Open your notices, then “Choose how you hear of things”."),
                    N_("Choose at once, once a day, or only here, for each kind."),
                    N_("What is about safety is always sent at once and cannot be switched off."),
                ),
                ("/notices", "/notices/how"),
            ),
        ),
    ),
    Group(
        N_("Referrals"),
        (
            Task(
                "see-what-needs-you",
                N_("See what needs you"),
                (
                    N_(
                        "The first page shows what needs you now, the most pressing first. Each"
                        " thing has one button that opens the right form."
                    ),
                    N_(
                        "Deadlines count working days in England. They stand still while something"
                        " is on hold."
                    ),
                    N_(
                        "If nobody answers in time, the referral goes back to a named person."
                        " Nothing ends in silence."
                    ),
                ),
                ("/",),
            ),
            Task(
                "remind-me-later",
                N_("Put something off your list for a while"),
                (
                    N_("Choose “Remind me later” beside it, a day, and why it can wait."),
                    N_("It comes back by itself on that morning. It stays due meanwhile."),
                    N_("What is about safety can wait until a day before it is due, no longer."),
                ),
                ("/reminders/*/*",),
                TEAM,
            ),
            Task(
                "make-a-referral",
                N_("Make a referral"),
                (
                    N_("Choose “Make a referral” and say whom it is for."),
                    N_("Answer in any order. Everything is saved as you go; come back any day."),
                    N_("It can be sent once the person has agreed. The last page names what is"
                       " missing."),
                ),
                ("/referrals/new", "/referrals/*/write", "/referrals/*/write/*"),
                TEAM,
            ),
            Task(
                "find",
                N_("Find someone"),
                (
                    N_(
                        "Search by reference, NHS number, name, phone number or date of birth. The"
                        " last 4 signs of a reference, the last 4 digits of a phone number, or a"
                        " month like March 1984 will do."
                    ),
                    N_(
                        "Accents and spaces do not matter, and names spelt nearly so are found."
                    ),
                    N_("You find only people and referrals you work with."),
                    N_("Of phone numbers only the person's own is found, not that of somebody close"
                       " to them."),
                ),
                ("/search", "/people", "/referrals"),
                TEAM | REVIEWERS,
            ),
            Task(
                "reassign",
                N_("Change who has a referral"),
                (
                    N_("Open the referral and choose “Change who has it”."),
                    N_("Choose the link worker. Both are told, and deadlines stay as they are."),
                    N_("To pass on everything of somebody who is leaving, open “Your team”."),
                ),
                ("/referrals/*/reassign", "/team/*/hand-over"),
                TEAM,
            ),
            Task(
                "refer-on",
                N_("Change where a referral goes to"),
                (
                    N_("A referral that was sent keeps its activity. Open it and choose “Refer"
                       " on”."),
                    N_("A new referral takes its place and is sent if the person has agreed."),
                ),
                ("/referrals/*/redirect",),
                TEAM,
            ),
            Task(
                "withdraw",
                N_("Stop a referral"),
                (
                    N_("Open it and choose “Stop this referral”, with the reason."),
                    N_("The provider is told today and no longer sees the person's details."),
                ),
                ("/referrals/*/withdraw",),
                TEAM,
            ),
            Task(
                "on-hold",
                N_("Understand “On hold”"),
                (
                    N_(
                        "“On hold” has many ordinary causes and always reads the same. Call the"
                        " link worker's team before any contact."
                    ),
                    N_("Nothing new is begun, the clocks wait, and the person's place is kept."),
                ),
                ("/referrals/*/hold",),
            ),
            Task(
                "messages",
                N_("Write to the team or group on the other side"),
                (
                    N_("Open the referral and choose “Messages”. The page says who reads it."),
                    N_("It is for what nobody has to decide. What must be answered before a"
                       " place can be given is a question: ask it there."),
                    N_("If somebody is in danger, do not write it: raise a concern and ring."),
                ),
                ("/referrals/*/messages",),
                TEAM | LEADERS,
            ),
            Task(
                "documents",
                N_("Put a document on a referral, or take one back"),
                (
                    N_("Open the referral and choose “Documents”. Say what it is and who may see"
                       " it, and choose the file."),
                    N_("The other side sees what is shared once a place is given, and no longer"
                       " when the person takes their agreement back."),
                    N_("Was it the wrong one? Choose “Take back” beside it. If it is about somebody"
                       " else, the file goes at once: ring whoever may have saved it."),
                ),
                ("/referrals/*/documents", "/referrals/*/documents/*/take-back"),
                TEAM | LEADERS,
            ),
            Task(
                "people-close",
                N_("Note who is close to a person"),
                (
                    N_("Ask the person when they are alone, and add them on the person's page."),
                    N_("Say whether the person lets us speak with them, and when they said so."),
                    N_("Whoever asks not to stand there is taken away: choose “End this”."),
                ),
                ("/people/*/relationships/add", "/relationships/*/change", "/relationships/*/end"),
                TEAM,
            ),
            Task(
                "equality",
                N_("Ask about ethnic group and disability"),
                (
                    N_("Where your place asks: choose “About equality” on the person's page and"
                       " read out why."),
                    N_("They need not answer. “Prefer not to say” is kept, and not asked again."),
                    N_("Keep only what they say themselves. They can take it back at any time."),
                    N_("Do they not want to be asked? Choose “They do not want to be asked again”"
                       " at the end of the page: what they said before goes, too."),
                ),
                ("/people/*/equality", "/people/*/equality/do-not-ask"),
                TEAM,
            ),
            Task(
                "join-records",
                N_("Join two records of one person"),
                (
                    N_("Open the record that stays and choose “Join with another record”."),
                    N_("Give the reference of the other. You see what happens before it does."),
                    N_("It cannot be taken apart again."),
                ),
                ("/people/*/join", "/people/*/join/*"),
                TEAM,
            ),
        ),
    ),
    Group(
        N_("Consent and safety"),
        (
            Task(
                "record-consent",
                N_("Record what somebody agreed to"),
                (
                    N_("Read the words on the page aloud, as they stand."),
                    N_("Write down the answer, how it was given and who else was there."),
                    N_("If you doubt that they can decide this, record an assessment first."),
                ),
                ("/people/*/consent",),
                TEAM,
            ),
            Task(
                "take-back-consent",
                N_("Record that consent is taken back"),
                (
                    N_("Open the consent and choose “Take back consent”."),
                    N_("The page says what stops. When you confirm, sharing stops at once."),
                    N_("Nobody has to give a reason."),
                ),
                ("/consents/*", "/consents/*/withdraw"),
                TEAM,
            ),
            Task(
                "who-sees-what",
                N_("Know who sees what"),
                (
                    N_(
                        "Before a place is given, a provider sees a first name, an age band, the"
                        " area, and what matters and is needed."
                    ),
                    N_(
                        "With a place given, they also see how to reach the person and what keeps"
                        " them safe."
                    ),
                    N_("When the person takes their consent back, sharing stops at once."),
                ),
            ),
            Task(
                "raise-a-concern",
                N_("Raise a safeguarding concern"),
                (
                    N_("If someone is in immediate danger, call 999. Then record it here."),
                    N_("Say what you saw and whether anyone is in danger now. The rest can wait."),
                    N_("Ring the number on the page. It stays red until a person has read it."),
                ),
                ("/referrals/*/concern", "/people/*/concern", "/providers/*/concern",
                 "/concerns/*"),
            ),
            Task(
                "share-for-safety",
                N_("Share something without consent, for safety"),
                (
                    N_("Ask the person first, unless asking would put somebody at risk."),
                    N_("Say what is shared, on which lawful ground and why it cannot wait."),
                    N_("Nothing is shared until a second person approves. It lasts a few days."),
                ),
                ("/people/*/share",),
                TEAM | REVIEWERS,
            ),
            Task(
                "open-in-an-emergency",
                N_("Open the record of a person another team holds"),
                (
                    N_("Only when you cannot reach that team and it cannot wait."),
                    N_("Somebody is told at once, and each page you open is reviewed."),
                ),
                ("/emergencies/open",),
                TEAM | frozenset({Role.SAFEGUARDING_LEAD}),
            ),
        ),
    ),
    Group(
        N_("Groups and activities"),
        (
            Task(
                "answer-a-referral",
                N_("Answer a referral"),
                (
                    N_("Open it from your inbox. You see a first name and what is needed."),
                    N_("Accept, ask a question, put them on your waiting list, or say that you"
                       " cannot take them."),
                    N_("Once you accept you see how to reach them. The link worker is told."),
                ),
                ("/referrals/*/accept", "/referrals/*/decline", "/referrals/*/ask"),
                LEADERS,
            ),
            Task(
                "get-in-touch",
                N_("Get in touch with somebody new"),
                (
                    N_("Their page has the number, and says whether a message may be left."),
                    N_("Once you have reached them, choose “First contact made”. You can say so"
                       " days later, with the day."),
                    N_("If nobody answers, choose “Tried, no answer”. The link worker is told, and"
                       " may know another way."),
                ),
                ("/referrals/*/contact", "/referrals/*/try-contact", "/referrals/*/start"),
                LEADERS,
            ),
            Task(
                "who-came",
                N_("Say who came"),
                (
                    N_("Open “Sessions” and choose the day."),
                    N_("Everyone is set to Came. Change those who did not, then save."),
                    N_("When somebody misses two in a row, ring them first if that is safe."),
                ),
                ("/sessions", "/sessions/*/*"),
                LEADERS,
            ),
            Task(
                "confirm-offers",
                N_("Keep your offers right"),
                (
                    N_("Link workers choose from this list. Say once a month that it is right."),
                    N_("If you are full, say that an activity takes nobody new for now."),
                ),
                ("/offers", "/offers/*", "/offers/add"),
                LEADERS,
            ),
            Task(
                "pause",
                N_("Take nobody new for a while"),
                (
                    N_("Open the activity under “Our offers” and choose “Pause new referrals”."),
                    N_("Give a day and it opens by itself. Those who have a place keep it."),
                ),
                ("/offers/*/pause",),
                LEADERS,
            ),
            Task(
                "hand-in-evidence",
                N_("Hand in insurance, checks and training"),
                (
                    N_("Open your own page under “Our offers”. It says what is missing."),
                    N_("Hand the paper in with its dates. It counts once it has been checked."),
                ),
                ("/providers/*/evidence/add", "/providers/*/apply"),
                LEADERS | GOVERNANCE,
            ),
            Task(
                "finish",
                N_("Finish with somebody"),
                (
                    N_("Open their referral and choose “Finish”."),
                    N_("Say how it went, whether their goals were met and what comes next."),
                    N_("You see the message to the link worker before it goes."),
                ),
                ("/referrals/*/complete",),
                LEADERS,
            ),
        ),
    ),
    Group(
        N_("Reviews and rules"),
        (
            Task(
                "escalate",
                N_("Take something to the next level"),
                (
                    N_("Open the record it is about and choose “Escalate”. A provider chooses “Ask"
                       " somebody else to decide”."),
                    N_("Say what was tried and what you need. The page says who gets it, and until"
                       " when."),
                    N_("If someone may be harmed, raise a safeguarding concern instead."),
                ),
                ("/referrals/*/escalate", "/providers/*/escalate"),
            ),
            Task(
                "decide-a-review",
                N_("Decide a review"),
                (
                    N_("Take it first, so that everybody knows who has it."),
                    N_("Choose a decision and what is to happen. You see what it does before it"
                       " does it."),
                    N_("What could not be done stays on the list, to be tried again."),
                    N_("Conditions stand with what the decision brings, so who has to keep to them"
                       " reads them. What is to be looked at again is on that month's agenda."),
                ),
                ("/escalations/*", "/escalations/*/decide"),
                REVIEWERS,
            ),
            Task(
                "assure-a-provider",
                N_("Assure a provider"),
                (
                    N_("Open the provider: what is missing or out of date stands at the top."),
                    N_("Check each paper you are handed, then assure, assure with conditions, or"
                       " do not."),
                ),
                ("/providers/*", "/assurance/*"),
                GOVERNANCE,
            ),
            Task(
                "change-a-rule",
                N_("Change a time limit, a list of reasons or the evidence asked for"),
                (
                    N_("Open “Policy” and the rule. You see who set it, and since when."),
                    N_("A rule never reaches back: what runs keeps the rule it began with."),
                    N_("You can ask people what they think before you change it."),
                ),
                ("/policy", "/policy/*/*", "/policy/*/*/change"),
            ),
            Task(
                "answer-about-own-information",
                N_("Answer somebody who asks about their own information"),
                (
                    N_("Take the request down on the person's page. The month counts from then."),
                    N_("Find out who asks, do what was asked, and say what was left out and why."),
                ),
                ("/rights", "/rights/*", "/people/*/rights"),
                TEAM | REVIEWERS,
            ),
        ),
    ),
    Group(
        N_("Accounts and the log"),
        (
            Task(
                "give-an-account",
                N_("Give somebody an account"),
                (
                    N_("Open their organisation and choose “Give somebody an account”."),
                    N_("A link goes to their email address. By it they choose their own password;"
                       " it works once, for 7 days."),
                    N_("Where no email is sent, you are shown a password: tell it to them in person"
                       " or by phone."),
                    N_("Somebody who has one gets another role on their page: “Give one more"
                       " role”."),
                    N_("See how far they are under “Users”, “Invited, no password yet”. On their"
                       " page you send the link again, or correct the address."),
                ),
                (
                    "/organisations/*/accounts/add",
                    "/users",
                    "/users/add",
                    "/users/*/invite",
                    "/users/*/role",
                    "/users/*/correct",
                ),
                ADMINISTRATORS,
            ),
            Task(
                "forgotten-password",
                N_("Help somebody who forgot their password"),
                (
                    N_("Tell them of “I have forgotten my password”, where they sign in: a link"
                       " comes by email. It works once, for 1 hour."),
                    N_("If no email comes: make sure that it is them. Ring the number you know, or"
                       " see them."),
                    N_("Open “Users”, their name, and choose to give a new password."),
                    N_("Tell it to them in person or by phone. They choose their own in their"
                       " account: their name at the top leads there."),
                ),
                ("/users", "/users/*", "/users/*/password"),
                frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD}),
            ),
            Task(
                "lost-phone",
                N_("Help somebody who lost the phone they sign in with"),
                (
                    N_("Ask whether they have a recovery code: it signs them in, and they set up"
                       " another phone themselves."),
                    N_("If not: make sure that it is them. Ring the number you know, or see them."),
                    N_("Open “Users”, their name, and choose to take the second step away. They are"
                       " told."),
                ),
                ("/users/*/second-step",),
                frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD}),
            ),
            Task(
                "suspend-an-account",
                N_("Suspend an account, or let it in again"),
                (
                    N_("Open “Users” and their name. You see what waits for them, and who sees"
                       " to it."),
                    N_("Choose “Suspend this account”. They are signed out at once."),
                    N_("Let them in again on the same page. Whoever leaves for good: end their"
                       " role instead."),
                ),
                ("/users/*", "/users/*/suspend"),
                frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD}),
            ),
            Task(
                "change-my-password",
                N_("Change your own password"),
                (
                    N_("Open your account by your name at the top of each page, and choose “Change"
                       " your password”."),
                    N_("Type the one you have now, and a new one of 12 letters or more."),
                ),
                ("/password", "/account"),
            ),
            Task(
                "new-wording",
                N_("Publish new words to read out for consent"),
                (
                    N_("Open “Wording”, the purpose and the language."),
                    N_("See what changes before you publish. Answers given before keep their"
                       " words."),
                ),
                ("/wording", "/wording/*/*"),
                ADMINISTRATORS,
            ),
            Task(
                "read-the-log",
                N_("See who did what, and when"),
                (
                    N_("Open “Audit”. The first line says whether the log is whole."),
                    N_("Narrow it by person, record, kind, organisation and days."),
                    N_("That you read it is written in the log too."),
                ),
                ("/audit", "/audit/*"),
                AUDITORS | GOVERNANCE | frozenset({Role.INFORMATION_GOVERNANCE_LEAD}),
            ),
        ),
    ),
    Group(
        N_("About this service"),
        (
            Task(
                "new",
                N_("What is new"),
                (
                    N_("“Who was referred” counts ethnic group and disability, and stands beside"
                       " who lives in your place where that is loaded."),
                    N_("Activities say how far they are from somebody's home, where whoever runs"
                       " this service has loaded postcodes."),
                    N_("Under “Notices” you choose when the daily email comes, quiet hours, and"
                       " what reaches you by text message."),
                    N_("A call to the person can be kept on their referral, with the day it was"
                       " made."),
                    N_("A link by email helps whoever forgot their password."),
                    N_("Documents can be added to a referral, and messages answered by a link."),
                    N_("A decision on an escalation has its conditions in a box of their own, and"
                       " says what each thing will do before you choose it."),
                    N_("The person can see who has looked at their record, in English or in"
                       " Welsh."),
                ),
                (),
                None,
            ),
            Task(
                "known-problems",
                N_("Known problems"),
                (
                    N_("No speaker has checked the Welsh yet. Press “English” at the foot of the"
                       " page if something reads oddly."),
                    N_("What people write themselves is not translated."),
                    N_("You cannot sign in with a passkey yet."),
                    N_("A photo added to a referral keeps what the camera wrote into it, such as"
                       " where it was taken. Take that out before you add it."),
                    N_("No times of buses and no maps are shown with an activity."),
                    N_("Nothing is sent to practices by itself yet: your list says whom to tell."),
                ),
                (),
                None,
            ),
            Task(
                "the-demo",
                N_("Take a tour of the demo"),
                (
                    N_("Whoever runs the demo starts it with: segue demo. It opens in a browser."),
                    N_("Each door is somebody else, already signed in. Nobody in it exists."),
                    N_("Begin as the link worker: open a draft, record consent, and send it."),
                    N_("Then open the group's door and answer it. Wind the clock to see what"
                       " happens when nobody does."),
                ),
                (),
                None,
            ),
        ),
    ),
)  # fmt: skip
TASKS: dict[str, Task] = {task.slug: task for group in GROUPS for task in group.tasks}


def for_role(tasks: Iterable[Task], role: Role | None) -> list[Task]:
    """The tasks of somebody with this role, and those for anybody."""
    return [t for t in tasks if t.roles is None or (role is not None and role in t.roles)]


@cache
def _pattern(where: str) -> re.Pattern[str]:
    return re.compile(re.escape(where).replace(r"\*", "[^/]+"))


def here(path: str, role: Role | None) -> list[dict[str, str]]:
    """The tasks done on the page at this address, as links: the nearest first."""
    found = [
        (min(place.count("*") for place in fitting), task)
        for task in for_role(TASKS.values(), role)
        if (fitting := [place for place in task.where if _pattern(place).fullmatch(path)])
    ]
    found.sort(key=lambda one: one[0])
    return [{"href": f"/help/{t.slug}", "text": said(t.title)} for _stars, t in found[:HERE]]


def _fits(task: Task, words: list[str]) -> bool:
    text = " ".join(map(said, (task.title, *task.steps))).casefold()
    return all(word in text for word in words)


def about(words: str, role: Role | None) -> list[dict[str, str]]:
    """The tasks of somebody with this role whose titles hold these words, as links."""
    asked = words.casefold().split()
    return [
        {"href": f"/help/{t.slug}", "text": said(t.title)}
        for t in for_role(TASKS.values(), role)
        if asked and all(word in said(t.title).casefold() for word in asked)
    ][:MOST]


@pages.get("/help")
@public("help must be there for those who can't sign in")
def index() -> str:
    """The tasks of whoever reads, or all of them; with `q`, those with these words in them."""
    actor = actor_or_none()
    asked = request.args.get("q", "").strip()[:100]
    role = actor.role if actor is not None else None
    every = bool(request.args.get("all")) or role is None
    words = asked.casefold().split()
    groups = []
    for group in GROUPS:
        tasks = list(group.tasks) if every else for_role(group.tasks, role)
        fitting = [t for t in tasks if _fits(t, words)]
        if fitting:
            links = [{"href": f"/help/{t.slug}", "text": said(t.title)} for t in fitting]
            groups.append((said(group.title), links))
    return render_template(
        "help/index.jinja",
        groups=groups,
        asked=asked,
        every=every,
        signed_in=role is not None,
        contact=settings().contact,
    )


@pages.get("/help/<slug>")
@public("help must be there for those who can't sign in")
def task(slug: str) -> ResponseReturnValue:
    """How one thing is done."""
    found = TASKS.get(slug)
    if found is None:
        abort(404)
    return render_template(
        "help/task.jinja",
        title=said(found.title),
        steps=[said(step) for step in found.steps],
        contact=settings().contact,
        back={"href": "/help", "text": _("All help")},
    )
