#pragma once

#include <stdbool.h>

#include <openssl/ssl.h>

/// The socket behind a session. OpenSSL's own socket BIO calls write(2), which raises SIGPIPE, and does not tell a
/// short read, after which an edge-triggered reader can stop without asking the kernel once more.
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
} heddle_tls_socket;

/// A BIO that owns its heddle_tls_socket but not the descriptor. NULL when memory is short.
BIO *heddle_socket_bio_new(int descriptor);

static inline heddle_tls_socket *heddle_socket_of(SSL *session) { return BIO_get_data(SSL_get_rbio(session)); }
