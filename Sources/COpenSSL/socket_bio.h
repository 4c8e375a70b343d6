#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

/// The socket behind a session. OpenSSL's own socket BIO calls write(2), which raises SIGPIPE; does not tell a short
/// read, after which an edge-triggered reader can stop without asking the kernel once more; and leaves a record that the
/// socket did not take whole to a retry with the very same bytes, which a queue made of blocks cannot promise.
typedef struct heddle_tls_socket {
    int descriptor;
    /// The errno of the last failure other than "would block".
    int error;
    /// The peer's bytes have ended.
    bool ended;
    /// The last recv gave less than was asked for.
    bool drained;
    /// More records follow the one being sent, so that the kernel makes larger segments of them: a 64 KiB message
    /// costs an eighth less.
    bool more_follows;
    /// Sealed bytes that the socket did not take: none but while it is full. NULL, or `backlog_count` of them from
    /// `backlog_start` on.
    unsigned char *backlog;
    size_t backlog_start;
    size_t backlog_count;
    /// Plain bytes that the backlog has sealed and the caller was told are not written yet.
    size_t owed;
} heddle_tls_socket;

/// What the backlog may hold: a handshake flight, or one record and what the session itself says meanwhile.
enum { HEDDLE_TLS_BACKLOG_BOUND = 64 * 1024 };

/// Sends what it can of the backlog; false when the socket failed.
bool heddle_socket_flush(heddle_tls_socket *socket);

/// A BIO that owns its heddle_tls_socket but not the descriptor. NULL when memory is short.
BIO *heddle_socket_bio_new(int descriptor);

static inline heddle_tls_socket *heddle_socket_of(SSL *session) { return BIO_get_data(SSL_get_rbio(session)); }
