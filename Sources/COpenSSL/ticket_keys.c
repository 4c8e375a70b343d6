#include "COpenSSL.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { NAME_LENGTH = 16, HMAC_KEY_LENGTH = 32, CIPHER_KEY_LENGTH = 32 };

typedef struct ticket_key {
    uint8_t name[NAME_LENGTH];
    uint8_t hmac[HMAC_KEY_LENGTH];
    uint8_t cipher[CIPHER_KEY_LENGTH];
} ticket_key;

_Static_assert(sizeof(ticket_key) == HEDDLE_TLS_TICKET_KEY_LENGTH, "the layout of Envoy's files");

struct heddle_tls_keyring {
    /// Contexts and the owner; all belong to one thread.
    size_t holders;
    size_t count;
    ticket_key keys[HEDDLE_TLS_MAX_TICKET_KEYS];
};

static int slot = -1;
static CRYPTO_ONCE slot_once = CRYPTO_ONCE_STATIC_INIT;

void heddle_tls_keyring_release(heddle_tls_keyring *keyring)
{
    if (keyring != NULL && --keyring->holders == 0)
        OPENSSL_clear_free(keyring, sizeof *keyring);
}

heddle_tls_keyring *heddle_tls_keyring_new(void)
{
    heddle_tls_keyring *keyring = OPENSSL_zalloc(sizeof *keyring);
    if (keyring != NULL)
        keyring->holders = 1;
    return keyring;
}

bool heddle_tls_keyring_replace(heddle_tls_keyring *keyring, const uint8_t *keys, size_t count)
{
    if (count > HEDDLE_TLS_MAX_TICKET_KEYS)
        return false;
    OPENSSL_cleanse(keyring->keys, sizeof keyring->keys);
    memcpy(keyring->keys, keys, count * sizeof(ticket_key));
    keyring->count = count;
    return true;
}

static void context_goes(void *parent, void *held, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
    (void)parent, (void)data, (void)index, (void)number, (void)pointer;
    heddle_tls_keyring_release(held);
}

static void make_slot(void) { slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, context_goes); }

static bool arm(const ticket_key *key, EVP_CIPHER_CTX *cipher, const uint8_t *iv, EVP_MAC_CTX *mac, int sealing)
{
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->hmac, HMAC_KEY_LENGTH);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "sha256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1;
}

/// Answers as SSL_CTX_set_tlsext_ticket_key_evp_cb asks: -1 failed, 0 unknown key, 1 use, 2 use and renew.
static int ticket_key_wanted(SSL *session, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                             EVP_MAC_CTX *mac, int sealing)
{
    const heddle_tls_keyring *held = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), slot);
    if (held == NULL || held->count == 0)
        return 0;
    if (sealing) {
        memcpy(name, held->keys[0].name, NAME_LENGTH);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
        return arm(&held->keys[0], cipher, iv, mac, 1) ? 1 : -1;
    }
    for (size_t index = 0; index < held->count; index++) {
        if (memcmp(name, held->keys[index].name, NAME_LENGTH) == 0)
            return arm(&held->keys[index], cipher, iv, mac, 0) ? (index == 0 ? 1 : 2) : -1;
    }
    return 0;
}

bool heddle_tls_use_keyring(SSL_CTX *context, heddle_tls_keyring *keyring)
{
    heddle_tls_keyring *before;
    if (CRYPTO_THREAD_run_once(&slot_once, make_slot) != 1 || slot < 0)
        return false;
    before = SSL_CTX_get_ex_data(context, slot);
    if (SSL_CTX_set_ex_data(context, slot, keyring) != 1)
        return false;
    keyring->holders++;
    heddle_tls_keyring_release(before);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_wanted);
    return true;
}

bool heddle_x509_is_current(const X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

static SSL_TICKET_RETURN ticket_opened(SSL *session, SSL_SESSION *resumed, const unsigned char *name, size_t length,
                                       SSL_TICKET_STATUS status, void *argument)
{
    const X509 *peer;
    (void)session, (void)name, (void)length, (void)argument;
    switch (status) {
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
        peer = SSL_SESSION_get0_peer(resumed);
        if (peer != NULL && !heddle_x509_is_current(peer))
            return SSL_TICKET_RETURN_IGNORE_RENEW;
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_ABORT;
    }
}

void heddle_tls_check_resumed_certificates(SSL_CTX *context)
{
    SSL_CTX_set_session_ticket_cb(context, NULL, ticket_opened, NULL);
}
