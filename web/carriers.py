"""The services that carry a message out of the house: a mail server, and GOV.UK Notify for texts
and letters. Each is asked for one message to one address at a time, so that what it answers is
about that one alone."""

from __future__ import annotations

import contextlib
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from web.settings import SettingWrong

PATIENCE = 10.0  # seconds for each answer of a service
UNDERWAY, ARRIVED, FAILED = "underway", "arrived", "failed"


class NotTaken(Exception):
    """The service didn't take the message. `for_good`: it never will, to this address. `away`: it
    couldn't be reached, and won't be for the next one either. The text names no address."""

    def __init__(self, why: str, *, for_good: bool = False, away: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good
        self.away = away


@dataclass(frozen=True)
class Outgoing:
    """One message, ready. `key` is the same at every try. `lines` is a postal address."""

    key: str
    to: str
    subject: str
    text: str
    html: str = ""
    lines: tuple[str, ...] = field(default=())


class Carrier(Protocol):
    """A way out."""

    @property
    def can_tell(self) -> bool:
        """Whether it can be asked what became of a message."""

    def find(self, message: Outgoing) -> str | None:
        """The number under which it has taken this message before, if it can say so."""

    def send(self, message: Outgoing) -> str:
        """Hand it over; the number it gave. Raises NotTaken."""

    def status(self, number: str) -> str:
        """underway, arrived or failed. Raises NotTaken when it can't be asked."""


# -- mail ---------------------------------------------------------------------------------------


def mail(message: Outgoing, sender: str, host: str) -> EmailMessage:
    """The message as a mail, in plain text with HTML beside it. It asks for no receipt and names
    nobody but the one it is for."""
    made = EmailMessage(policy=SMTP_POLICY)
    made["From"] = sender
    made["To"] = message.to
    made["Subject"] = message.subject
    made["Message-ID"] = f"<{message.key}@{host}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    if message.html:
        made.add_alternative(message.html, subtype="html")
    return made


@dataclass(frozen=True)
class Smtp:
    """A mail server: `smtp://` asks for TLS before anything is said, `smtps://` begins with it.
    `?tls=off` is for a server on the same machine; `?ca=FILE` names whom to trust besides."""

    host: str
    port: int
    sender: str
    domain: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: str = "start"  # start | from_the_first | off
    ca: str | None = None
    patience: float = PATIENCE
    can_tell: bool = False

    @classmethod
    def from_url(cls, url: str, sender: str, domain: str, **more: Any) -> Smtp:
        """The server that a URL names. Raises SettingWrong."""
        parts = urlsplit(url)
        asked = parse_qs(parts.query)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingWrong(
                "SEGUE_SMTP_URL must be like smtp://user:password@mail.example.org:587"
                " or smtps://user:password@mail.example.org"
            )
        implicit = parts.scheme == "smtps"
        off = asked.get("tls") == ["off"]
        if off and parts.username:
            raise SettingWrong("SEGUE_SMTP_URL would send a password without TLS.")
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if implicit else 587),
            sender=sender,
            domain=domain,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls="from_the_first" if implicit else "off" if off else "start",
            ca=asked.get("ca", [None])[0],
            **more,
        )

    def find(self, message: Outgoing) -> str | None:
        """A mail server can't be asked what it took."""
        return None

    def status(self, number: str) -> str:
        """Nor whether it arrived: what comes back is told to `segue bounce`."""
        return UNDERWAY

    def send(self, message: Outgoing) -> str:
        """One mail in a conversation of its own. Its answer to the whole text is what counts:
        whatever goes wrong after that, the server has it."""
        made = mail(message, self.sender, self.domain)
        server = self._connected()
        try:
            self._say(server, message, made)
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
        return str(made["Message-ID"])

    def _say(self, server: smtplib.SMTP, message: Outgoing, made: EmailMessage) -> None:
        try:
            refused = server.send_message(made, to_addrs=[message.to])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise NotTaken(f"recipient refused, {code}", for_good=code >= 500) from None
        except smtplib.SMTPSenderRefused as error:
            raise NotTaken(f"sender refused, {error.smtp_code}") from None
        except smtplib.SMTPDataError as error:
            refused_for_good = error.smtp_code >= 500
            raise NotTaken(f"text refused, {error.smtp_code}", for_good=refused_for_good) from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotTaken(type(error).__name__, away=True) from None
        if refused:
            raise NotTaken("recipient refused", for_good=True)

    def _connected(self) -> smtplib.SMTP:
        trust = ssl.create_default_context(cafile=self.ca)
        server: smtplib.SMTP | None = None
        try:
            if self.tls == "from_the_first":
                server = smtplib.SMTP_SSL(
                    self.host, self.port, timeout=self.patience, context=trust
                )
            else:
                server = smtplib.SMTP(self.host, self.port, timeout=self.patience)
                if self.tls == "start":
                    server.starttls(context=trust)
            if self.user:
                server.login(self.user, self.password or "")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if server is not None:
                server.close()
            raise NotTaken(type(error).__name__, away=True) from None
        return server


