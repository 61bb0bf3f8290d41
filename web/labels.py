"""One table of labels: each state, trigger, reason, kind and role has its words once, for pages,
messages, timelines and exports alike."""

from __future__ import annotations

from typing import NamedTuple

from referral.policy import Rules
from referral.states import Role
from web.say import _, pgettext
from workflows.moves import N_


class Tag(NamedTuple):
    """A lifecycle tag or a flag."""

    text: str
    colour: str


class MoveWords(NamedTuple):
    """A trigger as a button asks for it, and as a timeline tells it."""

    button: str
    told: str


STATES: dict[tuple[str, str], Tag] = {
    ("referral", "draft"): Tag(N_("Draft"), "grey"),
    ("referral", "sent"): Tag(N_("Waiting for provider"), "blue"),
    ("referral", "queried"): Tag(N_("Question asked"), "orange"),
    ("referral", "waiting"): Tag(N_("Waiting list"), "purple"),
    ("referral", "accepted"): Tag(N_("Accepted"), "aqua-green"),
    ("referral", "active"): Tag(N_("Taking part"), "green"),
    ("referral", "paused"): Tag(N_("Paused"), "purple"),
    ("referral", "returned"): Tag(N_("Back with link worker"), "orange"),
    ("referral", "completed"): Tag(N_("Finished"), "green"),
    ("referral", "closed"): Tag(N_("Closed"), "grey"),
    ("referral", "withdrawn"): Tag(N_("Stopped"), "grey"),
    ("referral", "redirected"): Tag(N_("Went elsewhere"), "grey"),
    ("referral", "in_error"): Tag(N_("Recorded in error"), "grey"),
    ("consent", "asked"): Tag(N_("Consent asked for"), "orange"),
    ("consent", "given"): Tag(N_("Consent given"), "green"),
    ("consent", "expired"): Tag(N_("Consent ran out"), "orange"),
    ("consent", "refused"): Tag(N_("Consent refused"), "grey"),
    ("consent", "withdrawn"): Tag(N_("Consent taken back"), "grey"),
    ("override", "proposed"): Tag(N_("To be decided"), "red"),
    ("override", "approved"): Tag(N_("In force"), "orange"),
    ("override", "ended"): Tag(N_("To be reviewed"), "purple"),
    ("override", "refused"): Tag(N_("Not approved"), "grey"),
    ("override", "reviewed"): Tag(N_("Reviewed"), "grey"),
    ("emergency", "opened"): Tag(N_("Open now"), "red"),
    ("emergency", "under_review"): Tag(N_("To be reviewed"), "purple"),
    ("emergency", "reviewed"): Tag(N_("Reviewed"), "grey"),
    ("concern", "raised"): Tag(N_("Not seen yet"), "red"),
    ("concern", "under_review"): Tag(N_("Being decided"), "orange"),
    ("concern", "reported"): Tag(N_("Reported"), "blue"),
    ("concern", "enquiry"): Tag(N_("Enquiry"), "blue"),
    ("concern", "monitoring"): Tag(N_("Being watched over"), "purple"),
    ("concern", "closed"): Tag(N_("Closed"), "grey"),
    ("escalation", "raised"): Tag(N_("Waiting for reviewer"), "orange"),
    ("escalation", "in_review"): Tag(N_("In review"), "blue"),
    ("escalation", "information_requested"): Tag(N_("Question asked"), "purple"),
    ("escalation", "decided"): Tag(N_("Decided"), "green"),
    ("escalation", "closed"): Tag(N_("Closed"), "grey"),
    ("escalation", "withdrawn"): Tag(N_("Taken back"), "grey"),
    ("assurance", "applied"): Tag(N_("Applied"), "blue"),
    ("assurance", "in_review"): Tag(N_("In review"), "blue"),
    ("assurance", "assured"): Tag(N_("Assured"), "green"),
    ("assurance", "conditional"): Tag(N_("Assured with conditions"), "orange"),
    ("assurance", "suspended"): Tag(N_("Suspended"), "red"),
    ("assurance", "lapsed"): Tag(N_("Lapsed"), "red"),
    ("assurance", "refused"): Tag(N_("Not assured"), "grey"),
    ("assurance", "left"): Tag(N_("Left"), "grey"),
    ("rights_request", "received"): Tag(N_("Received"), "blue"),
    ("rights_request", "identity_checked"): Tag(N_("To be begun"), "blue"),
    ("rights_request", "in_progress"): Tag(N_("In hand"), "orange"),
    ("rights_request", "asked"): Tag(N_("Waits for the person"), "purple"),
    ("rights_request", "fulfilled"): Tag(N_("Done"), "green"),
    ("rights_request", "refused"): Tag(N_("Refused"), "grey"),
    ("rights_request", "withdrawn"): Tag(N_("Taken back"), "grey"),
    ("agreement", "drafted"): Tag(N_("To be signed"), "orange"),
    ("agreement", "in_force"): Tag(N_("In force"), "green"),
    ("agreement", "expired"): Tag(N_("Ran out"), "red"),
    ("agreement", "ended"): Tag(N_("Ended"), "grey"),
}

FLAGS: dict[str, Tag] = {
    "escalated": Tag(N_("Escalated"), "red"),
    "overdue": Tag(N_("Overdue"), "red"),
    "held": Tag(N_("On hold"), "red"),
    "urgent": Tag(N_("Urgent"), "orange"),
    "consent_given": Tag(N_("Consent given"), "green"),
    "consent_soon": Tag(N_("Consent runs out soon"), "orange"),
    "no_consent": Tag(N_("No consent"), "orange"),
    "not_recorded": Tag(N_("Not recorded"), "grey"),
}

