// A string under construction on the Lua stack: small ones cost no allocation, and C stack stays flat when scripts nest calls.
#ifndef HEDDLE_CLUAJIT_TEXT_H
#define HEDDLE_CLUAJIT_TEXT_H

#include "internal.h"

enum { TEXT_INLINE = 512 };

typedef struct hlua_text {
  lua_State *L;
  int slot; // the stack slot that keeps the block alive
  char *bytes;
  size_t count, capacity;
  char inlined[TEXT_INLINE];
} hlua_text;

/// Takes the next stack slot.
static inline void hlua_text_init(hlua_text *t, lua_State *L) {
  t->L = L;
  lua_pushnil(L);
  t->slot = lua_gettop(L);
  t->bytes = t->inlined;
  t->count = 0;
  t->capacity = TEXT_INLINE;
}

void hlua_text_grow(hlua_text *t, size_t extra);

/// Room for `count` bytes, already counted.
static inline char *hlua_text_room(hlua_text *t, size_t count) {
  if (t->capacity - t->count < count) hlua_text_grow(t, count);
  char *at = t->bytes + t->count;
  t->count += count;
  return at;
}

static inline void hlua_text_add(hlua_text *t, const void *bytes, size_t count) {
  memcpy(hlua_text_room(t, count), bytes, count);
}

static inline void hlua_text_add_byte(hlua_text *t, char byte) { *hlua_text_room(t, 1) = byte; }

/// Adds the string or number at the stack's top and pops it.
static inline void hlua_text_add_top(hlua_text *t) {
  size_t count;
  const char *bytes = lua_tolstring(t->L, -1, &count);
  hlua_text_add(t, bytes, count);
  lua_pop(t->L, 1);
}

static inline void hlua_text_push(hlua_text *t) { lua_pushlstring(t->L, t->bytes, t->count); }

// MARK: The state's scratch buffer, outside the cap, for results that are built without calling back

/// Begins a string; the one before it is forgotten. A run keeps the room that it has once taken: new memory costs more than
/// what is done in it.
static inline hlua_buffer *hlua_scratch(hlua_state *s) {
  s->scratch.count = 0;
  s->scratch.failed = false;
  return &s->scratch;
}

/// Room for `count` more bytes. Raises when the string would not fit under the cap.
char *hlua_scratch_room(lua_State *L, hlua_state *s, size_t count);

static inline void hlua_scratch_add(lua_State *L, hlua_state *s, const char *bytes, size_t count) {
  if (count) memcpy(hlua_scratch_room(L, s, count), bytes, count);
}

/// Pushes the string, after a collection if it does not fit otherwise.
void hlua_scratch_push(lua_State *L, hlua_state *s);

/// Raises "not enough memory" as the VM does: without a position.
void hlua_raise_memory(lua_State *L, hlua_state *s);

#endif
