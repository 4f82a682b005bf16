/* What can be read from a card: the second half of nvml.c, which has the machinery and the explanation. */

typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char bus_id[32]; } pci_t;
typedef struct { u64 total, free, used; } memory_t;
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2_t;
typedef struct { u32 version, sensor; int celsius; } temperature_v1_t;
typedef struct { u32 version; int celsius; } margin_v1_t;
typedef struct { u32 id, scope; long long timestamp, latency; u32 type, ret; union { u64 wide; u32 u; int i; } value; } field_t;
typedef struct { u32 pid; u64 used; u32 gi, ci; } process_t;

_Static_assert(sizeof(memory_t) == 24 && sizeof(memory_v2_t) == 40, "memory structs");
_Static_assert(sizeof(temperature_v1_t) == 12 && sizeof(margin_v1_t) == 8, "temperature structs");
_Static_assert(sizeof(field_t) == 40 && sizeof(process_t) == 24 && sizeof(pci_t) == 68, "other structs");

enum { UNSIGNED_INT = 1, SIGNED_INT = 5 };

/* One number under one key, which is most of NVML. */
#define NUMBER(function, key) \
    ret_t function(card_t card, u32 *out) { return card_u32(card, key, out); }
NUMBER(nvmlDeviceGetPowerUsage, "power")
NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power_limit")
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power_default")
NUMBER(nvmlDeviceGetPerformanceState, "pstate")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max")
NUMBER(nvmlDeviceGetPersistenceMode, "persistence")

ret_t nvmlDeviceGetCurrentClocksEventReasons(card_t card, u64 *out) { return card_u64(card, "reasons", out); }
ret_t nvmlDeviceGetCurrentClocksThrottleReasons(card_t card, u64 *out) { return card_u64(card, "reasons", out); }

ret_t nvmlDeviceGetPciInfo_v3(card_t card, pci_t *out) {
    char value[LINE];
    ret_t ret = card_text(card, "pci", value);
    if (ret) return ret;
    memset(out, 0, sizeof *out);
    if (sscanf(value, "%x:%x:%x", &out->domain, &out->bus, &out->device) != 3) return BAD_ARG;
    snprintf(out->legacy, sizeof out->legacy, "%04X:%02X:%02X.0", out->domain & 0xffff, out->bus & 0xff, out->device & 0xff);
    snprintf(out->bus_id, sizeof out->bus_id, "%08X:%02X:%02X.0", out->domain, out->bus, out->device);
    out->id = 0x223610de;
    return OK;
}

static ret_t memory(card_t card, memory_v2_t *out) {
    ret_t ret = card_fault(card, "mem");
    out->reserved = 0;
    if (ret || (ret = card_u64(card, "mem_total", &out->total))) return ret;
    if ((ret = card_u64(card, "mem_used", &out->used))) return ret;
    ret = card_u64(card, "mem_reserved", &out->reserved);
    if (ret && ret != UNSUPPORTED) return ret;
    out->free = out->total - out->used - out->reserved;
    return OK;
}

/* Version 1 counts what the driver keeps for itself as used; version 2 shows it apart. */
ret_t nvmlDeviceGetMemoryInfo(card_t card, memory_t *out) {
    memory_v2_t both;
    ret_t ret = memory(card, &both);
    if (!ret) *out = (memory_t){both.total, both.free, both.used + both.reserved};
    return ret;
}
ret_t nvmlDeviceGetMemoryInfo_v2(card_t card, memory_v2_t *out) {
    return out->version == 0x02000028 ? memory(card, out) : BAD_VERSION;
}

ret_t nvmlDeviceGetTemperature(card_t card, u32 sensor, u32 *out) {
    return sensor ? BAD_ARG : card_u32(card, "temp", out);
}
ret_t nvmlDeviceGetTemperatureV(card_t card, temperature_v1_t *out) {
    if (out->version != 0x0100000C) return BAD_VERSION;
    return nvmlDeviceGetTemperature(card, out->sensor, (u32 *)&out->celsius);
}
ret_t nvmlDeviceGetTemperatureThreshold(card_t card, u32 which, u32 *out) {
    static const char *keys[] = {"temp_shutdown", "temp_slowdown", "temp_mem_max", "temp_max"};
    return which < 4 ? card_u32(card, keys[which], out) : UNSUPPORTED;
}
ret_t nvmlDeviceGetMarginTemperature(card_t card, margin_v1_t *out) {
    return out->version == 0x01000008 ? card_u32(card, "margin", (u32 *)&out->celsius) : BAD_VERSION;
}