MOVES: dict[tuple[str, str], MoveWords] = {
    ("referral", "create"): MoveWords(N_("Begin a referral"), N_("Referral begun")),
    ("referral", "send"): MoveWords(N_("Send"), N_("Sent to the provider")),
    ("referral", "ask"): MoveWords(N_("Ask a question"), N_("The provider asked a question")),
    ("referral", "answer"): MoveWords(N_("Answer the question"), N_("Question answered")),
    ("referral", "put_on_waiting_list"): MoveWords(
        N_("Put on waiting list"), N_("Put on the waiting list")
    ),
    ("referral", "review_wait"): MoveWords(
        N_("Give a new expected date"), N_("New expected date given")
    ),
    ("referral", "accept"): MoveWords(N_("Accept"), N_("Accepted: a place was given")),
    ("referral", "decline"): MoveWords(N_("Cannot take"), N_("The provider could not take them")),
    ("referral", "lapse"): MoveWords(
        N_("Take back: no reply"), N_("No reply in time. Back with the link worker")
    ),
    ("referral", "recall"): MoveWords(N_("Take back"), N_("Taken back from the provider")),
    ("referral", "start"): MoveWords(N_("They have started"), N_("Started")),
    ("referral", "update"): MoveWords(N_("Say how it is going"), N_("Update given")),
    ("referral", "pause"): MoveWords(N_("Agree a break"), N_("A break was agreed")),
    ("referral", "resume"): MoveWords(N_("End the break"), N_("The break ended")),
    ("referral", "give_back"): MoveWords(N_("Give back"), N_("Given back by the provider")),
    ("referral", "complete"): MoveWords(N_("Finish"), N_("Finished")),
    ("referral", "confirm"): MoveWords(N_("Confirm and close"), N_("Outcome confirmed. Closed")),
    ("referral", "reopen"): MoveWords(N_("Take up again"), N_("Taken up again")),
    ("referral", "redirect"): MoveWords(N_("Refer on"), N_("Referred on to another activity")),
    ("referral", "close_unmet"): MoveWords(
        N_("Close without an activity"), N_("Closed: no activity was found")
    ),
    ("referral", "withdraw"): MoveWords(N_("Stop this referral"), N_("Stopped")),
    ("referral", "stop"): MoveWords(N_("Stop sharing"), N_("Stopped: consent was taken back")),
    ("referral", "reassign"): MoveWords(
        N_("Change who has it"), N_("Handed to another link worker")
    ),
    ("referral", "discard"): MoveWords(N_("Throw the draft away"), N_("Draft thrown away")),
    ("referral", "contact"): MoveWords(
        N_("First contact made"), N_("The provider made first contact")
    ),
    ("referral", "try_contact"): MoveWords(
        N_("Tried, no answer"), N_("The provider tried to reach the person")
    ),
    ("referral", "call"): MoveWords(N_("Record a call"), N_("A call was made")),
    ("referral", "mark_in_error"): MoveWords(
        N_("Recorded in error"), N_("Marked as recorded in error, by two people")
    ),
    ("consent", "ask"): MoveWords(N_("Ask for consent"), N_("Consent asked for")),
    ("consent", "give"): MoveWords(N_("Record a yes"), N_("Consent given")),
    ("consent", "refuse"): MoveWords(N_("Record a no"), N_("Consent refused")),
    ("consent", "renew"): MoveWords(N_("Ask again"), N_("Asked again before the date")),
    ("consent", "withdraw"): MoveWords(N_("Take back consent"), N_("Consent taken back")),
    ("consent", "expire"): MoveWords(N_("Let it run out"), N_("Consent ran out")),
    ("override", "propose"): MoveWords(
        N_("Propose to share without consent"), N_("Proposed to share without consent")
    ),
    ("override", "climb"): MoveWords(
        N_("Move up"), N_("Sharing without consent: not decided in time, moved one rung up")
    ),
    ("override", "approve"): MoveWords(
        N_("Approve"), N_("Sharing without consent approved by a second person")
    ),
    ("override", "refuse"): MoveWords(
        N_("Do not approve"), N_("Sharing without consent not approved")
    ),
    ("override", "end"): MoveWords(N_("End the sharing now"), N_("Sharing without consent ended")),
    ("override", "review"): MoveWords(
        N_("Record the review"), N_("Sharing without consent reviewed by a third person")
    ),
    ("emergency", "open"): MoveWords(N_("Open the record"), N_("Opened in an emergency")),
    ("emergency", "close"): MoveWords(N_("Close it now"), N_("Closed by whoever opened it")),
    ("emergency", "end"): MoveWords(N_("Let it close"), N_("Closed: its time was over")),
    ("emergency", "review"): MoveWords(N_("Record the review"), N_("Reviewed by somebody else")),
    ("concern", "raise"): MoveWords(N_("Raise a safeguarding concern"), N_("Concern raised")),
    ("concern", "acknowledge"): MoveWords(N_("I have read this"), N_("Read by a person")),
    ("concern", "report_to_authority"): MoveWords(
        N_("Report to the authority"), N_("Reported to the authority")
    ),
    ("concern", "told_authority"): MoveWords(
        N_("Write down a call to 999 or the council"), N_("The authority or 999 was told")
    ),
    ("concern", "authority_decides"): MoveWords(
        N_("Record the authority's answer"), N_("The authority answered")
    ),
    ("concern", "monitor"): MoveWords(N_("Follow a plan"), N_("A plan is followed")),
    ("concern", "review"): MoveWords(N_("Record a review"), N_("Reviewed")),
    ("concern", "hold"): MoveWords(N_("Put on hold"), N_("Referrals put on hold")),
    ("concern", "release"): MoveWords(N_("Lift the hold"), N_("Hold lifted")),
    ("concern", "hand_over"): MoveWords(N_("Hand over"), N_("Handed over")),
    ("concern", "climb"): MoveWords(N_("Move up"), N_("Moved one rung up")),
    ("concern", "name_source"): MoveWords(
        N_("Name a source of harm"), N_("Somebody was named as a source of harm")
    ),
    ("concern", "strike_source"): MoveWords(
        N_("Take out somebody named by mistake"), N_("Somebody named by mistake was taken out")
    ),
    ("concern", "pass_on"): MoveWords(
        N_("Pass it on"), N_("Passed on: whoever held it is named in it")
    ),
    ("concern", "close"): MoveWords(N_("Close the concern"), N_("Concern closed")),
    ("concern", "reopen"): MoveWords(N_("Take up again"), N_("Concern taken up again")),
    ("escalation", "raise"): MoveWords(N_("Escalate"), N_("Escalated")),
    ("escalation", "acknowledge"): MoveWords(N_("Take this review"), N_("A reviewer took it")),
    ("escalation", "ask"): MoveWords(N_("Ask a question"), N_("The reviewer asked a question")),
    ("escalation", "answer"): MoveWords(N_("Answer the question"), N_("Question answered")),
    ("escalation", "unanswered"): MoveWords(
        N_("Go on without an answer"), N_("No answer came in time")
    ),
    ("escalation", "decide"): MoveWords(N_("Decide"), N_("Decided")),
    ("escalation", "settle"): MoveWords(
        N_("Carry out what was decided"), N_("One consequence settled")
    ),
    ("escalation", "climb"): MoveWords(N_("Move up a level"), N_("Moved up a level")),
    ("escalation", "complete"): MoveWords(N_("Close the review"), N_("Review closed")),
    ("escalation", "withdraw"): MoveWords(N_("Take it back"), N_("Taken back by who raised it")),
    ("escalation", "overtake"): MoveWords(N_("Overtaken"), N_("Overtaken: the late step was made")),
    ("escalation", "reopen"): MoveWords(N_("Disagree"), N_("Reopened: the raiser disagrees")),
    ("assurance", "apply"): MoveWords(N_("Apply to be assured"), N_("Applied to be assured")),
    ("assurance", "review"): MoveWords(N_("Start the review"), N_("Review started")),
    ("assurance", "assure"): MoveWords(N_("Assure"), N_("Assured")),
    ("assurance", "condition"): MoveWords(
        N_("Assure with conditions"), N_("Assured with conditions")
    ),
    ("assurance", "refuse"): MoveWords(N_("Do not assure"), N_("Not assured")),
    ("assurance", "suspend"): MoveWords(N_("Suspend"), N_("Suspended")),
    ("assurance", "lapse"): MoveWords(N_("Let it lapse"), N_("Lapsed: evidence ran out")),
    ("assurance", "leave"): MoveWords(N_("Leave"), N_("The provider left")),
    ("rights_request", "receive"): MoveWords(N_("Take a request"), N_("Request received")),
    ("rights_request", "check_identity"): MoveWords(
        N_("Say who asks"), N_("Found out that it comes from the person")
    ),
    ("rights_request", "cannot_identify"): MoveWords(
        N_("Close it: nobody can say who asks"), N_("It could not be found out who asks")
    ),
    ("rights_request", "start"): MoveWords(N_("Begin the work"), N_("The work began")),
    ("rights_request", "ask"): MoveWords(
        N_("Ask the person"), N_("The person was asked something")
    ),
    ("rights_request", "answer"): MoveWords(N_("Record the answer"), N_("The person answered")),
    ("rights_request", "go_on"): MoveWords(
        N_("Go on without an answer"), N_("Went on without an answer")
    ),
    ("rights_request", "extend"): MoveWords(
        N_("Take two months more"), N_("Two months more, and the person was told")
    ),
    ("rights_request", "fulfil"): MoveWords(N_("Record it as done"), N_("Done")),
    ("rights_request", "erase"): MoveWords(N_("Erase"), N_("Erased, by two people")),
    ("rights_request", "refuse"): MoveWords(N_("Refuse it"), N_("Refused")),
    ("rights_request", "withdraw"): MoveWords(
        N_("The person takes it back"), N_("Taken back by the person")
    ),
    ("agreement", "draft"): MoveWords(N_("Draft an agreement"), N_("Drafted")),
    ("agreement", "sign"): MoveWords(N_("Sign"), N_("Signed by one party")),
    ("agreement", "renew"): MoveWords(N_("Renew"), N_("Renewed with a new review date")),
    ("agreement", "replace"): MoveWords(N_("Replace"), N_("Replaced by a new version")),
    ("agreement", "expire"): MoveWords(N_("Let it run out"), N_("The review date passed")),
    ("agreement", "end"): MoveWords(N_("End the agreement"), N_("Ended")),
}

