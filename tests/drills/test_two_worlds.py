"""A thousand pairs of worlds: see `tests.web.test_two_worlds`."""

from tests.web.test_two_worlds import (
    kept,
    test_nothing_tells_a_concern_from_records_being_put_right,
)

__all__ = ["kept", "test_nothing_tells_a_concern_from_records_being_put_right"]
