// Which way between OpenSSL and the socket costs least, and what an idle session holds.
//
//   cc -O2 -DNDEBUG -I../../Sources/COpenSSL/include -I../../Sources/COpenSSL main.c ../../Sources/COpenSSL/*.c \
//      -lssl -lcrypto -o tls-transport                                       (with clang: the header speaks Swift, too)
//   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -keyout key.pem -out cert.pem
//   ./tls-transport echo WAY BYTES ROUNDS     CPU and system calls for one message of BYTES each way
//   ./tls-transport idle SESSIONS MODE        resident bytes of a server's idle session; MODE: release or keep
//
// WAY: heddle, heddle-no-read-ahead (our socket BIO), fd, fd-read-ahead (OpenSSL's), memory (two memory BIOs, the
// caller receives and sends), buffers (a BIO over the caller's two shared buffers).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/bio.h>

#include "COpenSSL.h"

typedef struct {
    SSL *ssl;
    int fd;
    BIO *in, *out; /* memory */
} end;

static char receive_buffer[65536], send_buffer[65536 + 4096];
static size_t received, taken, collected;
static enum { HEDDLE, STOCK, MEMORY, BUFFERS } way;
static unsigned long calls;

static int buffers_read(BIO *bio, char *to, size_t capacity, size_t *count)
{
    size_t n = received - taken < capacity ? received - taken : capacity;
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, receive_buffer + taken, n);
    taken += n;
    *count = n;
    return 1;
}
static int buffers_write(BIO *bio, const char *from, size_t length, size_t *count)
{
    BIO_clear_retry_flags(bio);
    if (collected + length > sizeof send_buffer) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(send_buffer + collected, from, length);
    collected += length;
    *count = length;
    return 1;
}
static long buffers_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int flush(end *e)
{
    size_t sent = 0;
    if (way == MEMORY)
        while (BIO_ctrl_pending(e->out) > 0) {
            int n = BIO_read(e->out, send_buffer, sizeof send_buffer);
            calls++;
            if (send(e->fd, send_buffer, (size_t)n, MSG_NOSIGNAL) != n)
                return -1;
        }
    else if (way == BUFFERS) {
        while (sent < collected) {
            ssize_t n = send(e->fd, send_buffer + sent, collected - sent, MSG_NOSIGNAL);
            calls++;
            if (n <= 0)
                return -1;
            sent += (size_t)n;
        }
        collected = 0;
    }
    return 0;
}

static int fill(end *e)
{
    ssize_t n;
    if (way != MEMORY && way != BUFFERS)
        return 0;
    calls++;
    n = recv(e->fd, receive_buffer, sizeof receive_buffer, 0);
    if (n <= 0)
        return -1;
    if (way == MEMORY)
        BIO_write(e->in, receive_buffer, (int)n);
    else
        received = (size_t)n, taken = 0;
    return 0;
}

static void attach(end *e, SSL_CTX *context, int fd)
{
    static BIO_METHOD *method;
    e->fd = fd;
    if (way == HEDDLE) {
        e->ssl = heddle_tls_new(context, fd);
        return;
    }
    e->ssl = SSL_new(context);
    if (way == STOCK) {
        SSL_set_fd(e->ssl, fd);
    } else if (way == MEMORY) {
        e->in = BIO_new(BIO_s_mem());
        e->out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(e->in, -1);
        SSL_set_bio(e->ssl, e->in, e->out);
    } else {
        if (method == NULL) {
            method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "buffers");
            BIO_meth_set_read_ex(method, buffers_read);
            BIO_meth_set_write_ex(method, buffers_write);
            BIO_meth_set_ctrl(method, buffers_control);
        }
        e->in = BIO_new(method);
        BIO_set_init(e->in, 1);
        SSL_set_bio(e->ssl, e->in, e->in);
    }
}

static SSL_CTX *context_of(int server, int read_ahead, int release)
{
    SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  (release ? SSL_MODE_RELEASE_BUFFERS : 0));
    SSL_CTX_set_read_ahead(context, read_ahead);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (server && (SSL_CTX_use_certificate_chain_file(context, "cert.pem") != 1 ||
                   SSL_CTX_use_PrivateKey_file(context, "key.pem", SSL_FILETYPE_PEM) != 1))
        exit(1);
    return context;
}

