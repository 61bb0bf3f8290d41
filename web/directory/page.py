"""Drop your own directory feed: a file or an address; what was kept, and what was not and why."""

from __future__ import annotations

import ipaddress
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from referral.audit import log
from referral.states import Role
from web.access import access, current_actor
from web.current import edge
from web.directory.store import Imported, import_feed
from web.forms import Form, form_now, page
from web.say import _

pages = Blueprint("directory_pages", __name__)

SETS_UP = frozenset({Role.GOVERNANCE_LEAD, Role.ADMINISTRATOR})
MOST_SHOWN = 100


@pages.route("/directory", methods=["GET", "POST"])
@access(SETS_UP)
def directory() -> ResponseReturnValue:
    """Give a feed of activities as a file or by its address."""
    form = form_now()
    if request.method != "POST" or request.form.get("again"):
        return _draw(form)
    upload = request.files.get("feed")
    address = request.form.get("address", "").strip()
    if upload is not None and upload.filename:
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "feed.json"
            upload.save(kept)
            return _result(_import(str(kept)), _("your file"))
    if not address:
        form.errors["feed"] = _("Choose a file, or enter an address below.")
        return _draw(form), 422
    if urlsplit(address).scheme not in ("https", "http") or not urlsplit(address).netloc:
        form.errors["address"] = _("Enter the whole address, beginning with https.")
        return _draw(form), 422
    if not _is_outside(urlsplit(address).hostname or ""):
        form.errors["address"] = _("Enter an address on the web. This one cannot be reached there.")
        return _draw(form), 422
    return _result(_import(address), urlsplit(address).netloc)


def _is_outside(host: str) -> bool:
    """Whether every address of this name lies on the public network: what is within the deployer's
    own is nobody's to fetch by way of this page."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(one[4][0]).is_global for one in found)


def _draw(form: Form) -> str:
    return page("directory.jinja", form)


def _import(source: str) -> Imported:
    actor = current_actor()
    found = import_feed(edge(), actor.system_id, source)
    counts = {
        "added": found.added,
        "changed": found.changed,
        "refused": found.refused,
    }
    edge().perform(
        actor,
        lambda tx, at: log(tx, actor, at, "directory_imported", "system", actor.system_id, counts),
    )
    return found


def _result(found: Imported, where: str) -> str:
    return page(
        "directory_result.jinja",
        found=found,
        where=where,
        problems=found.problems[:MOST_SHOWN],
        more=max(len(found.problems) - MOST_SHOWN, 0),
        back={"href": "/directory"},
    )
