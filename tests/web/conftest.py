"""What tests of pages share."""

import pytest

from web.passwords import hash_password


@pytest.fixture(scope="session")
def hashed() -> str:
    """The hash of "correct horse battery", which takes its time to make."""
    return hash_password("correct horse battery")
