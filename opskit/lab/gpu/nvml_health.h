/* Whether a card's memory is sound: ECC counters, retired pages (before Ampere), remapped rows (since Ampere). */

typedef struct { u32 max, high, partial, low, none; } remap_histogram_t;
typedef struct { u32 version, channel_pending, tpc_pending; } repair_v1_t;
typedef struct { u32 version, unrepairable; } unrepairable_v1_t;
_Static_assert(sizeof(remap_histogram_t) == 20, "nvmlRowRemapperHistogramValues_t");
_Static_assert(sizeof(repair_v1_t) == 12, "nvmlRepairStatus_v1_t");
_Static_assert(sizeof(unrepairable_v1_t) == 8, "nvmlUnrepairableMemoryStatus_v1_t");

enum { REPAIR_V1 = 0x0100000C, UNREPAIRABLE_V1 = 0x01000008 };

PAIR(nvmlDeviceGetEccMode, "ecc")
NUMBER(nvmlDeviceGetDefaultEccMode, "ecc_default")

/* type: 0 corrected, 1 uncorrected; counter: 0 since the driver was loaded, 1 of the card's life */
static ret_t ecc_errors(card_t card, const char *function, u32 type, u32 counter, u64 *out) {
    char name[KEY];
    if (type > 1 || counter > 1) return BAD_ARG;
    snprintf(name, sizeof name, "ecc_%s_%s", type ? "uncorrected" : "corrected", counter ? "aggregate" : "volatile");
    return whole_u64(card, function, name, out);
}
ret_t nvmlDeviceGetTotalEccErrors(card_t card, u32 type, u32 counter, u64 *out) {
    return ecc_errors(card, __func__, type, counter, out);
}
/* Of the places, all errors are in the device's memory (2). */
ret_t nvmlDeviceGetMemoryErrorCounter(card_t card, u32 type, u32 counter, u32 place, u64 *out) {
    ret_t ret = ecc_errors(card, __func__, type, counter, out);
    if (!ret && place != 2) *out = 0;
    return ret;
}

/* cause: 0 several single-bit errors, 1 a double-bit error. The addresses are made up, their number is the state's. */
static ret_t retired(card_t card, const char *function, u32 cause, u32 *count, u64 *out) {
    u32 found = 0, room = out ? *count : 0;
    ret_t ret;
    if (cause > 1) return BAD_ARG;
    if ((ret = whole_u32(card, function, cause ? "retired_double" : "retired_single", &found))) return ret;
    *count = found;
    if (found > room) return TOO_SMALL;
    for (u32 i = 0; i < found; i++) out[i] = 0x10000ULL * (i + 1);
    return OK;
}
ret_t nvmlDeviceGetRetiredPages(card_t card, u32 cause, u32 *count, u64 *out) {
    return retired(card, __func__, cause, count, out);
}
NUMBER(nvmlDeviceGetRetiredPagesPendingStatus, "retired_pending")

ret_t nvmlDeviceGetRemappedRows(card_t card, u32 *corrected, u32 *uncorrected, u32 *pending, u32 *failure) {
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_outcome(card, "remap"))) return ret;
    if ((ret = card_u32(card, "remap_corrected", corrected))) return ret;
    if ((ret = card_u32(card, "remap_uncorrected", uncorrected))) return ret;
    if ((ret = card_u32(card, "remap_pending", pending))) return ret;
    return card_u32(card, "remap_failure", failure);
}

/* `remap_banks max,high,partial,low,none`: how many banks have so many spare rows left */
ret_t nvmlDeviceGetRowRemapperHistogram(card_t card, remap_histogram_t *out) {
    char value[LINE];
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_text(card, "remap_banks", value))) return ret;
    int read = sscanf(value, "%u,%u,%u,%u,%u", &out->max, &out->high, &out->partial, &out->low, &out->none);
    return read == 5 ? OK : BAD_ARG;
}

ret_t nvmlDeviceGetRepairStatus(card_t card, repair_v1_t *out) {
    ret_t ret = out->version == REPAIR_V1 ? begin_card(card, __func__) : BAD_VERSION;
    if (ret || (ret = card_u32(card, "repair_channel", &out->channel_pending))) return ret;
    return card_u32(card, "repair_tpc", &out->tpc_pending);
}
ret_t nvmlDeviceGetUnrepairableMemoryFlag_v1(card_t card, unrepairable_v1_t *out) {
    if (out->version != UNREPAIRABLE_V1) return BAD_VERSION;
    return whole_u32(card, __func__, "unrepairable", &out->unrepairable);
}
