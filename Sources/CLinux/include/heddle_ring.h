#pragma once
#include <stdint.h>
#include <sys/eventfd.h>

/// Sequentially consistent accesses: of two threads that each store one word and then load the other's, at least one
/// sees the other's store. That is what going to sleep without missing a wake-up needs.
static inline uint64_t heddle_load_seqcst_u64(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

static inline void heddle_store_seqcst_u64(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/// Returns the value before.
static inline uint64_t heddle_exchange_seqcst_u64(uint64_t *word, uint64_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

/// A descriptor that counts wake-ups (eventfd(2)), close-on-exec. Returns -1 with errno.
static inline int heddle_wake_up_create(int is_nonblocking) {
    return eventfd(0, EFD_CLOEXEC | (is_nonblocking ? EFD_NONBLOCK : 0));
}
