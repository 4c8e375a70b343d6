// The allocator of a state: a hard cap, counters, and word to the budget about memory traffic.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// Copying and collecting large objects costs far more than one instruction, so the hook comes sooner while there are any.
static int32_t period_for(size_t large) {
  size_t period = HOOK_PERIOD / (1 + large / LARGE_OBJECT);
  return period < HOOK_PERIOD_MIN ? HOOK_PERIOD_MIN : (int32_t)period;
}

static void large_changed(hlua_state *s, size_t old_size, size_t new_size) {
  if (old_size >= LARGE_OBJECT) s->large -= old_size;
  if (new_size >= LARGE_OBJECT) s->large += new_size;
  s->period = period_for(s->large);
}

// A freed block, linked to the next of its size.
struct hlua_spare {
  struct hlua_spare *next;
};

// The class of a size; SPARE_CLASSES and more for what is not kept.
static size_t spare_class(size_t size) { return (size - 1) / SPARE_STEP; }

static bool is_in_arena(const hlua_state *s, const void *block) {
  return (uintptr_t)block - (uintptr_t)s->arena < s->arena_used;
}

// The library's small blocks lie side by side, without malloc's words between them: a third of what an idle state would take.
static void *carve(hlua_state *s, size_t size) {
  if (!s->arena) s->arena = malloc(ARENA_BYTES);
  if (!s->arena || ARENA_BYTES - s->arena_used < size) return malloc(size);
  void *block = s->arena + s->arena_used;
  s->arena_used += size;
  return block;
}

static void *take(hlua_state *s, size_t size) {
  size_t class = spare_class(size);
  if (class >= SPARE_CLASSES) return malloc(size);
  struct hlua_spare *block = s->spare[class];
  if (!block) return carve(s, (class + 1) * SPARE_STEP);
  s->spare[class] = block->next;
  if (!is_in_arena(s, block)) s->spare_bytes -= (class + 1) * SPARE_STEP;
  return block;
}

static void give_back(hlua_state *s, void *memory, size_t size) {
  if (!memory) return;
  size_t class = spare_class(size);
  bool carved = class < SPARE_CLASSES && is_in_arena(s, memory);
  if (!carved && (class >= SPARE_CLASSES || s->spare_bytes >= SPARE_LIMIT)) {
    free(memory);
    return;
  }
  struct hlua_spare *block = memory;
  block->next = s->spare[class];
  s->spare[class] = block;
  if (!carved) s->spare_bytes += (class + 1) * SPARE_STEP;
}

static void *resize(hlua_state *s, void *block, size_t old_size, size_t new_size) {
  if (!block) return take(s, new_size);
  size_t old_class = spare_class(old_size), new_class = spare_class(new_size);
  if (old_class >= SPARE_CLASSES && new_class >= SPARE_CLASSES) return realloc(block, new_size);
  if (old_class == new_class) return block;
  void *moved = take(s, new_size);
  if (!moved) return NULL;
  memcpy(moved, block, old_size < new_size ? old_size : new_size);
  give_back(s, block, old_size);
  return moved;
}

void hlua_free_spare(hlua_state *s) {
  for (int class = 0; class < SPARE_CLASSES; class++) {
    struct hlua_spare *carved = NULL;
    while (s->spare[class]) {
      struct hlua_spare *block = s->spare[class];
      s->spare[class] = block->next;
      if (!is_in_arena(s, block)) {
        free(block);
        continue;
      }
      block->next = carved;
      carved = block;
    }
    s->spare[class] = carved;
  }
  s->spare_bytes = 0;
}

void hlua_free_arena(hlua_state *s) {
  hlua_free_spare(s);
  free(s->arena);
}

void *hlua_allocate(void *state, void *block, size_t old_size, size_t new_size) {
  hlua_state *s = state;
  if (new_size == 0) {
    s->used -= old_size;
    if (old_size >= LARGE_OBJECT) large_changed(s, old_size, 0);
    give_back(s, block, old_size);
    return NULL;
  }
  // A script that has filled its memory leaves the shim what it takes to say so and to clean up.
  size_t limit = s->options.memory_limit - (s->current ? SHIM_RESERVE : 0);
  if (new_size > old_size && s->used - old_size + new_size > limit) {
    s->exhausted = true;
    s->memory_failures++;
    return NULL;
  }
  void *moved = resize(s, block, old_size, new_size);
  if (!moved) {
    s->exhausted = true;
    s->memory_failures++;
    return NULL;
  }
  s->used += new_size - old_size;
  if (s->used > s->peak) s->peak = s->used;
  s->allocations++;
  if (old_size >= LARGE_OBJECT || new_size >= LARGE_OBJECT) large_changed(s, old_size, new_size);
  s->debt += new_size;
  // Setting a hook is allowed at any time, even in a signal handler: only the count changes here.
  if (s->debt > DEBT_LIMIT && s->hooked && s->current && !s->kill) hlua_arm_hook(s, 1);
  return moved;
}

bool hlua_buffer_grow(hlua_buffer *buffer, size_t extra) {
  size_t capacity = buffer->capacity ? buffer->capacity : 256;
  while (capacity - buffer->count < extra) capacity *= 2;
  uint8_t *bytes = buffer->failed ? NULL : realloc(buffer->bytes, capacity);
  if (!bytes) {
    buffer->failed = true;
    return false;
  }
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

void hlua_buffer_free(hlua_buffer *buffer) {
  free(buffer->bytes);
  *buffer = (hlua_buffer){0};
}
