"""What all tests share: the real input, and its loud absence."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input beside the repository; absent in CI is a failure."""
    if not SHARED_DATA.is_dir():
        message = f"the real input is absent ({SHARED_DATA}): these checks did NOT run"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED_DATA
