"""What every test shares."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from referral.store import Store
from web import passwords

# Where there is memory to spare for it, what the tests write need not wait for a disk.
MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH = 4 * 2**30
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

pytest_plugins = (
    "tests.browser",
    "tests.counted",
    "tests.databases",
    "tests.long_first",
    "tests.skips",
)

# A slow machine is not a wrong program: no test is timed.
settings.register_profile("segue", deadline=None, print_blob=True)
settings.load_profile("segue")


@pytest.fixture(scope="session", autouse=True)
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of the wrapping keys of the tests, for the programs that a test starts."""
    path = tmp_path_factory.mktemp("keys") / "wrapping.keys"
    assert Store.wrapping is not None
    Store.wrapping.write(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGUE_WRAPPING_KEYS", str(path))
        yield path


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Here nobody guesses passwords: the product's own hasher takes its time on purpose. What it is
    made with has a test of its own (tests/web/test_signing_in.py)."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "HASHER", cheap)
        patch.setattr(passwords, "NOBODYS", cheap.hash("nobody's"))
        yield
