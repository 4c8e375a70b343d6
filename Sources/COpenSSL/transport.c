#include "COpenSSL.h"
#include "socket_bio.h"

SSL *heddle_tls_new(SSL_CTX *context, int descriptor)
{
    SSL *session = SSL_new(context);
    BIO *bio;
    if (session == NULL)
        return NULL;
    bio = heddle_socket_bio_new(descriptor);
    if (bio == NULL) {
        SSL_free(session);
        return NULL;
    }
    SSL_set_bio(session, bio, bio);
    return session;
}

int heddle_tls_socket_error(SSL *session) { return heddle_socket_of(session)->error; }

/// SSL_get_error reads the queue, so what an earlier call left there must be gone. The look costs less than the wipe.
static inline void start_clean(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static heddle_tls_status status_of_failure(SSL *session, int result)
{
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ:
        return HEDDLE_TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return HEDDLE_TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return heddle_socket_of(session)->ended ? HEDDLE_TLS_TRUNCATED : HEDDLE_TLS_CLOSED;
    default:
        return HEDDLE_TLS_FAILED;
    }
}

heddle_tls_status heddle_tls_handshake(SSL *session)
{
    int result;
    start_clean();
    result = SSL_do_handshake(session);
    return result == 1 ? HEDDLE_TLS_DONE : status_of_failure(session, result);
}

heddle_tls_status heddle_tls_read(SSL *session, void *buffer, size_t capacity, size_t *count)
{
    size_t total = 0;
    heddle_tls_status status;
    start_clean();
    for (;;) {
        size_t taken = 0;
        int result = SSL_read_ex(session, (char *)buffer + total, capacity - total, &taken);
        if (result != 1) {
            status = status_of_failure(session, result);
            break;
        }
        total += taken;
        if (SSL_has_pending(session) == 0) {
            status = heddle_socket_of(session)->drained ? HEDDLE_TLS_DRAINED : HEDDLE_TLS_DONE;
            break;
        }
        if (total == capacity) {
            status = HEDDLE_TLS_DONE;
            break;
        }
    }
    if (total > 0 && status == HEDDLE_TLS_WANT_READ)
        status = HEDDLE_TLS_DRAINED;
    *count = total;
    return status;
}

heddle_tls_status heddle_tls_write(SSL *session, const void *bytes, size_t length, size_t *count)
{
    heddle_tls_socket *socket = heddle_socket_of(session);
    size_t total = 0;
    heddle_tls_status status = HEDDLE_TLS_DONE;
    start_clean();
    while (total < length) {
        size_t taken = 0;
        int result;
        socket->more_follows = length - total > SSL3_RT_MAX_PLAIN_LENGTH;
        result = SSL_write_ex(session, (const char *)bytes + total, length - total, &taken);
        if (result != 1) {
            status = status_of_failure(session, result);
            break;
        }
        total += taken;
    }
    // What the session says next (an alert, a key update) stands alone.
    socket->more_follows = false;
    *count = total;
    return status;
}

heddle_tls_status heddle_tls_shutdown(SSL *session)
{
    int result;
    start_clean();
    result = SSL_shutdown(session);
    return result >= 0 ? HEDDLE_TLS_DONE : status_of_failure(session, result);
}

static int accept_server_name(SSL *session, int *alert, void *argument)
{
    (void)session, (void)alert, (void)argument;
    return SSL_TLSEXT_ERR_OK;
}

void heddle_tls_accept_server_names(SSL_CTX *context)
{
    SSL_CTX_set_tlsext_servername_callback(context, accept_server_name);
}
