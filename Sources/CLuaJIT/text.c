#include "text.h"

void hlua_text_grow(hlua_text *t, size_t extra) {
  size_t capacity = t->capacity * 2;
  while (capacity - t->count < extra) capacity *= 2;
  hlua_make_room(t->L, state_of(t->L), capacity);
  char *bytes = lua_newuserdata(t->L, capacity);
  memcpy(bytes, t->bytes, t->count);
  lua_replace(t->L, t->slot);
  t->bytes = bytes;
  t->capacity = capacity;
}

char *hlua_scratch_room(lua_State *L, hlua_state *s, size_t count) {
  uint8_t *at = NULL;
  if (s->scratch.count + count <= s->options.memory_limit) at = hlua_buffer_reserve(&s->scratch, count);
  if (!at) hlua_raise_memory(L, s);
  return (char *)at;
}

void hlua_scratch_push(lua_State *L, hlua_state *s) {
  hlua_make_room(L, s, s->scratch.count);
  lua_pushlstring(L, (const char *)s->scratch.bytes, s->scratch.count);
}

void hlua_raise_memory(lua_State *L, hlua_state *s) {
  s->exhausted = true;
  s->memory_failures++;
  lua_pushliteral(L, "not enough memory");
  lua_error(L);
}
