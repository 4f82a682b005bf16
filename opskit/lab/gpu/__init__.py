"""A stand-in `libnvidia-ml.so.1` for unmodified pynvml, and the state that drives it.

The library is compiled from `nvml.c`, which explains the state's lines. pynvml opens exactly `libnvidia-ml.so.1`, and
glibc reads LD_LIBRARY_PATH only when a process starts: a reader has to be a new process.
"""
