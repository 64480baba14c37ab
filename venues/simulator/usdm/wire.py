"""One WebSocket connection, seen from the side that writes.

Owns:    frames, what is subscribed here, the bound on unsent bytes.
Refuses: reading, deciding what is sent.

Frames are written to the transport directly: one event is framed once for all its readers,
and an answer leaves in the turn in which it was made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

UNSENT_BYTES_MAX = 16 << 20  # a reader that is this far behind is cut off


def text_frame(text: str) -> bytes:
    """Wrap text in an unmasked, final text frame."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


PING_FRAME = b"\x89\x0d"  # followed by 13 digits of milliseconds


class Socket:
    """`group` is public, market, private, ws-api or legacy; `serves` the kinds sent here."""

    def __init__(
        self,
        transport: asyncio.Transport,
        group: str,
        serves: Collection[str] = (),
        combined: bool = False,
    ) -> None:
        self.transport = transport
        self.group = group
        self.serves = serves
        self.combined = combined
        self.streams: dict[str, None] = {}
        self.events: Collection[str] = ()  # private events wanted here; empty: all
        self.half_open = False
        self.pong_ms = 0
        self.cut_off = False

    def send(self, text: str) -> None:
        self.send_frame(text_frame(text))

    def send_frame(self, frame: bytes) -> None:
        transport = self.transport
        if self.half_open or transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self.cut_off = True
            transport.abort()
            return
        transport.write(frame)

    def ping(self, now_ms: int) -> None:
        self.send_frame(PING_FRAME + f"{now_ms:013d}".encode())

    def close(self, code: int) -> None:
        """Send a close frame, then close; code 0 cuts the connection without a word."""
        if code:
            self.send_frame(b"\x88\x02" + code.to_bytes(2, "big"))
            self.transport.close()
        else:
            self.transport.abort()
