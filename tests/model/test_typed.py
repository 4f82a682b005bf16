"""Types that several threads decode at the same moment."""

from __future__ import annotations

import subprocess
import sys

RACE = """
import sys
import threading
import types
import msgspec
from opskit.model.typed import prepared

# As modules write them: annotations are texts, which are read when a type is first met.
KINDS = "\\n".join([
    "from __future__ import annotations",
    "import msgspec",
    "class Inner(msgspec.Struct):",
    *(f"    field_{n}: int | None = None" for n in range(20)),
    "class Kind(msgspec.Struct):",
    "    inner: list[Inner] = []",
    "    text: str = ''",
])
sys.setswitchinterval(1e-6)
for number in range(200):
    module = types.ModuleType(f"kinds_{number}")
    sys.modules[module.__name__] = module
    exec(KINDS, vars(module))
    kind = module.Kind
    start = threading.Barrier(4)

    def decode():
        start.wait()
        found = msgspec.json.decode(b'{"inner": [{"field_3": 7}], "text": "x"}', type=prepared(kind))
        assert found.inner[0].field_3 == 7

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("done")
"""


def test_threads_may_decode_a_type_that_none_has_seen_before() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
