"""What two generations of Ollama say: before 0.30 about a "llama runner", since then about a "llama-server".

After the templates of ollama/ollama: llm/server.go and server/sched.go of v0.12.3, llm/llama_server.go and
server/sched.go of 2026-08. The generations differ in words, in source files and in levels.
"""

from __future__ import annotations

from typing import Final

import msgspec

from opskit.lab.ollama.settings import Generation

ABORTING: Final = "aborting completion request due to client closing the connection"
BUSY: Final = "server busy, please try again.  maximum pending requests exceeded"
MID_STREAM: Final = "an error was encountered while running the model"
STOPPED: Final = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)


class Wording(msgspec.Struct, frozen=True):
    """The words of a generation."""

    name: str  # of the process that runs a model
    source: str  # the Go file that starts it
    starting: str
    binary: str
    becoming: str  # "waiting for ... to become available"
    left_while_loading: str
    timeout: str  # after "timed out waiting for NAME to start - "
    post_failed: str
    out_of_memory: str  # before "cudaMalloc failed: ..."

    def command(self, blob: str, port: int, context: int, parallel: int) -> str:
        """How it starts a runner."""
        start = f"{self.binary} --model {blob} --port {port}"
        if self.name == "llama runner":
            return start
        sizes = f"--ctx-size {context} --parallel {parallel}"
        quiet = "--no-webui --offline --log-verbosity 4 --no-log-prefix --no-log-timestamps"
        return f"{start} --host 127.0.0.1 {quiet} {sizes}"

    def terminated(self, reason: str) -> str:
        """A runner that died while it loaded."""
        if reason.startswith("cudaMalloc failed"):
            return f"{self.out_of_memory}: {reason}"
        return f"{self.name} process has terminated: {reason}"

    def timed_out(self) -> str:
        """A load that took too long."""
        return f"timed out waiting for {self.name} to start - {self.timeout}"

    def canceled(self) -> str:
        """A load that nobody waits for any more."""
        return f"timed out waiting for {self.name} to start: context canceled"

    def stopped(self, reason: str) -> str:
        """A runner that died before it began to answer."""
        return f"{STOPPED}: {reason}" if reason and self.name == "llama-server" else STOPPED


WORDING: Final[dict[Generation, Wording]] = {
    "0.12": Wording(
        name="llama runner",
        source="server.go",
        starting="starting runner",
        binary="/usr/local/bin/ollama runner",
        becoming="waiting for server to become available",
        left_while_loading="client connection closed before server finished loading, aborting load",
        timeout="progress 0.37 - ",
        post_failed="post predict",
        out_of_memory="llama runner process has terminated",
    ),
    "0.30": Wording(
        name="llama-server",
        source="llama_server.go",
        starting="starting llama-server",
        binary="/usr/local/lib/ollama/llama-server",
        becoming="waiting for llama-server to become available",
        left_while_loading="client connection closed before llama-server finished loading, aborting load",
        timeout="",
        post_failed="llama-server completion error",
        out_of_memory="llama-server reported out-of-memory during startup",
    ),
}


def panic() -> str:
    """The dump of a nil pointer in a handler; the reason stands first, and a stack for each goroutine follows."""
    frames = (
        ("github.com/ollama/ollama/server.(*Server).ChatHandler", "server/routes.go", 2654),
        ("github.com/gin-gonic/gin.(*Context).Next", "gin@v1.10.0/context.go", 185),
        ("github.com/gin-gonic/gin.(*Engine).handleHTTPRequest", "gin@v1.10.0/gin.go", 633),
        ("net/http.(*conn).serve", "net/http/server.go", 2102),
    )
    lines = [
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x38 pc=0x5581f0c2a4d7]",
        "",
    ]
    states = ("running", "IO wait", "select", "chan receive, 4 minutes", "IO wait", "sync.Cond.Wait")
    for number, state in enumerate(states):
        lines.append(f"goroutine {1 + 37 * number} [{state}]:")
        for depth, (function, file, line) in enumerate(frames[number % 3 :]):
            lines.append(f"{function}(0xc000{4096 * (number + 1) + 64 * depth:06x}, 0x1)")
            lines.append(f"\t{file}:{line} +0x{96 + 16 * depth:x}")
        lines.append("")
    return "\n".join([*lines, "exit status 2"])
