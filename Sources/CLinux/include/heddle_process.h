#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// Starts `path` in a process of its own: descriptor `sources[i]` becomes `targets[i]` there, everything else that is
/// close-on-exec is closed, no signal is blocked, all have their default action. Returns its id, or -1 with errno.
pid_t heddle_spawn(const char *path, char *const argv[], const int *sources, const int *targets, int count);

/// Blocks the signals and gives a descriptor that tells of them (signalfd(2)), non-blocking and close-on-exec. Returns -1
/// with errno.
int heddle_signal_descriptor(const int *signals, int count);

/// The next signal of such a descriptor, 0 when there is none.
int heddle_next_signal(int descriptor);

/// Ignores a signal in this process.
void heddle_ignore_signal(int number);

/// A pair of connected unix sockets, non-blocking and close-on-exec, which keep messages apart: with `connected` each end
/// learns when the other closes (SOCK_SEQPACKET), else it does not (SOCK_DGRAM). Returns -1 with errno.
int heddle_message_pair(int connected, int pair[2]);

/// A unix socket that keeps messages apart (SOCK_SEQPACKET), close-on-exec. Returns -1 with errno.
int heddle_message_socket(int nonblocking);

/// Who is at the other end of a unix socket: its user id, or -1 with errno.
int64_t heddle_peer_user(int socket);

/// A pipe, close-on-exec: `ends[0]` is read. Returns -1 with errno.
int heddle_pipe(int ends[2]);

/// Closes what `descriptor` is and makes it another name of `source`, close-on-exec. Returns -1 with errno.
int heddle_replace_descriptor(int source, int descriptor);

/// Eight bytes from the kernel's generator of random numbers.
uint64_t heddle_random(void);

/// Gives back what only a start or a change of configuration needed: memory that the allocator holds unused, and the
/// pages of code and constants that are mapped, which come back from the page cache when they are touched again.
void heddle_trim_memory(void);

/// What the allocator has handed out, and what it holds, in bytes.
void heddle_heap_size(uint64_t *allocated, uint64_t *held);

/// Most return addresses that a crash record holds.
#define HEDDLE_CRASH_FRAMES 24

/// What a process leaves behind when a fatal signal ends it; lies in shared memory. `signal` is written last.
struct heddle_crash_record {
    uint64_t signal;
    uint64_t code;
    /// The process that sent the signal; 0 where the kernel raised it for a fault.
    uint64_t sender;
    uint64_t address;
    uint64_t base;
    uint64_t frame_count;
    uint64_t frames[HEDDLE_CRASH_FRAMES];
};

/// From now on a fatal signal fills `record`, which must stay mapped, and then has its usual effect. If it comes on the
/// thread that called this, `note` is called with `context` in between: a function that may be called in a signal handler.
void heddle_install_crash_handler(struct heddle_crash_record *record, void (*note)(void *context), void *context);

/// Swaps `word` from `expected` to `desired`, sequentially consistent. 1 when it was swapped.
static inline int heddle_compare_exchange_i64(int64_t *word, int64_t expected, int64_t desired) {
    return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
