class Contender:
    @property
    def capsule(self) -> object: ...

class Frames:
    count: int
    size: int
    def __init__(self, frames: list[bytes]) -> None: ...
    def run(self, capsule: object, passes: int, general: bool = False) -> int: ...
    def run_book(
        self,
        capsule: object,
        snapshot_capsule: object,
        instrument: int,
        snapshot: bytes,
        passes: int,
        general: bool = False,
    ) -> tuple[int, int, int]: ...
    def checksum(self, capsule: object, general: bool = False) -> tuple[int, int]: ...

def put_instrument(
    capsule: object, symbol: bytes, id: int, price_decimals: int, size_decimals: int
) -> int: ...
