"""A contender as a process: it says what it is, then plays a round for every line on its input.

Standard library only: contenders run in environments of their own.
"""

import json
import sys
from collections.abc import Callable
from typing import Any


def serve(about: dict[str, Any], play: Callable[[], dict[str, Any]]) -> None:
    """Warm up once, say `about`, then answer each line with the figures of one round."""
    play()
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        print(json.dumps(play()), flush=True)
