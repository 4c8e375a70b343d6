#include "socket_bio.h"

#include <errno.h>
#include <stdlib.h>
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

static int socket_write(BIO *bio, const char *bytes, size_t length, size_t *count)
{
    heddle_tls_socket *socket = BIO_get_data(bio);
    int flags = MSG_NOSIGNAL | (socket->more_follows ? MSG_MORE : 0);
    ssize_t sent;
    BIO_clear_retry_flags(bio);
    do {
        sent = send(socket->descriptor, bytes, length, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        *count = (size_t)sent;
        return 1;
    }
    *count = 0;
    if (would_block(errno)) {
        BIO_set_retry_write(bio);
    } else {
        socket->error = errno;
    }
    return 0;
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
    free(BIO_get_data(bio));
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
