"""The exporter as a process: pages to Prometheus.

Owns:    one scrape address on loopback; saying which port it has.
Refuses: what the metrics are (runtime/show/exporter.py), touching a lane.
"""

from __future__ import annotations

from wsgiref.simple_server import WSGIServer

from runtime.show import exporter
from runtime.supervise import cold
from runtime.supervise.child import Message


class ExporterPart(cold.Part):
    """The scrape address of one deployment."""

    name = "exporter"

    async def start(self) -> Message:
        port, note = int(self.specification["port"]), ""
        try:
            self.server, found = self.listen(port)
        except OSError as error:
            if not self.specification["is_first"]:  # ours a moment ago: it comes free again
                raise cold.ColdError(f"metrics port {port}: {error.strerror}") from error
            self.server, found = self.listen(0)
            note = f"metrics port {port}: {error.strerror}; serving on port {found} instead"
        return {"port": found, "note": note}

    def listen(self, port: int) -> tuple[WSGIServer, int]:
        return exporter.serve(self.specification["deployment"], port)

    async def close(self) -> None:
        await super().close()
        if hasattr(self, "server"):
            self.server.shutdown()


if __name__ == "__main__":
    cold.run({"exporter": ExporterPart})