ROLES: dict[str, str] = {
    "link_worker": N_("Link worker"),
    "team_lead": N_("Team lead"),
    "provider_leader": N_("Activity leader"),
    "safeguarding_lead": N_("Safeguarding lead"),
    "governance_lead": N_("Governance lead"),
    "information_governance_lead": N_("Information governance lead"),
    "accountable_officer": N_("Accountable officer"),
    "administrator": N_("Administrator"),
    "auditor": N_("Auditor"),
    "commissioner": N_("Commissioner"),
    "person": N_("The person"),
    "system": N_("The system"),
}

REASONS: dict[str, str] = {
    "complex": N_("It takes much to find and check"),
    "many_requests": N_("They asked for many things"),
    "law_keeps_it": N_("The law asks that it is kept"),
    "legal_claims": N_("It is needed for a legal claim"),
    "serious_harm": N_("It would seriously harm somebody"),
    "about_others": N_("It is about somebody else, who has not agreed"),
    "nothing_held": N_("Nothing of the kind is held"),
    "unfounded": N_("It was plainly not meant as a request"),
    "excessive": N_("The same was asked and answered just before"),
    "danger_now": N_("Somebody may be in danger now"),
    "team_not_reached": N_("The team that holds the person cannot be reached"),
    "person_asks": N_("The person is here, or on the phone, and asks for help"),
    "team_lead": N_("Team lead"),
    "safeguarding_lead": N_("Safeguarding lead"),
    "governance_lead": N_("Governance lead"),
    "role": N_("What their job is"),
    "organisation": N_("Where they work"),
    "name": N_("Their name"),
    "full": N_("No place left"),
    "not_right_activity": N_("Not the right activity"),
    "access_need": N_("An access need we cannot meet"),
    "safety": N_("We cannot keep people safe"),
    "outside_area": N_("Outside our area"),
    "other": N_("Another reason"),
    "no_reply": N_("No reply"),
    "reached": N_("We spoke with the person"),
    "left_message": N_("No answer from the person. A message was left"),
    "no_answer": N_("No answer from the person"),
    "wrong_number": N_("It was the wrong number for the person"),
    "provider_reached": N_("We spoke with the provider"),
    "provider_no_answer": N_("No answer from the provider"),
    "person_asked": N_("The person asked for this"),
    "better_fit": N_("Another activity fits better"),
    "provider_stopped": N_("The provider cannot go on"),
    "no_place_yet": N_("No place yet"),
    "starts_later": N_("The group starts later"),
    "stopped_coming": N_("They stopped coming"),
    "needs_changed": N_("What they need has changed"),
    "activity_stopped": N_("The activity stopped"),
    "ended_too_soon": N_("It ended too soon"),
    "consent_given_again": N_("Consent was given again"),
    "mistake": N_("It was a mistake"),
    "no_provider": N_("No activity could be found"),
    "waiting_too_long": N_("The wait was too long"),
    "not_reached": N_("The person could not be reached"),
    "needs_met": N_("The need was met another way"),
    "moved_away": N_("The person moved away"),
    "died": N_("The person died"),
    "not_said": N_("No reason given"),
    "wrong_person": N_("The wrong person"),
    "duplicate": N_("It was there twice"),
    "wrong_activity": N_("The wrong activity"),
    "person_said_no": N_("The person said no"),
    "ground_ended": N_("The ground for sharing ended"),
    "not_necessary": N_("It is not necessary"),
    "too_much": N_("It shares too much"),
    "ask_the_person_first": N_("The person can be asked first"),
    "person_agreed": N_("The person has agreed now"),
    "danger_over": N_("The danger is over"),
    "advice": N_("Advice was given"),
    "no_further_action": N_("Nothing more is needed"),
    "plan_done": N_("The plan is done"),
    "new_information": N_("Something new is known"),
    "closed_in_error": N_("It was closed by mistake"),
    "needs_higher": N_("It needs a higher level"),
    "not_resolved": N_("It is not resolved"),
    "disagree": N_("The raiser disagrees"),
    "no_longer_needed": N_("No longer needed"),
    "done_otherwise": N_("Done another way"),
    "quality": N_("Quality"),
    "evidence": N_("Evidence"),
    "standards_not_met": N_("The standards are not met"),
    "evidence_missing": N_("Evidence is missing"),
    "closed_down": N_("The provider closed down"),
    "own_choice": N_("The provider's own choice"),
    "breach": N_("The agreement was broken"),
    "not_needed": N_("Not needed any more"),
}

# Kinds of escalation.
KINDS: dict[str, str] = {
    "no_reply": N_("No reply or no progress"),
    "capacity": N_("Not enough places"),
    "quality": N_("Quality"),
    "disagreement": N_("Disagreement"),
    "consent": N_("Consent"),
    "equity": N_("Fairness"),
    "information_sharing": N_("Sharing information"),
    "other": N_("Something else"),
    "safeguarding_process": N_("How safeguarding was handled"),
    "complaint": N_("Complaint"),
    "professional_disagreement": N_("Disagreement between professionals"),
}

LEVELS: dict[int, str] = {
    1: N_("Own team"),
    2: N_("Place"),
    3: N_("System"),
    4: N_("Accountable officer"),
}

# With whom or what a person is unhappy, as those who review it read it.
TOPICS: dict[str, str] = {
    "worker": N_("The link worker"),
    "team": N_("The link worker's team"),
    "information": N_("How information is used"),
    "other": N_("Something else"),
}

SEVERITIES: dict[str, Tag] = {
    "low": Tag(N_("Low"), "grey"),
    "medium": Tag(N_("Medium"), "orange"),
    "high": Tag(N_("High"), "red"),
}

PURPOSES: dict[str, str] = {
    "share_with_provider": N_("Share with the provider"),
    "tell_practice": N_("Tell the practice how it went"),
    "contact": N_("Keep in touch"),
    "evaluation": N_("Count answers for reports"),
}

# The languages in which people are asked.
LANGUAGES: dict[str, str] = {"en": N_("English"), "cy": N_("Welsh")}
# In which the words of consent are read out: easy read too, short sentences for whoever needs them.
READ_OUT_IN: dict[str, str] = {**LANGUAGES, "en-simple": N_("Easy read")}

# The lawful grounds for sharing without consent, as a person would say them.
GROUNDS: dict[str, str] = {
    "vital_interests": N_("To protect their life or health"),
    "others_at_risk": N_("Others are at risk, a child among them or not"),
    "coercion": N_("They may be made to say no by somebody else"),
    "no_capacity": N_("They cannot decide this themselves, and it is in their best interests"),
    "serious_crime": N_("To prevent or detect a serious crime"),
    "position_of_trust": N_("Somebody in a position of trust may be the source of harm"),
    "public_interest": N_("The public interest outweighs the duty to keep it private"),
    "legal_duty": N_("A court's order, or a duty in law"),
    "section_45": N_("A Safeguarding Adults Board asks for it"),
}

