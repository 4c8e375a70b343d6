// What Swift cannot reach in OpenSSL by itself (macros, unions, stacks), and the four calls of the data path.
// Everything here belongs to one thread at a time, like the SSL it is given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#pragma clang assume_nonnull begin

// MARK: Memory (memory.c)

/// Gives OpenSSL an allocator that uses its blocks again, from here on; call before any other function of OpenSSL.
/// False when it has allocated already and keeps the allocator it has.
bool heddle_tls_pool_memory(void);

// MARK: The data path (transport.c, socket_bio.c)

/// What one call on a session came to.
typedef enum __attribute__((enum_extensibility(closed))) heddle_tls_status {
    /// Done, or bytes were moved and there may be more at once.
    HEDDLE_TLS_DONE __attribute__((swift_name("done"))) = 0,
    /// Bytes were moved and the socket gave all it had: the next edge tells when there is more.
    HEDDLE_TLS_DRAINED __attribute__((swift_name("drained"))) = 1,
    /// The socket has nothing to read; no byte was moved.
    HEDDLE_TLS_WANT_READ __attribute__((swift_name("wantRead"))) = 2,
    /// The socket takes nothing more.
    HEDDLE_TLS_WANT_WRITE __attribute__((swift_name("wantWrite"))) = 3,
    /// The peer said close_notify.
    HEDDLE_TLS_CLOSED __attribute__((swift_name("closed"))) = 4,
    /// The peer's bytes ended without close_notify.
    HEDDLE_TLS_TRUNCATED __attribute__((swift_name("truncated"))) = 5,
    /// The session is dead; the error queue or heddle_tls_socket_error says why.
    HEDDLE_TLS_FAILED __attribute__((swift_name("failed"))) = 6,
} heddle_tls_status;

/// A new session over a non-blocking socket, which stays the caller's. NULL when memory is short.
SSL *_Nullable heddle_tls_new(SSL_CTX *context, int descriptor);

/// The errno of the last failed recv or send, 0 when none failed.
int heddle_tls_socket_error(SSL *session);

/// Goes on with the handshake.
heddle_tls_status heddle_tls_handshake(SSL *session);

/// Fills the buffer from as many records as are at hand. `*count` bytes are there whatever the status is.
heddle_tls_status heddle_tls_read(SSL *session, void *buffer, size_t capacity, size_t *count);

/// Sends one record after the other until all is sent or the socket is full. The first `*count` bytes are done with
/// whatever the status is; the next call begins with the one after them. `more_follows` promises another call at once.
heddle_tls_status heddle_tls_write(SSL *session, const void *bytes, size_t length, bool more_follows, size_t *count);

/// Sends close_notify, once however often it is called, and does not wait for the peer's.
heddle_tls_status heddle_tls_shutdown(SSL *session);

/// Makes a server accept every server name. OpenSSL puts only an accepted one into the session, without which a
/// resumed TLS 1.2 connection has none.
void heddle_tls_accept_server_names(SSL_CTX *context);

// MARK: Ticket keys (ticket_keys.c)

/// Name, HMAC-SHA256 key and AES-256 key of a ticket key; the layout of Envoy's 80-byte files.
enum { HEDDLE_TLS_TICKET_KEY_LENGTH = 80 };

/// Seals tickets with the first of `count` keys and opens them with any. The bytes are copied, and wiped when they
/// are replaced or the context goes. False when memory is short.
bool heddle_tls_set_ticket_keys(SSL_CTX *context, const uint8_t *keys, size_t count);

/// Makes the context refuse tickets whose client certificate is out of its validity by now.
void heddle_tls_check_resumed_certificates(SSL_CTX *context);

/// Whether the certificate is inside its validity by now.
bool heddle_x509_is_current(const X509 *certificate);

// MARK: Certificates (certificate.c)

/// One subject alternative name: bytes with their length, never a C string.
typedef struct heddle_alternative_name {
    /// GEN_DNS, GEN_URI, GEN_EMAIL or GEN_IPADD; -1 for the kinds that nobody asks for.
    int kind;
    const uint8_t *_Nullable bytes;
    size_t length;
} heddle_alternative_name;

/// The subject alternative names, to be freed with GENERAL_NAMES_free; NULL when there are none or they are broken.
GENERAL_NAMES *_Nullable heddle_x509_alternative_names(const X509 *certificate);
int heddle_alternative_name_count(const GENERAL_NAMES *names);
heddle_alternative_name heddle_alternative_name_at(const GENERAL_NAMES *names, int index);

/// Seconds since 1970 (negative before); false when the time cannot be read.
bool heddle_asn1_time_epoch(const ASN1_TIME *_Nullable time, int64_t *seconds);

/// SHA-256 of the DER of the public key (SubjectPublicKeyInfo), 32 bytes.
bool heddle_x509_public_key_sha256(const X509 *certificate, uint8_t *digest);

// MARK: Macros as functions and constants

static const uint64_t heddle_tls_option_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t heddle_tls_option_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t heddle_tls_option_no_ticket = SSL_OP_NO_TICKET;
static const uint64_t heddle_tls_option_cipher_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t heddle_tls_option_prioritize_chacha = SSL_OP_PRIORITIZE_CHACHA;
/// Makes the end of the bytes an end like close_notify, so that writing can go on; heddle_tls_read tells them apart.
static const uint64_t heddle_tls_option_ignore_unexpected_eof = SSL_OP_IGNORE_UNEXPECTED_EOF;

static const unsigned long heddle_x509_name_rfc2253 = XN_FLAG_RFC2253;

static inline void heddle_ctx_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }
static inline void heddle_ctx_set_read_ahead(SSL_CTX *context, int on) { SSL_CTX_set_read_ahead(context, on); }
static inline bool heddle_ctx_set_versions(SSL_CTX *context, int lowest, int highest)
{
    return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}
static inline void heddle_ctx_set_session_cache_mode(SSL_CTX *context, long mode)
{
    SSL_CTX_set_session_cache_mode(context, mode);
}
static inline bool heddle_ctx_set_groups(SSL_CTX *context, const char *list)
{
    return SSL_CTX_set1_groups_list(context, list) == 1;
}
static inline bool heddle_ssl_set_server_name(SSL *session, const char *name)
{
    return SSL_set_tlsext_host_name(session, name) == 1;
}
static inline STACK_OF(X509) *_Nullable heddle_x509_stack_new(void) { return sk_X509_new_null(); }
/// Takes over the caller's reference when it answers true.
static inline bool heddle_x509_stack_push(STACK_OF(X509) *stack, X509 *certificate)
{
    return sk_X509_push(stack, certificate) > 0;
}
static inline int heddle_x509_stack_count(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *heddle_x509_stack_at(const STACK_OF(X509) *stack, int index) { return sk_X509_value(stack, index); }
static inline void heddle_x509_stack_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
static inline size_t heddle_bio_contents(BIO *bio, const uint8_t *_Nullable *_Nonnull bytes)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    *bytes = (const uint8_t *)data;
    return length > 0 ? (size_t)length : 0;
}

#pragma clang assume_nonnull end
