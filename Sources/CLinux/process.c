#define _GNU_SOURCE
#include "heddle_process.h"
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

/// Above what a child's own descriptors are numbered, so that no source is overwritten before it is copied.
#define HEDDLE_FIRST_COPY 64
#define HEDDLE_MAX_INHERITED 8

pid_t heddle_spawn(const char *path, char *const argv[], const int *sources, const int *targets, int count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int copies[HEDDLE_MAX_INHERITED];
    int copied = 0, status = 0;
    pid_t child = -1;
    if (count > HEDDLE_MAX_INHERITED) {
        errno = EINVAL;
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (; copied < count; copied++) {
        copies[copied] = fcntl(sources[copied], F_DUPFD_CLOEXEC, HEDDLE_FIRST_COPY);
        if (copies[copied] < 0) {
            status = errno;
            break;
        }
        posix_spawn_file_actions_adddup2(&actions, copies[copied], targets[copied]);
    }
    if (status == 0) status = posix_spawn(&child, path, &actions, &attributes, argv, environ);
    for (int index = 0; index < copied; index++) close(copies[index]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (status != 0) {
        errno = status;
        return -1;
    }
    return child;
}

int heddle_signal_descriptor(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int index = 0; index < count; index++) sigaddset(&set, signals[index]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int heddle_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t size = read(descriptor, &info, sizeof info);
    return size == sizeof info ? (int)info.ssi_signo : 0;
}

void heddle_ignore_signal(int number) { signal(number, SIG_IGN); }

int heddle_message_pair(int connected, int pair[2]) {
    return socketpair(AF_UNIX, (connected ? SOCK_SEQPACKET : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
}

int heddle_message_socket(int nonblocking) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
}

int64_t heddle_peer_user(int socket) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
    return (int64_t)credentials.uid;
}

int heddle_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int heddle_replace_descriptor(int source, int descriptor) { return dup3(source, descriptor, O_CLOEXEC); }

uint64_t heddle_random(void) {
    uint64_t value = 0;
    // Small requests are neither cut nor refused (getrandom(2)).
    while (getrandom(&value, sizeof value, 0) != sizeof value) {
    }
    return value;
}

/// Unmaps the clean pages of one object: segments that are never written, so that nothing is lost.
static int drop_clean_pages(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
        // Text relocations would be lost; the linkers in use make none.
        if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void heddle_trim_memory(void) {
    malloc_trim(0);
    dl_iterate_phdr(drop_clean_pages, NULL);
}

void heddle_heap_size(uint64_t *allocated, uint64_t *held) {
    struct mallinfo2 info = mallinfo2();
    *allocated = info.uordblks + info.hblkhd;
    *held = info.arena + info.hblkhd;
}

static struct heddle_crash_record *crash_record;
static void (*crash_note)(void *context);
static void *crash_note_context;
static pid_t crash_note_thread;
static char crash_stack[64 * 1024];

static void crashed(int number, siginfo_t *info, void *context) {
    (void)context;
    struct heddle_crash_record *record = crash_record;
    if (record != NULL && record->signal == 0) {
        void *frames[HEDDLE_CRASH_FRAMES];
        int count = backtrace(frames, HEDDLE_CRASH_FRAMES);
        record->code = (uint64_t)(int64_t)info->si_code;
        // Positive codes are the kernel's own and have an address; the others are sent and have a sender in its place.
        if (info->si_code > 0) {
            record->address = (uint64_t)(uintptr_t)info->si_addr;
        } else {
            record->sender = (uint64_t)info->si_pid;
        }
        for (int index = 0; index < count; index++) record->frames[index] = (uint64_t)(uintptr_t)frames[index];
        record->frame_count = (uint64_t)count;
        __atomic_store_n(&record->signal, (uint64_t)number, __ATOMIC_RELEASE);
        // If this fails too, the signal has its default action, and what was written above stays.
        if (crash_note != NULL && gettid() == crash_note_thread) crash_note(crash_note_context);
    }
    // SA_RESETHAND restored the default action: it comes when this handler returns and the fault repeats, or by this.
    raise(number);
}

/// The first object is the program itself: where it was loaded turns addresses into offsets that a debugger knows.
static int program_base(struct dl_phdr_info *info, size_t size, void *result) {
    (void)size;
    *(uint64_t *)result = (uint64_t)info->dlpi_addr;
    return 1;
}

void heddle_install_crash_handler(struct heddle_crash_record *record, void (*note)(void *context), void *context) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    void *warm[2];
    stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof crash_stack};
    struct sigaction action;
    // The first call of backtrace loads what it needs, which a signal handler may not.
    backtrace(warm, 2);
    dl_iterate_phdr(program_base, &record->base);
    crash_record = record;
    crash_note = note;
    crash_note_context = context;
    crash_note_thread = gettid();
    sigaltstack(&stack, NULL);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = crashed;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (size_t index = 0; index < sizeof signals / sizeof signals[0]; index++) sigaction(signals[index], &action, NULL);
}
