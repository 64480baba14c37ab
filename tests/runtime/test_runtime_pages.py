"""Pages and mail between real processes."""

import os
import subprocess
import sys

import pytest

from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES, SHM, Control, Mail, Page, PageError, stale


@pytest.fixture
def deployment():
    name = f"test{os.getpid()}"
    yield name
    for path in SHM.glob(f"corelane.{name}.*"):
        path.unlink()


def test_page_is_seen_by_another_process(deployment):
    page = Page.make(deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES)
    page.view.counters.fills = 42
    code = (
        "from runtime.pages.page import Page; "
        f"print(Page.open({deployment!r}, 'lane.0', 'hp_lane_page_t').view.counters.fills)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "42\n"
    )


def test_page_of_another_layout_is_refused(deployment):
    page = Page.make(deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES)
    page.header.layout = 99
    with pytest.raises(PageError, match=r"has layout 99 .* this build reads layout 1"):
        Page.open(deployment, "lane.0", "hp_lane_page_t")


def test_absent_page_names_the_deployment(deployment):
    with pytest.raises(PageError, match=f"is deployment '{deployment}' running"):
        Page.open(deployment, "lane.0", "hp_lane_page_t")


def test_page_larger_than_shm_is_an_error_and_leaves_nothing(deployment):
    """It is refused before it takes memory: a tmpfs may be as large as the machine's."""
    free = os.statvfs(SHM).f_bavail * os.statvfs(SHM).f_frsize
    with pytest.raises(PageError, match="no room for page") as error:
        Page.make(deployment, "big", "hp_page_t", lib.HP_PAGE_MAIL, free + 2**28)
    assert error.value.__cause__ is None  # nobody asked the kernel
    assert not list(SHM.glob(f"corelane.{deployment}.*"))


def test_pages_of_a_dead_writer_are_stale_and_ours_are_not(deployment):
    Page.make(deployment, "mine", "hp_page_t", lib.HP_PAGE_MAIL, 4096)
    code = (
        "from runtime.pages.page import Page; from runtime._shm import lib; "
        f"Page.make({deployment!r}, 'theirs', 'hp_page_t', lib.HP_PAGE_MAIL, 4096)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [path.name for path in stale(deployment)] == [f"corelane.{deployment}.theirs"]


def test_control_words_are_set_and_cleared_by_bits(deployment):
    control = Control(deployment, "operator")
    control.set(lib.HP_WORD_FREEZE, "news")
    control.set(lib.HP_WORD_DRAIN, "end of day")
    assert control.word == lib.HP_WORD_FREEZE | lib.HP_WORD_DRAIN
    assert ffi.string(control.page.view.reason) == b"end of day"
    control.clear(lib.HP_WORD_FREEZE)
    assert (control.word, control.page.view.generation) == (lib.HP_WORD_DRAIN, 3)


def test_mail_keeps_order_and_refuses_when_full(deployment):
    mail = Mail.make(deployment, "mail.in.0", 4096)
    sent = []
    while mail.put(7, bytes([len(sent)]) * 100, aux=len(sent)):
        sent.append(len(sent))
    assert len(sent) > 20
    assert [mail.take() for _ in sent] == [(7, n, bytes([n]) * 100) for n in sent]
    assert mail.take() is None
