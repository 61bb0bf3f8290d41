"""The services that carry messages, spoken to for real: what counts as taken, and what comes of a
server that refuses, drops, hangs, or dies at the worst moment."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from referral.ids import new_id
from tests.servers import KEY, mail_server, notify_server
from web.bounces import numbers_in
from web.carriers import ARRIVED, FAILED, UNDERWAY, Folder, Notify, NotTaken, Outgoing, Smtp
from web.link_tokens import LinkTokens, hashed, typed_code
from web.settings import Settings, SettingWrong, ways_wanted
from web.ways import ways_of

SENDER = "Segue <segue@example.org>"


def message(**more: object) -> Outgoing:
    known = {"key": new_id(), "to": "sol@example.org", "subject": "Segue: news", "text": "Look.\n"}
    return Outgoing(**{**known, **more})  # type: ignore[arg-type]


def smtp(url: str, **more: object) -> Smtp:
    return Smtp.from_url(url, SENDER, "segue.example.org", patience=0.4, **more)


# -- mail ---------------------------------------------------------------------------------------


def test_a_mail_is_plain_text_with_html_beside_it_under_a_number_of_ours() -> None:
    sent = message(html="<p>Look.</p>")
    with mail_server() as (box, url):
        number = smtp(url).send(sent)
    (mail,) = box.mails
    assert number == mail["Message-ID"] == f"<{sent.key}@segue.example.org>"
    assert (mail["To"], mail["From"], mail["Subject"]) == ("sol@example.org", SENDER, sent.subject)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().split() == ["Look."]
    assert "<p>Look.</p>" in html.get_content()


@pytest.mark.parametrize(
    ("manners", "for_good", "away"),
    [
        ("refuse", True, False),
        ("busy", False, False),
        ("hang", False, True),
        ("die", False, True),
        ("die_after", False, True),
    ],
)
def test_what_a_server_did_not_say_it_took_counts_as_not_taken(
    manners: str, for_good: bool, away: bool
) -> None:
    with mail_server(manners) as (box, url), pytest.raises(NotTaken) as why:
        smtp(url).send(message())
    assert box.tried == 1
    assert (why.value.for_good, why.value.away) == (for_good, away)
    assert "sol@" not in str(why.value)


def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(NotTaken) as why:
        smtp("smtp://127.0.0.1:9?tls=off").send(message())
    assert why.value.away


def test_a_server_that_drops_what_it_took_has_taken_it() -> None:
    with mail_server("drop") as (box, url):
        assert smtp(url).send(message())
    assert box.raw == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_nothing_is_said_before_tls_and_only_to_a_server_we_trust(
    certificate: tuple[Path, Path],
) -> None:
    cert, key = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    with mail_server(tls=tls) as (box, url):
        assert smtp(f"{url}?ca={cert}").send(message())
        with pytest.raises(NotTaken):
            smtp(url).send(message())
        assert (len(box.raw), box.tried) == (1, 1)
    with mail_server() as (box, url), pytest.raises(NotTaken):
        smtp(url.removesuffix("?tls=off")).send(message())
    assert box.tried == 0


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://a:b@mail.example.org?tls=off"]
)
def test_a_mail_server_must_be_named_rightly(url: str) -> None:
    with pytest.raises(SettingWrong):
        smtp(url)


# -- texts and letters --------------------------------------------------------------------------


@pytest.fixture
def kind() -> str:
    return "text"


def notify(url: str, kind: str) -> Notify:
    return Notify.connect(KEY, "t" * 8, kind, url, 0.4)


def closed(carrier: Notify) -> None:
    carrier.client.request_session.close()


def test_a_text_and_a_letter_go_by_the_templates_of_the_place() -> None:
    lines = ("Margaret Okoro", "1 Quay Street", "Harbour", "ZZ99 3VZ")
    with notify_server() as (service, url):
        text, letter = notify(url, "text"), notify(url, "letter")
        one = message(to="07700 900982")
        number = text.send(one)
        letter.send(message(subject="Your own page", lines=lines))
        assert text.status(number) == ARRIVED
        for carrier in (text, letter):
            closed(carrier)
    sms, post = service.taken
    assert sms["type"] == "sms"
    assert (sms["phone_number"], sms["reference"]) == ("07700 900982", one.key)
    assert sms["personalisation"] == {"message": "Look.\n"}
    assert post["type"] == "letter"
    filled = post["personalisation"]
    assert [filled[f"address_line_{n}"] for n in range(1, 5)] == list(lines)
    assert filled["heading"] == "Your own page"


@pytest.mark.parametrize(
    ("manners", "for_good", "away"),
    [
        ("wrong", True, False),
        ("closed", False, True),
        ("broken", False, True),
        ("hang", False, True),
        ("die_after", False, True),
    ],
)
def test_what_notify_did_not_say_it_took_counts_as_not_taken(
    manners: str, for_good: bool, away: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with notify_server(manners) as (service, url):
        carrier = notify(url, "text")
        with pytest.raises(NotTaken) as why:
            carrier.send(message(to="07700 900982"))
        closed(carrier)
    assert service.asked == 1
    assert (why.value.for_good, why.value.away) == (for_good, away)
    assert "900982" not in caplog.text


def test_notify_is_asked_whether_it_had_taken_a_text_whose_answer_was_lost() -> None:
    one, other = message(), message()
    with notify_server("die_after") as (service, url):
        carrier = notify(url, "text")
        with pytest.raises(NotTaken):
            carrier.send(one)
        assert carrier.find(one) == service.taken[0]["id"]
        assert carrier.find(other) is None
        closed(carrier)


@pytest.mark.parametrize(
    ("says", "means"),
    [
        ("created", UNDERWAY),
        ("sending", UNDERWAY),
        ("pending", UNDERWAY),
        ("accepted", UNDERWAY),
        ("delivered", ARRIVED),
        ("received", ARRIVED),
        ("permanent-failure", FAILED),
        ("temporary-failure", FAILED),
        ("technical-failure", FAILED),
    ],
)
def test_what_became_of_it_is_in_notifys_words(says: str, means: str) -> None:
    with notify_server() as (service, url):
        carrier = notify(url, "text")
        number = carrier.send(message())
        service.says = says
        assert carrier.status(number) == means
        closed(carrier)


def test_a_folder_keeps_one_file_for_each_message(tmp_path: Path) -> None:
    folder, one = Folder(tmp_path / "post", "text"), message()
    assert folder.find(one) is None
    folder.send(one)
    folder.send(one)
    assert folder.find(one)
    assert len(list((tmp_path / "post").iterdir())) == 1


# -- settings -----------------------------------------------------------------------------------

SAID = {"SEGUE_SECRET_KEY": "s" * 40, "SEGUE_SMTP_URL": "smtp://mail.example.org"}


def test_a_worker_needs_no_secret_where_nothing_goes_out_and_one_where_something_does() -> None:
    assert ways_wanted({}) is None
    with pytest.raises(SettingWrong, match="SECRET_KEY"):
        ways_wanted({"SEGUE_SMTP_URL": "smtp://mail.example.org"})
    with pytest.raises(SettingWrong, match="MAIL_FROM"):
        ways_of(ways_wanted(SAID))  # type: ignore[arg-type]
    found = ways_of(ways_wanted({**SAID, "SEGUE_MAIL_FROM": SENDER}))  # type: ignore[arg-type]
    assert found.channels == {"email"}
    with pytest.raises(SettingWrong, match="TEMPLATE"):
        ways_of(Settings(secret_key="s" * 40, notify_key=KEY))
    assert ways_of(
        Settings(secret_key="s" * 40, notify_key=KEY, notify_text_template="t")
    ).channels == {"text"}


# -- mails that came back -----------------------------------------------------------------------

BOUNCE = """From: MAILER-DAEMON@example.org
To: segue@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

