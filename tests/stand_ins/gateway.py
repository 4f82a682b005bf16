"""A scripted API gateway, by the contract of the reference deployment.

OpenAI `/v1/chat/completions` in front of Ollama, with key, allow-list, rate and prompt length checked, an audit log of
two JSON lines per request, and a friendly 503 when Ollama gives no first byte in time. `/chat/completions` is the same,
because the reference Nginx site strips `/v1`. Faults by control file, besides the names in `Rules`:

* `hang`: read the request and never answer, `/health` too; nothing is logged, as in a process that is wedged;
* `delay_s`: wait before asking Ollama.

Run: `python -m tests.stand_ins.gateway --port P --ollama URL --log FILE --control FILE --valid-key KEY`.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.stand_ins import gateway_ollama as ollama
from tests.stand_ins.gateway_rules import Rate, RefusedError, Rules, client_address
from tests.stand_ins.service import ClientGoneError, ControlFile, Handler, Json, Service, local_now

CHAT_PATHS = ("/v1/chat/completions", "/chat/completions")


class Gateway(Service):
    """The running gateway: where Ollama is, the rules, and who asked how often."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Listen as the command line says."""
        super().__init__(args.port, GatewayHandler, args.log, ControlFile(args.control))
        self.ollama: str = args.ollama
        self.rate = Rate()
        self.rules = Rules(
            valid_keys=tuple(args.valid_key),
            key_header=args.key_header,
            allowed_ips=tuple(args.allow or Rules.allowed_ips),
            max_requests=args.max_requests,
            window_s=args.window,
            max_prompt=args.max_prompt,
            first_byte_s=args.first_byte_timeout,
        )

    def audit(self, event: str, record: Json) -> None:
        """Append one line to the audit log."""
        time_of_day = local_now().isoformat(timespec="milliseconds")
        self.write_log(json.dumps({"time": time_of_day, "event": event, **record}, ensure_ascii=False))


@dataclass
class Outcome:
    """What `request.end` will say."""

    started: float
    status: int | None = None
    first_token_ms: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None

    def elapsed_ms(self) -> int:
        """Since the request was read."""
        return round((time.monotonic() - self.started) * 1000)

    def note(self, piece: ollama.Piece) -> None:
        """Take over what a piece of the answer tells."""
        if self.first_token_ms is None and piece.content:
            self.first_token_ms = self.elapsed_ms()
        if piece.done:
            self.prompt_tokens, self.completion_tokens = piece.prompt_tokens, piece.completion_tokens

    def record(self) -> Json:
        """The fields of the log line."""
        return {
            "status": self.status,
            "response_time_ms": self.elapsed_ms(),
            "first_token_ms": self.first_token_ms,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "error": self.error,
        }


class GatewayHandler(Handler):
    """One connection to the gateway."""

    server: Gateway

    def do_GET(self) -> None:
        """Health, and nothing else."""
        if self.server.control.read().get("hang"):
            self.hang()
        if self.path.split("?")[0] == "/health":
            self.send_json(200, {"status": "ok"})
        else:
            self.send_json(404, {"error": "not found"})

    def do_POST(self) -> None:
        """A chat request, with its two lines in the audit log."""
        body, control = self.read_body(), self.server.control.read()
        if control.get("hang"):
            self.hang()
        if self.path.split("?")[0] not in CHAT_PATHS:
            self.send_json(404, {"error": "not found"})
            return
        request, outcome = _parsed(body), Outcome(time.monotonic())
        record = self._who(request)
        self.server.audit("request.start", record)
        try:
            self._answer(request, record, control, outcome)
        except RefusedError as refused:
            outcome.error = getattr(refused, "detail", refused.message)
            self._refuse(refused)
        except ClientGoneError:
            outcome.error, outcome.status = "client closed the connection", self.status or 499
            raise
        finally:
            outcome.status = outcome.status or self.status
            self.server.audit("request.end", {**record, **outcome.record()})

    def _who(self, request: Json) -> Json:
        return {
            "request_id": self.headers.get("X-Request-Id") or uuid.uuid4().hex,
            "client_ip": client_address(self.client_address[0], self.headers.get("X-Forwarded-For")),
            "user_id": self.headers.get("X-User-Id"),
            "path": self.path,
            "model": request.get("model"),
            "prompt_length": ollama.prompt_length(request),
        }

    def _answer(self, request: Json, record: Json, control: Json, outcome: Outcome) -> None:
        rules = self.server.rules.overridden(control)
        rules.check_key(self.headers.get(rules.key_header))
        rules.check_source(record["client_ip"])
        self.server.rate.check(record["client_ip"], rules)
        if not request.get("messages"):
            raise RefusedError(400, "messages are required")
        rules.check_prompt(record["prompt_length"])
        self.pause(control.get("delay_s", 0))
        answer_id, model = f"chatcmpl-{record['request_id']}", str(request.get("model"))
        with ollama.ask(self.server.ollama, request, rules.first_byte_s) as pieces:
            if request.get("stream"):
                for piece in pieces:
                    outcome.note(piece)
                    self._stream(ollama.stream_event(answer_id, model, piece))
                self.send_chunk(b"data: [DONE]\n\n")
                self.send_chunk(b"")
                return
            collected = []
            for piece in pieces:
                outcome.note(piece)
                collected.append(piece)
        self.send_json(200, ollama.whole_answer(answer_id, model, collected))

    def _stream(self, event: Json) -> None:
        if not self.status:
            self.start_stream("text/event-stream")
        self.send_chunk(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())

    def _refuse(self, refused: RefusedError) -> None:
        if not self.status:
            self.send_json(refused.status, {"error": refused.message}, refused.headers)
            return
        # The status has left already: the stream can only say it and end without [DONE].
        self._stream({"error": {"message": refused.message}})
        self.send_chunk(b"")


def _parsed(body: bytes) -> Json:
    try:
        request = json.loads(body)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="scripted API gateway")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ollama", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--valid-key", action="append", default=[])
    parser.add_argument("--key-header", default=Rules.key_header)
    parser.add_argument("--allow", action="append", help="an address or network; default: the contract's")
    parser.add_argument("--max-requests", type=int, default=Rules.max_requests)
    parser.add_argument("--window", type=float, default=Rules.window_s)
    parser.add_argument("--max-prompt", type=int, default=Rules.max_prompt)
    parser.add_argument("--first-byte-timeout", type=float, default=Rules.first_byte_s)
    Gateway(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
