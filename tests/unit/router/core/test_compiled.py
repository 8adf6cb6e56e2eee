"""`make compiled` passes these tests with the compiled core: is it what they import?"""

import os

from router import shard
from router.core import dispatch, triage


def test_the_core_is_compiled_where_the_path_says_so() -> None:
    """And nowhere else."""
    wanted = "compiled" in os.environ.get("PYTHONPATH", "")
    for module in (dispatch, triage, shard):
        assert str(module.__file__).endswith(".py") is not wanted
