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
    heddle_tls_socket *socket = heddle_socket_of(session);
    heddle_tls_status status;
    int result;
    start_clean();
    if (!heddle_socket_flush(socket))
        return HEDDLE_TLS_FAILED;
    result = SSL_do_handshake(session);
    status = result == 1 ? HEDDLE_TLS_DONE : status_of_failure(session, result);
    // The peer cannot answer what it has not got.
    if (socket->backlog_count > 0 && (status == HEDDLE_TLS_DONE || status == HEDDLE_TLS_WANT_READ))
        return HEDDLE_TLS_WANT_WRITE;
    return status;
}

heddle_tls_status heddle_tls_read(SSL *session, void *buffer, size_t capacity, size_t *count)
{
    heddle_tls_socket *socket = heddle_socket_of(session);
    size_t total = 0;
    heddle_tls_status status;
    start_clean();
    // A socket that is broken for writing may still have bytes to read; the next write tells of it.
    if (socket->backlog_count > 0)
        (void)heddle_socket_flush(socket);
    for (;;) {
        size_t taken = 0;
        int result = SSL_read_ex(session, (char *)buffer + total, capacity - total, &taken);
        if (result != 1) {
            status = status_of_failure(session, result);
            break;
        }
        total += taken;
        if (SSL_has_pending(session) == 0) {
            status = socket->drained ? HEDDLE_TLS_DRAINED : HEDDLE_TLS_DONE;
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

/// What the backlog holds sealed counts as written only when it is gone: then its plain bytes come again from the
/// caller, cut as they may be, and are skipped.
static size_t skip_owed(heddle_tls_socket *socket, size_t length)
{
    size_t skipped = socket->owed < length ? socket->owed : length;
    socket->owed -= skipped;
    return skipped;
}

heddle_tls_status heddle_tls_write(SSL *session, const void *bytes, size_t length, bool more_follows, size_t *count)
{
    heddle_tls_socket *socket = heddle_socket_of(session);
    heddle_tls_status status = HEDDLE_TLS_DONE;
    size_t total = 0;
    *count = 0;
    start_clean();
    if (socket->backlog_count > 0) {
        if (!heddle_socket_flush(socket))
            return HEDDLE_TLS_FAILED;
        if (socket->backlog_count > 0)
            return HEDDLE_TLS_WANT_WRITE;
    }
    if (socket->owed > 0)
        total = skip_owed(socket, length);
    while (total < length) {
        size_t taken = 0;
        int result;
        socket->more_follows = more_follows || length - total > SSL3_RT_MAX_PLAIN_LENGTH;
        result = SSL_write_ex(session, (const char *)bytes + total, length - total, &taken);
        if (result != 1) {
            status = status_of_failure(session, result);
            break;
        }
        if (socket->backlog_count > 0) {
            socket->owed = taken;
            status = HEDDLE_TLS_WANT_WRITE;
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
    heddle_tls_socket *socket = heddle_socket_of(session);
    start_clean();
    if (!heddle_socket_flush(socket))
        return HEDDLE_TLS_FAILED;
    // A second SSL_shutdown would wait for the peer's close_notify.
    if ((SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN) == 0) {
        int result = SSL_shutdown(session);
        if (result < 0)
            return status_of_failure(session, result);
    }
    return socket->backlog_count > 0 ? HEDDLE_TLS_WANT_WRITE : HEDDLE_TLS_DONE;
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