# What somebody must be able to do to decide, in the order it is asked.
ABILITIES: dict[str, str] = {
    "understands": N_("Can they understand what it is about?"),
    "retains": N_("Can they keep it in mind long enough to decide?"),
    "weighs": N_("Can they weigh it up?"),
    "communicates": N_("Can they tell their decision, in any way?"),
}

# Why a referral stands still, for those who may lift the hold and nobody else.
HOLDS: dict[str, str] = {
    "hospital": N_("They are in hospital"),
    "person_asked": N_("They asked for time"),
    "records": N_("Their records are being put right"),
}

# To whom records are closed while they are put right.
SIDES: dict[str, str] = {
    "link_worker": N_("The team's link workers"),
    "provider": N_("The provider"),
}

# What sharing without consent may list, by the names that `workflows.disclosure` knows.
SHAREABLE: dict[str, str] = {
    "name": N_("Their full name"),
    "phone": N_("Their phone number"),
    "address": N_("Their address"),
    "emergency_contact": N_("Whom to call in an emergency"),
    "safety_notes": N_("What keeps them and others safe"),
    "risks": N_("Whether there is a known risk"),
    "safety_answers": N_("Answers to the activity's safety questions"),
    "access_needs": N_("What makes it easier to take part"),
    "call_before": N_("That the link worker is to be called first"),
    "needs": N_("What they need"),
    "what_matters": N_("What matters to them"),
}

FINDINGS: dict[str, str] = {
    "right": N_("It was right to share"),
    "too_much": N_("It was right, and too much was shared"),
    "not_needed": N_("It was not needed"),
    "right_to_open": N_("It was right to open it"),
    "read_too_much": N_("It was right, and more was read than needed"),
    "not_needed_to_open": N_("It was not needed"),
}

# What a review of emergency access found to learn from.
EMERGENCY_TAGS: dict[str, str] = {
    "team_not_reached": N_("The team could not be reached"),
    "person_not_passed_on": N_("The person should have been passed on to this team"),
    "wrong_person": N_("It was the wrong person's record"),
    "not_known_how": N_("They did not know the usual way"),
    "system_fault": N_("Something in the system stood in the way"),
}

BASES: dict[str, str] = {
    "agreement": N_("The person agreed"),
    "best_interests": N_("Best interests decision"),
    "parental": N_("A parent agreed"),
    "gillick": N_("The young person agreed for themselves"),
}

HOW: dict[str, str] = {
    "in_person": N_("In person"),
    "phone": N_("By phone"),
    "video": N_("By video"),
    "written": N_("In writing"),
}

OUTCOMES: dict[str, str] = {
    "finished": N_("They finished"),
    "stays_as_member": N_("They stay on as a member"),
    "volunteers": N_("They volunteer"),
    "leads": N_("They help to lead"),
    "stopped_early": N_("They stopped early"),
}

GOALS_MET: dict[str, str] = {
    "yes": N_("Yes, met"),
    "partly": N_("Partly met"),
    "no": N_("Not met"),
}

RISKS: dict[str, str] = {
    "none": N_("No known risks"),
    "some": N_("Yes, there is something to know"),
    "not_known": N_("Not known yet"),
}

CAME: dict[str, str] = {
    "came": N_("Came"),
    "did_not_come": N_("Did not come"),
    "told_us": N_("Sent apologies"),
    "late": N_("Late"),
}
CAME_CORRECTED: dict[str, str] = {
    "mistake": N_("Set by mistake"),
    "heard_later": N_("We heard more later"),
    "mixed_up": N_("Mixed up with somebody else"),
}
REGISTER_BACK: dict[str, str] = {
    "wrong_day": N_("It was another day"),
    "no_session": N_("There was no session"),
    "mistake": N_("Saved by mistake"),
}

EVIDENCE: dict[str, str] = {
    "public_liability": N_("Public liability insurance"),
    "employers_liability": N_("Employers' liability insurance"),
    "safeguarding_policy": N_("Safeguarding policy"),
    "safeguarding_training": N_("Safeguarding training"),
    "dbs": N_("Criminal records check"),
    "risk_assessment": N_("Risk assessment"),
    "ico_registration": N_("Registration with the Information Commissioner"),
    "first_aid": N_("First aid training"),
    "complaints_policy": N_("Complaints policy"),
    "quality_self_review": N_("Quality self-review"),
}

TIERS: dict[str, str] = {
    "sole_artist": N_("Sole artist"),
    "small_group": N_("Small group"),
    "larger": N_("Larger organisation"),
}

ORGANISATIONS: dict[str, str] = {
    "practice": N_("Doctors' practice"),
    "network": N_("Primary care network"),
    "council": N_("Council"),
    "voluntary": N_("Voluntary organisation"),
    "provider": N_("Activity provider"),
    "board": N_("Board"),
}

# What somebody needs, as the plan codes it.
NEEDS: dict[str, str] = {
    "company": N_("Company"),
    "confidence": N_("Confidence"),
    "grief": N_("Living with loss"),
    "low_mood": N_("Low mood"),
    "worry": N_("Worry"),
    "pain": N_("Living with pain"),
    "breathing": N_("Breathing"),
    "moving": N_("Moving more"),
    "memory": N_("Memory"),
    "caring": N_("Caring for someone"),
    "purpose": N_("Something to do"),
    "creativity": N_("Making things"),
    "nature": N_("Being outdoors"),
    "language": N_("Practising English"),
}

# Why there is no NHS number.
NO_NUMBER: dict[str, str] = {
    "not_known": N_("They do not know it"),
    "part_known": N_("Only part of it is known"),
    "never_had_one": N_("They have never had one"),
    "not_said": N_("They would rather not say"),
}

CONTACT_METHODS: dict[str, str] = {
    "phone": N_("Phone"),
    "text": N_("Text message"),
    "email": N_("Email"),
    "letter": N_("Letter"),
    "someone_else": N_("Through someone else"),
}

RELATIONSHIPS: dict[str, str] = {
    "carer": N_("Carer"),
    "advocate": N_("Advocate"),
    "attorney": N_("Attorney or deputy"),
    "next_of_kin": N_("Next of kin"),
    "contact": N_("Helps with contact"),
    "other": N_("Somebody else who matters"),
}
RELATIONSHIP_HINTS: dict[str, str] = {
    "carer": N_("Looks after them without being paid, or day by day"),
    "advocate": N_("Speaks for them, on their behalf"),
    "attorney": N_("May decide for them in law, where they cannot. Ask to see the paper"),
    "next_of_kin": N_("Whom they name as nearest"),
    "contact": N_("We reach the person through them"),
    "other": N_("For example, a friend who comes along"),
}
MAY_SPEAK: dict[str, str] = {
    "yes": N_("Yes, the person said so"),
    "no": N_("No, the person said so"),
    "not_asked": N_("The person has not been asked yet"),
}
# By the NHS ethnic categories, with three groups of the census of 2021 beside them.
ETHNIC_GROUPS: dict[str, str] = {
    "A0": N_("White: British"),
    "B0": N_("White: Irish"),
    "C1": N_("White: Gypsy or Irish Traveller"),
    "C2": N_("White: Roma"),
    "C0": N_("White: any other"),
    "D0": N_("Mixed: White and Black Caribbean"),
    "E0": N_("Mixed: White and Black African"),
    "F0": N_("Mixed: White and Asian"),
    "G0": N_("Mixed: any other"),
    "H0": N_("Asian: Indian"),
    "J0": N_("Asian: Pakistani"),
    "K0": N_("Asian: Bangladeshi"),
    "R0": N_("Asian: Chinese"),
    "L0": N_("Asian: any other"),
    "M0": N_("Black: Caribbean"),
    "N0": N_("Black: African"),
    "P0": N_("Black: any other"),
    "S1": N_("Arab"),
    "S0": N_("Any other ethnic group"),
    "Z0": N_("Prefer not to say"),
}
DISABILITY: dict[str, str] = {
    "Y0": N_("Yes, they do"),
    "N0": N_("No, they do not"),
    "Z0": N_("Prefer not to say"),
}
RELATIONSHIP_ENDED: dict[str, str] = {
    "over": N_("It is over"),
    "mistake": N_("It was written by mistake"),
    "they_asked": N_("They ask not to stand here"),
}

