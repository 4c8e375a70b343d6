// The service behind the proxies for HTTP/1: one thread, answers made beforehand, two system calls a request. It is to
// cost so little that on two cores the proxy, and not it, is the bottleneck. It understands just enough of HTTP to serve
// proxies that are well-behaved: requests with a content-length or no body, no pipelining. Anything else closes.
//
// usage: upstream PORT   (on 127.0.0.1; serves any path, 64 KiB where it ends in "large", else 1 KiB)
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

enum { head_limit = 16 * 1024, batch_size = 256, small_size = 1024, large_size = 64 * 1024 };

struct response {
    char *bytes;
    size_t count;
};

struct connection {
    int fd;
    size_t used;             // bytes of the head so far
    uint64_t body_left;      // bytes of the request's body still to come
    const char *unsent;      // rest of a response that did not fit into the socket
    size_t unsent_count;
    const struct response *answer; // what is sent when the body is complete
    char head[head_limit];
};

static struct response small, large;
static char ignored[64 * 1024];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct response make_response(size_t size) {
    char head[256];
    int head_count = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\nserver: upstream\r\ndate: Mon, 06 Jan 2025 12:00:00 GMT\r\n"
        "content-type: text/plain\r\ncontent-length: %zu\r\n\r\n", size);
    struct response response = {malloc((size_t)head_count + size), (size_t)head_count + size};
    if (!response.bytes) fail("malloc");
    memcpy(response.bytes, head, (size_t)head_count);
    for (size_t i = 0; i < size; i++) response.bytes[(size_t)head_count + i] = "0123456789abcdef"[i % 16];
    return response;
}

// Sends a response as far as it goes; returns -1 when the connection has failed.
static int send_bytes(struct connection *connection, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(connection->fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return -1;
            break;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    connection->unsent = bytes;
    connection->unsent_count = count;
    return 0;
}

// Reads the head that lies complete in the buffer: picks the answer and says how much body follows, -1 if not ours.
static int64_t understand(struct connection *connection, char *end) {
    end[2] = 0;
    char *line_end = strstr(connection->head, "\r\n");
    char *path_end = line_end ? memrchr(connection->head, ' ', (size_t)(line_end - connection->head)) : NULL;
    if (!path_end || path_end - connection->head < 5) return -1;
    connection->answer = memcmp(path_end - 5, "large", 5) == 0 ? &large : &small;
    if (memcmp(connection->head, "GET ", 4) == 0) return 0;
    char *length = strcasestr(line_end, "\r\ncontent-length:");
    return length ? strtoll(length + strlen("\r\ncontent-length:"), NULL, 10) : -1;
}

// Works off what the socket has; returns -1 when the connection is to be closed.
static int serve(struct connection *connection) {
    for (;;) {
        if (connection->unsent_count > 0) return 0;
        ssize_t got;
        size_t room;
        if (connection->body_left > 0) {
            room = connection->body_left < sizeof ignored ? connection->body_left : sizeof ignored;
            got = recv(connection->fd, ignored, room, 0);
        } else {
            room = head_limit - 1 - connection->used;
            if (room == 0) return -1;
            got = recv(connection->fd, connection->head + connection->used, room, 0);
        }
        if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
        if (connection->body_left > 0) {
            connection->body_left -= (uint64_t)got;
        } else {
            connection->used += (size_t)got;
            connection->head[connection->used] = 0;
            char *end = memmem(connection->head, connection->used, "\r\n\r\n", 4);
            if (!end) continue;
            size_t head_count = (size_t)(end - connection->head) + 4;
            int64_t body = understand(connection, end);
            uint64_t extra = connection->used - head_count;
            if (body < 0 || extra > (uint64_t)body) return -1;
            connection->body_left = (uint64_t)body - extra;
            connection->used = 0;
        }
        if (connection->body_left == 0 && send_bytes(connection, connection->answer->bytes, connection->answer->count) < 0)
            return -1;
        // A short read has emptied the socket: the next bytes raise a new edge.
        if ((size_t)got < room) return 0;
    }
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s PORT\n", arguments[0]);
        return 2;
    }
    small = make_response(small_size);
    large = make_response(large_size);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (listener < 0) fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 4096) < 0) fail("listen");
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");

    for (;;) {
        struct epoll_event events[batch_size];
        int ready = epoll_wait(epoll_fd, events, batch_size, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                if (!(connection = calloc(1, sizeof *connection))) fail("calloc");
                connection->fd = fd;
                struct epoll_event new = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
                if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &new) < 0) fail("epoll_ctl");
                continue;
            }
            int failed = 0;
            if ((events[i].events & EPOLLOUT) && connection->unsent_count > 0)
                failed = send_bytes(connection, connection->unsent, connection->unsent_count);
            if (failed == 0) failed = serve(connection);
            if (failed < 0) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}
