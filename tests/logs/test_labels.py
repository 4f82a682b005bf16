"""Families of lines: members that nobody has seen yet, and what clients write into them."""

from __future__ import annotations

import pytest

from opskit.logs.classify import label

SLOG = "time=2026-11-22T13:00:01.123+08:00 level=INFO source=sched.go:1 msg="
NGINX = "2026/11/22 13:00:01 [error] 31#31: *46 "
FAMILIES = [
    ("vram-oom", "cuda driver library failed to get device context 2"),
    ("gpu-lost", "cuda driver library init failure: 304"),
    ("warning", SLOG + '"Unable to load cudart" error="cudart init failure: 35"'),
    ("gpu-fault", "CUDA error: an error of next year"),
    ("gpu-lost", "ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected"),
    ("warning", "rocblaslt error: Cannot read /opt/x/TensileLibrary_lazy_gfx1.dat: No such file or directory"),
    ("gpu-fault", "rocBLAS error: Could not initialize Tensile library"),
    ("gpu-lost", "vk::Queue::submit: ErrorDeviceLost"),
    ("gpu-fault", "vk::Device::createComputePipeline: ErrorInitializationFailed"),
    ("ram-oom", "vk::Device::allocateMemory: ErrorOutOfHostMemory"),
    ("gpu-fault", "ggml_metal_graph_compute: command buffer 1 failed with status 5"),
    ("gpu-fault", "[   99.100000] amdgpu 0000:09:00.0: amdgpu: ring comp_1.0.0 timeout, signaled seq=1, emitted seq=2"),
    ("ok", "[    5.100000] amdgpu 0000:09:00.0: amdgpu: ring comp_1.0.0 uses VM inv eng 1 on hub 0"),
    ("ok", "Command line: BOOT_IMAGE=/vmlinuz amdgpu.lockup_timeout=5000 amdgpu.gpu_recovery=1"),
    ("gpu-lost", "NVRM: GPU 0000:09:00.0: RmInitAdapter failed! (0x1:0x2:3)"),
    ("warning", "ggml_cuda_host_malloc: failed to allocate 9.00 MiB of pinned memory: out of memory"),
    ("ok", "Started systemd-oomd.service - Userspace Out-Of-Memory (OOM) Killer."),
    ("ram-oom", "Out of memory: Kill process 7 (ollama) score 900 or sacrifice child"),
    ("ram-oom", SLOG + '"model request too large for system" requested="9 GiB"'),
    ("panic", "/src/ggml/src/ggml-backend.cpp:7: tensor is in a buffer that cannot run the operation"),
    ("crash", "[Inferior 1 (process 77) detached]"),
    ("crash", "cs     0x33"),
    ("crash", "libx.so.0(a_function+0x12)[0x7f0000000001]"),
    ("ram-oom", "chat exited with code 137"),
    ("ram-oom", "./run.sh: line 9:    12 Killed                  /bin/serve"),
    ("vram-oom", "CUDA error: the resource allocation failed"),
    ("crash", SLOG + '"Load failed" error="mlx runner failed: Error: libx.dylib not found (exit: 1)"'),
    ("ok", "ollama.service: Main process exited, code=killed, status=15/TERM"),
    ("stuck", "ollama.service: State 'stop-sigterm' timed out. Killing."),
    ("cpu-fallback", SLOG + '"failure during GPU discovery" error="exit status 0xc0000005"'),
    ("stuck", "qwen3:32b   0123456789ab   30 GB   10%/90% CPU/GPU   4096   Stopping..."),
    ("queue-full", '{"error":"unexpected server status: llm busy - no slots available"}'),
    ("truncated", "error: the request exceeds the available context size. try to enable context shift"),
    ("runaway", "slot 3: context shift - n_keep = 1, n_left = 2, n_discard = 1"),
    ("warning", "srv  decode: failed to find free space in the KV cache, retrying with smaller batch size"),
    ("client-abort", 'error="write tcp 10.0.0.1:11434->10.0.0.2:5555: wsasend: closed"'),
    ("port-conflict", "Error: listen tcp 127.0.0.1:11434: bind: Gesperrt durch die Zugriffsrechte."),
    ("ok", '[GIN] 2026/11/22 - 13:00:01 | 200 |  2m1s | 127.0.0.1 | POST     "/api/pull"'),
    ("ok", SLOG + '"server config" env="map[OLLAMA_LOAD_TIMEOUT:5m0s X:out of memory]"'),
    ("warning", 'Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: i/o timeout'),
    ("proxy-config", "Cannot connect to host ollama:11434 ssl:default [Name does not resolve]"),
    ("proxy-refused", "dial tcp 10.0.0.9:11434: connect: Host is unreachable"),
    ("proxy-timeout", "litellm.Timeout: Connection timed out after 600.0 seconds."),
    ("proxy-reset", "TypeError: fetch failed, code: 'UND_ERR_SOCKET', other side closed"),
    ("proxy-limit", "OSError: [Errno 24] No file descriptors available"),
    ("proxy-refused", NGINX + "connect() failed (10061: Verbindung verweigert) while connecting to upstream"),
    ("client-abort", NGINX + "writev() failed (32: Broken pipe) while sending to client, client: 10.0.0.1"),
    ("proxy-reset", NGINX + "writev() failed (32: Broken pipe) while sending request to upstream"),
    ("proxy-timeout", "upstream timed out (110: Operation timed out) while reading upstream"),
    ("proxy-tls", NGINX + "peer closed connection in SSL handshake while SSL handshaking to upstream"),
    ("port-conflict", "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)"),
    ("not-found", NGINX + 'open() "/srv/v1/chat" failed (2: No such file or directory), client: 10.0.0.1'),
    ("warning", NGINX + 'limiting requests, dry run, excess: 5.4 by zone "chat", client: 10.0.0.1'),
    ("warning", "nginx: [warn] 4096 worker_connections exceed open file resource limit: 1024"),
    ("crash", "2026/11/22 13:00:01 [alert] 1#1: worker process 9 exited on signal 11 (core dumped)"),
    ("vram-oom", "[metal::malloc] 9 bytes is greater than the maximum allowed buffer size of 8 bytes"),
    ("ram-oom", "kswapd0: page allocation failure: order:4, mode:0x1"),
    ("ok", '"OOMKilled": false, "ExitCode": 0'),
    ("ram-oom", "Last State: Terminated, Reason: OOMKilled"),
    ("gpu-fault", "cuBLAS error 13 at ggml-cuda.cu:1"),
    ("gpu-fault", "[   99.100000] [drm:amdgpu_some_unit [amdgpu]] *ERROR* failed to suspend the unit"),
    ("gpu-fault", "nvlddmkm: the display driver stopped and has recovered"),
    ("gpu-lost", "NVRM: osInit: *** Cannot attach gpu"),
    ("gpu-lost", "[   99.100000] nvidia 0000:09:00.0: Unable to change power state, device inaccessible"),
    ("warning", "NVRM: nvAssert: Assertion failed: x == y"),
    ("cpu-fallback", "2023/12/15 13:00:01 routes.go:1: warning: gpu support may not be enabled"),
    ("crash", "Error: llama runner exited with error: 1"),
    ("crash", "serve: error while loading shared libraries: libx.so.1: cannot open shared object file"),
    ("crash", 'Post "http://127.0.0.1:40123/completion": dial tcp 127.0.0.1:40123: connect: connection refused'),
    ("crash", "systemd-coredump[9]: Process 7 (serve) of user 0 terminated abnormally with signal 6/ABRT"),
    ("crash", "Back-off restarting failed container ollama in pod ollama-0"),
    ("stuck", "ollama.service: Killing process 77 (ollama) with signal SIGKILL."),
    ("ok", "systemd[1]: Reloading."),
    ("reload", "time=2026-11-22T13:00:01Z level=DEBUG source=sched.go:1 msg=reloading runner.name=x"),
    ("stuck", "13:00:01 [diagnostic] stalled session: sessionId=1 state=processing age=900s"),
    ("runaway", "update: applying K-shift"),
    ("truncated", "srv    send_error: task id = 4, error: input (3000 tokens) is too large to process."),
    ("port-conflict", "Port 18789 is already in use."),
    ("not-found", 'lane task error: lane=main error="Error: Unknown model: ollama/none"'),
    ("warning", '{"error":"registry.ollama.ai/library/x does not support tools"}'),
    ("client-abort", "AbortError: This operation was aborted"),
    ("proxy-timeout", "TimeoutError: The operation was aborted due to timeout"),
    ("proxy-timeout", "[fetch-timeout] fetch timeout after 300000ms"),
    ("proxy-timeout", "LLM idle timeout (60s): no response"),
    ("proxy-reset", "net::ERR_INCOMPLETE_CHUNKED_ENCODING 200 (OK)"),
    ("proxy-reset", "Response payload is not completed: <TransferEncodingError: 400>"),
    ("proxy-reset", 'level=debug msg="502 Bad Gateway caused by: EOF"'),
    ("proxy-refused", "ERROR [apps.ollama] Connection error: 10.0.0.9:11434/api/tags"),
    ("warning", "ERROR [apps.ollama] Connection error: 403, message='Forbidden'"),
    ("proxy-timeout", "Cannot connect to API: Body Timeout Error"),
    ("crash", "ERROR [x.ollama] 500, message='Internal Server Error', url='http://10.0.0.9:11434/api/chat'"),
    ("gpu-fault", "amdgpu 0000:03:00.0: amdgpu: ring comp_1.0.1 reset failed"),
    ("warning", "13:00:01 [diagnostic] long-running session: sessionId=1 state=processing age=150s"),
    ("warning", "init: the tokens of sequence 1 in the input batch have inconsistent sequence positions:"),
    ("crash", "Abort was called at 7 line in file:"),
    ("crash", "Error: [2] server rocm_v9 not listed in available servers map[]"),
    ("proxy-timeout", "AxiosError: Request failed with status code 504"),
    ("not-found", "Error code: 404 - {'error': {'message': \"model 'x' not found, try pulling it first\"}}"),
    ("proxy-tls", "net::ERR_CERT_DATE_INVALID"),
    ("proxy-config", "engine.io.server - INFO - Invalid websocket upgrade"),
    ("proxy-limit", "kernel: nf_conntrack: table full, dropping packet"),
    ("ok", "2026/11/22 13:00:01 [notice] 1#1: worker process 9 exited with code 0"),
    ("client-abort", 'level=ERROR msg="post predict" error="Post \\"http://127.0.0.1:4/x\\": context canceled"'),
    ("crash", "500: model failed to load, this may be due to something"),
    ("client-abort", "INFO scheduler: Aborting request 77aa-01"),
    ("client-abort", "INFO engine: Request chat-77aa was aborted"),
    ("client-abort", "WARN: 3 request(s) aborted"),
    ("ok", "aborting request handling in the plug-in"),
    ("warning", "[diagnostic] lane wait exceeded: lane=x waitedMs=90000"),
    ("warning", "[diagnostic] liveness warning: interval=90s"),
    ("gpu-fault", "amdgpu 0000:01:00.0: 2 uncorrectable hardware errors detected in gfx block"),
    ("ok", "amdgpu 0000:01:00.0: 0 uncorrectable hardware errors detected in gfx block"),
    ("gpu-lost", "NvRmGpuOpen failed, error 7"),
    ("warning", SLOG + '"error looking up oneapi GPU memory" error=x'),
    ("stuck", "Failed to restart ollama.service: Connection timed out"),
    ("stuck", "ollama.service: stop-post operation timed out. Terminating."),
    ("crash", "Error: mkdir /srv/models: permission denied"),
    ("crash", "Error: listen tcp 0.0.0.0:80: bind: permission denied"),
    ("ok", "Error: open /home/u/Modelfile: permission denied"),
    ("crash", "#3  0x00007f0000000001 a_function (serve + 0x7f)"),
    ("crash", "abort() has been called"),
    ("client-abort", NGINX + "peer closed connection in SSL handshake (32: x) while SSL handshaking, client: 10.0.0.1"),
    ("proxy-config", "[error] : *9 client intended to send too large body: 7 bytes, client: 10.0.0.1"),
    ("proxy-reset", "*9 upstream prematurely closed connection while sending to client, client: 10.0.0.1"),
    ("load-timeout", "unable to start process: health check timed out after 90s"),
    ("reload", "Health check error on http://127.0.0.1:9/health, status code: 503"),
    ("crash", "upstream command exited prematurely but successfully"),
    ("client-abort", "[ERROR] curl: Failure writing output to destination"),
    ("proxy-timeout", "curl: (28) Timeout was reached"),
    ("proxy-reset", "curl: (52) Empty reply from server"),
    ("proxy-config", "curl: (6) Couldn't resolve host name"),
    ("proxy-tls", "curl: (60) SSL peer certificate or SSH remote key was not OK"),
    ("proxy-refused", "curl: (7) Could not connect to server"),
    ("proxy-config", "requests.exceptions.MissingSchema: Invalid URL 'ollama:11434': No scheme supplied."),
    ("proxy-config", 'Post "ollama:11434/api/chat": unsupported protocol scheme "ollama"'),
    ("proxy-refused", '{"detail":"Unable to connect to the model server"}'),
    ("proxy-refused", "ERROR proxy: Error connecting to upstream"),
    ("ok", "could not connect to the calendar"),
    ("proxy-reset", "code: 'ERR_STREAM_PREMATURE_CLOSE'"),
    ("proxy-reset", "TypeError: terminated"),
    ("ok", "request: terminated-lines are merged"),
    ("warning", "[x.openai] 422, message='Unprocessable', url='https://10.0.0.9/v1/chat/completions'"),
    ("proxy-timeout", "[x.openai] 504, message='', url='http://10.0.0.9/v1/models'"),
    ("proxy-refused", "ValueError: the call failed with status code 502. Details"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "line"), FAMILIES)
