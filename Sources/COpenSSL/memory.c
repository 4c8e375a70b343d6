// OpenSSL's memory: what it gives back is kept for its next object of about the same size. A record takes it five
// allocations, a handshake a thousand; and RELEASE_BUFFERS hands the record buffers from connection to connection.
#include "COpenSSL.h"

#include <stdlib.h>
#include <string.h>

#define STEP ((size_t)64)
// Up to the buffers of a record, 16 KiB and its overhead.
#define CLASSES 272
// In front of each block: its class, or its size when it is larger than all classes. Keeps the alignment of malloc.
#define HEADER 16
#define MAX_KEPT ((size_t)1 << 20)

struct block {
    size_t class;
    struct block *next; // behind the header's first word: free blocks only
};

// A thread keeps what it frees: nothing here is shared.
static _Thread_local struct block *spare[CLASSES];
static _Thread_local size_t kept;

static void *from_system(size_t size, size_t class) {
    struct block *block = malloc(size + HEADER);
    if (block == NULL) return NULL;
    block->class = class;
    return (char *)block + HEADER;
}

static struct block *block_of(void *memory) { return (struct block *)((char *)memory - HEADER); }

static void *take(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (size == 0) return NULL;
    size_t class = (size - 1) / STEP;
    if (class >= CLASSES) return size > SIZE_MAX - HEADER ? NULL : from_system(size, size);
    struct block *block = spare[class];
    if (block == NULL) return from_system((class + 1) * STEP, class);
    spare[class] = block->next;
    kept -= (class + 1) * STEP;
    return (char *)block + HEADER;
}

static void give_back(void *memory, const char *file, int line) {
    (void)file;
    (void)line;
    if (memory == NULL) return;
    struct block *block = block_of(memory);
    if (block->class >= CLASSES || kept >= MAX_KEPT) {
        free(block);
        return;
    }
    block->next = spare[block->class];
    spare[block->class] = block;
    kept += (block->class + 1) * STEP;
}

static void *resize(void *memory, size_t size, const char *file, int line) {
    if (memory == NULL) return take(size, file, line);
    if (size == 0) {
        give_back(memory, file, line);
        return NULL;
    }
    size_t class = block_of(memory)->class;
    // The size of a large block is more than CLASSES, as that of any other is less.
    size_t present = class < CLASSES ? (class + 1) * STEP : class;
    if (size <= present) return memory;
    void *larger = take(size, file, line);
    if (larger == NULL) return NULL;
    memcpy(larger, memory, present);
    give_back(memory, file, line);
    return larger;
}

bool heddle_tls_pool_memory(void) { return CRYPTO_set_mem_functions(take, resize, give_back) == 1; }
