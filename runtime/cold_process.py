"""All cold parts in one process: for a box with one core, where every process costs memory.

Owns:    the list of parts that may be merged.
Refuses: the parts themselves; they are the same classes that run alone elsewhere.
"""

from __future__ import annotations

from runtime import cold
from runtime.authority_process import AuthorityPart
from runtime.exporter_process import ExporterPart
from runtime.session_process import SessionPart
from runtime.tailer_process import TailerPart

PARTS: dict[str, type[cold.Part]] = {
    "session": SessionPart,
    "exporter": ExporterPart,
    "tailer": TailerPart,
    "authority": AuthorityPart,
}

if __name__ == "__main__":
    cold.run(PARTS)
