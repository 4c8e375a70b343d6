// The floor under every proxy: one thread, one epoll loop, bytes relayed between a client's connection and an upstream
// connection of its own. It parses nothing, pools nothing, counts nothing. What it costs is what the kernel costs.
//
// usage: floor LISTEN_PORT UPSTREAM_PORT   (both on 127.0.0.1)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { chunk_size = 64 * 1024, batch_size = 256 };

// One side of a relay. `waiting` holds what the other side has sent and this side could not yet take.
struct side {
    int fd;
    struct side *other;
    char *waiting;
    size_t waiting_start, waiting_end;
    int is_closed;
};

static char chunk[chunk_size];
static int epoll_fd;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// Memory of a closed pair is kept until the batch of events that may still name it has been worked off.
static struct side *closed[batch_size * 2];
static int closed_count;

static void close_pair(struct side *side) {
    if (side->is_closed) return;
    side->is_closed = side->other->is_closed = 1;
    close(side->fd);
    close(side->other->fd);
    closed[closed_count++] = side;
}

static void free_closed(void) {
    while (closed_count > 0) {
        struct side *side = closed[--closed_count];
        free(side->waiting);
        free(side->other->waiting);
        free(side->other);
        free(side);
    }
}

// Sends what waits at `side`; returns 0 when something is still left or the pair has been closed.
static int flush(struct side *side) {
    while (side->waiting_start < side->waiting_end) {
        ssize_t sent = send(side->fd, side->waiting + side->waiting_start, side->waiting_end - side->waiting_start, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) close_pair(side);
            return 0;
        }
        side->waiting_start += (size_t)sent;
    }
    return 1;
}

// Reads from `from` and sends to its other side until there is nothing to read or no room to send.
static void relay(struct side *from) {
    struct side *to = from->other;
    for (;;) {
        if (to->waiting_start < to->waiting_end) return;
        ssize_t got = recv(from->fd, chunk, sizeof chunk, 0);
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN) close_pair(from);
            return;
        }
        ssize_t sent = send(to->fd, chunk, (size_t)got, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                close_pair(from);
                return;
            }
            sent = 0;
        }
        if (sent < got) {
            if (!to->waiting && !(to->waiting = malloc(chunk_size))) fail("malloc");
            memcpy(to->waiting, chunk + sent, (size_t)(got - sent));
            to->waiting_start = 0;
            to->waiting_end = (size_t)(got - sent);
            return;
        }
        // A short read has emptied the socket: the next bytes raise a new edge.
        if ((size_t)got < sizeof chunk) return;
    }
}

static void watch(struct side *side) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = side};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, side->fd, &event) < 0) fail("epoll_ctl");
}

static struct side *new_side(int fd) {
    struct side *side = calloc(1, sizeof *side);
    if (!side) fail("calloc");
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    side->fd = fd;
    return side;
}

static void accept_one(int listener, const struct sockaddr_in *upstream) {
    int client_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_fd < 0) return;
    int server_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server_fd < 0) fail("socket");
    if (connect(server_fd, (const struct sockaddr *)upstream, sizeof *upstream) < 0 && errno != EINPROGRESS) {
        close(client_fd);
        close(server_fd);
        return;
    }
    struct side *client = new_side(client_fd), *server = new_side(server_fd);
    client->other = server;
    server->other = client;
    watch(client);
    watch(server);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: %s LISTEN_PORT UPSTREAM_PORT\n", arguments[0]);
        return 2;
    }
    struct sockaddr_in address = loopback(arguments[1]), upstream = loopback(arguments[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (listener < 0) fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 4096) < 0) fail("listen");
    if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");

    for (;;) {
        struct epoll_event events[batch_size];
        int ready = epoll_wait(epoll_fd, events, batch_size, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct side *side = events[i].data.ptr;
            if (!side) {
                accept_one(listener, &upstream);
                continue;
            }
            if (side->is_closed) continue;
            // Room to send again: what waited goes first, then the other side may be read on.
            if ((events[i].events & EPOLLOUT) && side->waiting_end > 0) {
                if (!flush(side)) continue;
                side->waiting_end = side->waiting_start = 0;
                relay(side->other);
                if (side->is_closed) continue;
            }
            if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) relay(side);
        }
        free_closed();
    }
}
