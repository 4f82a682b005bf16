"""A scripted Clawdbot chat UI: one page, a health route in three behaviours, and chat through the gateway.

`POST /api/chat {"message": ...}` calls `<api-base>/chat/completions` and passes the stream on as server-sent events
(`data: {"content": "..."}`, then `data: [DONE]`). An error of the gateway passes through as it is; a gateway that
cannot be reached, or is silent for too long, gives 502 with JSON and a line in the log. Control file:

* `health`: `json` (default), `catch-all` (every GET is 200 with the page, as Clawdbot 2026.1.24 really does), `failing`
  (503); `hang`: never answer.

Run: `python -m tests.stand_ins.clawdbot --port P --api-base URL --key-file FILE --log FILE --control FILE`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from tests.stand_ins.service import ControlFile, Handler, Json, Service, local_now, reason

PAGE = b"<!doctype html>\n<html><head><title>Clawdbot</title></head><body><div id=app></div></body></html>\n"


class Clawdbot(Service):
    """The running chat UI and where its gateway is."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Listen as the command line says."""
        super().__init__(args.port, ClawdbotHandler, args.log, ControlFile(args.control))
        self.api_base: str = args.api_base
        self.key: str = args.key_file.read_text().strip()
        self.key_header: str = args.key_header
        self.model: str = args.model
        self.timeout_s: float = args.backend_timeout

    def say(self, level: str, message: str) -> None:
        """Write a line to clawdbot.log."""
        self.write_log(f"{local_now().isoformat(timespec='milliseconds')} {level} {message}")


class ClawdbotHandler(Handler):
    """One connection to the chat UI."""

    server: Clawdbot

    def do_GET(self) -> None:
        """The page and the health route."""
        control = self.server.control.read()
        if control.get("hang"):
            self.hang()
        health, path = control.get("health", "json"), self.path.split("?")[0]
        if path == "/" or health == "catch-all":
            self.send_body(200, PAGE, "text/html; charset=utf-8")
        elif path != "/health":
            self.send_json(404, {"error": "not found"})
        elif health == "failing":
            self.send_json(503, {"status": "error"})
        else:
            self.send_json(200, {"status": "ok"})

    def do_POST(self) -> None:
        """One message of a user."""
        body = self.read_body()
        if self.server.control.read().get("hang"):
            self.hang()
        if self.path.split("?")[0] != "/api/chat":
            self.send_json(404, {"error": "not found"})
            return
        try:
            message = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            self.send_json(400, {"error": "message is required"})
            return
        request_id = self.headers.get("X-Request-Id") or uuid.uuid4().hex
        try:
            self._relay(message, request_id)
        except (OSError, http.client.HTTPException) as error:
            self.server.say("ERROR", f"backend failed: {reason(error)} request_id={request_id}")
            if not self.status:
                self.send_json(502, {"error": "the chat backend cannot be reached", "request_id": request_id})
            self.close_connection = True

    def _relay(self, message: str, request_id: str) -> None:
        base = urlsplit(self.server.api_base)
        connection = http.client.HTTPConnection(base.hostname or "", base.port, timeout=self.server.timeout_s)
        try:
            path, headers = f"{base.path}/chat/completions", self._identity(request_id)
            connection.request("POST", path, self._question(message), headers)
            response = connection.getresponse()
            self.server.say("INFO", f"backend answered {response.status} request_id={request_id}")
            if response.status == 200:
                self._pass_stream(response)
                return
            retry = response.getheader("Retry-After")
            headers = {"Retry-After": retry} if retry else {}
            self.send_body(response.status, response.read(), "application/json; charset=utf-8", headers)
        finally:
            connection.close()

    def _question(self, message: str) -> bytes:
        question = {"model": self.server.model, "messages": [{"role": "user", "content": message}], "stream": True}
        return json.dumps(question).encode()

    def _identity(self, request_id: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
        headers[self.server.key_header] = self.server.key
        user = self.headers.get("X-User-Id")
        return {**headers, "X-User-Id": user} if user else headers

    def _pass_stream(self, response: http.client.HTTPResponse) -> None:
        self.start_stream("text/event-stream")
        for line in response:
            if not line.startswith(b"data: "):
                continue
            if line.strip() == b"data: [DONE]":
                self.send_chunk(b"data: [DONE]\n\n")
                break
            event: Json = json.loads(line[len(b"data: ") :])
            said = {"error": event["error"]} if "error" in event else event["choices"][0]["delta"]
            if said:
                self.send_chunk(f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode())
        self.send_chunk(b"")


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="scripted chat UI")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-base", required=True, help="the gateway, with /v1")
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--key-header", default="X-Api-Key")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--model", default="qwen3:32b")
    parser.add_argument("--backend-timeout", type=float, default=300)
    Clawdbot(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