static void tcp_pair(int *fds)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fds[0], (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
    for (int i = 0; i < 2; i++) {
        int size = 1 << 20;
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
}

static void handshake(end *client, end *server)
{
    int done_client = 0, done_server = 0;
    for (int i = 0; i < 20 && !(done_client && done_server); i++) {
        if (!done_client) {
            done_client = SSL_do_handshake(client->ssl) == 1;
            flush(client);
        }
        fill(server);
        if (!done_server) {
            done_server = SSL_do_handshake(server->ssl) == 1;
            flush(server);
        }
        if (!done_client)
            fill(client);
    }
    if (!done_client || !done_server) {
        fprintf(stderr, "no handshake\n");
        exit(1);
    }
}

static void say(end *e, const char *bytes, size_t length)
{
    size_t total = 0, n = 0;
    while (total < length) {
        if (way == HEDDLE) {
            if (heddle_tls_write(e->ssl, bytes + total, length - total, false, &n) == HEDDLE_TLS_FAILED)
                exit(1);
        } else {
            if (SSL_write_ex(e->ssl, bytes + total, length - total, &n) != 1)
                n = 0;
            if (n == 0 || total + n == length)
                flush(e);
        }
        total += n;
    }
}

/// As an edge-triggered reader does: till the socket is empty, or known to be.
static void hear(end *e, char *bytes, size_t length)
{
    size_t total = 0;
    for (;;) {
        size_t n = 0;
        if (way == HEDDLE) {
            heddle_tls_status status = heddle_tls_read(e->ssl, bytes, 65536, &n);
            total += n;
            if (status == HEDDLE_TLS_FAILED)
                exit(1);
            if (total >= length && status != HEDDLE_TLS_DONE)
                return;
        } else if (way == STOCK) {
            if (SSL_read_ex(e->ssl, bytes, 65536, &n) != 1 && total >= length)
                return;
            total += n;
        } else {
            while (SSL_read_ex(e->ssl, bytes, 65536, &n) == 1)
                total += n;
            /* A short recv tells these ways, too, that the socket is empty. */
            if (total >= length)
                return;
            fill(e);
        }
    }
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int echo(const char *name, size_t bytes, long rounds)
{
    static char message[65536], answer[65536];
    int fds[2], read_ahead = 0;
    end client = {0}, server = {0};
    double start, spent;
    if (strncmp(name, "heddle", 6) == 0)
        way = HEDDLE, read_ahead = strcmp(name, "heddle") == 0;
    else if (strncmp(name, "fd", 2) == 0)
        way = STOCK, read_ahead = strcmp(name, "fd-read-ahead") == 0;
    else
        way = strcmp(name, "memory") == 0 ? MEMORY : BUFFERS;
    tcp_pair(fds);
    attach(&client, context_of(0, read_ahead, 1), fds[0]);
    attach(&server, context_of(1, read_ahead, 1), fds[1]);
    SSL_set_connect_state(client.ssl);
    SSL_set_accept_state(server.ssl);
    handshake(&client, &server);
    say(&server, message, 1);
    hear(&client, answer, 1);
    start = cpu_seconds();
    for (long i = 0; i < rounds; i++) {
        say(&client, message, bytes);
        hear(&server, answer, bytes);
        say(&server, message, bytes);
        hear(&client, answer, bytes);
    }
    spent = cpu_seconds() - start;
    printf("%-22s %6zu bytes: %7.2f us CPU for a write and a read\n", name, bytes, spent / (double)rounds / 2 * 1e6);
    return 0;
}

static long resident(void)
{
    long pages = 0, skip = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (fscanf(file, "%ld %ld", &skip, &pages) != 2)
        exit(1);
    fclose(file);
    return pages * 4096;
}

/// Servers in this process, their clients in a child.
static int idle(int count, int release)
{
    SSL_CTX *context = context_of(1, 1, release);
    int(*fds)[2] = calloc((size_t)count, sizeof *fds);
    end *servers = calloc((size_t)count, sizeof *servers);
    char buffer[65536];
    size_t n;
    long before;
    pid_t child;
    way = HEDDLE;
    for (int i = 0; i < count; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) != 0)
            exit(1);
    child = fork();
    if (child == 0) {
        SSL_CTX *clients = context_of(0, 1, 1);
        for (int i = 0; i < count; i++) {
            end client;
            attach(&client, clients, fds[i][0]);
            SSL_set_connect_state(client.ssl);
            if (heddle_tls_handshake(client.ssl) != HEDDLE_TLS_DONE)
                _exit(1);
            heddle_tls_write(client.ssl, buffer, 1024, false, &n);
            heddle_tls_read(client.ssl, buffer, 1024, &n);
        }
        _exit(0);
    }
    before = resident();
    for (int i = 0; i < count; i++) {
        attach(&servers[i], context, fds[i][1]);
        SSL_set_accept_state(servers[i].ssl);
        if (heddle_tls_handshake(servers[i].ssl) != HEDDLE_TLS_DONE)
            exit(1);
        heddle_tls_read(servers[i].ssl, buffer, 1024, &n);
        heddle_tls_write(servers[i].ssl, buffer, 1024, false, &n);
    }
    printf("%d idle sessions: %ld bytes each\n", count, (resident() - before) / count);
    waitpid(child, NULL, 0);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "echo") == 0)
        return echo(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
    if (argc == 4 && strcmp(argv[1], "idle") == 0)
        return idle(atoi(argv[2]), strcmp(argv[3], "release") == 0);
    fprintf(stderr, "usage: see main.c\n");
    return 2;
}