CONTACT_WISHES: dict[str, str] = {
    "no_writing": N_("Nothing is to be written to them. Ring them"),
    "no_message": N_("No message is to be left when they miss a call"),
    "another_way": N_("They want to be reached in another way"),
}
HOW_IT_WENT: dict[str, str] = {
    "good": N_("Good"),
    "all_right": N_("All right"),
    "not_good": N_("Not good"),
}

LINK_CHANNELS: dict[str, str] = {
    "email": N_("By email"),
    "text": N_("By text message"),
    "letter": N_("By letter, with a code"),
    "paper": N_("I print it and give it to them"),
}

# What one can choose to hear of, and how.
NOTICE_KINDS: dict[str, str] = {
    "referral": N_("Referrals"),
    "message": N_("Messages about a referral"),
    "consent": N_("Consent"),
    "assurance": N_("Providers being assured"),
    "agreement": N_("Agreements"),
    "other": N_("Everything else"),
}
HOW_TOLD: dict[str, str] = {
    "at_once": N_("By email, at once"),
    "text": N_("By text message, at once"),
    "daily": N_("By email, once a day"),
    "in_app": N_("Only here"),
}

# What one does by hand, because no message can do it.
ERRANDS: dict[str, str] = {
    "tell_person_by_hand": N_("Tell the person yourself. They cannot be written to."),
    "tell_practice_by_hand": N_(
        "Tell the practice yourself, as the person agreed. Nothing is sent to practices from here:"
        " no safe way to write to theirs is connected. Ring them, or use your own secure mail."
    ),
    "ring_outside_contact": N_(
        "Ring your place's contact outside. Nobody on the safeguarding ladder may read the concern."
    ),
    "ring_provider": N_("Ring the provider. A message to them did not go out."),
    "ring_about_concern": N_(
        "Ring the number on its page. A message about your concern did not go out: nobody may have"
        " seen it."
    ),
    "correct_address": N_("Correct an address. Messages to it don't go out."),
}

# Why a running clock is on somebody's list, and what the one button says. The trigger is the form
# the button opens; None opens the record itself.
WORK: dict[str, tuple[str, str, str | None]] = {
    "referral.draft": (N_("This draft has not been sent."), N_("Finish it"), None),
    "referral.sent": (N_("A new referral to answer."), N_("Answer"), None),
    "referral.queried": (N_("The provider asked a question."), N_("Answer"), "answer"),
    "referral.waiting": (
        N_("On the waiting list: is there a place, or a new date?"),
        N_("Update"),
        None,
    ),
    "referral.accepted": (
        N_("A place is given. First contact and the start are due."),
        N_("Record contact"),
        None,
    ),
    "referral.active": (N_("Taking part: say how it is going."), N_("Update"), None),
    "referral.paused": (N_("A break is coming to its end."), N_("Update"), None),
    "referral.returned": (N_("Back with you: find another way."), N_("Rematch"), "redirect"),
    "referral.completed": (
        N_("Finished. Read the outcome and close the loop."),
        N_("Confirm"),
        "confirm",
    ),
    "referral.not_started": (N_("Has not started yet, since first sent."), N_("Open"), None),
    "consent.asked": (N_("Asked for consent; no answer is recorded yet."), N_("Record"), None),
    "consent.given": (N_("Consent runs out. Ask again before the date."), N_("Ask again"), None),
    "consent.expired": (N_("Consent ran out. The person is asked again."), N_("Ask again"), None),
    "override.proposed": (
        N_("Somebody asks to share without consent. A second person decides."),
        N_("Decide"),
        None,
    ),
    "override.approved": (
        N_("Sharing without consent is in force. End it once it is not needed."),
        N_("Look at it"),
        None,
    ),
    "override.ended": (
        N_("Sharing without consent ended. Say whether it was right."),
        N_("Review"),
        "review",
    ),
    "emergency.opened": (
        N_("You have a record open in an emergency. Close it once you have seen what you need."),
        N_("Close it"),
        None,
    ),
    "emergency.under_review": (
        N_("A record was opened in an emergency. Say whether it was right."),
        N_("Review"),
        "review",
    ),
    "hold.until": (
        N_("A hold you placed comes to its date. Lift it, or place it again."),
        N_("Look at it"),
        None,
    ),
    "concern.raised": (N_("A safeguarding concern nobody has read yet."), N_("Read it"), None),
    "concern.under_review": (N_("A safeguarding concern to decide on."), N_("Decide"), None),
    "concern.reported": (N_("The authority's answer is awaited."), N_("Chase"), None),
    "concern.enquiry": (N_("An enquiry to be reviewed."), N_("Review"), None),
    "concern.monitoring": (N_("A safeguarding plan to be reviewed."), N_("Review"), None),
    "escalation.raised": (N_("Nobody has taken this review yet."), N_("Take it"), None),
    "escalation.in_review": (N_("In review: a decision is due."), N_("Decide"), None),
    "escalation.information_requested": (
        N_("A reviewer asked you a question."),
        N_("Answer"),
        "answer",
    ),
    "escalation.decided": (
        N_("Decided. See whether all of it was carried out, then close it."),
        N_("Open"),
        None,
    ),
    "assurance.applied": (N_("A provider applied to be assured."), N_("Review"), None),
    "assurance.in_review": (N_("A provider's evidence is to be looked at."), N_("Decide"), None),
    "assurance.assured": (N_("Evidence runs out. Renew it."), N_("Renew"), None),
    "assurance.conditional": (N_("The conditions run out."), N_("Open"), None),
    "assurance.suspended": (N_("A suspended provider is to be decided on."), N_("Decide"), None),
    "assurance.lapsed": (N_("A provider's evidence ran out."), N_("Decide"), None),
    "rights_request.received": (
        N_("Somebody asks about their own information. Find out whether it is they."),
        N_("Open"),
        None,
    ),
    "rights_request.identity_checked": (
        N_("The work on a request about somebody's own information has not begun."),
        N_("Open"),
        None,
    ),
    "rights_request.in_progress": (
        N_("A request about somebody's own information is due."),
        N_("Open"),
        None,
    ),
    "rights_request.asked": (
        N_("The person has not answered. Decide whether you go on without."),
        N_("Open"),
        None,
    ),
    "agreement.drafted": (N_("An agreement waits for signatures."), N_("Open"), None),
    "agreement.in_force": (N_("An agreement is due for review."), N_("Renew"), None),
    "agreement.ended": (
        N_("An agreement ended while people are still sharing under it."),
        N_("Open"),
        None,
    ),
}

