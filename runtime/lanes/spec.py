"""What a lane is built of: the part of its specification that its outputs depend on.

Owns:    strategies by name; instruments, limits and policies put into a lane; what of it all
         stands in the journal, so that the journal alone can build the lane again.
Refuses: pages, sockets, processes (runtime/lanes/process.py).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime._shm import lib

if TYPE_CHECKING:
    from hotpath.lane.lane import Lane
    from hotpath.lane.strategy import Strategy

# Names of the assets that fees and balances are in; 0 is an asset without a number.
ASSETS = {"USDT": 1, "USDC": 2, "BNB": 3, "FDUSD": 4, "BTC": 5, "ETH": 6, "BUSD": 7, "USD": 8}
# Times to live (Lane.put_ttl): base, least and most of a calm market, ms; the seeds' figures.
TTL: dict[str, Any] = {
    "layers": {
        "touch": (1_000, 500, 2_000),
        "near": (3_000, 2_000, 5_000),
        "deep": (7_000, 5_000, 10_000),
    },
    "speeds": ((100, 300), (50, 500)),
    "queue_max": 100,
    "volatility_e8_max": 5_000_000,
    "emergency_ms": 100,
}
NO_FEEDS: dict[str, Any] = {"sanity": {}, "streams": []}
UNRECORDED = {"ca", "bells", "supervisor", "cores"}  # keys that a re-run has no use for


def load_strategy(text: str) -> type[Strategy]:
    """Return the class that `path.py:Class`, `module:Class` or a shipped name stands for."""
    from strategies import Strategy
    from strategies.shipped import SHIPPED

    text = SHIPPED.get(text, text)
    where, _, name = text.partition(":")
    if not name:
        raise ValueError(
            f"strategy {text!r}: want path.py:Class, module:Class or one of "
            f"{', '.join(sorted(SHIPPED))}"
        )
    if where.endswith(".py"):
        path = Path(where).resolve()
        if not path.is_file():
            raise ValueError(f"strategy file {path} does not exist")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ValueError(f"{where} has no strategy class {name!r}")
    return found


def make_strategies(spec: dict[str, Any]) -> list[Strategy]:
    """Return new strategies as the specification names them."""
    return [
        load_strategy(text)(**parameters)
        for text, parameters in zip(spec["strategies"], spec["parameters"], strict=True)
    ]


def description(spec: dict[str, Any]) -> str:
    """Return the text that a lane journals as its first record."""
    return json.dumps({key: spec[key] for key in spec if key not in UNRECORDED})


def make_codec(spec: dict[str, Any]) -> Any:
    """Make the codec of a specification, its assets named."""
    codec = importlib.import_module(spec["codec"]).Codec(prefix=spec["prefix"])
    for name, number in spec.get("assets", {}).items():
        codec.put_asset(name, number)
    return codec


def set_funds(lane: Lane, spec: dict[str, Any]) -> None:
    """Put into a lane what leaves no record: its assets, when it asks and cancels again."""
    for name in spec.get("funds", ()):
        lane.add_asset(spec["assets"][name], name)
    lane.set_cancel_again(*spec.get("cancel_again_ms", (500, 500)))  # absent: an older RUN
    if "inquiries" in spec:
        lane.set_inquiry_rate(*spec["inquiries"])


def policies(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the policies of a specification, as Lane.put_policy takes them."""
    out = {"warns": [], **(spec.get("gate_policy") or {}), "clock_ns_max": spec["clock_ns_max"]}
    if spec["clock_warns"]:
        out["warns"] = [*out["warns"], lib.HP_VERDICT_CLOCK_UNSURE]
    return out


def set_policies(lane: Lane, spec: dict[str, Any]) -> None:
    """Put rates and policies into a lane; each is a record of its own."""
    lane.set_rate(0, *spec["rate"])
    lane.put_policy(**policies(spec))
    if spec.get("quota"):
        lane.put_quota_rule(**spec["quota"]["rule"])
        for kind, length_s, limit in spec["quota"]["windows"]:
            lane.quota_told(kind, length_s, limit=limit)
        for one in spec["quota"].get("told", []):
            lane.quota_told(**one)
    for one in spec.get("limits", []):
        lane.put_limit(one["dimension"], one["id"], **one["bounds"])
    lane.set_flatten(**spec.get("flatten", {}))
    if spec.get("ttl"):
        lane.put_ttl(**spec["ttl"])


def add_instrument(lane: Lane, item: dict[str, Any]) -> None:
    """Put one instrument of a specification into a lane."""
    lane.add_instrument(item["id"], item["symbol"], limits=item["limits"], **item["about"])


def fit(lane: Lane, spec: dict[str, Any]) -> None:
    """Describe a new lane in its journal and put into it what the specification names."""
    lane.describe(description(spec))
    lane.set_durable(spec.get("durable", 0))
    set_funds(lane, spec)
    set_policies(lane, spec)
    is_order = spec.get("role") == "order"
    if is_order:
        lane.expect_strategies(len(spec["strategies"]))
    elif spec.get("lines", 1) > 1:
        lane.set_lines(spec["lines"], len(spec["market"]))
    for item in spec["instruments"]:
        add_instrument(lane, item)
    feeds = spec.get("feeds", NO_FEEDS)
    for item in spec["instruments"]:
        lane.set_sanity(item["id"], **feeds["sanity"])
    if is_order:  # the market lane watches streams and carries the strategies
        return
    for stream in feeds["streams"]:
        lane.add_stream(stream["instrument"], stream["kind"], stream["socket"], **stream["bounds"])
    for strategy in make_strategies(spec):
        lane.add_strategy(strategy)
