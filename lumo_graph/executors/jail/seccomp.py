"""A filter of system calls: what a Python session never needs and an attacker would like is refused with EPERM."""

import errno
import os
import struct

from lumo_graph.executors.jail import kernel
from lumo_graph.executors.jail.plan import SECCOMP, LayerError

# Name: (x86_64, aarch64). None: the machine does not have the call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # Starting other programs, or changing what this one is.
    "execve": (59, 221), "execveat": (322, 281), "personality": (135, 92),
    # Other processes' memory, descriptors and scheduling.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "move_pages": (279, 239), "migrate_pages": (256, 238),
    # Mounts, roots and namespaces.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "statmount": (457, 457), "listmount": (458, 458),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "swapon": (167, 224), "swapoff": (168, 225),
    # Watches on files: few for each user, shared by all sessions.
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # Parts of the kernel with a history.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "lookup_dcookie": (212, 18), "modify_ldt": (154, None), "iopl": (172, None),
    "ioperm": (173, None),
    # Timers that send any signal, SIGCONT for one: a session that is held still would let itself go.
    "timer_create": (222, 107),
    # The machine itself.
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "sethostname": (170, 161), "setdomainname": (171, 162), "acct": (163, 89), "syslog": (103, 116),
    "vhangup": (153, 58),
    # Memory that no resource limit counts, and objects of other programs that are known by a name or a number.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    # One count for all programs of the machine.
    "io_setup": (206, 0),
}  # fmt: skip
# What Landlock does not govern: attributes of files by their paths. Those of open files can be changed.
_ATTRIBUTES: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "removexattrat": (466, 466), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "file_setattr": (469, 469),
    "fsetxattr": (190, 7), "fremovexattr": (199, 16),
}  # fmt: skip
# Nor does it govern extended attributes, which hold content. Python takes "not supported" for an answer.
_CONTENT: dict[str, tuple[int, int]] = {
    "getxattr": (191, 8), "lgetxattr": (192, 9), "getxattrat": (464, 464), "listxattr": (194, 11),
    "llistxattr": (195, 12), "listxattrat": (465, 465),
}  # fmt: skip
_UTIMENSAT = (280, 88)
_SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}  # fmt: skip
_TGKILL = (234, 131)
ASKED = ("kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
"""Signal calls of a session that are let through one by one; tgkill is another."""
_SENDING: dict[str, tuple[int, int]] = {"sendmsg": (46, 211), "sendmmsg": (307, 269)}
# On aarch64 there is only the one, and its newer form.
_STARTING: dict[str, tuple[int, int]] = {
    "clone": (56, 220), "clone3": (435, 435), "fork": (57, 220), "vfork": (58, 220),
}  # fmt: skip
_SETSID, _SETPGID = (112, 157), (109, 154)
# First argument is a process: only 0, the caller itself.
_ON_ITSELF: dict[str, tuple[int, int]] = {
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274),
}  # fmt: skip
# First argument says whether the second is a process or, worse, a group or a user: only this process.
_ON_KINDS: dict[str, tuple[tuple[int, int], int]] = {"setpriority": ((141, 140), 0), "ioprio_set": ((251, 30), 1)}
_CLONE, _CLONE3, _SOCKET, _IOCTL, _FCNTL = (56, 220), 435, (41, 198), (16, 29), (72, 25)
_SOCKETPAIR = (53, 199)
_SECCOMP, _PRCTL = (317, 277), (157, 167)
_NEW_NAMESPACES = 0x7E02_0000
_AF_UNIX = 1
# Datagram sockets, raw ones among them: their low bits, under flags. Those of a pair can be sent from to any address.
_SOCKET_KINDS, _STREAM, _PACKETS = 0xF, 1, 5
_OWNER_IOCTLS = (0x8901, 0x8902)
_TERMINAL_IOCTLS = (0x5412, 0x541C)
_OWNER_FCNTLS = (8, 15)
_LEASE_FCNTLS = (1024, 1040)  # on a file or a folder: whoever wants to change it has to wait
# Flags, verity and encryption of a file, by way of a descriptor that may only be read.
_FLAG_IOCTLS = (0x4008_6602, 0x401C_5820, 0x4080_6685, 0x800C_6613)

_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_ALLOW, _KILL, _ASK = 0x7FFF_0000, 0x8000_0000, 0x7FC0_0000
_REFUSE, _MISSING = 0x0005_0000 | errno.EPERM, 0x0005_0000 | errno.ENOSYS
_UNSUPPORTED = 0x0005_0000 | errno.ENOTSUP
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ARCHITECTURES = (0xC000_003E, 0xC000_00B7)
_X32 = 0x4000_0000