It could not be delivered.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; sol@example.org
Action: {action}
Status: 5.1.1

--x
Content-Type: {kind}

From: segue@example.org
Message-ID: <abc@segue.example.org>
Subject: news

--x--
"""


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_mail_that_came_back_names_the_one_it_is_about(kind: str) -> None:
    raw = BOUNCE.format(action="failed", kind=kind).encode()
    assert numbers_in(raw) == ["<abc@segue.example.org>"]


def test_a_delay_or_an_ordinary_mail_is_no_failure() -> None:
    assert numbers_in(BOUNCE.format(action="delayed", kind="message/rfc822").encode()) == []
    assert numbers_in(b"From: a@example.org\nSubject: failed\n\nAction: failed\n") == []


# -- the secrets of links -----------------------------------------------------------------------

TOKENS = LinkTokens("a secret of this service alone")


def test_a_token_is_read_only_whole_and_only_by_who_signed_it() -> None:
    link = new_id()
    token = TOKENS.token(link)
    assert TOKENS.read(token) == link
    assert TOKENS.token(link) == token, "the same link is written twice"
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        assert TOKENS.read(token[:position] + other + token[position + 1 :]) is None
    for bad in ("", "x", token[:-1], token + "A", token.split(".")[0], "é", "." * 50, token * 3):
        assert TOKENS.read(bad) is None
    assert LinkTokens("another secret, of another service").read(token) is None


def test_a_code_can_be_typed_as_it_was_heard() -> None:
    link = new_id()
    code = TOKENS.code(link)
    assert len(code) == 14
    for typed in (code, code.lower(), code.replace("-", " "), code.replace("0", "O")):
        assert typed_code(typed) == TOKENS.code_hash(link)
    assert TOKENS.code_hash(link) == hashed(code.replace("-", ""))
    assert TOKENS.code(new_id()) != code
    for bad in ("", "7K4Q", code + "7", "!!!!-!!!!-!!!!"):
        assert typed_code(bad) is None
