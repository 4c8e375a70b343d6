// Writing JSON: one value after the other, so that the work can be put aside between two of them.
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct writer {
  lua_State *L;
  hlua_state *state;
  int depth;
  hlua_json_level levels[JSON_DEPTH + 1];
} writer;

static void put(writer *w, const char *bytes, size_t count) { hlua_scratch_add(w->L, w->state, bytes, count); }

// What stands for a byte in a string: nothing where it stands for itself.
static size_t escape_of(int c, char *out) {
  static const char short_names[] = "btn\0fr", digits[] = "0123456789abcdef"; // from \b on
  if (c >= 0x20 && c != '"' && c != '\\') return 0;
  out[0] = '\\';
  out[1] = c >= 0x20 ? (char)c : c >= '\b' && c <= '\r' ? short_names[c - '\b'] : 0;
  if (out[1]) return 2;
  memcpy(out + 1, "u00", 3);
  out[4] = digits[c >> 4];
  out[5] = digits[c & 15];
  return 6;
}

enum { STRING_PIECE = 4096, ESCAPE_BYTES = 6 };

static void put_piece(writer *w, const char *bytes, size_t count) {
  char *room = hlua_scratch_room(w->L, w->state, count * ESCAPE_BYTES), *at = room;
  for (size_t i = 0; i < count; i++) {
    size_t size = escape_of((unsigned char)bytes[i], at);
    if (size == 0) *at = bytes[i], size = 1;
    at += size;
  }
  w->state->scratch.count -= count * ESCAPE_BYTES - (size_t)(at - room);
}

static void put_string(writer *w, int index) {
  size_t count;
  const char *bytes = lua_tolstring(w->L, index, &count), *end = bytes + count;
  put(w, "\"", 1);
  while (bytes < end) {
    // Most bytes stand for themselves.
    const char *plain = bytes, *stop = end - bytes > STRING_PIECE ? bytes + STRING_PIECE : end;
    while (plain < stop && (unsigned char)*plain >= 0x20 && *plain != '"' && *plain != '\\') plain++;
    put(w, bytes, (size_t)(plain - bytes));
    if (plain < stop) put_piece(w, plain, (size_t)(stop - plain));
    hlua_note(w->L, w->state, (int64_t)(stop - bytes) / BYTES_A_FUEL + 1 + (stop - plain) / 4);
    bytes = stop;
  }
  if (count == 0) hlua_note(w->L, w->state, 1);
  put(w, "\"", 1);
}

static void put_number(writer *w, double number) {
  char digits[32];
  if (!isfinite(number)) hlua_raise(w->L, "cannot encode a number that is not finite");
  int count = snprintf(digits, sizeof digits, fabs(number) < 9007199254740992.0 && number == floor(number) ? "%.0f" : "%.14g", number);
  if (strtod(digits, NULL) != number) count = snprintf(digits, sizeof digits, "%.17g", number);
  put(w, digits, (size_t)count);
}

// Writes the value at the stack's top and pops it.
static void put_scalar(writer *w) {
  lua_State *L = w->L;
  switch (lua_type(L, -1)) {
  case LUA_TNIL:
  case LUA_TLIGHTUSERDATA: put(w, "null", 4); break;
  case LUA_TBOOLEAN: lua_toboolean(L, -1) ? put(w, "true", 4) : put(w, "false", 5); break;
  case LUA_TNUMBER: put_number(w, lua_tonumber(L, -1)); break;
  case LUA_TSTRING: put_string(w, -1); break;
  default: hlua_raise(L, lua_pushfstring(L, "cannot encode a %s", luaL_typename(L, -1)));
  }
  lua_pop(L, 1);
}

static bool is_marked(writer *w) {
  if (!lua_getmetatable(w->L, -1)) return false;
  lua_rawgeti(w->L, LUA_REGISTRYINDEX, w->state->array_ref);
  bool marked = lua_rawequal(w->L, -1, -2);
  lua_pop(w->L, 2);
  return marked;
}

static void begin(writer *w, hlua_json_level *level, int kind) {
  level->kind = kind;
  level->index = 0;
  put(w, kind == '{' ? "{" : "[", 1);
}

// The table at the stack's top; a nil takes the place behind it, where the key stands.
static void open_table(writer *w) {
  lua_State *L = w->L;
  if (w->depth == JSON_DEPTH) hlua_raise(L, lua_pushfstring(L, "cannot encode tables that are nested deeper than %d", JSON_DEPTH));
  luaL_checkstack(L, 8, "nested too deep");
  hlua_json_level *level = &w->levels[w->depth++];
  *level = (hlua_json_level){.kind = '?', .count = (int)lua_objlen(L, -1)};
  if (is_marked(w)) begin(w, level, '[');
  else if (level->count == 0) begin(w, level, '{');
  lua_pushnil(L);
}

