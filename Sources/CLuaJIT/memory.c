// The allocator of a state: a hard cap, counters, and word to the budget about memory traffic.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// Copying, comparing and collecting large objects costs far more than one instruction, so the hook comes sooner while there are
// any. An instruction that reads a text as a number looks at each byte of it, so that it comes sooner still while a long one is
// there.
static void set_period(hlua_state *s) {
  size_t period = HOOK_PERIOD / (1 + s->large / LARGE_OBJECT);
  if (period < HOOK_PERIOD_MIN) period = HOOK_PERIOD_MIN;
  if (s->numeric && NUMERIC_AT_ONCE / s->numeric < period) period = NUMERIC_AT_ONCE / s->numeric + 1;
  s->period = (int32_t)period;
}

static void large_changed(hlua_state *s, size_t old_size, size_t new_size) {
  if (old_size >= LARGE_OBJECT) s->large -= old_size;
  if (new_size >= LARGE_OBJECT) s->large += new_size;
  set_period(s);
}

// MARK: Blocks that are not small

// What stands before one. New ones are linked until they have been looked at.
struct hlua_big {
  struct hlua_big *next, *previous;
  size_t size, capacity;
  bool linked, numeric;
};

enum { BIG_HEADER = 48, NUMERIC_PREFIX = 64 };
_Static_assert(BIG_HEADER >= sizeof(struct hlua_big) && BIG_HEADER % 16 == 0, "blocks must stay aligned");

static struct hlua_big *header_of(const void *block) { return (struct hlua_big *)((uint8_t *)block - BIG_HEADER); }

static void forget(hlua_state *s, struct hlua_big *big) {
  if (big->linked) {
    if (big->next) big->next->previous = big->previous;
    if (big->previous) big->previous->next = big->next;
    else s->unseen = big->next;
    big->linked = false;
  }
  if (!big->numeric) return;
  big->numeric = false;
  s->numeric -= big->size;
  set_period(s);
}

// A run that makes and drops long texts has one block kept for the next: fresh memory costs more than copying a text into it.
static struct hlua_big *take_kept(hlua_state *s, size_t size) {
  struct hlua_big *big = s->kept_big;
  if (!big || big->capacity < size || big->capacity / 2 > size) return NULL;
  s->kept_big = NULL;
  return big;
}

static bool keep_big(hlua_state *s, struct hlua_big *big) {
  if (!s->current || big->capacity < KEPT_BIG || (s->kept_big && s->kept_big->capacity >= big->capacity)) return false;
  free(s->kept_big);
  s->kept_big = big;
  return true;
}

void hlua_free_kept(hlua_state *s) {
  free(s->kept_big);
  s->kept_big = NULL;
}

static void *take_big(hlua_state *s, size_t size) {
  struct hlua_big *big = take_kept(s, size);
  size_t capacity = big ? big->capacity : size;
  if (!big) big = malloc(size + BIG_HEADER);
  if (!big) return NULL;
  *big = (struct hlua_big){.next = s->unseen, .size = size, .capacity = capacity, .linked = true};
  if (s->unseen) s->unseen->previous = big;
  s->unseen = big;
  return (uint8_t *)big + BIG_HEADER;
}

// Strings do not change their size: what does is none.
static void *resize_big(hlua_state *s, void *block, size_t size) {
  struct hlua_big *big = header_of(block);
  forget(s, big);
  big = realloc(big, size + BIG_HEADER);
  if (!big) return NULL;
  big->size = big->capacity = size;
  return (uint8_t *)big + BIG_HEADER;
}

static void free_big(hlua_state *s, void *block) {
  forget(s, header_of(block));
  if (!keep_big(s, header_of(block))) free(header_of(block));
}

