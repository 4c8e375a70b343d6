#define _GNU_SOURCE 1
#include <sys/socket.h>

int heddle_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
    return accept4(listener, address, size, flags);
}