// One key more of a table with elements: it is an array if it has no others.
static void look(writer *w, hlua_json_level *level) {
  lua_State *L = w->L;
  hlua_note(L, w->state, 1);
  if (!lua_next(L, -2)) {
    lua_pushnil(L);
    begin(w, level, level->index == level->count ? '[' : '{');
    return;
  }
  lua_pop(L, 1);
  if (lua_type(L, -1) == LUA_TNUMBER && ++level->index <= level->count) return;
  lua_pop(L, 1);
  lua_pushnil(L);
  begin(w, level, '{');
}

// Goes on with the innermost table: true with a value at the stack's top, false when it is written.
static bool next_element(writer *w, hlua_json_level *level) {
  lua_State *L = w->L;
  if (level->index == level->count) {
    put(w, "]", 1);
    lua_pop(L, 2);
    return false;
  }
  if (level->index > 0) put(w, ",", 1);
  lua_rawgeti(L, -2, ++level->index);
  return true;
}

static bool next_member(writer *w, hlua_json_level *level) {
  lua_State *L = w->L;
  if (!lua_next(L, -2)) {
    put(w, "}", 1);
    lua_pop(L, 1);
    return false;
  }
  int type = lua_type(L, -2);
  if (type != LUA_TSTRING && type != LUA_TNUMBER)
    hlua_raise(L, lua_pushfstring(L, "cannot encode a table with a %s as key", luaL_typename(L, -2)));
  if (level->index > 0) put(w, ",", 1);
  level->index = 1;
  lua_pushvalue(L, -2);
  put_string(w, -1);
  lua_pop(L, 1);
  put(w, ":", 1);
  return true;
}

// The value at the stack's top if there is one, and all that is open. False when the time slice is over.
static bool write_all(writer *w, bool has_value) {
  for (;;) {
    if (has_value) {
      hlua_note(w->L, w->state, 4);
      if (lua_type(w->L, -1) == LUA_TTABLE) open_table(w);
      else put_scalar(w);
      has_value = false;
    }
    if (w->depth == 0) return true;
    if (hlua_json_pauses(w->L, w->state)) return false;
    hlua_json_level *level = &w->levels[w->depth - 1];
    if (level->kind == '?') look(w, level);
    else if (level->kind == '[' ? next_element(w, level) : next_member(w, level)) has_value = true;
    else w->depth--;
  }
}

// What was written before a pause stands in the job's table, piece by piece.
static int finished(lua_State *L, hlua_state *s, int table, int parts) {
  lua_pushnil(L);
  hlua_scratch_push(L, s);
  if (parts == 0) return 2;
  int rest = lua_gettop(L);
  hlua_scratch(s);
  for (int i = 1; i <= parts + 1; i++) {
    size_t count;
    if (i <= parts) lua_rawgeti(L, table, -i);
    else lua_pushvalue(L, rest);
    const char *bytes = lua_tolstring(L, -1, &count);
    hlua_scratch_add(L, s, bytes, count);
    lua_pop(L, 1);
  }
  hlua_note(L, s, (int64_t)(s->scratch.count / BYTES_A_FUEL));
  hlua_scratch_push(L, s);
  lua_replace(L, rest);
  return 2;
}

static int written(writer *w, bool done, int table, int parts) {
  lua_State *L = w->L;
  if (done) return finished(L, w->state, table, parts);
  hlua_json_job *job = hlua_json_put_aside(L, table, w->depth, w->levels);
  job->writes = true;
  job->parts = parts + 1;
  lua_getfenv(L, -1);
  hlua_scratch_push(L, w->state);
  lua_rawseti(L, -2, -job->parts);
  lua_pop(L, 1);
  return 1;
}

int hlua_json_encode(lua_State *L) {
  if (lua_gettop(L) == 0) return hlua_raise(L, "bad argument #1 to 'encode' (value expected)");
  lua_settop(L, 1);
  writer w = {.L = L, .state = state_of(L)};
  hlua_scratch(w.state);
  return written(&w, write_all(&w, true), 0, 0);
}

int hlua_json_encode_step(lua_State *L) {
  lua_settop(L, 1);
  const hlua_json_job *job = hlua_json_take(L, 1);
  writer w = {.L = L, .state = state_of(L), .depth = job->depth};
  memcpy(w.levels, job->levels, (size_t)job->depth * sizeof *w.levels);
  int parts = job->parts;
  hlua_scratch(w.state);
  return written(&w, write_all(&w, false), 2, parts);
}
