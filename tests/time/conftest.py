"""One lab for all tests with real daemons: started once, because PTP takes seconds to settle."""

import os
from types import SimpleNamespace

import pytest
from clock_lab import Lab, lacking, wait_until

from tests.host_guard import host_is_left_as_it_was  # noqa: F401 - a fixture of every test here
from tuning._host import ffi, lib
from tuning.time.kernel import read_instant


def clock_state():
    """Return what a daemon that steers the clock would change."""
    record = ffi.new("host_timex_t *")
    assert lib.host_adjtimex(record) == 0
    return (record.status, record.freq_ppm_q16, record.tick_us, record.tai_s, record.offset_ns)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Grandmaster in a, boundary clock in b, slave in c; chronyd served by a, asked in b."""
    missing = lacking()
    if missing:
        pytest.skip(f"requires {', '.join(missing)} (make test unpacks them when root)")
    before, instant = clock_state(), read_instant()
    one = Lab(tmp_path_factory.mktemp("lab"))
    try:
        grandmaster = "clockClass 6\nclockAccuracy 0x21\ntimeSource 0x20\npriority1 10\n"
        sockets = SimpleNamespace(
            grandmaster=one.ptp4l("grandmaster", "a", grandmaster, "to-b"),
            boundary=one.ptp4l("boundary", "b", "", "to-a", "to-c"),
            slave=one.ptp4l("slave", "c", "slaveOnly 1\n", "to-b"),
            server=one.chronyd("server", "a", "local stratum 1\nallow all\n"),
            client=one.chronyd(
                "client", "b", "server 10.99.1.1 iburst minpoll -4 maxpoll -4 xleave\n"
            ),
        )
        wait_until(lambda: all(os.path.exists(path) for path in vars(sockets).values()))
        one.sockets = sockets
        yield one
    finally:
        one.close()
    now = read_instant()
    assert clock_state() == before, "a test changed the state of this machine's clock"
    stepped = (now.realtime_ns - now.monotonic_ns) - (instant.realtime_ns - instant.monotonic_ns)
    assert abs(stepped) <= now.width_ns + instant.width_ns, "a test stepped this machine's clock"



