/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/counters.h"

const struct counter_info counter_info[CTR_COUNT] = {
#define COUNTER(name, group, text) { #name, #group, text },
#include "base/counters.def"
#undef COUNTER
};
