// The allocator of a state: a hard cap, counters, and word to the budget about memory traffic.
#include "internal.h"

#include <stdlib.h>

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

void *hlua_allocate(void *state, void *block, size_t old_size, size_t new_size) {
  hlua_state *s = state;
  if (new_size == 0) {
    s->used -= old_size;
    if (old_size >= LARGE_OBJECT) large_changed(s, old_size, 0);
    free(block);
    return NULL;
  }
  // A script that has filled its memory leaves the shim what it takes to say so and to clean up.
  size_t limit = s->options.memory_limit - (s->current ? SHIM_RESERVE : 0);
  if (new_size > old_size && s->used - old_size + new_size > limit) {
    s->exhausted = true;
    s->memory_failures++;
    return NULL;
  }
  void *moved = block ? realloc(block, new_size) : malloc(new_size);
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
