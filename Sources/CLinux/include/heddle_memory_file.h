#pragma once
#include <stddef.h>

/// Makes a sparse memory file of `size` bytes that can neither shrink nor grow (memfd_create(2), fcntl(2) seals), so that
/// no mapping of it can fault. Close-on-exec. Returns the descriptor, or -1 with errno.
int heddle_memory_file_create(const char *name, size_t size);

/// Makes an empty memory file, which grows as it is written: a file that needs no folder. Close-on-exec. Returns the
/// descriptor, or -1 with errno.
int heddle_memory_file_open(const char *name);

/// 1 when `descriptor` is a memory file that cannot shrink, 0 when not.
int heddle_memory_file_is_sealed(int descriptor);
