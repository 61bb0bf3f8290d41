"""The settings, from the environment and nowhere else, all with the prefix `SEGUE_`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from referral.health import Finding, Health
from referral.keys import WrappingKeys
from referral.states import Role
from referral.store import Store
from workflows.moves import N_
from workflows.small_numbers import HIDDEN_TO, NEAREST

PREFIX = "SEGUE_"
LEAST_SECRET = 32
KEY_FILE = "var/wrapping.keys"
NUMBERS = {"hide_numbers_to": HIDDEN_TO, "round_numbers_to": NEAREST}
# Who has to show a second step: nobody who doesn't want to, everybody but those who lead sessions,
# or everybody.
SECOND_STEP = ("offered", "staff", "everybody")
MOST_REMEMBERED = 30
NOT_TEXT = frozenset(
    {"proxies", "keep_addresses", "ask_equality", "remember_days", "wall", *NUMBERS}
)


class SettingWrong(Exception):
    """A setting is missing or can't be used. The sentence says which, and what to do."""


@dataclass(frozen=True)
class Settings:
    """What a place may differ in before anything has started. There is no default secret."""

    secret_key: str = field(repr=False)
    database_url: str = field(default="sqlite:///var/segue.db", repr=False)
    public_url: str = "http://127.0.0.1:8000"
    service_name: str = "Segue"
    # The file of the keys that wrap the keys of people, kept apart from the database.
    wrapping_keys: str = KEY_FILE
    signing_key: str | None = field(default=None, repr=False)
    # The mail server, and the address messages come from.
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    # GOV.UK Notify: the key of the place's service, and the ids of its two templates.
    notify_key: str | None = field(default=None, repr=False)
    notify_text_template: str | None = None
    notify_letter_template: str | None = None
    notify_url: str = "https://api.notifications.service.gov.uk"
    # Where "exit this page" leads, on the pages of the person.
    exit_url: str = "https://www.bbc.co.uk/weather"
    # How many proxies in front of us may say where a request came from; none unless told.
    proxies: int = 0
    # Whether the audit log keeps, where it can be erased, the address staff and programs came from.
    keep_addresses: bool = True
    # Whether teams may ask for ethnic group and disability. Nothing counts the answers yet, and the
    # law lets them be kept for counting alone (docs/decisions/0041-who-is-missed.md).
    ask_equality: bool = True
    # Where the appropriate policy document for that is, or its date.
    equality_policy: str = ""
    # Whether the database is told who asks, and holds each query to what they may see.
    wall: bool | None = None
    # Numbers of people up to this aren't told to who answers for a place; the others are rounded.
    hide_numbers_to: int = HIDDEN_TO
    round_numbers_to: int = NEAREST
    # The phone line on pages that say something is wrong, where the place keeps one.
    urgent_phone: str | None = None
    # The virus scanner: a command that reads a file and ends with 0 (nothing found) or 1 (found).
    scanner: str | None = None
    # Without one: "withhold" (nobody opens what another put there) or "open".
    unscanned: str = "withhold"
    # Who signs in with a second step: see SECOND_STEP.
    second_step: str = "offered"
    # How many days a device may be remembered, and not asked for a code; 0: none is.
    remember_days: int = MOST_REMEMBERED
    # How to reach whoever runs this service, on the help page.
    contact: str | None = None

    def __post_init__(self) -> None:
        if len(self.secret_key) < LEAST_SECRET:
            raise SettingWrong(
                f"SEGUE_SECRET_KEY is missing or shorter than {LEAST_SECRET} characters. Make one"
                ' with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        if urlsplit(self.public_url).scheme not in ("http", "https"):
            raise SettingWrong(
                "SEGUE_PUBLIC_URL must be the address people type, like https://segue.example.org"
            )
        if self.unscanned not in ("withhold", "open"):
            raise SettingWrong("SEGUE_UNSCANNED must be withhold or open.")
        if self.second_step not in SECOND_STEP:
            raise SettingWrong("SEGUE_SECOND_STEP must be offered, staff or everybody.")

    @property
    def unscanned_open(self) -> bool:
        """Whether documents that no scanner has looked at may be opened by others: only where the
        place has no scanner and said so."""
        return self.unscanned == "open" and not self.scanner

    def demands_second_step(self, role: Role) -> bool:
        """Whether who signs in to this role must show a second step."""
        if self.second_step == "staff":
            return role is not Role.PROVIDER_LEADER
        return self.second_step == "everybody"

    @property
    def https(self) -> bool:
        """Whether people reach it over HTTPS: what the cookies and headers go by."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def open_store(self) -> Store:
        """The store named by the database URL. A folder for a SQLite file is made."""
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        return Store(self.database_url, wrapping=wrapping_keys(self.wrapping_keys), wall=self.wall)


def wrapping_keys(path: str) -> WrappingKeys | None:
    """The keys of this file; None where there is no such file. Raises WrongKeyFile."""
    file = Path(path)
    return WrappingKeys.read(file) if file.exists() else None


def key_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the file of wrapping keys is, or should be."""
    env = os.environ if environ is None else environ
    return Path(env.get(PREFIX + "WRAPPING_KEYS") or KEY_FILE)


def erasures_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where the worker keeps the list of erasures outside the database; None: nowhere."""
    told = (os.environ if environ is None else environ).get(PREFIX + "ERASURES_FILE")
    return Path(told) if told else None


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as the environment gives them. Raises SettingWrong with what to do."""
    env = os.environ if environ is None else environ
    told = {
        name: env[PREFIX + name.upper()]
        for name in Settings.__dataclass_fields__
        if name not in NOT_TEXT and env.get(PREFIX + name.upper())
    }
    proxies = env.get(PREFIX + "PROXIES", "0")
    if not proxies.isdigit():
        raise SettingWrong("SEGUE_PROXIES must be a number: how many proxies are in front.")
    numbers = {name: env.get(PREFIX + name.upper(), str(n)) for name, n in NUMBERS.items()}
    for name, text in numbers.items():
        if not text.isdigit() or int(text) < 1:
            raise SettingWrong(f"{PREFIX}{name.upper()} must be a number from 1 up.")
    days = env.get(PREFIX + "REMEMBER_DAYS", str(MOST_REMEMBERED))
    if not days.isdigit() or int(days) > MOST_REMEMBERED:
        raise SettingWrong(
            f"SEGUE_REMEMBER_DAYS must be a number from 0 to {MOST_REMEMBERED}: for how many days"
            " a device isn't asked for a code."
        )
    return Settings(
        **{"secret_key": "", **told},
        hide_numbers_to=int(numbers["hide_numbers_to"]),
        round_numbers_to=int(numbers["round_numbers_to"]),
        proxies=int(proxies),
        keep_addresses=_yes(env, "KEEP_ADDRESSES", "yes"),
        ask_equality=_yes(env, "ASK_EQUALITY", "yes"),
        remember_days=int(days),
        wall=wall_wanted(env),
    )


NO_EQUALITY_POLICY = Finding(
    "equality_policy",
    N_(
        "Teams may ask about ethnic group and disability, and no policy document for that is named."
        " The law wants one. Set SEGUE_EQUALITY_POLICY to its address or date; or"
        " SEGUE_ASK_EQUALITY=no. docs/equality-policy.md is a draft to fill in."
    ),
    warning=True,
)


def with_settings(found: Health, environ: Mapping[str, str] | None = None) -> Health:
    """What was found in the store, and what is missing in the settings. Raises SettingWrong."""
    env = os.environ if environ is None else environ
    if env.get(PREFIX + "EQUALITY_POLICY") or not _yes(env, "ASK_EQUALITY", "yes"):
        return found
    return replace(found, findings=(*found.findings, NO_EQUALITY_POLICY))


def _yes(env: Mapping[str, str], name: str, usual: str) -> bool:
    told = env.get(PREFIX + name, usual).lower()
    if told not in ("yes", "no"):
        raise SettingWrong(f"{PREFIX}{name} must be yes or no.")
    return told == "yes"


def wall_wanted(environ: Mapping[str, str] | None = None) -> bool | None:
    """Whether the database's own wall is to be on; None: as is usual for its kind. Raises
    SettingWrong."""
    env = os.environ if environ is None else environ
    told = (env.get(PREFIX + "WALL") or "").lower()
    if told not in ("on", "off", ""):
        raise SettingWrong("SEGUE_WALL must be on or off.")
    return told == "on" if told else None


def ways_wanted(environ: Mapping[str, str] | None = None) -> Settings | None:
    """The settings, where they name a way for messages to go out; None where they name none: then
    a worker needs no secret. Raises SettingWrong."""
    env = os.environ if environ is None else environ
    if env.get("SEGUE_SMTP_URL") or env.get("SEGUE_NOTIFY_KEY"):
        return from_environment(env)
    return None


def scanner_wanted(environ: Mapping[str, str] | None = None) -> str | None:
    """The virus scanner's command, for a worker; None: there is none."""
    return (os.environ if environ is None else environ).get(PREFIX + "SCANNER") or None


@dataclass(frozen=True)
class AuditSettings:
    """Where the key of the audit log is, and where its signed heads go. No secret stands here."""

    key: Path = Path("var/audit.key")
    # A folder outside the database, best on another machine.
    folder: Path | None = None
    # An address that takes each head by POST, and a witness; both over HTTPS.
    webhook: str | None = None
    witness: str | None = None
    # The public key of the witness.
    witness_key: str | None = None
    # Whether these may lie within the deployer's own network.
    private: bool = False


def audit_settings(environ: Mapping[str, str] | None = None) -> AuditSettings:
    """The settings of the audit log, from what begins with SEGUE_AUDIT_. Raises SettingWrong."""
    env = os.environ if environ is None else environ

    def told(name: str) -> str | None:
        return env.get(f"{PREFIX}AUDIT_{name}") or None

    private = told("PRIVATE") or "no"
    if private not in ("yes", "no"):
        raise SettingWrong("SEGUE_AUDIT_PRIVATE is yes or no: may heads go to a private address?")
    if told("WITNESS") and not told("WITNESS_KEY"):
        raise SettingWrong(
            "SEGUE_AUDIT_WITNESS needs the public key of the witness in SEGUE_AUDIT_WITNESS_KEY."
        )
    folder = told("FOLDER")
    return AuditSettings(
        Path(told("KEY") or AuditSettings.key),
        Path(folder) if folder else None,
        told("WEBHOOK"),
        told("WITNESS"),
        told("WITNESS_KEY"),
        private == "yes",
    )
