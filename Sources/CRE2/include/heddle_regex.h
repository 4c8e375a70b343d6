#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled regular expression of RE2: linear time, safe to use from several threads.
typedef struct heddle_regex heddle_regex;

/// Compiles `pattern` (UTF-8). Returns NULL and writes a message without a NUL into `error` (its length into
/// `error_length`) when it is not a valid expression or needs too much memory.
heddle_regex *heddle_regex_compile(const char *pattern, size_t length, bool case_sensitive, char *error,
                                   size_t error_capacity, size_t *error_length);

void heddle_regex_free(heddle_regex *regex);

/// Number of instructions of the compiled program: what a cap on cost is measured by.
int heddle_regex_program_size(const heddle_regex *regex);

/// Number of capturing groups, the whole match not counted.
int heddle_regex_group_count(const heddle_regex *regex);

/// Whether the expression matches the whole of `text`.
bool heddle_regex_full_match(const heddle_regex *regex, const char *text, size_t length);

/// Finds the first match that begins at or after `start`. Writes begin and end offset of the whole match and of up to
/// `group_count - 1` groups into `offsets` (two a group; -1 for a group that took no part).
bool heddle_regex_find(const heddle_regex *regex, const char *text, size_t length, size_t start, int32_t *offsets,
                       int group_count);

#ifdef __cplusplus
}
#endif
