"""Which failure stories concern market data, and that each has a test named after it.

The others are of orders and accounts (2, 3, 5, 6, 17 to 22, 25, 26) or of a venue that there is no
codec for (23).
"""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MARKET = {1, 4, *range(7, 17), 24, 27, 28, 29, 30}


def test_every_story_of_market_data_has_a_test_named_after_it():
    text = "\n".join(path.read_text() for path in sorted(TESTS.glob("*/test_*.py")))
    named = {int(number) for number in re.findall(r"def test_story_(\d+)_", text)}
    assert MARKET - named == set()
