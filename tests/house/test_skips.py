"""A skipped part must not pass for a checked one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIPPED_TEST = """
import pytest

@pytest.mark.skip(reason="no browser here")
def test_in_a_browser(): ...

def test_without(): ...
"""
SKIPPED_MODULE = """
import pytest

pytest.skip("no browser here", allow_module_level=True)
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(reason="known", strict=True)
def test_known(): assert False
"""


def run(folder: Path, test: str, *options: str, no_skip: bool) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(test)
    (folder / "test_other.py").write_text("def test_other(): ...\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "SEGUE", "COV"))}
    env["PYTHONPATH"] = str(ROOT)
    if no_skip:
        env["SEGUE_NO_SKIP"] = "1"
    plugins = ["-p", "tests.skips", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *options]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("test", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "spread"])
def test_a_skip_fails_the_run_and_is_named_where_skips_are_forbidden(
    tmp_path: Path, test: str, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, test, *options, no_skip=True)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_it.py" in done.stdout
    assert "no browser here" in done.stdout


def test_a_skip_passes_where_skips_are_allowed(tmp_path: Path) -> None:
    assert run(tmp_path, SKIPPED_TEST, no_skip=False).returncode == pytest.ExitCode.OK


def test_an_expected_failure_is_not_a_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED_FAILURE, no_skip=True).returncode == pytest.ExitCode.OK


def test_this_very_run_can_forbid_skips(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.hasplugin("tests.skips")