# -- texts and letters --------------------------------------------------------------------------

LEAST_KEY = 73  # two ids with dashes between
ARRIVED_SAYS = frozenset({"delivered", "received"})
FAILED_SAYS = frozenset(
    {
        "permanent-failure",
        "temporary-failure",
        "technical-failure",
        "validation-failed",
        "virus-scan-failed",
        "cancelled",
    }
)


@dataclass(frozen=True)
class Notify:
    """GOV.UK Notify, through its published client (`pip install 'segue[notify]'`). The template
    of a text has one place to fill, ((message)); that of a letter ((heading)) and ((message))."""

    client: Any
    template: str
    kind: str  # text | letter
    can_tell: bool = True

    @classmethod
    def connect(cls, key: str, template: str, kind: str, url: str, patience: float) -> Notify:
        """The service with this key. Raises SettingWrong."""
        try:
            from notifications_python_client.notifications import NotificationsAPIClient
        except ImportError:
            raise SettingWrong(
                "SEGUE_NOTIFY_KEY needs the client of GOV.UK Notify: pip install 'segue[notify]'"
            ) from None
        if len(key) < LEAST_KEY:
            raise SettingWrong("SEGUE_NOTIFY_KEY isn't a key of GOV.UK Notify.")
        # What it has to say of a failure may hold what it was given.
        logging.getLogger("notifications_python_client.base").disabled = True
        make: Any = NotificationsAPIClient
        return cls(make(key, base_url=url, timeout=patience), template, kind)

    def find(self, message: Outgoing) -> str | None:
        """What it took under our key: a repeat is noticed even when its answer was lost."""
        found = self._ask(self.client.get_all_notifications, reference=message.key)
        taken = found.get("notifications") or []
        return str(taken[0]["id"]) if taken else None

    def send(self, message: Outgoing) -> str:
        """One text, or one letter."""
        if self.kind == "text":
            said = self._ask(
                self.client.send_sms_notification,
                phone_number=message.to,
                template_id=self.template,
                personalisation={"message": message.text},
                reference=message.key,
            )
        else:
            lines = {f"address_line_{n}": line for n, line in enumerate(message.lines[:7], 1)}
            said = self._ask(
                self.client.send_letter_notification,
                template_id=self.template,
                personalisation={
                    **lines,
                    "heading": message.subject,
                    "message": message.text,
                },
                reference=message.key,
            )
        return str(said["id"])

    def status(self, number: str) -> str:
        """What became of it."""
        said = str(self._ask(self.client.get_notification_by_id, number).get("status"))
        if said in FAILED_SAYS:
            return FAILED
        return ARRIVED if said in ARRIVED_SAYS else UNDERWAY

    def _ask(self, call: Any, *args: Any, **said: Any) -> Any:
        from notifications_python_client.errors import HTTPError

        try:
            return call(*args, **said)
        except HTTPError as error:
            code = int(getattr(error, "status_code", 0) or 0)
            # 400: this message is wrong for ever. 403: our key is; 429 and 5xx pass.
            raise NotTaken(
                f"answered {code}", for_good=code == 400, away=code in (0, 403, 429) or code >= 500
            ) from None
        except Exception as error:  # whatever else comes of a half answer
            raise NotTaken(type(error).__name__, away=True) from None


# -- a folder -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folder:
    """Messages kept as files, for a demonstration: nothing leaves the machine."""

    path: Path
    kind: str
    can_tell: bool = False

    def find(self, message: Outgoing) -> str | None:
        """One file for each key."""
        return message.key if (self.path / f"{message.key}.eml").exists() else None

    def send(self, message: Outgoing) -> str:
        """Write the file, whole or not at all."""
        made = mail(message, "Segue <segue@saltmere.example>", "saltmere.example")
        made["X-Segue-Channel"] = self.kind
        if message.lines:
            made["X-Segue-Address"] = ", ".join(message.lines)
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / f"{message.key}.part"
        part.write_bytes(bytes(made))
        part.replace(self.path / f"{message.key}.eml")
        return str(made["Message-ID"])

    def status(self, number: str) -> str:
        """It is there."""
        return ARRIVED