def test_a_family_is_known_by_its_form_and_not_by_its_members(expected: str, line: str) -> None:
    assert label(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        f'{NGINX}access forbidden by rule, client: 10.0.0.1, request: "GET /?q=panic: HTTP/1.1", referrer: "(111: x"',
        f'{NGINX}user "upstream timed out (110: " was not found in "/srv/users", client: 10.0.0.1, server: x',
        '10.0.0.1 - - [22/Nov/2026:13:00:01 +0800] "GET /?q=out+of+memory HTTP/1.1" 500 1 "-" "CUDA error: x"',
        "srv  log_server_r: done request: POST /?q=health+check+failed+after+9s 10.0.0.1 400",
        '[INFO] Request 10.0.0.1 "GET /?q=aborted+request+77aa-01 HTTP/1.1" 400 9 "TypeError: terminated" 1ms',
    ],
)
def test_what_a_client_sent_is_not_what_the_proxy_says(line: str) -> None:
    assert label(line) == "warning"


def test_a_pasted_proxy_log_is_still_what_a_user_wrote() -> None:
    pasted = f"why {NGINX}connect() failed (111: Connection refused) while connecting to upstream"
    assert label(f'{SLOG}"chat request" prompt="{pasted}"') == "ok"
    assert label('{"type":"text","text":"' + pasted + '","role":"user"}') == "ok"


