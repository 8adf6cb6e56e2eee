"""What all tests share: the real input, a real Kafka, or their loud absence; untimed properties."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.kafka.fixtures"]

# No timed assertions: in a fresh clone Hypothesis first works out its table of Unicode, which on a
# busy machine takes longer than it allows an example.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

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
