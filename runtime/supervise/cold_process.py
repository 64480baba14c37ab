"""All cold parts in one process: for a box with one core, where every process costs memory.

Owns:    the list of parts that may be merged.
Refuses: the parts themselves; they are the same classes that run alone elsewhere.
"""

from __future__ import annotations

from runtime.authority.process import AuthorityPart
from runtime.journal.process import ArchiverPart
from runtime.session.process import SessionPart
from runtime.show.exporter_process import ExporterPart
from runtime.supervise import cold

PARTS: dict[str, type[cold.Part]] = {
    "session": SessionPart,
    "exporter": ExporterPart,
    "archiver": ArchiverPart,
    "authority": AuthorityPart,
}

if __name__ == "__main__":
    cold.run(PARTS)
