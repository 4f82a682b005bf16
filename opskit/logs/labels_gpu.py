"""What lines about memory and the GPU mean: kernel, CUDA, HIP and ROCm, Vulkan, Metal, SYCL, NVML.

Numbers and names are those of the enumerations: cudaError / CUresult, hipError_t, hsa_status_t, VkResult, nvmlReturn_t,
MTLCommandBufferError. A new member falls to the family's own label, which is "gpu-fault".
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule

# CUresult, cudaError and nvmlReturn_t as Ollama writes them: out of memory, or a GPU in trouble. What the bundled
# cudart says on a machine without an NVIDIA driver, or with an old one, is said on every such machine.
_CODE = r"(?:device context|init failure:|cu\w{4,24} err:) ?"
_NO_DRIVER = r"(?:cudart init failure:|cu\w{4,24} err:) ?(?:34|35|36|100)(?!\d)"

MEMORY: tuple[Rule, ...] = (
    rule("ram-oom", "oom-kill", "oom_reaper", "oom killer", "invoked oom", "killed process", "(oom_"),
    rule("ram-oom", "oomkilled", pattern=r"oomkilled(?!\W{1,3}false)"),
    rule("ram-oom", "page allocation failure", "vmalloc: allocation failure", "low on resource: memory"),
    rule("ram-oom", "out of memory: kill", "no killable processes", "cgroup out of memory", "oomcontroller"),
    rule(
        "ram-oom",
        "due to memory pressure",
        "due to memory used",
        "low memory! at or below",
        pattern=r"^killed |^low memory!",
    ),
    rule("ram-oom", "requires more system memory", "too large for system", "is too large for this system"),
    rule("ram-oom", "cannot allocate memory", "enomem", "bad_alloc", "bad allocation", "not enough memory resources"),
    rule("ram-oom", "outofhostmemory", "out_of_host_memory"),
    rule("ram-oom", "you may not have enough", pattern=r"you may not have enough (?:available )?memory"),
    rule(
        "ram-oom",
        "runtime: out of memory",
        "(12: out of memory",
        "errno 12]",
        "cpu buffer",
        "backend_cpu_buffer",
        "ggml_aligned_malloc",
        "paging file is too small",
        pattern=r"out of memory|(?:allocate|allocating).{0,60}cpu buffer|cpu_buffer\w*: failed|insufficient memory"
        r"|paging file",
    ),
    rule("ram-oom", "signal: killed", "code=killed, status=9", "code=killed, signal=kill", "exited with code 137"),
    # 137 is SIGKILL to a container, and "Killed" what its shell says of it.
    rule(
        "ram-oom",
        "exit code",
        "exit status",
        "killed",
        pattern=r"exit (?:code|status):? \(?137\b|line \d+: +\d+ killed|^killed$",
    ),
    # The allocator of the Jetson's driver gives the number of the system call.
    rule("vram-oom", "nvmap", pattern=r"nvmap\w{1,40}: .{0,80}error 12\b"),
    # vLLM plans its cache before the first request.
    rule("vram-oom", "memory for the cache blocks", "available kv cache memory"),
    rule("vram-oom", "cudamalloc failed", "hipmalloc failed", "out of device memory", "erroroutofmemory"),
    rule("vram-oom", "error_out_of_memory", "out_of_device_memory", "cublas_status_alloc_failed", "outofdevicememory"),
    rule(
        "vram-oom",
        "resource allocation failed",
        "rocblas_status_memory_error",
        "error_out_of_resources",
        "outofpoolmemory",
    ),
    rule("vram-oom", "device context 2", "init failure: 2", " err: 2", pattern=rf"{_CODE}2(?!\d)"),
    rule("vram-oom", "maximum allowed buffer size", "unable to load full model on gpu", "memory layout cannot be"),
    rule("vram-oom", "out of memory", "out-of-memory", "not enough memory", "insufficient memory", "oom detected"),
    rule(
        "vram-oom",
        "failed to allocate",
        "unable to allocate",
        "allocation failed",
        "memory allocation of size",
        pattern=r"(?:cuda|rocm|hip|vulkan|metal|sycl|device|gpu|compute|kv|pp|tg|backend)\w* ?(?:\S+ )?"
        r"(?:buffers?|memory|cache)",
    ),
)

_LOST = (
    rule("gpu-lost", "fallen off the bus", "fell off the bus", "gpu is lost", "gpu_is_lost", "devicelost"),
    rule("gpu-lost", "device lost", "device_lost", "context is lost", "removed from the bus"),
    rule("gpu-lost", "xid", pattern=r"nvrm: xid \(.{1,40}\): 79,|xidcriticalerror: xid=79\b"),
    rule(
        "gpu-lost",
        "rminitadapter",
        "rm_init_adapter",
        "nvidia probe routine",
        "gfw boot",
        "gfw_boot",
        "bootstrap riscv/gsp",
        "nvrm: nvidia init",
        pattern=r"fail|cannot",
    ),
    rule("gpu-lost", "nvrm", pattern=r"nvrm.{0,80}(?:cannot attach gpu|gpu lost|gpu is not responding|booter failed)"),
    # The library of the Jetson's driver, which has no kernel log of its own.
    rule("gpu-lost", "nvrm", pattern=r"nvrm(?:mem|gpu)\w* ?fail"),
    rule(
        "gpu-lost",
        "device inaccessible",
        "refused to change power state",
        pattern=r"^(?:nvidia|amdgpu)\S{0,8} .{0,120}(?:device inaccessible|refused to change power)",
    ),
    rule("gpu-lost", "no devices were found", pattern=r"^no devices were found"),
    rule("gpu-lost", "none of the nvidia devices", "no nvidia gpu found", "nvrm: api mismatch", "no nvidia graphics"),
    rule("gpu-lost", "nvml", pattern=r"failed to initialize nvml|nvml.{0,60}(?:unknown error|not loaded|mismatch)"),
    rule("gpu-lost", "busy or unavailable", "-capable device is detected", "communicate with the nvidia driver"),
    rule("warning", "cudart init failure:", " err:", pattern=_NO_DRIVER),
    rule("gpu-lost", "device context", "init failure:", " err:", pattern=rf"{_CODE}[1-9]"),
    rule("gpu-lost", "failed to get device context", "failed to initialize cuda", "failed to initialize rocm"),
    rule("gpu-lost", "nvidia-smi has failed", "looking up nvidia gpu memory", "unable to determine the device"),
    rule("warning", "error looking up ", pattern=r"error looking up \w{1,16} gpu memory"),
    rule(
        "gpu-lost",
        "unknown error",
        "initialization error",
        "not yet initialized",
        "display driver / cuda driver",
        "driver shutting down",
        # The name of an error stands behind what reports it: what comes before is somebody else's word.
        pattern=r"(?:(?:cuda|rocm|hip) ?error|ggml-cuda\S{1,20}:).{0,300}(?:unknown error|init\w+ error|not yet init"
        r"|display driver|shutting down)|cudaget|hipget|cuda unknown error",
    ),
)
_FAULT = (
    # The kernel's own line, and how those retell it who watch over it.
    rule(
        "gpu-fault",
        "xid",
        pattern=r"nvrm: xid \(|xidcriticalerror: xid=\d"
        r"|\bxid \d{1,3}\b.{0,200}(?:detected on gpu pci:|fault_\w+ access_)",
    ),
    # Before 2024 a runner gave the number, the place and the text, and its server said the same without "CUDA error".
    rule("gpu-fault", "ggml-cuda", pattern=r"(?:^|\.go:\d+: )\d{1,4} at \S{0,300}ggml-cuda\S{0,20}:\d"),
    rule("gpu-fault", "aer: can't recover", pattern=r"^(?:nvidia|amdgpu) "),
    rule("warning", "blaslt error"),
    rule(
        "gpu-fault",
        "cuda error",
        "rocm error",
        "hip error",
        "hiperror",
        "cublas_status_",
        "cublas error",
        "rocblas",
        "sycl error",
        pattern=r"(?:cuda|rocm|hip|sycl) ?error|(?:cublas|rocblas)_status_(?!success)|(?:cublas|rocblas) error",
    ),
    rule("gpu-fault", "access fault by gpu", "hw exception by gpu", "hsa_status_error", "ur_result_error", "gpu hang"),
    rule(
        "gpu-fault",
        "nvrm:",
        "nvidia-modeset:",
        pattern=r"nvrm: .{0,160}(?:in a bad state|crash dump|marked for reset)|nvidia-modeset: error: gpu:",
    ),
    rule("gpu-fault", "heartbeat", pattern=r"nvrm: .{0,80}heartbeat timed ?out"),
    rule("warning", "assert", pattern=r"^nvrm.{0,200}assert\w* failed"),
    rule("gpu-fault", "gpu requires reset", "gpu reset required", "node reboot required", "nvlddmkm", "video_tdr_fail"),
    rule("gpu-fault", "gsp", "rpc", pattern=r"nvrm: .{0,120}(?:gsp|rpc).{0,80}(?:time(?:d ?)?out|error)"),
    rule(
        "gpu-fault",
        "amdgpu",
        "protection_fault_status",
        "gpu reset",
        "drmn0:",
        pattern=r"amdgpu_job_timedout|gpu reset begin|l2_protection_fault_status"
        r"|(?:amdgpu|drmn0).{0,80}(?:ring \S{1,40} (?:timeout|reset failed)|loop timeout"
        r"|(?:gpu|ring|mode[12]) reset|page fault|mes (?:failed|might)|failed to respon|is hung|unrecoverable"
        r"|failed to (?:evict|suspend|reset|unmap|remove|halt)|suspend of ip block|wedged|tdr for"
        r"|(?<!\b0 )uncorrectable hardware error)",
    ),
    rule("gpu-fault", "vk::", pattern=r"vk::\w{1,40}::\w{1,40}: error(?!_?out)|throwing an instance of 'vk::"),
    rule("gpu-fault", "ggml_vulkan:", pattern=r"pipeline creation failed|^ggml_vulkan: error"),
    rule("gpu-fault", "command buffer", "callbackerror", pattern=r"command buffer \d+ failed|callbackerror"),
    rule("gpu-fault", "mtllibraryerror", "failed to initialize the metal library"),
)
GPU: tuple[Rule, ...] = (*_LOST, *_FAULT)
