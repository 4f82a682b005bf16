/* Memory and the processes that hold it; nvml.c says what the keys mean. */

typedef struct { u64 total, free, used; } memory_t;
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2_t;
typedef struct { u64 total, free, used; } bar1_t;
typedef struct { u32 pid; u64 used; u32 gpu_instance, compute_instance; } process_t;
typedef struct { u32 pid; u64 at_us; u32 sm, mem, enc, dec; } work_t;
_Static_assert(sizeof(memory_t) == 24, "nvmlMemory_t");
_Static_assert(sizeof(memory_v2_t) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(bar1_t) == 24, "nvmlBAR1Memory_t");
_Static_assert(sizeof(process_t) == 24, "nvmlProcessInfo_t, versions 2 and 3");
_Static_assert(sizeof(work_t) == 32, "nvmlProcessUtilizationSample_t");

enum { MEMORY_V2 = 0x02000028, MAX_PROCESSES = 128 };

typedef struct {
    u32 count;
    process_t rows[MAX_PROCESSES];
} tenants_t;

static int is_listed(const tenants_t *tenants, u32 pid) {
    for (u32 i = 0; i < tenants->count; i++)
        if (tenants->rows[i].pid == pid) return 1;
    return 0;
}

/* Add the processes of a list, each once; a `-` for the bytes is "not available". Return how many were there before. */
static u32 add_tenants(tenants_t *tenants, char *list) {
    char *rest = NULL;
    u32 known = 0;
    if (!strcmp(list, "none") || !strcmp(list, "-")) return 0;
    for (char *item = strtok_r(list, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        u32 pid = (u32)strtoul(item, NULL, 10);
        char *bytes = strchr(item, ':');
        u64 used = bytes && bytes[1] != '-' ? strtoull(bytes + 1, NULL, 0) : ~0ULL;
        if (is_listed(tenants, pid)) known++;
        else if (tenants->count < MAX_PROCESSES) tenants->rows[tenants->count++] = (process_t){pid, used, ~0u, ~0u};
    }
    return known;
}

/* List the processes under a key. A key that is not there is nobody: all cards that we know support the call. */
static ret_t read_tenants(card_t card, const char *name, tenants_t *tenants, u32 *known) {
    char value[LINE];
    ret_t ret = card_text(card, name, value);
    *known = ret ? 0 : add_tenants(tenants, value);
    return ret == UNSUPPORTED && !card_outcome(card, name) ? OK : ret;
}

/* What other tenants use beyond `mem_used`. */
static u64 uncounted(card_t card) {
    tenants_t tenants = {0};
    u32 known;
    u64 used = 0;
    if (read_tenants(card, "procs", &tenants, &known)) tenants.count = 0;
    if (read_tenants(card, "foreign_procs", &tenants, &known) || known) return 0;
    return card_u64(card, "foreign_used", &used) ? 0 : used;
}

static ret_t memory(card_t card, const char *function, memory_v2_t *out) {
    ret_t ret = begin_card(card, function);
    if (ret || (ret = card_outcome(card, "mem"))) return ret;
    if ((ret = card_u64(card, "mem_total", &out->total)) || (ret = card_u64(card, "mem_used", &out->used))) return ret;
    out->reserved = 0;
    ret = card_u64(card, "mem_reserved", &out->reserved);
    if (ret && ret != UNSUPPORTED) return ret;
    out->used += uncounted(card);
    if (out->reserved > out->total) out->reserved = out->total;
    if (out->used > out->total - out->reserved) out->used = out->total - out->reserved;
    out->free = out->total - out->used - out->reserved;
    return OK;
}

/* Version 1 counts what the driver keeps for itself as used; version 2 shows it apart. */
ret_t nvmlDeviceGetMemoryInfo(card_t card, memory_t *out) {
    memory_v2_t both;
    ret_t ret = memory(card, __func__, &both);
    if (!ret) *out = (memory_t){both.total, both.free, both.used + both.reserved};
    return ret;
}
ret_t nvmlDeviceGetMemoryInfo_v2(card_t card, memory_v2_t *out) {
    return out->version == MEMORY_V2 ? memory(card, __func__, out) : BAD_VERSION;
}

ret_t nvmlDeviceGetBAR1MemoryInfo(card_t card, bar1_t *out) {
    ret_t ret = whole_u64(card, __func__, "bar1_total", &out->total);
    if (ret || (ret = card_u64(card, "bar1_used", &out->used))) return ret;
    out->free = out->total - out->used;
    return OK;
}

/* A caller with too little room learns the count. */
static ret_t hand_over(const tenants_t *tenants, u32 *count, process_t *out) {
    u32 room = out ? *count : 0;
    *count = tenants->count;
    if (tenants->count > room) return TOO_SMALL;
    if (out) memcpy(out, tenants->rows, tenants->count * sizeof *out);
    return OK;
}

static ret_t compute_processes(card_t card, const char *function, u32 *count, process_t *out) {
    tenants_t tenants = {0};
    u32 known;
    ret_t ret = begin_card(card, function);
    if (ret || (ret = read_tenants(card, "procs", &tenants, &known))) return ret;
    if ((ret = read_tenants(card, "foreign_procs", &tenants, &known))) return ret;
    return hand_over(&tenants, count, out);
}
ret_t nvmlDeviceGetComputeRunningProcesses_v2(card_t card, u32 *count, process_t *out) {
    return compute_processes(card, __func__, count, out);
}
ret_t nvmlDeviceGetComputeRunningProcesses_v3(card_t card, u32 *count, process_t *out) {
    return compute_processes(card, __func__, count, out);
}

static ret_t other_processes(card_t card, const char *function, const char *name, u32 *count, process_t *out) {
    tenants_t tenants = {0};
    u32 known;
    ret_t ret = begin_card(card, function);
    if (ret || (ret = read_tenants(card, name, &tenants, &known))) return ret;
    return hand_over(&tenants, count, out);
}
ret_t nvmlDeviceGetGraphicsRunningProcesses_v2(card_t card, u32 *count, process_t *out) {
    return other_processes(card, __func__, "graphics_procs", count, out);
}
ret_t nvmlDeviceGetGraphicsRunningProcesses_v3(card_t card, u32 *count, process_t *out) {
    return other_processes(card, __func__, "graphics_procs", count, out);
}
ret_t nvmlDeviceGetMPSComputeRunningProcesses_v2(card_t card, u32 *count, process_t *out) {
    return other_processes(card, __func__, "mps_procs", count, out);
}
ret_t nvmlDeviceGetMPSComputeRunningProcesses_v3(card_t card, u32 *count, process_t *out) {
    return other_processes(card, __func__, "mps_procs", count, out);
}

/* `proc_util pid:sm:mem:enc:dec,...` in percent; `none` and a question about the future have no samples. */
ret_t nvmlDeviceGetProcessUtilization(card_t card, work_t *out, u32 *count, u64 since_us) {
    char value[LINE], *rest = NULL;
    u32 room = out ? *count : 0, found = 0;
    u64 now = (u64)wall_us();
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_text(card, "proc_util", value))) return ret;
    if (since_us >= now || !strcmp(value, "none") || !strcmp(value, "-")) return NOT_FOUND;
    for (char *item = strtok_r(value, ",", &rest); item; item = strtok_r(NULL, ",", &rest), found++) {
        work_t row = {.at_us = now};
        sscanf(item, "%u:%u:%u:%u:%u", &row.pid, &row.sm, &row.mem, &row.enc, &row.dec);
        if (found < room) out[found] = row;
    }
    *count = found;
    return found > room ? TOO_SMALL : OK;
}