# What was to be done by a deadline of a referral that passed, as its history tells it.
MISSED: dict[str, str] = {
    "referral.draft": N_("The draft was to be sent or put aside."),
    "referral.sent": N_("The provider was to reply."),
    "referral.queried": N_("The provider's question was to be answered."),
    "referral.waiting": N_("The provider was to say whether there is a place."),
    "referral.accepted": N_("The first contact and the start were to be recorded."),
    "referral.active": N_("The provider was to say how it is going."),
    "referral.paused": N_("A break was to end."),
    "referral.returned": N_("Another way was to be found."),
    "referral.completed": N_("The outcome was to be read and the referral closed."),
    "referral.not_started": N_("It was to start."),
}

# The same for whoever watches what a provider let pass its time: why, the button, and where it
# leads: a move, or the page on which it is taken further.
SILENT: dict[str, tuple[str, str, str]] = {
    "referral.sent": (
        N_("%(provider)s has not replied in time. Ring them, or take it back."),
        N_("Take it back"),
        "recall",
    ),
    "referral.waiting": (
        N_("%(provider)s has not said whether there is a place yet. Ring them, or take it back."),
        N_("Take it back"),
        "recall",
    ),
    "referral.accepted": (
        N_("%(provider)s gave a place and has not said that it began. Ring them."),
        N_("Take it further"),
        "escalate",
    ),
    "referral.active": (
        N_("%(provider)s has not said how it is going. Ring them."),
        N_("Take it further"),
        "escalate",
    ),
    "referral.paused": (
        N_("The break is over, and %(provider)s has not said what is next. Ring them."),
        N_("Take it further"),
        "escalate",
    ),
}

# Why something is put off, and what a call is for.
REMINDERS: dict[str, str] = {
    "they_answer": N_("I wait for somebody's answer"),
    "person_asked": N_("The person asked for this day"),
    "arranged": N_("It is arranged for then"),
    "other_first": N_("Something else comes first"),
    "check_in": N_("To ask how they are"),
    "chase_provider": N_("To chase the provider"),
    "see_how_it_went": N_("To ask how the first time went"),
}

# How somebody says their life is: when it was asked, how, and why it was put right.
SCORED_AT: dict[str, str] = {
    "start": N_("At the start"),
    "review": N_("At a review"),
    "end": N_("At the end"),
}
SCORED_HOW: dict[str, str] = {
    "in_person": N_("In person"),
    "phone": N_("By phone or video"),
    "themselves": N_("They filled it in themselves"),
}
SCORE_CORRECTED: dict[str, str] = {
    "mistyped": N_("It was typed wrongly"),
    "they_said": N_("They say that they meant something else"),
    "not_theirs": N_("It was somebody else's, or somebody answered for them"),
}

# What a notice tells that asks to be acted on: its button.
NEWS: dict[str, str] = {
    "escalation_decided": N_("Read the decision"),
    "concern_closed": N_("Read the feedback"),
}

# What a notice tells, by its code.
NOTICES: dict[str, str] = {
    "password_reset": N_("A link to choose a new password."),
    "address_asked": N_("A link to go on setting up the second step."),
    "invitation": N_("An invitation to choose a password."),
    "password_changed": N_(
        "Your password was changed. If it was not you, ask whoever gave you your account for a new"
        " one now."
    ),
    "password_given": N_(
        "Whoever sets up accounts gave you a new password. If you did not ask for one, ring them"
        " now."
    ),
    "address_changed": N_(
        "Whoever sets up accounts changed the email address you sign in with. If you did not ask"
        " for it, ring them now."
    ),
    "address_left": N_(
        "This is no longer the email address of your account: whoever sets up accounts changed it."
        " If you did not ask for it, ring them now."
    ),
    "second_step_on": N_(
        "A phone was set up for your sign-in. If it was not you, ask whoever gave"
        " you your account for a new password now."
    ),
    "second_step_off": N_(
        "The second step at your sign-in was turned off. If it was not you, change"
        " your password now."
    ),
    "second_step_cleared": N_(
        "Whoever sets up accounts took away the second step at your sign-in. Set up another phone."
    ),
    "passkey_added": N_(
        "A passkey was added to your sign-in. If it was not you, remove it and change your password"
        " now."
    ),
    "passkey_removed": N_(
        "A passkey was removed from your sign-in. If it was not you, change your password now."
    ),
    "recovery_code_used": N_(
        "A recovery code signed you in. If it was not you, change your password now."
    ),
    "second_step_tried": N_(
        "Somebody who knows your password entered wrong codes. If it was not"
        " you, change your password now."
    ),
    "referral_sent": N_("A new referral waits for your answer."),
    "question_asked": N_("The provider asked a question."),
    "question_answered": N_("Your question was answered."),
    "on_waiting_list": N_("The person is on the waiting list."),
    "wait_reviewed": N_("There is a new expected date."),
    "accepted": N_("The provider accepted the referral."),
    "declined": N_("The provider cannot take the person."),
    "lapsed": N_("No reply came in time. The referral is back with the link worker."),
    "recalled": N_("The referral was taken back from the provider."),
    "started": N_("The person has started."),
    "paused": N_("A break was agreed."),
    "resumed": N_("The break has ended."),
    "given_back": N_("The provider gave the referral back."),
    "completed": N_("The provider has finished and said how it went."),
    "closed": N_("The referral is closed. The link worker has read the outcome."),
    "reopened": N_("The referral was taken up again."),
    "withdrawn": N_("The referral was stopped."),
    "stopped": N_("The person took their consent back. Sharing has stopped."),
    "reassigned": N_("The referral has another link worker."),
    "contacted": N_("The provider made the first contact."),
    "tried": N_("The provider tried to reach the person, and could not."),
    "destroy_what_you_hold": N_(
        "A referral was recorded in error. Destroy what you hold about it."
    ),
    "override_proposed": N_("Somebody asks to share without consent, and waits for you."),
    "override_climbed": N_("Nobody decided in time on sharing without consent. It is with you."),
    "override_approved": N_("What you asked to share without consent was approved."),
    "override_refused": N_("What you asked to share without consent was not approved."),
    "override_ended": N_("Sharing without consent has ended. It is reviewed."),
    "override_reviewed": N_("Sharing without consent was reviewed."),
    "emergency_opened": N_("Somebody opened a record of yours in an emergency. See who and why."),
    "emergency_to_review": N_("A record was opened in an emergency. It waits for your review."),
    "emergency_reviewed": N_("Emergency access to a record was reviewed."),
    "hold_due": N_("A hold you placed has come to its date. Lift it, or place it again."),
    "concern_raised": N_("A safeguarding concern waits for you."),
    "concern_seen": N_("Your safeguarding concern has been read by a person."),
    "concern_handed_over": N_("A safeguarding concern was handed to you."),
    "concern_climbed": N_("A safeguarding concern moved up to you."),
    "concern_closed": N_("There is feedback on your safeguarding concern."),
    "escalation_raised": N_("A matter waits for your review."),
    "escalation_seen": N_("A reviewer took what you raised."),
    "escalation_question": N_("A reviewer asked you a question."),
    "escalation_answered": N_("Your question was answered."),
    "escalation_unanswered": N_("No answer came to your question."),
    "escalation_decided": N_("What you raised has been decided."),
    "escalation_climbed": N_("A matter moved up a level."),
    "escalation_closed": N_("Everything decided has been carried out."),
    "escalation_withdrawn": N_("A matter was taken back by who raised it."),
    "escalation_overtaken": N_("The late step was made. There is nothing left to review."),
    "escalation_reopened": N_("A matter was reopened and waits for your review."),
    "assurance_applied": N_("A provider applied to be assured."),
    "assurance_in_review": N_("Your evidence is being looked at."),
    "assured": N_("You are assured."),
    "assured_with_conditions": N_("You are assured, with conditions."),
    "assurance_refused": N_("You are not assured."),
    "assurance_suspended": N_("You are suspended: nobody new is sent to you."),
    "paper_runs_out": N_("One of your papers runs out soon. Look which, and renew it in time."),
    "takes_new_people": N_("One of your activities takes new people again from today."),
    "activity_open_again": N_(
        "The activity chosen for someone you support takes new people again. Send it if it still"
        " fits."
    ),
    "assurance_lapsed": N_("Your assurance lapsed: nobody new is sent to you."),
    "provider_suspended": N_("A provider of someone you support is suspended."),
    "provider_lapsed": N_("A provider of someone you support has lapsed evidence."),
    "provider_left": N_("A provider has left."),
    "details_corrected": N_("Somebody's details were put right. Look at them again."),
    "role_given": N_(
        "An administrator gave a role that opens people's records. Look whether it is right."
    ),
    "access_review_due": N_("The quarter's review of who can see what is due."),
    "access_review_late": N_("The review of who can see what is late: nobody has signed it off."),
    "hold_past": N_("A hold against destruction has passed the day it was to be looked at."),
    "rights_received": N_("Somebody asks about their own information, and waits for you."),
    "rights_question": N_("There is a question about what was asked for."),
    "rights_answered": N_("A question about somebody's own information was answered."),
    "rights_extended": N_("The answer to what was asked for takes longer."),
    "rights_fulfilled": N_("What was asked for is done."),
    "rights_refused": N_("What was asked for was refused. How to complain is said with it."),
    "rights_withdrawn": N_("A request about somebody's own information was taken back."),
    "agreement_to_sign": N_("An agreement waits for your signature."),
    "agreement_in_force": N_("An agreement is in force."),
    "agreement_expired": N_("An agreement ran out. Nothing new is shared under it."),
    "agreement_ended": N_("An agreement ended. Nothing new is shared under it."),
    "maybe_the_same_person": N_(
        "Somebody was added who may be here already. Look whether they are the same person."
    ),
    "death_taken_back": N_(
        "A death was recorded by mistake: the person lives. Ring them, and see what they still"
        " want."
    ),
    "person_passed_on": N_("Another team passed a person on to you."),
    "proposal_to_confirm": N_("A colleague asks you to confirm something."),
    "proposal_confirmed": N_("What you proposed was confirmed."),
    "proposal_refused": N_("What you proposed was not confirmed. Nothing has happened."),
    "review_decided": N_("A review about this was decided."),
    "proposal_lapsed": N_("Nobody confirmed in time, so nothing was done. Propose it again."),
    "tell_person_by_hand": N_("Tell the person yourself: they cannot be written to."),
    "tell_practice_by_hand": N_("Tell the practice yourself: nothing is sent to practices yet."),
    "ring_outside_contact": N_(
        "Nobody on the safeguarding ladder may read your concern. Ring your place's contact outside"
        " now."
    ),
    "wished_to_accept": N_(
        "The provider wanted to accept, when it was too late. Send it again if it still fits."
    ),
    "wished_to_decline": N_("The provider wanted to say that they can't take the person."),
    "wished_to_ask": N_("The provider wanted to ask something, when it was too late. Ring them."),
    "wished_to_put_on_waiting_list": N_(
        "The provider wanted to put the person on the waiting list, when it was too late. Ring"
        " them."
    ),
    "wished_to_complete": N_("The provider wanted to finish, when it was too late. Ring them."),
    "wished_to_reply": N_(
        "The provider wanted to answer a message, when it was too late. Ring them."
    ),
    "wished_to_came": N_("The provider wanted to say who came, when it was too late. Ring them."),
    "person_said_how": N_("The person said how it went."),
    "person_contact_wish": N_(
        "The person said how they want to be reached. Ring them as before, and settle it."
    ),
    "link_locked": N_(
        "A person's link was closed after wrong words. Ring them, and make a new one if they want."
    ),
    "not_delivered": N_("A message reached nobody. Look at the health page."),
    "audit_alarm": N_("The audit log needs you. The health page says what is wrong with it."),
    "announcement": N_("There is an announcement for you to read."),
    "announcement_unread": N_("You have not said yet that you read this. It must be acted on."),
    "announcement_unread_below": N_("Somebody you answer for has not read what must be acted on."),
    "reminder": N_("Something is due."),
    "message_received": N_("There is a message about a referral."),
    "document_shared": N_("There is a document about a referral."),
    "document_refused": N_(
        "The virus scanner found something in a document that you put on a referral. It was not"
        " kept. Have your computer looked at."
    ),
}

