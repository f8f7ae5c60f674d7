"""What holds for all tests."""

from pathlib import Path

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# A folder .hypothesis beside the tests is warned about when tests are collected, and warnings are errors.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".data" / "hypothesis")
settings.register_profile("ours", deadline=None)  # A test proves a rule, never a speed.
settings.load_profile("ours")
