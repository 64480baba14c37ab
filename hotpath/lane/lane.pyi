from typing import Any

from hotpath.lane.strategy import Strategy

ORDER_CAPACITY: int
SANITY_BOUNDS: set[str]
FIGURES: list[str]
POLICIES: list[str]

class Lane:
    codec: Any
    strategies: list[Strategy]
    def __init__(
        self,
        codec: Any,
        page: Any,
        *,
        lane: int = ...,
        epoch: int = ...,
        journal: Any = ...,
        segment_bytes: int = ...,
        segment_count: int = ...,
        clock: tuple[int, int] = ...,
        **settings: Any,
    ) -> None: ...
    def describe(self, text: str) -> None: ...
    def calibrate(self, span_ns: int = ...) -> float: ...
    def add_instrument(
        self,
        instrument_id: int,
        symbol: str,
        *,
        book_window_log2: int = ...,
        limits: dict[str, int] | None = ...,
        **about: int,
    ) -> None: ...
    def set_rate(self, account: int, per_second: int, burst: int, reserve: int) -> None: ...
    def set_clock_policy(self, ns_max: int, warn_only: bool = ...) -> None: ...
    def add_strategy(self, strategy: Strategy, account: int = ...) -> int: ...
    def add_stream(
        self,
        instrument: int,
        kind: int,
        socket: int,
        *,
        first_ms: int = ...,
        silence_ms: int = ...,
        quote_ms: int = ...,
    ) -> None: ...
    def set_sanity(
        self, instrument: int, *, policies: dict[str, str] | None = ..., **bounds: int
    ) -> None: ...
    def start_strategies(self) -> None: ...
    def stop_strategies(self) -> None: ...
    def arm(self, armed: bool = ...) -> None: ...
    @property
    def is_armed(self) -> bool: ...
    @property
    def counters(self) -> dict[str, Any]: ...
    @property
    def verdicts(self) -> dict[int, int]: ...
    def position(self, instrument: int) -> dict[str, Any]: ...
    def orders(self) -> list[dict[str, Any]]: ...
    def order(self, client_id: int) -> dict[str, Any] | None: ...
    def exposure(self, instrument: int) -> dict[str, int]: ...
