#pragma once
#include <stdint.h>

/// Loads, stores and additions on words that other threads or processes look at. Relaxed ones are plain moves on
/// x86-64 and arm64; `add` is a real read-modify-write and for words with several writers only.
static inline uint64_t heddle_load_relaxed_u64(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

static inline void heddle_store_relaxed_u64(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/// Returns the value before the addition.
static inline uint64_t heddle_add_relaxed_u64(uint64_t *word, uint64_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);
}

static inline int64_t heddle_load_relaxed_i64(const int64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

static inline void heddle_store_relaxed_i64(int64_t *word, int64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/// Returns the value before the addition.
static inline int64_t heddle_add_relaxed_i64(int64_t *word, int64_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);
}

/// What was written before a release store is seen by whoever reads that value with an acquire load.
static inline uint64_t heddle_load_acquire_u64(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

static inline void heddle_store_release_u64(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/// Orders the loads before it before the loads after it (the reader's half of a sequence lock).
static inline void heddle_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }

/// Orders the stores before it before the stores after it (the writer's half of a sequence lock).
static inline void heddle_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
