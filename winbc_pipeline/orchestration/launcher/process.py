"""A run's process as other processes know it: its number and the moment when it began."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

TAG = "winbc/process"
NO_PROCESS = {TAG: ""}
"""The tag of a run that was not forked."""
PROC = Path("/proc")
BEGAN = 19  # place of `starttime` behind the name of the program: proc_pid_stat(5), field 22
ZOMBIE = "Z"  # ended, and its parent has not asked how


@dataclass(frozen=True)
class RunProcess:
    """The process of one run. A number alone may meanwhile be that of another process.

    Attributes:
        machine: the boot of the machine and the numbering of processes (a container has its own) in which `pid` counts.
        began: when the process began, in the machine's ticks since its boot.
    """

    machine: str
    pid: int
    began: int

    @classmethod
    def with_pid(cls, pid: int) -> "RunProcess":
        """The process that has a number now. Raises OSError when there is none."""
        return cls(here(), pid, int(_stat(pid)[BEGAN]))

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> "RunProcess | None":
        """The process that the tags of a run name; None for a run that was not forked."""
        return cls(**json.loads(tags[TAG])) if tags.get(TAG) else None

    @property
    def tags(self) -> dict[str, str]:
        """The tag that names this process to others."""
        return {TAG: json.dumps(asdict(self))}

    @property
    def is_here(self) -> bool:
        """Whether this process can see it at all."""
        return self.machine == here()

    @property
    def is_alive(self) -> bool:
        """Whether it is at work."""
        try:
            fields = _stat(self.pid)
        except OSError:
            return False
        return self.is_here and int(fields[BEGAN]) == self.began and fields[0] != ZOMBIE

    def interrupt(self) -> bool:
        """Asks it to end, as Ctrl-C does; returns whether it was alive."""
        if not self.is_alive:
            return False
        try:
            os.kill(self.pid, signal.SIGINT)
        except ProcessLookupError:
            return False
        return True


def can_fork() -> bool:
    """Whether this system forks processes safely and tells when one began.

    Windows cannot fork. On macOS its own libraries may crash in a forked process (Python's documentation of
    multiprocessing), so runs are not forked there.
    """
    return sys.platform == "linux" and (PROC / "self" / "stat").exists()


def here() -> str:
    """This boot of this machine, and this numbering of its processes. Empty where the system has neither."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink(PROC / 'self/ns/pid')}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """What the system says of a process, from its state on. The name before it may hold spaces and brackets."""
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
