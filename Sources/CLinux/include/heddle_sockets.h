#pragma once

#include <sys/eventfd.h>
#include <sys/socket.h>

/// accept4(2), which glibc declares only for _GNU_SOURCE.
int heddle_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);

static const int heddle_eventfd_flags = EFD_CLOEXEC | EFD_NONBLOCK;