def install(*, private_processes: bool, private_network: bool, private_files: bool, scoped_signals: bool) -> None:
    """Install the filter in this process.

    Args:
        private_processes: the session sees only its own processes, so it may signal and they may be its own.
        private_network: unix sockets of the host are out of sight.
        private_files: files of the host are out of sight, or cannot be changed in any way.
        scoped_signals: something else keeps signals inside the session.

    Raises:
        LayerError: no filter for this machine, or the kernel refuses it.
    """
    if not (kernel.LINUX and kernel.KNOWN_MACHINE):
        raise LayerError(SECCOMP, f"no filter for {os.uname().sysname} on {kernel.MACHINE}")
    program = build_filter(
        machine=0 if kernel.MACHINE == "x86_64" else 1,
        signals_from=None if private_processes or scoped_signals else os.getpid(),
        sockets=private_network,
        attributes=private_files,
    )
    try:
        kernel.install_filter(program)
    except OSError as failure:
        raise LayerError.from_refusal(SECCOMP, failure) from failure


def build_filter(*, machine: int, signals_from: int | None, sockets: bool, attributes: bool) -> bytes:
    """Assemble the filter.

    Args:
        machine: 0 for x86_64, 1 for aarch64.
        signals_from: id of the one process that may be signalled (by its own threads); None: signals are free.
        sockets: unix sockets may be made; no others ever. Without it, pairs of them are left that lead to no address.
        attributes: permissions, owners, times and extended attributes of files may be had by the files' paths.

    Returns:
        Instructions of classic BPF, eight bytes each.
    """
    program = [_op(_LOAD, _ARCHITECTURE), _op(_EQUALS, _ARCHITECTURES[machine], 1, 0), _op(_RETURN, _KILL)]
    program += [_op(_LOAD, _NUMBER)]
    if machine == 0:
        program += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _KILL)]
    denied = [numbers[machine] for numbers in _DENIED.values()]
    if not attributes:
        denied += [numbers[machine] for numbers in _ATTRIBUTES.values()]
    if signals_from is not None:
        denied += [numbers[machine] for numbers in _SIGNALS.values()]
        program += _only(_TGKILL[machine], 0, signals_from)
    for number in denied:
        if number is not None:
            program += _on(number, [_op(_RETURN, _REFUSE)])
    program += _on(_CLONE3, [_op(_RETURN, _MISSING)])  # its flags are out of a filter's sight; libc falls back
    program += _on(_CLONE[machine], [_argument(0), _op(_ANY_BIT, _NEW_NAMESPACES, 0, 1), *_verdicts()])
    program += _only(_SOCKET[machine], 0, _AF_UNIX) if sockets else _on(_SOCKET[machine], [_op(_RETURN, _REFUSE)])
    program += _pairs(_SOCKETPAIR[machine], datagrams=sockets)
    for numbers in _ON_ITSELF.values():
        program += _only(numbers[machine], 0, 0)
    for numbers, process in _ON_KINDS.values():
        itself = [_argument(0), _op(_EQUALS, process, 0, 2), _argument(1), _op(_EQUALS, 0, 1, 0)]
        program += _on(numbers[machine], [*itself, *_verdicts()])
    if not attributes:  # without a path it is about an open file
        on_open = [_argument(1), _op(_EQUALS, 0, 0, 2), _high_half(1), _op(_EQUALS, 0, 1, 0)]
        program += _on(_UTIMENSAT[machine], [*on_open, *_verdicts()])
        for numbers in _CONTENT.values():
            program += _on(numbers[machine], [_op(_RETURN, _UNSUPPORTED)])
    program += _never(_IOCTL[machine], 1, (*_OWNER_IOCTLS, *_TERMINAL_IOCTLS, *_FLAG_IOCTLS))
    program += _never(_FCNTL[machine], 1, (*_OWNER_FCNTLS, *_LEASE_FCNTLS))
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def build_signal_filter(*, machine: int) -> bytes:
    """Assemble the filter that asks about every signal, on top of the one above.

    Args:
        machine: 0 for x86_64, 1 for aarch64.
    """
    program = [_op(_LOAD, _NUMBER)]
    for numbers in (*(_SIGNALS[name] for name in ASKED), _TGKILL):
        program += _on(numbers[machine], [_op(_RETURN, _ASK)])
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def install_last(*, asks: bool) -> None:
    """Refuse what only the start of a session needs, on top of the filters above.

    Descriptors on their way through sockets are counted for each user: one session could keep all others from sending
    any. Processes that lead a session of their own get a share of the processors of their own, all shares being equal:
    a hundred of them would leave whoever is to end them a hundredth. And nothing may join the group of a frozen copy.

    Args:
        asks: there is a filter that asks about signals.

    Raises:
        LayerError: the kernel refuses it.
    """
    try:
        kernel.install_filter(build_last_filter(machine=0 if kernel.MACHINE == "x86_64" else 1, asks=asks))
    except OSError as failure:
        raise LayerError.from_refusal(SECCOMP, failure) from failure