# What may be put on a referral, what it is as a file, and what became of it.
DOCUMENT_KINDS: dict[str, str] = {
    "letter": N_("Letter"),
    "assessment": N_("Assessment or report"),
    "care_plan": N_("Care plan or risk plan"),
    "form": N_("Form filled in on paper"),
    "work": N_("What they made"),
    "other": N_("Something else"),
}
FILE_TYPES: dict[str, str] = {
    "application/pdf": N_("PDF"),
    "image/png": N_("Picture (PNG)"),
    "image/jpeg": N_("Picture (JPEG)"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": N_("Word document"),
    "text/plain": N_("Plain text"),
}
DOCUMENT_SCANS: dict[str, str] = {
    "waiting": N_("Not checked for viruses."),
    "clean": N_("Checked for viruses: nothing was found."),
    "refused": N_("The virus scanner found something in it. It was not kept."),
}
DOCUMENT_WHY: dict[str, str] = {
    "wrong_person": N_("It is about somebody else"),
    "wrong_file": N_("It is the wrong file"),
    "out_of_date": N_("It is out of date"),
    "not_wanted": N_("The person does not want it shared"),
}
DOCUMENT_WHY_HINTS: dict[str, str] = {
    "wrong_person": N_("The file goes at once and cannot be brought back."),
    "wrong_file": N_("The file goes at once and cannot be brought back."),
    "out_of_date": N_("Your own side still has it."),
    "not_wanted": N_("Your own side still has it."),
}

KEPT_AS: dict[str, str] = {
    "contact_only": N_("First contact only"),
    "case": N_("Somebody who was referred"),
    "child": N_("A child"),
    "safeguarding": N_("Somebody who was referred"),  # as of a case: it isn't told
    "complaint": N_("Somebody with a complaint"),
}
KEPT_BECAUSE: dict[str, str] = {
    "inquiry": N_("An inquiry may need it"),
    "claim": N_("A claim may be made"),
    "needed_for_care": N_("It is needed for their support"),
    "research": N_("Research that was approved uses it"),
    "other": N_("Another reason"),
}

# What somebody may ask for about their own information.
RIGHTS: dict[str, str] = {
    "access": N_("To see it: a copy of everything held"),
    "rectification": N_("To have it put right"),
    "erasure": N_("To have it erased"),
    "restriction": N_("To have its use stopped for a while"),
    "objection": N_("To object to how it is used"),
}
IDENTIFIED_BY: dict[str, str] = {
    "known_to_team": N_("The team knows them and spoke with them"),
    "documents": N_("They showed a document"),
    "own_page": N_("They asked on their own page, opened with the agreed word"),
    "questions": N_("They answered questions only they could answer"),
    "authority_shown": N_("Somebody else asks, and showed the right to"),
}
TOLD_BY: dict[str, str] = {
    "letter": N_("By letter"),
    "phone": N_("By phone"),
    "in_person": N_("In person"),
    "own_page": N_("On their own page"),
}
CAME_BY: dict[str, str] = {
    "phone": N_("By phone"),
    "in_person": N_("In person"),
    "written": N_("In writing"),
    "own_page": N_("On their own page"),
}
WITHHELD: dict[str, str] = {
    "serious_harm": N_("Leave it out: it could seriously harm somebody"),
    "about_others": N_("Leave it out: it is about somebody else"),
    "looked_into": N_("Leave it out: it would get in the way of something looked into"),
}
CORRECTED: dict[str, str] = {
    "given_name": N_("First name"),
    "family_name": N_("Last name"),
    "birth_date": N_("Date of birth"),
    "nhs_number": N_("NHS number"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "address": N_("Address"),
    "postcode": N_("Postcode"),
    "practice": N_("Practice"),
    "language": N_("Language"),
    "access_needs": N_("What helps them take part"),
    "emergency_contact": N_("Whom to call in an emergency"),
    "statement": N_("Nothing: keep their own statement beside it"),
}
GOES: dict[str, str] = {
    "referral": N_("Referrals"),
    "consent": N_("Answers about sharing"),
    "plan": N_("Plans"),
    "note": N_("Notes"),
    "capacity_assessment": N_("Assessments of capacity"),
}
ERASED_BECAUSE: dict[str, str] = {
    "no_longer_needed": N_("No longer needed for what it was collected for"),
    "consent_withdrawn": N_("It rested on consent alone, and that was taken back"),
    "objection_upheld": N_("They objected, and nothing outweighs that"),
    "unlawful": N_("It should never have been held"),
    "legal_duty": N_("The law says that it must go"),
}

# The kinds of authority a concern is reported to.
AUTHORITIES: dict[str, str] = {
    "emergency": N_("999"),
    "adult_social_care": N_("Adult social care at the council"),
    "childrens_services": N_("Children's services at the council"),
    "police": N_("The police"),
    "allegations_children": N_(
        "A worry about staff who work with children: the local authority designated officer"
    ),
    "allegations_adults": N_(
        "A worry about staff who work with adults: people in positions of trust"
    ),
    "prevent": N_("Prevent, through the police"),
    "other": N_("Somebody else"),
}

# Whom a number is for.
SERVES: dict[str, str] = {
    "anyone": N_("Anyone"),
    "adults": N_("Adults"),
    "children": N_("Children"),
}

NOUNS: dict[str, str] = {
    "referral": N_("Referral"),
    "consent": N_("Consent"),
    "override": N_("Sharing without consent"),
    "concern": N_("Safeguarding concern"),
    "escalation": N_("Escalation"),
    "assurance": N_("Assurance"),
    "agreement": N_("Agreement"),
    "rights_request": N_("Request about own information"),
    "emergency": N_("Emergency access"),
    "access": N_("Who can see what"),
    "legal_hold": N_("Hold against destruction"),
    "person": N_("Person"),
    "plan": N_("Plan"),
    "announcement": N_("Announcement"),
    "place": N_("Place"),
    "hold": N_("Hold"),
}

PATHS: dict[str, str] = {
    "referral": "referrals",
    "consent": "consents",
    "override": "overrides",
    "concern": "concerns",
    "escalation": "escalations",
    "assurance": "assurance",
    "agreement": "agreements",
    "rights_request": "rights",
    "emergency": "emergencies",
    "person": "people",
    "announcement": "announcements",
}


def said(text: str) -> str:
    """A marked sentence (of a guard, a need, a label) in the reader's language."""
    return _(text) if text else ""


def word(table: dict[str, str], code: str | None) -> str:
    """The words of a code. A code nobody gave words to shows itself, with spaces."""
    if code is None:
        return ""
    return said(table.get(code, code.replace("_", " ").capitalize()))


def yes_no(kind: str = "") -> tuple[str, str]:
    """Yes and no, for the question they answer: Welsh has no word for either, and says the verb of
    the question again. Without a kind: for a caption that asks nothing."""
    return {
        "": (_("Yes"), _("No")),
        "there": (pgettext("is there", "Yes"), pgettext("is there", "No")),
        "it": (pgettext("is it", "Yes"), pgettext("is it", "No")),
        "they": (pgettext("are they", "Yes"), pgettext("are they", "No")),
        "you": (pgettext("are you", "Yes"), pgettext("are you", "No")),
        "done": (pgettext("was it done", "Yes"), pgettext("was it done", "No")),
        "could": (pgettext("could it", "Yes"), pgettext("could it", "No")),
    }[kind]


def answers(kind: str = "", *more: tuple[str, str]) -> list[tuple[str, str]]:
    """The two as choices, and what may be chosen besides."""
    yes, no = yes_no(kind)
    return [("yes", yes), ("no", no), *more]


def choices(table: dict[str, str], *codes: str) -> list[tuple[str, str]]:
    """(code, words) of these codes, or of the whole table, for radios and checkboxes."""
    return [(code, word(table, code)) for code in (codes or table)]


def listed_reasons(rules: Rules, name: str) -> list[tuple[str, str]]:
    """(code, words) of the reasons in force: a place's own words, else ours."""
    own = rules.words("reasons", name)
    return [(code, own.get(code) or word(REASONS, code)) for code in rules.reasons(name)]


def listed_evidence(rules: Rules) -> list[tuple[str, str]]:
    """(code, words) of every kind of evidence that can be kept where these rules hold."""
    own: dict[str, str] = {}
    for tier in TIERS:
        own |= rules.words("evidence", tier)
    return [(code, own.get(code) or word(EVIDENCE, code)) for code in rules.evidence_kinds()]


def role_name(role: str) -> str:
    """What a role is called on screen."""
    return word(ROLES, str(role))


# What a state is called by who acts in it.
OWN_STATES: dict[tuple[str, str, Role], Tag] = {
    ("referral", "sent", Role.PROVIDER_LEADER): Tag(N_("Waiting for you"), "blue"),
    ("referral", "queried", Role.PROVIDER_LEADER): Tag(N_("You asked"), "purple"),
}


def state_tag(noun: str, state: str, role: Role | None = None) -> dict[str, str]:
    """The lifecycle tag of a record, for `status_tag`; `role`: as somebody in it says it."""
    tag = STATES[(str(noun), str(state))]
    if role is not None:
        tag = OWN_STATES.get((str(noun), str(state), role), tag)
    return {"text": said(tag.text), "colour": tag.colour}


def flag(name: str) -> dict[str, str]:
    """A flag beside the lifecycle tag, for `status_tag`."""
    tag = FLAGS[name]
    return {"text": said(tag.text), "colour": tag.colour}


def button(noun: str, trigger: str) -> str:
    """The words of the button that asks for a move."""
    return said(MOVES[(str(noun), trigger)].button)


def told(noun: str, trigger: str) -> str:
    """What a timeline says of a move that was made."""
    return said(MOVES[(str(noun), trigger)].told)


# Where a record without a page of its own stands.
STANDS_ON = {"user": "/account", "access": "/access", "legal_hold": "/retention/holds"}


def page_of(noun: str, record_id: str) -> str | None:
    """The page on which a record stands, where there is one."""
    return record_path(noun, record_id) if noun in PATHS else STANDS_ON.get(noun)


def record_path(noun: str, record_id: str) -> str:
    """Where the page of a record is."""
    return f"/{PATHS[str(noun)]}/{record_id}"


def move_path(noun: str, record_id: str, trigger: str) -> str:
    """Where the form of a move is: `/referrals/<id>/put-on-waiting-list`."""
    return f"{record_path(noun, record_id)}/{trigger.replace('_', '-')}"
