#include "socket_bio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

static BIO_METHOD *method = NULL;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

static int socket_read(BIO *bio, char *buffer, size_t capacity, size_t *count)
{
    heddle_tls_socket *socket = BIO_get_data(bio);
    ssize_t received;
    BIO_clear_retry_flags(bio);
    do {
        received = recv(socket->descriptor, buffer, capacity, 0);
    } while (received < 0 && errno == EINTR);
    if (received > 0) {
        socket->drained = (size_t)received < capacity;
        *count = (size_t)received;
        return 1;
    }
    *count = 0;
    if (received == 0) {
        socket->ended = true;
    } else if (would_block(errno)) {
        socket->drained = true;
        BIO_set_retry_read(bio);
    } else {
        socket->error = errno;
    }
    return 0;
}

/// How much the socket took, 0 when it is full, -1 when it failed.
static ssize_t send_some(heddle_tls_socket *socket, const void *bytes, size_t length)
{
    int flags = MSG_NOSIGNAL | (socket->more_follows ? MSG_MORE : 0);
    ssize_t sent;
    do {
        sent = send(socket->descriptor, bytes, length, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (would_block(errno))
        return 0;
    socket->error = errno;
    return -1;
}

static void drop_backlog(heddle_tls_socket *socket)
{
    free(socket->backlog);
    socket->backlog = NULL;
    socket->backlog_start = 0;
    socket->backlog_count = 0;
}

static bool keep(heddle_tls_socket *socket, const char *bytes, size_t length)
{
    size_t end = socket->backlog_start + socket->backlog_count;
    unsigned char *grown = realloc(socket->backlog, end + length);
    if (grown == NULL) {
        socket->error = ENOMEM;
        return false;
    }
    memcpy(grown + end, bytes, length);
    socket->backlog = grown;
    socket->backlog_count += length;
    return true;
}

bool heddle_socket_flush(heddle_tls_socket *socket)
{
    while (socket->backlog_count > 0) {
        ssize_t sent = send_some(socket, socket->backlog + socket->backlog_start, socket->backlog_count);
        if (sent < 0) {
            drop_backlog(socket);
            return false;
        }
        if (sent == 0)
            return true;
        socket->backlog_start += (size_t)sent;
        socket->backlog_count -= (size_t)sent;
    }
    drop_backlog(socket);
    return true;
}

/// Takes all or nothing: what the socket does not take goes to the backlog.
static int socket_write(BIO *bio, const char *bytes, size_t length, size_t *count)
{
    heddle_tls_socket *socket = BIO_get_data(bio);
    ssize_t sent = 0;
    BIO_clear_retry_flags(bio);
    *count = 0;
    if (socket->backlog_count > HEDDLE_TLS_BACKLOG_BOUND) {
        BIO_set_retry_write(bio);
        return 0;
    }
    if (socket->backlog_count == 0)
        sent = send_some(socket, bytes, length);
    if (sent < 0 || ((size_t)sent < length && !keep(socket, bytes + sent, length - (size_t)sent)))
        return 0;
    *count = length;
    return 1;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return ((heddle_tls_socket *)BIO_get_data(bio))->ended;
    default:
        return 0;
    }
}

static int socket_destroy(BIO *bio)
{
    heddle_tls_socket *socket = BIO_get_data(bio);
    if (socket != NULL)
        free(socket->backlog);
    free(socket);
    BIO_set_data(bio, NULL);
    return 1;
}

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (made == NULL)
        return;
    if (BIO_meth_set_read_ex(made, socket_read) != 1 || BIO_meth_set_write_ex(made, socket_write) != 1 ||
        BIO_meth_set_ctrl(made, socket_control) != 1 || BIO_meth_set_destroy(made, socket_destroy) != 1) {
        BIO_meth_free(made);
        return;
    }
    method = made;
}

BIO *heddle_socket_bio_new(int descriptor)
{
    heddle_tls_socket *socket;
    BIO *bio;
    if (CRYPTO_THREAD_run_once(&method_once, make_method) != 1 || method == NULL)
        return NULL;
    socket = calloc(1, sizeof *socket);
    if (socket == NULL)
        return NULL;
    socket->descriptor = descriptor;
    bio = BIO_new(method);
    if (bio == NULL) {
        free(socket);
        return NULL;
    }
    BIO_set_data(bio, socket);
    BIO_set_init(bio, 1);
    return bio;
}
