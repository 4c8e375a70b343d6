#pragma once
#include <stdint.h>

/// Adds to a word and orders the addition before every later load of this thread, so that of two workers who each add
/// to their own word and then read the other's at least one sees the other. Returns the value before the addition.
static inline int64_t heddle_limit_add(int64_t *word, int64_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

/// The load that goes with `heddle_limit_add`; a plain move on x86-64.
static inline int64_t heddle_limit_load(const int64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

static inline void heddle_limit_store(int64_t *word, int64_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
