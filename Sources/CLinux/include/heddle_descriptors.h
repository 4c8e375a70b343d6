#pragma once
#include <stddef.h>
#include <sys/types.h>

/// Most file descriptors that one message carries (the kernel's own bound is 253).
#define HEDDLE_MAX_DESCRIPTORS 64

/// Sends bytes and file descriptors in one message (SCM_RIGHTS, unix(7)). Returns what sendmsg(2) returns.
ssize_t heddle_send_descriptors(int socket, const void *bytes, size_t size, const int *descriptors, int count);

/// Receives one message; `descriptors` has room for HEDDLE_MAX_DESCRIPTORS, all are close-on-exec. Returns what
/// recvmsg(2) returns.
ssize_t heddle_receive_descriptors(int socket, void *bytes, size_t size, int *descriptors, int *count);
