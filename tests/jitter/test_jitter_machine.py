"""Fingerprint and choice of cores, on constructed trees."""

import pytest

from tuning.jitter import machine


def tree(root, **files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


SERVER = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Example 9\nflags\t\t: tsc\n\nprocessor\t: 1\n",
    "proc/cmdline": "isolcpus=2-3 quiet\n",
    "proc/sys/kernel/random/boot_id": "a\n",
    "sys/devices/system/cpu/online": "0-3\n",
    "sys/devices/system/cpu/isolated": "2-3\n",
}


def test_fingerprint_changes_with_the_command_line_and_not_with_the_boot(tmp_path):
    first = machine.fingerprint(tree(tmp_path / "a", **SERVER))
    rebooted = {**SERVER, "proc/sys/kernel/random/boot_id": "b\n"}
    second = machine.fingerprint(tree(tmp_path / "b", **rebooted))
    changed = {**SERVER, "proc/cmdline": "quiet\n"}
    third = machine.fingerprint(tree(tmp_path / "c", **changed))
    assert first["id"] == second["id"] != third["id"]
    assert first["boot_id"] != second["boot_id"]
    assert (first["cpu"], first["virtual"], first["isolated"]) == ("Example 9", "no", "2-3")


def test_fingerprint_of_an_empty_tree_says_unknown(tmp_path):
    assert machine.fingerprint(tmp_path)["cpu"] == "unknown"


def test_isolated_cores_are_the_default(tmp_path):
    assert machine.default_cores(tree(tmp_path, **SERVER)) == [2, 3]


def test_core_list_is_read_or_refused_with_its_reason():
    assert machine.parse_cores("0, 4-6,4") == [0, 4, 5, 6]
    for text in ("", "a", "3-1", "1-", "-1", "9000"):
        with pytest.raises(ValueError, match="core list"):
            machine.parse_cores(text)


def test_pinned_threads_leaves_out_kernel_threads_and_wide_masks(tmp_path):
    tree(
        tmp_path,
        **{
            "proc/10/cmdline": "",
            "proc/10/task/10/status": "Cpus_allowed_list:\t3\n",
            "proc/20/cmdline": "lane\0",
            "proc/20/comm": "lane\n",
            "proc/20/task/20/status": "Name:\tlane\nCpus_allowed_list:\t0-3\n",
            "proc/20/task/21/status": "Name:\tfeed-0\nCpus_allowed_list:\t3\n",
        },
    )
    assert machine.pinned_threads(3, tmp_path) == ["lane 20 (1 thread)"]
    assert machine.pinned_threads(0, tmp_path) == []
