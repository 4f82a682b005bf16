"""A scripted Ollama: its HTTP interface, its log, and no model behind it.

Routes, bodies and status codes after Ollama's server/routes.go, docs/api.md and server/sched.go: native answers stream
by default, one request generates at a time and the others wait without a line in the log, an access line is written
when a request ends. The answer repeats the question word by word. Faults by control file:

* `hang`: accept and never answer, any route, nothing logged; `hang_chat`: only generation hangs;
* `first_token_s`, `token_delay_s`: how slow it is;
* `models`: names on the disk; `loaded`, `vram_share`, `context_length`, `expires_in_s`: what `/api/ps` says; without a
  loaded model a generation takes `load_s` (default 0) longer and reports a load;
* `fail_chat`: `{"status": 500, "error": "..."}` instead of an answer; `fail_after`: the same text after so many tokens.

Run: `python -m tests.stand_ins.ollama --port P --log FILE --control FILE`.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stand_ins import ollama_answers as answers
from tests.stand_ins import ollama_texts as texts
from tests.stand_ins.ollama_lines import gin, slog
from tests.stand_ins.service import ClientGoneError, ControlFile, Handler, Json, Service, local_now

CLIENT_LEFT = 499  # gin logs it; nobody receives it


class Ollama(Service):
    """The running server: its models, its generation of log texts, its slots."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Listen, and write what a start writes."""
        super().__init__(args.port, OllamaHandler, args.log, ControlFile(args.control))
        self.generation: str = args.generation
        self.version = answers.VERSIONS[args.generation]
        self.model: str = args.model
        self.slots = threading.Semaphore(args.parallel)
        self.write_log(texts.server_start(local_now(), args.port, self.generation))


