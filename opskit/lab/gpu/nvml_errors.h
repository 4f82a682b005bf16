/* The words for nvmlReturn_t. pynvml has its own for 1-18, 20 and 999 and asks the library for all others. */

const char *nvmlErrorString(ret_t code) {
    static const char *words[] = {
        "Success",
        "Uninitialized",
        "Invalid Argument",
        "Not Supported",
        "Insufficient Permissions",
        "Already Initialized",
        "Not Found",
        "Insufficient Size",
        "Insufficient External Power",
        "Driver Not Loaded",
        "Timeout",
        "Interrupt Request Issue",
        "NVML Shared Library Not Found",
        "Function Not Found",
        "Corrupted infoROM",
        "GPU is lost",
        "GPU requires reset",
        "GPU access blocked by the operating system",
        "Driver/library version mismatch",
        "In use by another client",
        "Insufficient Memory",
        "No data",
        "The requested vgpu operation is not available on target device, because ECC is enabled",
        "Insufficient Resources",
        "Frequency not supported",
        "Argument version mismatch",
        "Deprecated",
        "Not ready",
        "No GPUs were found",
        "Invalid state",
        "Reset type not supported",
    };
    return code >= 0 && (size_t)code < sizeof words / sizeof *words ? words[code] : "Unknown Error";
}
