"""The numbers of system calls, from the kernel's ``syscall.tbl`` of each architecture."""

from __future__ import annotations

from dataclasses import dataclass

# Refused: starting programs and processes, tracing and controlling others, sockets, file attributes and
# mounts, users and system state, shared memory and message queues, and calls that bypass a filter.
_X86_64 = {
    "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "ptrace": 101, "tkill": 200,
    "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "process_vm_readv": 310, "process_vm_writev": 311,
    "kcmp": 312, "prlimit64": 302, "setrlimit": 160, "setpriority": 141, "sched_setaffinity": 203,
    "sched_setscheduler": 144, "sched_setparam": 142, "sched_setattr": 314, "ioprio_set": 251,
    "setsid": 112, "setpgid": 109, "socket": 41, "socketpair": 53, "connect": 42, "bind": 49, "listen": 50,
    "accept": 43, "accept4": 288, "sendmsg": 46, "sendmmsg": 307, "setsockopt": 54, "bpf": 321,
    "userfaultfd": 323, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "request_key": 249,
    "memfd_create": 319, "mknod": 133, "mknodat": 259, "mkdir": 83, "mkdirat": 258, "symlink": 88,
    "symlinkat": 266, "link": 86, "linkat": 265, "chmod": 90, "fchmod": 91, "fchmodat": 268, "chown": 92,
    "fchown": 93, "lchown": 94, "fchownat": 260, "utime": 132, "utimes": 235, "utimensat": 280,
    "futimesat": 261, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197,
    "lremovexattr": 198, "fremovexattr": 199, "fallocate": 285, "inotify_init": 253, "inotify_init1": 294,
    "fanotify_init": 300, "shmget": 29, "shmat": 30, "shmctl": 31, "msgget": 68, "msgsnd": 69, "msgctl": 71,
    "semget": 64, "semctl": 66, "semtimedop": 220, "mq_open": 240, "mq_unlink": 241, "mount": 165,
    "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "swapon": 167,
    "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "init_module": 175,
    "delete_module": 176, "finit_module": 313, "kexec_load": 246, "kexec_file_load": 320, "acct": 163,
    "quotactl": 179, "syslog": 103, "settimeofday": 164, "clock_settime": 227, "adjtimex": 159,
    "clock_adjtime": 305, "personality": 135, "open_by_handle_at": 304, "name_to_handle_at": 303,
    "iopl": 172, "ioperm": 173, "modify_ldt": 154, "vhangup": 153, "ioctl": 16, "io_setup": 206,
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117,
    "setresgid": 119, "capset": 126, "migrate_pages": 256, "move_pages": 279, "lookup_dcookie": 212,
}  # fmt: skip
_AARCH64 = {
    "execve": 221, "execveat": 281, "ptrace": 117, "tkill": 130, "rt_sigqueueinfo": 138,
    "rt_tgsigqueueinfo": 240, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
    "prlimit64": 261, "setrlimit": 164, "setpriority": 140, "sched_setaffinity": 122,
    "sched_setscheduler": 119, "sched_setparam": 118, "sched_setattr": 274, "ioprio_set": 30,
    "setsid": 157, "setpgid": 154, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201,
    "accept": 202, "connect": 203, "setsockopt": 208, "sendmsg": 211, "accept4": 242, "sendmmsg": 269,
    "bpf": 280, "userfaultfd": 282, "perf_event_open": 241, "keyctl": 219, "add_key": 217,
    "request_key": 218, "memfd_create": 279, "mknodat": 33, "mkdirat": 34, "symlinkat": 36, "linkat": 37,
    "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88, "setxattr": 5,
    "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
    "fallocate": 47, "inotify_init1": 26, "fanotify_init": 262, "shmget": 194, "shmctl": 195, "shmat": 196,
    "msgget": 186, "msgctl": 187, "msgsnd": 189, "semget": 190, "semctl": 191, "semtimedop": 192,
    "mq_open": 180, "mq_unlink": 181, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
    "unshare": 97, "setns": 268, "swapon": 224, "swapoff": 225, "reboot": 142, "sethostname": 161,
    "setdomainname": 162, "init_module": 105, "delete_module": 106, "finit_module": 273, "kexec_load": 104,
    "kexec_file_load": 294, "acct": 89, "quotactl": 60, "syslog": 116, "settimeofday": 170,
    "clock_settime": 112, "adjtimex": 171, "clock_adjtime": 266, "personality": 92,
    "name_to_handle_at": 264, "open_by_handle_at": 265, "vhangup": 58, "ioctl": 29, "io_setup": 0,
    "setregid": 143, "setgid": 144, "setreuid": 145, "setuid": 146, "setresuid": 147, "setresgid": 149,
    "setgroups": 159, "capset": 91, "migrate_pages": 238, "move_pages": 239, "lookup_dcookie": 18,
}  # fmt: skip

#: From here on numbers are equal on all architectures. All are refused, future ones as well, such as
#: pidfd_send_signal, io_uring and the newer mount calls, except close_range, openat2, faccessat2,
#: epoll_pwait2 and futex_waitv.
NEWEST = 424
NEWEST_ALLOWED = (436, 437, 439, 441, 449)


@dataclass(frozen=True)
class Architecture:
    """The system calls of one architecture that the filter examines.

    Attributes
    ----------
    audit : int
        The kernel's constant ``AUDIT_ARCH_...``.
    refused : tuple of int
    signals : tuple of int
        Calls that send a signal to the process of their first argument.
    clone, clone3 : int
    compatible : int or None
        The first number of the calls of another convention (x32).
    """

    audit: int
    refused: tuple[int, ...]
    signals: tuple[int, int]
    clone: int
    clone3: int = 435
    compatible: int | None = None


ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, tuple(_X86_64.values()), (62, 234), 56, compatible=0x40000000),
    "aarch64": Architecture(0xC00000B7, tuple(_AARCH64.values()), (129, 131), 220),
}