class OllamaHandler(Handler):
    """One connection to Ollama."""

    server: Ollama

    def do_HEAD(self) -> None:
        """HEAD / is what the command line tool sends first."""
        self._serve(None)

    def do_GET(self) -> None:
        """The routes that read."""
        self._serve(None)

    def do_POST(self) -> None:
        """The routes with a body."""
        self._serve(self.read_body())

    def _serve(self, body: bytes | None) -> None:
        control, started = self.server.control.read(), time.monotonic()
        if control.get("hang"):
            self.hang()
        try:
            if body is None:
                self._read_route(control)
            else:
                self._post_route(body, control)
        finally:
            seconds, status = time.monotonic() - started, self.status or CLIENT_LEFT
            self.server.write_log(gin(local_now(), status, seconds, self.command, self.path))

    def _read_route(self, control: Json) -> None:
        now, models = local_now(), control.get("models", [self.server.model])
        bodies: dict[str, Json] = {
            "/api/version": {"version": self.server.version},
            "/api/tags": answers.tags(models, now),
            "/api/ps": answers.running(self.server.model, control, now),
            "/v1/models": answers.openai_models(models),
        }
        route = self.path.split("?")[0]
        if route == "/":
            self.send_body(200, b"Ollama is running", "text/plain; charset=utf-8")
        elif route in bodies:
            self.send_json(200, bodies[route])
        else:
            self.send_body(404, b"404 page not found", "text/plain")

    def _post_route(self, body: bytes, control: Json) -> None:
        if self.path not in ("/api/show", "/api/chat", "/api/generate"):
            self.send_body(404, b"404 page not found", "text/plain")
            return
        try:
            request: Json = json.loads(body)
        except ValueError as error:
            self.send_json(400, {"error": str(error) if body else "missing request body"})
            return
        model = str(request.get("model") or request.get("name") or "")
        if not model:
            self.send_json(400, {"error": "model is required"})
        elif model not in control.get("models", [self.server.model]):
            self.send_json(404, {"error": f"model '{model}' not found"})
        elif self.path == "/api/show":
            self.send_json(200, answers.show(model, local_now()))
        elif failure := control.get("fail_chat"):
            self.send_json(failure["status"], {"error": failure["error"]})
        else:
            self._generate(request, model, control)

    def _generate(self, request: Json, model: str, control: Json) -> None:
        try:
            if control.get("hang_chat"):
                self.hang()
            with self._slot():
                items = self._items(request, model, control)
                if request.get("stream", True):
                    self._stream(items)
                else:
                    self.send_json(200, self._collected(list(items)))
        except ClientGoneError:
            what = "aborting completion request due to client closing the connection"
            self.server.write_log(slog(local_now(), "INFO", "llama_server.go:1621", what))
            raise

    @contextmanager
    def _slot(self) -> Iterator[None]:
        while not self.server.slots.acquire(timeout=0.05):
            if self.client_gone(0):
                raise self.lost()
        try:
            yield
        finally:
            self.server.slots.release()

    def _items(self, request: Json, model: str, control: Json) -> Iterator[Json]:
        """The objects of the answer, as slowly as the control file wants it."""
        began, load_s = time.monotonic(), 0.0 if control.get("loaded", True) else float(control.get("load_s", 0))
        if not control.get("loaded", True):
            self.pause(load_s)
            self.server.write_log(texts.model_load(local_now(), self.server.generation, load_s))
        prompt = _question(request)
        words, reason = _reply(prompt, int(request.get("options", {}).get("num_predict", -1)))
        self.pause(control.get("first_token_s", 0))
        first = time.monotonic()
        for count, word in enumerate(words):
            if count == control.get("fail_after"):
                failure = "an error was encountered while running the model: unexpected EOF"
                yield {"error": failure}
                return
            self.pause(control.get("token_delay_s", 0) if count else 0)
            yield self._item(model, word)
        spent = {
            "total_duration": time.monotonic() - began,
            "load_duration": load_s or 0.03,
            "prompt_eval_duration": first - began - load_s or 1e-6,
            "eval_duration": time.monotonic() - first or 1e-6,
        }
        timings = {name: max(1, int(seconds * 1e9)) for name, seconds in spent.items()}
        counts = {"prompt_eval_count": len(prompt.split()) + 8, "eval_count": len(words)}
        yield {**self._item(model, ""), "done": True, "done_reason": reason, **timings, **counts}

    def _item(self, model: str, text: str) -> Json:
        content: Json = {"message": {"role": "assistant", "content": text}}
        if self.path == "/api/generate":
            content = {"response": text}
        return {"model": model, "created_at": local_now().isoformat(), **content, "done": False}

    def _stream(self, items: Iterator[Json]) -> None:
        for item in items:
            if not self.status:  # the head leaves with the first token: a slow model is silent until then
                self.start_stream("application/x-ndjson")
            self.send_chunk(json.dumps(item, ensure_ascii=False).encode() + b"\n")
        self.send_chunk(b"")

    def _collected(self, items: list[Json]) -> Json:
        last = items[-1]
        if "message" in last:
            last["message"]["content"] = "".join(item["message"]["content"] for item in items)
        elif "response" in last:
            last["response"] = "".join(item["response"] for item in items)
        return last


def _question(request: Json) -> str:
    messages = request.get("messages") or [{"content": request.get("prompt", "")}]
    return str(messages[-1].get("content") or "")


def _reply(prompt: str, limit: int) -> tuple[list[str], str]:
    """Words of the answer and why it ended. Two are Chinese: an answer cut inside a character must not go unnoticed."""
    words = ["You", " asked", "（", "你问", "）", ":", *(f" {word}" for word in prompt.split()[:200])]
    return (words[:limit], "length") if 0 <= limit < len(words) else (words, "stop")


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="scripted Ollama")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--model", default="qwen3:32b")
    parser.add_argument("--generation", choices=sorted(answers.VERSIONS), default="0.30")
    parser.add_argument("--parallel", type=int, default=1, help="OLLAMA_NUM_PARALLEL")
    Ollama(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
