"""What llama.cpp prints while a model goes to the card, and when the card fails it.

The forms are those of src/llama-model.cpp, ggml-cuda.cu and tools/server; the figures are the lab's.
"""

from __future__ import annotations

import sys

from opskit.lab.runner.options import Options

_CUDA_SOURCE = "/build/ml/backend/ggml/ggml/src/ggml-cuda/ggml-cuda.cu"


def emit(*lines: str) -> None:
    """Print lines on standard error in one piece: the parent copies them into its own log."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def offloaded(options: Options) -> list[str]:
    """How many layers the card took."""
    done, layers = options.gpu_layers, options.layers
    if not done:
        return [f"load_tensors: offloaded 0/{layers} layers to GPU"]
    return [
        f"load_tensors: offloading {min(done, layers - 1)} repeating layers to GPU",
        *(["load_tensors: offloading output layer to GPU"] if done == layers else []),
        f"load_tensors: offloaded {done}/{layers} layers to GPU",
    ]


def out_of_memory(options: Options) -> list[str]:
    """A card that has no room for the weights."""
    size = options.gpu_layers * 287_000_000
    megabytes = f"allocating {size / 2**20:.2f} MiB on device 0: cudaMalloc failed: out of memory"
    return [
        f"ggml_backend_cuda_buffer_type_alloc_buffer: {megabytes}",
        f"alloc_tensor_range: failed to allocate CUDA0 buffer of size {size}",
        "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        "llama_model_load_from_file_impl: failed to load model",
        "srv    load_model: failed to load model",
        "srv  llama_server: exiting due to model loading error",
    ]


def cuda_error(reason: str) -> list[str]:
    """A CUDA call that fails: four lines, then ggml aborts the process."""
    return [
        f"CUDA error: {reason}",
        f"  current device: 0, in function ggml_backend_cuda_synchronize at {_CUDA_SOURCE}:2871",
        "  cudaStreamSynchronize(cuda_ctx->stream())",
        f"{_CUDA_SOURCE}:96: CUDA error",
    ]