def build_last_filter(*, machine: int, asks: bool) -> bytes:
    """Assemble the filter against sending descriptors, and against sessions and groups of processes but one's own.

    Args:
        machine: 0 for x86_64, 1 for aarch64.
        asks: other ways to a signal, a filter of its own, and becoming readable to others are refused as well.
    """
    refused = [*_SENDING.values(), _SETSID]
    if asks:
        refused += [_SIGNALS["pidfd_send_signal"], _SECCOMP]
    program = [_op(_LOAD, _NUMBER)]
    for numbers in refused:
        program += _on(numbers[machine], [_op(_RETURN, _REFUSE)])
    itself = [_argument(0), _op(_EQUALS, 0, 0, 2), _argument(1), _op(_EQUALS, 0, 1, 0)]
    program += _on(_SETPGID[machine], [*itself, *_verdicts()])
    if asks:
        program += _never(_PRCTL[machine], 0, (kernel.PR_SET_DUMPABLE, kernel.PR_SET_SECCOMP))
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def install_alone() -> None:
    """Refuse to start processes and threads, on top of the filters above: what ends this process ends everything.

    Raises:
        LayerError: no filter for this machine, or the kernel refuses it.
    """
    if not (kernel.LINUX and kernel.KNOWN_MACHINE):
        raise LayerError(SECCOMP, f"no filter for {os.uname().sysname} on {kernel.MACHINE}")
    machine = 0 if kernel.MACHINE == "x86_64" else 1
    program = [_op(_LOAD, _NUMBER)]
    for numbers in _STARTING.values():
        program += _on(numbers[machine], [_op(_RETURN, _REFUSE)])
    try:
        kernel.install_filter(b"".join([*program, _op(_RETURN, _ALLOW)]))
    except OSError as failure:
        raise LayerError.from_refusal(SECCOMP, failure) from failure


def thread_signal_calls(*, machine: int) -> tuple[int, int]:
    """Numbers of the calls whose second argument names a thread to signal."""
    return _TGKILL[machine], _SIGNALS["rt_tgsigqueueinfo"][machine]


def _op(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _argument(position: int) -> bytes:
    return _op(_LOAD, _ARGUMENTS + 8 * position)  # the low half: both machines are little-endian


def _high_half(position: int) -> bytes:
    return _op(_LOAD, _ARGUMENTS + 8 * position + 4)


def _verdicts() -> list[bytes]:
    return [_op(_RETURN, _REFUSE), _op(_RETURN, _ALLOW)]


def _on(number: int, body: list[bytes]) -> list[bytes]:
    return [_op(_EQUALS, number, 0, len(body)), *body]


def _only(number: int, position: int, value: int) -> list[bytes]:
    return _on(number, [_argument(position), _op(_EQUALS, value, 1, 0), *_verdicts()])


def _pairs(number: int, *, datagrams: bool) -> list[bytes]:
    unix = [_argument(0), _op(_EQUALS, _AF_UNIX, 1, 0), _op(_RETURN, _REFUSE)]
    if datagrams:
        return _on(number, [*unix, _op(_RETURN, _ALLOW)])
    kinds = [_argument(1), _op(_AND, _SOCKET_KINDS), _op(_EQUALS, _STREAM, 2, 0), _op(_EQUALS, _PACKETS, 1, 0)]
    return _on(number, [*unix, *kinds, *_verdicts()])


def _never(number: int, position: int, values: tuple[int, ...]) -> list[bytes]:
    tests = [_op(_EQUALS, value, len(values) - index - 1, 0) for index, value in enumerate(values[:-1])]
    return _on(number, [_argument(position), *tests, _op(_EQUALS, values[-1], 0, 1), *_verdicts()])
