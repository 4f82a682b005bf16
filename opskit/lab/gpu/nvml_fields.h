/* nvmlDeviceGetFieldValues: many values in one call, each with a type and a return code of its own. */

typedef struct {
    u32 id, scope;
    long long timestamp_us, latency_us;
    u32 type, ret;
    union { u64 wide; u32 narrow; } value;
} field_t;
_Static_assert(sizeof(field_t) == 40, "nvmlFieldValue_t");

enum { UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3, SIGNED_INT = 5 }; /* nvmlValueType_t */

/* NVML_FI_DEV_*. The T.Limit fields (193-196) are signed offsets; 230 is nvmlDeviceGpuRecoveryAction_t. */
static const struct { u32 id, type; const char *key; } known_fields[] = {
    {1, UNSIGNED_INT, "ecc"},
    {2, UNSIGNED_INT, "ecc_pending"},
    {3, UNSIGNED_LONG_LONG, "ecc_corrected_volatile"},
    {4, UNSIGNED_LONG_LONG, "ecc_uncorrected_volatile"},
    {5, UNSIGNED_LONG_LONG, "ecc_corrected_aggregate"},
    {6, UNSIGNED_LONG_LONG, "ecc_uncorrected_aggregate"},
    {29, UNSIGNED_INT, "retired_single"},
    {30, UNSIGNED_INT, "retired_double"},
    {31, UNSIGNED_INT, "retired_pending"},
    {74, UNSIGNED_LONG_LONG, "violation_power"},
    {75, UNSIGNED_LONG_LONG, "violation_thermal"},
    {76, UNSIGNED_LONG_LONG, "violation_sync_boost"},
    {77, UNSIGNED_LONG_LONG, "violation_board_limit"},
    {78, UNSIGNED_LONG_LONG, "violation_low_util"},
    {79, UNSIGNED_LONG_LONG, "violation_reliability"},
    {80, UNSIGNED_LONG_LONG, "violation_app_clocks"},
    {81, UNSIGNED_LONG_LONG, "violation_base_clocks"},
    {82, UNSIGNED_INT, "temp_mem"},
    {83, UNSIGNED_LONG_LONG, "energy"},
    {94, UNSIGNED_INT, "pcie_replays"},
    {142, UNSIGNED_INT, "remap_corrected"},
    {143, UNSIGNED_INT, "remap_uncorrected"},
    {144, UNSIGNED_INT, "remap_pending"},
    {145, UNSIGNED_INT, "remap_failure"},
    {185, UNSIGNED_INT, "power"},
    {186, UNSIGNED_INT, "power"},
    {187, UNSIGNED_INT, "power_min"},
    {188, UNSIGNED_INT, "power_max"},
    {189, UNSIGNED_INT, "power_default"},
    {190, UNSIGNED_INT, "power_limit"},
    {193, SIGNED_INT, "tlimit_shutdown"},
    {194, SIGNED_INT, "tlimit_slowdown"},
    {195, SIGNED_INT, "tlimit_mem"},
    {196, SIGNED_INT, "tlimit_max"},
    {230, UNSIGNED_INT, "recovery"},
    {269, UNSIGNED_LONG_LONG, "throttled_sw_thermal"},
    {270, UNSIGNED_LONG_LONG, "throttled_hw_thermal"},
    {271, UNSIGNED_LONG_LONG, "throttled_power_brake"},
};

static void read_field(card_t card, field_t *field) {
    long long begun = wall_us();
    field->ret = UNSUPPORTED;
    field->value.wide = 0;
    for (size_t k = 0; k < sizeof known_fields / sizeof *known_fields; k++) {
        if (known_fields[k].id != field->id) continue;
        u64 wide = 0;
        field->type = known_fields[k].type;
        field->ret = (u32)card_u64(card, known_fields[k].key, &wide);
        if (field->type == UNSIGNED_LONG_LONG) field->value.wide = wide;
        else field->value.narrow = (u32)wide;
    }
    field->timestamp_us = wall_us();
    field->latency_us = field->timestamp_us - begun;
}

ret_t nvmlDeviceGetFieldValues(card_t card, int count, field_t *fields) {
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_outcome(card, "fields"))) return ret;
    if (count <= 0 || !fields) return BAD_ARG;
    for (int i = 0; i < count; i++) read_field(card, &fields[i]);
    return OK;
}
