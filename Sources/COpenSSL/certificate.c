#include "COpenSSL.h"

#include <time.h>

GENERAL_NAMES *heddle_x509_alternative_names(const X509 *certificate)
{
    return X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

int heddle_alternative_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

heddle_alternative_name heddle_alternative_name_at(const GENERAL_NAMES *names, int index)
{
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    const ASN1_STRING *text;
    switch (name->type) {
    case GEN_DNS:
    case GEN_URI:
    case GEN_EMAIL:
        text = name->d.ia5;
        break;
    case GEN_IPADD:
        text = name->d.iPAddress;
        break;
    default:
        return (heddle_alternative_name){.kind = -1, .bytes = NULL, .length = 0};
    }
    return (heddle_alternative_name){
        .kind = name->type,
        .bytes = ASN1_STRING_get0_data(text),
        .length = (size_t)ASN1_STRING_length(text),
    };
}

bool heddle_asn1_time_epoch(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm parts;
    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *seconds = (int64_t)timegm(&parts);
    return true;
}

bool heddle_x509_public_key_sha256(const X509 *certificate, uint8_t *digest)
{
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool done;
    if (length <= 0)
        return false;
    done = EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done;
}
