"""cffi module `tuning._calls`: the system calls that Python's library lacks, for tuning/reach.

Owns:    declarations and thin wrappers; each returns what the kernel returned, errno beside it.
Refuses: policy; clock and sampler calls (tuning._host).
"""

import os
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from setup import BASE, BUILD, FLAGS  # noqa: E402

ffibuilder = FFI()
ffibuilder.cdef(
    """
struct tn_sched { uint32_t policy; int32_t nice; uint32_t priority;
                  uint64_t flags, runtime_ns, deadline_ns, period_ns; };
int tn_sched_get(int tid, struct tn_sched *out);
int tn_sched_set(int tid, const struct tn_sched *in);
int tn_pidfd_getfd(int pidfd, int fd);
int tn_mempolicy_get(int *mode, uint64_t *nodes);
int tn_mempolicy_set(int mode, uint64_t nodes);
int tn_migrate_pages(int pid, uint64_t from, uint64_t to);
int tn_clock_state(int64_t out[5]);
int mlockall(int flags);
int munlockall(void);
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const char *data);
int umount2(const char *target, int flags);
int swapon(const char *path, int flags);
int swapoff(const char *path);
int fanotify_init(unsigned int flags, unsigned int event_flags);
int fanotify_mark(int group, unsigned int flags, uint64_t mask, int dirfd, const char *path);
#define MCL_CURRENT ...
#define MCL_FUTURE ...
#define MS_NOSUID ...
#define MS_NODEV ...
#define FAN_CLASS_NOTIF ...
#define FAN_CLOEXEC ...
#define FAN_NONBLOCK ...
#define FAN_MARK_ADD ...
#define FAN_MODIFY ...
"""
)
ffibuilder.set_source(
    "tuning._calls",
    """
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

struct tn_sched { uint32_t policy; int32_t nice; uint32_t priority;
                  uint64_t flags, runtime_ns, deadline_ns, period_ns; };

/* The first version of the kernel's sched_attr: 48 bytes, understood by every kernel since 3.14. */
struct kernel_attr {
    uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority;
    uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct kernel_attr) == 48, "sched_attr version 0 has 48 bytes");

static int tn_sched_get(int tid, struct tn_sched *out)
{
    struct kernel_attr attr;
    memset(&attr, 0, sizeof attr);
    if (syscall(SYS_sched_getattr, tid, &attr, (unsigned)sizeof attr, 0u) != 0)
        return -1;
    *out = (struct tn_sched){attr.policy, attr.nice, attr.priority, attr.flags,
                             attr.runtime, attr.deadline, attr.period};
    return 0;
}

static int tn_sched_set(int tid, const struct tn_sched *in)
{
    struct kernel_attr attr = {(uint32_t)sizeof attr, in->policy, in->flags, in->nice, in->priority,
                               in->runtime_ns, in->deadline_ns, in->period_ns};
    return (int)syscall(SYS_sched_setattr, tid, &attr, 0u);
}

static int tn_pidfd_getfd(int pidfd, int fd)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0u);
}

/* Node masks are one word: 64 nodes.  A kernel that is built for more wants room for all of them,
 * so the buffer has 1024 bits. */
static int tn_mempolicy_get(int *mode, uint64_t *nodes)
{
    unsigned long mask[16] = {0};
    int status = (int)syscall(SYS_get_mempolicy, mode, mask, 8 * sizeof mask, 0ul, 0ul);
    *nodes = mask[0];
    return status;
}

static int tn_mempolicy_set(int mode, uint64_t nodes)
{
    unsigned long mask[16] = {nodes};
    if (mode == 0)
        return (int)syscall(SYS_set_mempolicy, mode, 0ul, 0ul);
    return (int)syscall(SYS_set_mempolicy, mode, mask, 8 * sizeof mask);
}

static int tn_migrate_pages(int pid, uint64_t from, uint64_t to)
{
    unsigned long source[16] = {from}, target[16] = {to};
    return (int)syscall(SYS_migrate_pages, pid, 8 * sizeof source, source, target);
}

/* out: clock state, status bits, maximum error us, frequency (ppm * 65536), TAI offset s.
 * Reads only. */
static int tn_clock_state(int64_t out[5])
{
    struct timex now;
    memset(&now, 0, sizeof now);
    int state = adjtimex(&now);
    out[0] = state; out[1] = now.status; out[2] = now.maxerror; out[3] = now.freq; out[4] = now.tai;
    return state < 0 ? -1 : 0;
}
""",
    extra_compile_args=["-std=c11", *BASE, "-Wno-unused-function", *FLAGS[BUILD][0]],
    extra_link_args=FLAGS[BUILD][1],
)

if __name__ == "__main__":
    os.chdir(ROOT)
    ffibuilder.compile(verbose=True)