@pytest.mark.parametrize(
    "words", ["TypeError: terminated", "aborted request 77aa-01", "curl: (28) Timeout was reached", "502, message='x'"]
)
def test_the_words_of_a_client_in_a_prompt_are_a_users(words: str) -> None:
    assert label(f'{SLOG}"chat request" prompt="why {words}"') == "ok"


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "ok"), (499, "client-abort"), (504, "proxy-timeout"), (429, "proxy-limit")]
)
def test_an_access_line_is_judged_by_its_status(status: int, expected: str) -> None:
    line = f'10.0.0.1 - - [22/Nov/2026:13:00:01 +0800] "POST /v1/chat/completions HTTP/1.1" {status} 1 "-" "x"'
    assert label(line) == label(f"nginx-1  | chat.example {line}") == expected


def test_an_access_line_of_a_chat_ui_keeps_its_status_behind_its_own_stamp() -> None:
    sender = "2026-11-22 13:00:01.125 | INFO     | uvicorn.protocols.http.x_impl:send:476 - 10.0.0.1:0"
    assert label(f'{sender} - "GET /ollama/api/version HTTP/1.1" 500 - {{}}') == "warning"
    assert label(f'{sender} - "GET /ollama/api/version HTTP/1.1" 200 - {{}}') == "ok"
