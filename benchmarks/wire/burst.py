"""Does one write with several requests beat a write each?

    python -m benchmarks.wire.burst

Input:  requests of 320 bytes (an order.place is about that long), 2 to 20 of them
Load:   a loopback TCP connection, both ways in turn within one run, medians of 1500 rounds
Says:   what the kernel takes until the last request has left, and until the first has.  The other
        side of the scale: the first of a burst waits until the others are judged and encoded.
"""

from __future__ import annotations

import socket
import statistics
import time

ROUNDS, REQUEST = 1500, b"x" * 320


def drain(reader: socket.socket, size: int) -> None:
    while size:
        size -= len(reader.recv(65536))


def compare(writer: socket.socket, reader: socket.socket, count: int) -> tuple[float, float, float]:
    """Return ns of one write, of a write each, and of the first of these."""
    together, apart, first = [], [], []
    whole = REQUEST * count
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        writer.send(REQUEST)
        first.append(time.perf_counter_ns() - began)
        for _ in range(count - 1):
            writer.send(REQUEST)
        apart.append(time.perf_counter_ns() - began)
        drain(reader, len(whole))
        began = time.perf_counter_ns()
        writer.send(whole)
        together.append(time.perf_counter_ns() - began)
        drain(reader, len(whole))
    return statistics.median(together), statistics.median(apart), statistics.median(first)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        writer = socket.create_connection(server.getsockname())
        reader, _ = server.accept()
    writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for count in (2, 3, 5, 10, 20):
        one, each, first = compare(writer, reader, count)
        print(
            f"{count:2} requests: one write {one:6.0f} ns; a write each {each:6.0f} ns,"
            f" the first {first:5.0f} ns; ratio {each / one:5.2f}"
        )
    writer.close()
    reader.close()


if __name__ == "__main__":
    main()
