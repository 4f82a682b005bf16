"""What lines of the system around the server mean: systemd, kernel, container engines, Windows' drivers.

Memory (the OOM killer, exit status 137) stands in `labels_gpu`, which is asked first.
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule

SYSTEM: tuple[Rule, ...] = (
    rule("disk-full", "low on resource", pattern=r"low on resource: (?:ephemeral|imagefs|nodefs)"),
    rule("stuck", "blocked for more than", "soft lockup", "self-detected stall", "' timed out. killing"),
    rule("stuck", "processes still around after"),
    rule(
        "stuck",
        ".service: ",
        pattern=r"\.service: (?:start|stop\S*) operation timed out"
        r"|^failed to (?:re)?(?:stop|start|load) \S{1,80}\.service: .{0,60}timed out",
    ),
    rule("stuck", "with signal sigkill", pattern=r"killing process \d+ \(.{1,64}\) with signal sigkill"),
    rule(
        "crash",
        "main process exited",
        pattern=r"main process exited, code=(?!exited, status=(?:0|143|130)\b|killed, status=(?:2|15)\b)",
    ),
    # `systemctl status` tells the same in other words.
    rule(
        "crash",
        "(code=",
        pattern=r"^(?:main pid|process): \d+ .{0,400}\(code=(?:exited, status=(?!(?:0|143|130)\b)"
        r"|(?:killed|dumped), signal=(?!int|term))",
    ),
    rule("stuck", "(result: timeout)", pattern=r"^active: "),
    rule("crash", "(result: ", pattern=r"^active: (?:failed|activating).{0,40}\(result: (?!success)"),
    rule("crash", "failed with result", "scheduled restart job", "start request repeated too quickly"),
    rule("crash", "terminated abnormally with signal", "core dumped", "dumped core", "segfault at"),
    rule("crash", "segmentation fault", "illegal instruction", "general protection fault", "traps: "),
    # A corrected error of the bus harms nobody, and an uncorrected one may be anybody's.
    rule("warning", "pcie bus error", "aer: ", pattern=r"pcie bus error|\baer: .{0,80}(?:error|failed|recover)"),
    rule("crash", "bus error", pattern=r"\bbus error"),
    rule("crash", "invalid opcode", "bug: unable to handle", "kernel bug at"),
    rule("crash", "crashloopbackoff", "back-off restarting failed"),
    rule("crash", "will be restarted", pattern=r"container \S{1,200} failed \w+ probe, will be"),
    # A server that gets neither its directory nor its key nor its address ends at once.
    rule(
        "crash",
        "permission denied",
        pattern=r"^error: (?:could not create|mkdir|listen|.{0,200}id_ed25519).{0,300}denied",
    ),
    rule("crash", "abort() has been called", "visual c++ runtime library"),
    # The loader of the C library: the program did not even begin.
    rule("crash", "error while loading shared libraries", "version `glibc"),
    rule("crash", "0xc0000", "0xe06d7363", "faulting application", pattern=r"exception(?: code)?:? 0x|faulting app"),
)
