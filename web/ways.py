"""The ways out there are here, and what a message says on each: what happened, a reference and
where to look. Never a word about a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader

from referral import links
from referral.dispatches import EMAIL, LETTER, TEXT
from web import labels
from web.carriers import PATIENCE, Carrier, Folder, Notify, Outgoing, Smtp
from web.labels import word
from web.link_tokens import LinkTokens
from web.say import ENGLISH, _, code_of, language, ngettext, speaking
from web.settings import Settings, SettingWrong
from web.words import day_words, phone_words, time_words
from workflows.accounts import INVITATION, INVITATION_LASTS, PROVING, RESET, RESET_LASTS
from workflows.dispatches import SUMMARY, Ready
from workflows.preferences import always
from workflows.working_time import local_day


@dataclass(frozen=True)
class Ways:
    """The carriers by channel, and what a message needs to say where to look."""

    carriers: dict[str, Carrier]
    tokens: LinkTokens = field(repr=False)
    public_url: str = ""
    service_name: str = "Segue"

    @property
    def channels(self) -> frozenset[str]:
        """What can be sent at all."""
        return frozenset(self.carriers)

    def write(self, ready: Ready) -> Outgoing:
        """The message as it leaves by its channel, in the language of whoever it is for."""
        with speaking(code_of(ready.language) or ENGLISH):
            return self._written(ready)

    def _written(self, ready: Ready) -> Outgoing:
        said = _said(ready, self)
        address = ready.parcel.key, ready.address
        if ready.parcel.channel == TEXT:
            return Outgoing(*address, said.subject, said.short)
        if ready.parcel.channel == LETTER:
            return Outgoing(*address, said.subject, said.plain(), lines=ready.address_lines)
        html = (
            _environment()
            .get_template("post/mail.jinja")
            .render(said=said, service=self.service_name, lang=language())
        )
        return Outgoing(*address, said.subject, said.plain(), html)


NO_WAYS = Ways({}, LinkTokens("nothing is signed with this"))


def ways_of(settings: Settings) -> Ways:
    """The ways out that the settings name; none where nothing is set. Raises SettingWrong."""
    carriers: dict[str, Carrier] = {}
    host = urlsplit(settings.public_url).hostname or "localhost"
    if settings.smtp_url:
        sender = settings.mail_from or ""
        if "@" not in parseaddr(sender)[1]:
            raise SettingWrong(
                "SEGUE_MAIL_FROM must be the address messages come from, like"
                " Segue <segue@example.org>"
            )
        carriers[EMAIL] = Smtp.from_url(settings.smtp_url, sender, host)
    if settings.notify_key:
        named = {TEXT: settings.notify_text_template, LETTER: settings.notify_letter_template}
        if not any(named.values()):
            raise SettingWrong(
                "SEGUE_NOTIFY_KEY needs SEGUE_NOTIFY_TEXT_TEMPLATE or"
                " SEGUE_NOTIFY_LETTER_TEMPLATE: the id of a template at GOV.UK Notify."
            )
        for kind, template in named.items():
            if template:
                carriers[kind] = Notify.connect(
                    settings.notify_key, template, kind, settings.notify_url, PATIENCE
                )
    return Ways(
        carriers,
        LinkTokens(settings.secret_key),
        settings.public_url.rstrip("/"),
        settings.service_name,
    )


def kept_in(folder: Path, settings: Settings) -> Ways:
    """Everything into one folder, for a demonstration."""
    carriers: dict[str, Carrier] = {kind: Folder(folder, kind) for kind in (EMAIL, TEXT, LETTER)}
    return Ways(carriers, LinkTokens(settings.secret_key), settings.public_url.rstrip("/"))


# -- what is said -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """The parts of a message. `ways` are (words, address) to go on by."""

    subject: str
    lines: tuple[str, ...]
    ways: tuple[tuple[str, str], ...] = ()
    foot: tuple[str, ...] = ()
    short: str = ""

    def plain(self) -> str:
        """As plain text."""
        ways = [f"{words}:\n{address}" for words, address in self.ways]
        body = "\n\n".join([*self.lines, *ways])
        return f"{body}\n\n-- \n" + "\n".join(self.foot) + "\n" if self.foot else body + "\n"


def _said(ready: Ready, ways: Ways) -> Said:
    if ready.link == links.PERSON:
        return _own_page(ready, ways)
    if ready.parcel.to_owner.startswith("person@"):
        return _to_person(ready, ways)
    if ready.parcel.what == SUMMARY:
        return _summary(ready, ways)
    if ready.parcel.what == RESET:
        return _new_password(ready, ways)
    if ready.parcel.what == INVITATION:
        return _invitation(ready, ways)
    if ready.parcel.what == PROVING:
        return _second_step(ready, ways)
    return _notice(ready, ways)


def _notice(ready: Ready, ways: Ways) -> Said:
    parcel = ready.parcel
    safety = parcel.noun == "concern"
    says = word(labels.NOTICES, parcel.what)
    # The subject shows on a locked phone.
    head = _("Something urgent needs you") if safety else says.rstrip(".")
    path = labels.page_of(parcel.noun, parcel.record_id) or "/"
    where = f"{ways.public_url}{path}"
    lines = [says]
    if ready.reference:
        lines.append(_("Reference: %(reference)s", reference=ready.reference))
    if safety:
        lines.append(_("Until you sign in and say so, nobody counts as having read it."))
    on: list[tuple[str, str]] = []
    if ready.link is not None and ready.link_until is not None:
        on.append((_link_words(ready.link), f"{ways.public_url}/a/{ways.tokens.token(parcel.key)}"))
        lines.append(
            _(
                "The first link is for you alone. It works once, until %(day)s.",
                day=day_words(local_day(ready.link_until), weekday=True),
            )
        )
    on.append((_("Sign in and open it"), where))
    if always(parcel.noun, parcel.what):
        foot = _("Messages like this one are always sent.")
    else:
        foot = _("Choose how you hear of things: %(where)s", where=f"{ways.public_url}/notices/how")
    subject = f"{ways.service_name}: {head}"
    if ready.reference:
        subject += f" ({ready.reference})"
    short = f"{ways.service_name}: {says} {ready.reference or ''} {on[0][1]}"
    return Said(subject, tuple(lines), tuple(on), (foot, _not_for_you()), " ".join(short.split()))


def _link_words(purpose: str) -> str:
    if purpose == links.CAME:
        return _("Say who came or finish, without signing in")
    if purpose == links.MESSAGE:
        return _("Read and answer without signing in")
    return _("Answer without signing in")


def _not_for_you() -> str:
    return _("This message says nothing about anybody. If it is not for you, delete it.")


def _summary(ready: Ready, ways: Ways) -> Said:
    total = sum(count for _what, count in ready.counts)
    head = ngettext("%(num)s new notice", "%(num)s new notices", total)
    lines = [head + ":"]
    lines += [f"{count} × {word(labels.NOTICES, what)}" for what, count in ready.counts]
    on = ((_("Sign in and read them"), f"{ways.public_url}/notices"),)
    foot = _("Choose how you hear of things: %(where)s", where=f"{ways.public_url}/notices/how")
    subject = f"{ways.service_name}: {head}"
    return Said(subject, tuple(lines), on, (foot, _not_for_you()), subject)


def _new_password(ready: Ready, ways: Ways) -> Said:
    parcel = ready.parcel
    token = ways.tokens.reset_token(parcel.record_id, parcel.at, ready.mark)
    head = _("Choose a new password")
    lines = (
        _("Somebody asked for a new password for your account, with this email address."),
        _("The link is for you alone. It works once, until %(time)s.",
          time=time_words(parcel.at + RESET_LASTS)),
        _("If it was not you, do nothing: your password stays as it is."),
    )  # fmt: skip
    on = ((head, f"{ways.public_url}/choose-password/{token}"),)
    return Said(f"{ways.service_name}: {head}", lines, on, (_not_for_you(),))


def _second_step(ready: Ready, ways: Ways) -> Said:
    parcel = ready.parcel
    token = ways.tokens.address_token(parcel.record_id, parcel.at, ready.mark)
    head = _("Set up your second step")
    lines = (
        _("Somebody who is signed in to your account wants to set up its second step."),
        _("If it is you, open the link in the same browser. It works until %(time)s.",
          time=time_words(parcel.at + RESET_LASTS)),
        _("If it was not you, somebody knows your password: choose another one now, where you"
          " sign in."),
    )  # fmt: skip
    on = ((head, f"{ways.public_url}/account/second-step/address/{token}"),)
    return Said(f"{ways.service_name}: {head}", lines, on, (_not_for_you(),))


def _invitation(ready: Ready, ways: Ways) -> Said:
    parcel = ready.parcel
    token = ways.tokens.invitation_token(parcel.record_id, parcel.at, ready.mark)
    head = _("Choose your password")
    until = parcel.at + INVITATION_LASTS
    lines = (
        _("%(team)s has an account for you, with this email address.", team=ready.team),
        _("Choose a password, then sign in with it. The link is for you alone. It works once,"
          " until %(day)s.", day=day_words(local_day(until), weekday=True)),
        _("If it stops working before you use it, ask whoever set up your account for another."),
    )  # fmt: skip
    on = ((head, f"{ways.public_url}/invitation/{token}"),)
    subject = _("%(service)s: your account", service=ways.service_name)
    return Said(subject, lines, on, (_not_for_you(),))


def _ring(ready: Ready) -> str:
    phone = phone_words(ready.team_phone)
    if phone:
        return _("Ring %(team)s on %(phone)s.", team=ready.team, phone=phone)
    return _("Ring %(team)s.", team=ready.team)


def _to_person(ready: Ready, ways: Ways) -> Said:
    says = _("There is news for you.")
    lines: tuple[str, ...] = (says, _ring(ready))
    return Said(says.rstrip("."), lines, (), (_not_for_you(),), " ".join(lines))


def _own_page(ready: Ready, ways: Ways) -> Said:
    """The person's own page: the link, and on paper the code that is quicker to type."""
    parcel = ready.parcel
    token = ways.tokens.token(parcel.record_id)
    head = _("Your own page")
    word_line = _("You need the word you agreed on.")
    if parcel.channel == LETTER:
        code = ways.tokens.code(parcel.record_id)
        on_paper = (
            _("You asked for a page that shows what is kept about you and what happens next."),
            _("Go to %(where)s", where=f"{ways.public_url}/code"),
            _("Type this code: %(code)s", code=code),
            word_line,
            _(
                "It opens on one phone or computer. If you need help, or another code: %(ring)s",
                ring=_ring(ready),
            ),
        )
        return Said(head, on_paper)
    where = f"{ways.public_url}/a/{token}"
    lines = (_("Here is your own page. It opens on one phone."), word_line, _ring(ready))
    gone_wrong = _("Not for you? Delete it.")
    short = f"{lines[0]} {word_line} {where} {_ring(ready)} {gone_wrong}"
    return Said(head, lines, ((_("Open your page"), where),), (_not_for_you(),), short)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
    )


__all__ = ["NO_WAYS", "Said", "Ways", "kept_in", "ways_of"]
