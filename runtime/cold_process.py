"""All cold parts in one process: for a box with one core, where every process costs memory.

Owns:    the list of parts that may be merged.
Refuses: the parts themselves; they are the same classes that run alone elsewhere.
"""

from __future__ import annotations

from runtime import cold
from runtime.archiver_process import ArchiverPart
from runtime.exporter_process import ExporterPart
from runtime.session_process import SessionPart

PARTS: dict[str, type[cold.Part]] = {
    "session": SessionPart,
    "exporter": ExporterPart,
    "archiver": ArchiverPart,
}

if __name__ == "__main__":
    cold.run(PARTS)