// Whether LuaJIT would read on and on, looking for a number's end: the bytes that its reader passes, in its order.
static bool reads_as_number(const uint8_t *bytes) {
  size_t i = 0;
  bool hex = false;
  while (i < NUMERIC_PREFIX && (bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r'))) i++;
  if (i < NUMERIC_PREFIX && (bytes[i] == '-' || bytes[i] == '+')) i++;
  if (i + 1 < NUMERIC_PREFIX && bytes[i] == '0' && ((bytes[i + 1] | 32) == 'x' || (bytes[i + 1] | 32) == 'b')) {
    hex = (bytes[i + 1] | 32) == 'x';
    i += 2;
  }
  while (i < NUMERIC_PREFIX && ((bytes[i] >= '0' && bytes[i] <= '9') || bytes[i] == '.' ||
                                (hex && (bytes[i] | 32) >= 'a' && (bytes[i] | 32) <= 'f')))
    i++;
  return i == NUMERIC_PREFIX;
}

void hlua_look_at_new(hlua_state *s) {
  while (s->unseen) {
    struct hlua_big *big = s->unseen;
    forget(s, big);
    if (s->string_offset == 0 || !reads_as_number((uint8_t *)big + BIG_HEADER + s->string_offset)) continue;
    big->numeric = true;
    s->numeric += big->size;
    set_period(s);
  }
}

// LuaJIT does not say where a string's bytes lie in its block: one that is made tells.
void hlua_learn_strings(hlua_state *s, lua_State *L) {
  char text[SPARE_CLASSES * SPARE_STEP + 1];
  memset(text, '?', sizeof text);
  lua_pushlstring(L, text, sizeof text);
  const uint8_t *bytes = (const uint8_t *)lua_tostring(L, -1);
  for (struct hlua_big *big = s->unseen; big; big = big->next) {
    const uint8_t *block = (const uint8_t *)big + BIG_HEADER;
    if (bytes > block && bytes < block + big->size) s->string_offset = (size_t)(bytes - block);
  }
  lua_pop(L, 1);
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

// Part of a larger freed block of the arena. What making the library left behind holds a small script.
static void *split(hlua_state *s, size_t size) {
  for (size_t class = spare_class(size) + 1; class < SPARE_CLASSES; class++) {
    struct hlua_spare *block = s->spare[class];
    if (!block || !is_in_arena(s, block)) continue;
    s->spare[class] = block->next;
    struct hlua_spare *rest = (void *)((uint8_t *)block + size);
    size_t rest_class = spare_class((class + 1) * SPARE_STEP - size);
    rest->next = s->spare[rest_class];
    s->spare[rest_class] = rest;
    return block;
  }
  return NULL;
}

// The library's small blocks lie side by side, without malloc's words between them: a third of what an idle state would take.
static void *carve(hlua_state *s, size_t size) {
  if (!s->arena) s->arena = malloc(ARENA_BYTES);
  if (!s->arena || ARENA_BYTES - s->arena_used < size) {
    void *part = split(s, size);
    return part ? part : malloc(size);
  }
  void *block = s->arena + s->arena_used;
  s->arena_used += size;
  return block;
}

static void *take(hlua_state *s, size_t size) {
  size_t class = spare_class(size);
  if (class >= SPARE_CLASSES) return take_big(s, size);
  struct hlua_spare *block = s->spare[class];
  if (!block) return carve(s, (class + 1) * SPARE_STEP);
  s->spare[class] = block->next;
  if (!is_in_arena(s, block)) s->spare_bytes -= (class + 1) * SPARE_STEP;
  return block;
}

static void give_back(hlua_state *s, void *memory, size_t size) {
  if (!memory) return;
  size_t class = spare_class(size);
  if (class >= SPARE_CLASSES) {
    free_big(s, memory);
    return;
  }
  bool carved = is_in_arena(s, memory);
  if (!carved && s->spare_bytes >= SPARE_LIMIT) {
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
  if (old_class >= SPARE_CLASSES && new_class >= SPARE_CLASSES) return resize_big(s, block, new_size);
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
  hlua_free_kept(s);
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
  if (!s->hooked || !s->current || s->kill) return moved;
  if (s->debt > DEBT_LIMIT) {
    s->early = false;
    hlua_arm_hook(s, 1);
  } else if (s->unseen && !s->early && s->period > 1) {
    s->early = true;
    hlua_arm_hook(s, 1);
  }
  return moved;
}

bool hlua_buffer_grow(hlua_buffer *buffer, size_t extra) {
  size_t capacity = buffer->capacity ? buffer->capacity : 256;
  bool fits = !buffer->failed && (!buffer->limit || (extra <= buffer->limit && buffer->count <= buffer->limit - extra));
  while (fits && capacity - buffer->count < extra) capacity *= 2;
  uint8_t *bytes = fits ? realloc(buffer->bytes, capacity) : NULL;
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
  *buffer = (hlua_buffer){.limit = buffer->limit};
}
