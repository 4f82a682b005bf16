"""Practice parts: every part of the looked-after chain as a process that tests start, break and stop.

They behave as the real parts do where `opskit` can see it (ports, HTTP answers, log lines, the NVML library's
interface) and nothing more. Each module says where its behaviour is taken from. Loopback only.
"""
