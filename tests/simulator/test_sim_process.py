"""The venue as a process: command, ready line, keys, TLS, end."""

from __future__ import annotations

import ast
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest
from sim_stage import Stage

from venues.simulator.options import ServeOptions, add_arguments, from_arguments
from venues.simulator.spawn import VenueFailed, spawn

ROOT = Path(__file__).parents[2]


def start(*arguments: str, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ops", "venue", "serve", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_command_prints_one_ready_line_and_ends_cleanly(tmp_path):
    with start("--json", "--rate", "0", "--directory", str(tmp_path)) as process:
        facts = json.loads(process.stdout.readline())
        assert facts["event"] == "venue.ready" and facts["pid"] == process.pid
        assert facts["rest"] == f"http://127.0.0.1:{facts['port']}"
        assert facts["ws_api"] == f"ws://127.0.0.1:{facts['port']}/ws-fapi/v1"
        assert facts["ca"] is None
        addresses = {c.laddr.ip for c in psutil.Process(process.pid).net_connections("inet")}
        assert addresses == {"127.0.0.1"}
        credentials = Path(facts["credentials"])
        assert credentials.parent == tmp_path
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        keys = json.loads(credentials.read_text())
        assert len(keys["hmac"]["secret"]) == 64
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_plain_ready_line_is_key_value(tmp_path):
    record = tmp_path / "record.json"
    with start("--rate", "0", "--record", str(record)) as process:
        words = process.stdout.readline().split()
        assert words[0] == "venue.ready"
        facts = dict(word.split("=", 1) for word in words[1:])
        private = Path(facts["credentials"]).parent
        assert private.exists()
        process.terminate()
        assert process.wait(10) == 0
        assert not private.exists()  # it was the venue's own temporary directory
    (report,) = json.loads(record.read_text())
    assert report["account"] == "demo" and report["balance"] == "100000.00000000"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--symbols", "DOGEUSDT"], "symbol DOGEUSDT is unknown"),
        (["--shape", "2025"], "shape is 2025; want 2024 or 2026"),
        (["--directory", "/nonexistent"], "does not exist"),
        (["--rate", "1000"], "rate is 1000.0; want 0..100"),
    ],
)
def test_senseless_options_are_named_and_exit_2(arguments, reason):
    with start(*arguments) as process:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 2 and out == "" and reason in err


def test_port_in_use_exits_2():
    with spawn(ServeOptions(rate=0.0)) as venue:
        port = str(venue.addresses["port"])
        with start("--port", port) as process:
            _, err = process.communicate(timeout=90)
            assert process.returncode == 2 and port in err
        with pytest.raises(VenueFailed):
            spawn(ServeOptions(port=int(port)))


def test_spawned_venue_is_pinned_and_dies_with_its_parent():
    core = min(os.sched_getaffinity(0))
    venue = spawn(ServeOptions(rate=0.0), core=core)
    try:
        assert os.sched_getaffinity(venue.pid) == {core}
        venue.process.send_signal(signal.SIGINT)  # Ctrl-C is the parent's business
        time.sleep(0.2)
        assert venue.process.poll() is None
        venue.process.stdin.close()  # what a parent's death does
        assert venue.process.wait(90) == 0
    finally:
        venue.process.stdin = None
        venue.stop()


def test_keys_differ_from_start_to_start():
    seen = set()
    for _ in range(2):
        with spawn(ServeOptions(rate=0.0, accounts=("a", "b"))) as venue:
            for keys in venue.credentials()["accounts"]:
                seen |= {keys["hmac"]["api_key"], keys["ed25519"]["api_key"]}
                seen.add(keys["hmac"]["secret"])
                seen.add(Path(keys["ed25519"]["private_key_file"]).read_text())
    assert len(seen) == 16


def test_tls_serves_https_and_wss_that_only_the_printed_ca_vouches_for(tmp_path):
    with spawn(ServeOptions(tls=True, directory=str(tmp_path), rate=2.0)) as venue:
        assert venue.addresses["rest"].startswith("https://")
        assert venue.addresses["ws"].startswith("wss://")
        trusted = ssl.create_default_context(cafile=venue.addresses["ca"])
        stage = Stage(venue)

        async def scenario(client):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await client.rest("GET", "/fapi/v1/ping")
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusted)
            ) as client.http:
                assert await client.rest("GET", "/fapi/v1/ping") == {}
                async with client.stream("/public/ws/btcusdt@depth@0ms") as stream:
                    assert (await stream.next())["e"] == "depthUpdate"
                async with client.api() as api:
                    assert (await api.call("session.status"))["result"]["apiKey"]

        stage.play(scenario, clean=False)  # its cleaning does not know the CA
        assert not (tmp_path / "server.pem").exists()


def test_options_survive_the_command_line():
    import argparse

    wanted = ServeOptions(
        port=7, symbols=("ETHUSDT",), seed=9, rate=0.5, shape=2024, new_fields=True,
        legacy_paths=True, tls=True, directory="d", record="r", limits=False,
        listen_key_ms=5, ping_ms=6, accounts=("x", "y"), core=1, exit_with_stdin=True,
    )
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert from_arguments(parser.parse_args(wanted.command_line())) == wanted
    defaults = parser.parse_args(ServeOptions().command_line())
    assert from_arguments(defaults) == ServeOptions()


def test_venue_shares_no_code_with_what_it_tests():
    """Its own parser and its own encoder: no hotpath, no other venue, no runtime."""
    allowed = {"venues.simulator", "aiohttp", "cryptography", "uvloop"} | sys.stdlib_module_names
    for path in (ROOT / "venues" / "simulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                parts = name.split(".")
                assert parts[0] in allowed or ".".join(parts[:2]) in allowed, (path.name, name)
