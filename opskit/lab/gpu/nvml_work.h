/* What a card is doing: temperature, clocks, why they are low, power, fan, utilisation. */

typedef struct { u32 version, sensor; int celsius; } temperature_v1_t;
typedef struct { u32 version; int celsius; } margin_v1_t;
typedef struct { u32 gpu, memory; } utilization_t;
typedef struct { u64 reference_us, violation_ns; } violation_t;
_Static_assert(sizeof(temperature_v1_t) == 12, "nvmlTemperature_v1_t");
_Static_assert(sizeof(margin_v1_t) == 8, "nvmlMarginTemperature_v1_t");
_Static_assert(sizeof(utilization_t) == 8, "nvmlUtilization_t");
_Static_assert(sizeof(violation_t) == 16, "nvmlViolationTime_t");

enum { TEMPERATURE_V1 = 0x0100000C, MARGIN_V1 = 0x01000008 };

/* --- temperature: sensor 0 is the only one of nvml.h --- */

ret_t nvmlDeviceGetTemperature(card_t card, u32 sensor, u32 *out) {
    return sensor ? BAD_ARG : whole_u32(card, __func__, "temp", out);
}
ret_t nvmlDeviceGetTemperatureV(card_t card, temperature_v1_t *out) {
    if (out->version != TEMPERATURE_V1) return BAD_VERSION;
    return out->sensor ? BAD_ARG : whole_u32(card, __func__, "temp", (u32 *)&out->celsius);
}
ret_t nvmlDeviceGetTemperatureThreshold(card_t card, u32 which, u32 *out) {
    static const char *names[] = {"temp_shutdown",     "temp_slowdown", "temp_mem_max",      "temp_max",
                                  "temp_acoustic_min", "temp_target",   "temp_acoustic_max", "temp_gps"};
    return which < sizeof names / sizeof *names ? whole_u32(card, __func__, names[which], out) : BAD_ARG;
}
ret_t nvmlDeviceGetMarginTemperature(card_t card, margin_v1_t *out) {
    return out->version == MARGIN_V1 ? whole_u32(card, __func__, "margin", (u32 *)&out->celsius) : BAD_VERSION;
}

/* A card that is cooled by the host's air has no fan to tell about. */
NUMBER(nvmlDeviceGetFanSpeed, "fan")
NUMBER(nvmlDeviceGetNumFans, "fans")
ret_t nvmlDeviceGetFanSpeed_v2(card_t card, u32 fan, u32 *out) {
    u32 fans = 0;
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_u32(card, "fan", out))) return ret;
    return !card_u32(card, "fans", &fans) && fan >= fans ? BAD_ARG : OK;
}

/* --- clocks in MHz, and why they are lower than they could be --- */

static ret_t clock_of(card_t card, const char *function, const char *prefix, u32 type, u32 *out) {
    static const char *names[] = {"graphics", "sm", "mem", "video"};
    char name[KEY];
    if (type >= sizeof names / sizeof *names) return BAD_ARG;
    snprintf(name, sizeof name, "%s_%s", prefix, names[type]);
    return whole_u32(card, function, name, out);
}
ret_t nvmlDeviceGetClockInfo(card_t card, u32 type, u32 *out) { return clock_of(card, __func__, "clock", type, out); }
ret_t nvmlDeviceGetMaxClockInfo(card_t card, u32 type, u32 *out) {
    return clock_of(card, __func__, "clock_max", type, out);
}
ret_t nvmlDeviceGetApplicationsClock(card_t card, u32 type, u32 *out) {
    return clock_of(card, __func__, "clock_app", type, out);
}
/* Of the kinds of clock only the present one and the applications' are known. */
ret_t nvmlDeviceGetClock(card_t card, u32 type, u32 kind, u32 *out) {
    if (kind > 3) return BAD_ARG;
    return kind > 1 ? UNSUPPORTED : clock_of(card, __func__, kind ? "clock_app" : "clock", type, out);
}

LONG_NUMBER(nvmlDeviceGetCurrentClocksEventReasons, "reasons")
LONG_NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, "reasons")
LONG_NUMBER(nvmlDeviceGetSupportedClocksEventReasons, "reasons_supported")
LONG_NUMBER(nvmlDeviceGetSupportedClocksThrottleReasons, "reasons_supported")
NUMBER(nvmlDeviceGetPerformanceState, "pstate")
NUMBER(nvmlDeviceGetPowerState, "pstate")

/* Time spent below the possible clocks, by reason, in ns: `violation_thermal` and its like, also fields 74 to 81. */
ret_t nvmlDeviceGetViolationStatus(card_t card, u32 policy, violation_t *out) {
    static const char *names[] = {
        [0] = "violation_power",       [1] = "violation_thermal",  [2] = "violation_sync_boost",
        [3] = "violation_board_limit", [4] = "violation_low_util", [5] = "violation_reliability",
        [10] = "violation_app_clocks", [11] = "violation_base_clocks"};
    if (policy >= sizeof names / sizeof *names || !names[policy]) return BAD_ARG;
    out->reference_us = (u64)wall_us();
    return whole_u64(card, __func__, names[policy], &out->violation_ns);
}

/* --- power in mW, energy in mJ --- */

NUMBER(nvmlDeviceGetPowerUsage, "power")
NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power_limit")
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power_default")
NUMBER(nvmlDeviceGetPowerManagementMode, "power_management")
LONG_NUMBER(nvmlDeviceGetTotalEnergyConsumption, "energy")

ret_t nvmlDeviceGetPowerManagementLimitConstraints(card_t card, u32 *lowest, u32 *highest) {
    ret_t ret = whole_u32(card, __func__, "power_min", lowest);
    return ret ? ret : card_u32(card, "power_max", highest);
}

/* --- utilisation in percent --- */

ret_t nvmlDeviceGetUtilizationRates(card_t card, utilization_t *out) {
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_outcome(card, "util")) || (ret = card_u32(card, "util_gpu", &out->gpu))) return ret;
    return card_u32(card, "util_mem", &out->memory);
}

static ret_t coder(card_t card, const char *function, const char *name, u32 *percent, u32 *period_us) {
    ret_t ret = whole_u32(card, function, name, percent);
    if (!ret) *period_us = 167000;
    return ret;
}
ret_t nvmlDeviceGetEncoderUtilization(card_t card, u32 *percent, u32 *period_us) {
    return coder(card, __func__, "util_enc", percent, period_us);
}
ret_t nvmlDeviceGetDecoderUtilization(card_t card, u32 *percent, u32 *period_us) {
    return coder(card, __func__, "util_dec", percent, period_us);
}