/* The T.Limit fields (193-196) are signed offsets; each field carries its own return code. */
ret_t nvmlDeviceGetFieldValues(card_t card, int count, field_t *fields) {
    static const struct { u32 id, type; const char *key; } known[] = {
        {82, UNSIGNED_INT, "temp_mem"}, {193, SIGNED_INT, "tlimit_shutdown"}, {194, SIGNED_INT, "tlimit_slowdown"},
        {195, SIGNED_INT, "tlimit_mem"}, {196, SIGNED_INT, "tlimit_max"}, {230, UNSIGNED_INT, "recovery"}};
    ret_t ret = card_fault(card, "fields");
    for (int i = 0; !ret && i < count; i++) {
        fields[i].ret = UNSUPPORTED;
        fields[i].value.wide = 0;
        fields[i].timestamp = (long long)time(NULL) * 1000000;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (known[k].id != fields[i].id) continue;
            fields[i].type = known[k].type;
            fields[i].ret = (u32)card_u32(card, known[k].key, &fields[i].value.u);
        }
    }
    return ret;
}

ret_t nvmlDeviceGetUtilizationRates(card_t card, u32 out[2]) {
    ret_t ret = card_fault(card, "util");
    if (ret || (ret = card_u32(card, "util_gpu", &out[0]))) return ret;
    return card_u32(card, "util_mem", &out[1]);
}

static ret_t clock_of(card_t card, const char *prefix, u32 type, u32 *out) {
    static const char *names[] = {"graphics", "sm", "mem", "video"};
    char key[32];
    if (type >= 4) return BAD_ARG;
    snprintf(key, sizeof key, "%s_%s", prefix, names[type]);
    return card_u32(card, key, out);
}
ret_t nvmlDeviceGetClockInfo(card_t card, u32 type, u32 *out) { return clock_of(card, "clock", type, out); }
ret_t nvmlDeviceGetMaxClockInfo(card_t card, u32 type, u32 *out) { return clock_of(card, "clock_max", type, out); }

ret_t nvmlDeviceGetEccMode(card_t card, u32 *current, u32 *pending) {
    ret_t ret = card_u32(card, "ecc", current);
    if (!ret && card_u32(card, "ecc_pending", pending)) *pending = *current;
    return ret;
}
ret_t nvmlDeviceGetTotalEccErrors(card_t card, u32 type, u32 counter, u64 *out) {
    char key[40];
    if (type > 1 || counter > 1) return BAD_ARG;
    snprintf(key, sizeof key, "ecc_%s_%s", type ? "uncorrected" : "corrected", counter ? "aggregate" : "volatile");
    return card_u64(card, key, out);
}
ret_t nvmlDeviceGetRemappedRows(card_t card, u32 *corrected, u32 *uncorrected, u32 *pending, u32 *failure) {
    ret_t ret = card_fault(card, "remap");
    if (ret || (ret = card_u32(card, "remap_corrected", corrected))) return ret;
    if ((ret = card_u32(card, "remap_uncorrected", uncorrected))) return ret;
    if ((ret = card_u32(card, "remap_pending", pending))) return ret;
    return card_u32(card, "remap_failure", failure);
}

/* `pid:bytes,pid:bytes`; a `-` for the bytes is "not available". A caller with too little room learns the count. */
static ret_t processes(card_t card, const char *name, u32 *count, process_t *out) {
    char value[LINE], *rest = NULL;
    u32 room = *count, found = 0;
    ret_t ret = card_text(card, name, value);
    if (ret && ret != UNSUPPORTED) return ret;
    if (ret || !strcmp(value, "none")) value[0] = 0;
    for (char *item = strtok_r(value, ",", &rest); item; item = strtok_r(NULL, ",", &rest), found++) {
        char *bytes = strchr(item, ':');
        u64 used = bytes && bytes[1] != '-' ? strtoull(bytes + 1, NULL, 0) : ~0ULL;
        if (out && found < room) out[found] = (process_t){(u32)atoi(item), used, ~0u, ~0u};
    }
    *count = found;
    return found > room ? TOO_SMALL : OK;
}
ret_t nvmlDeviceGetComputeRunningProcesses_v3(card_t card, u32 *count, process_t *out) {
    return processes(card, "procs", count, out);
}
ret_t nvmlDeviceGetGraphicsRunningProcesses_v3(card_t card, u32 *count, process_t *out) {
    return processes(card, "graphics_procs", count, out);
}
