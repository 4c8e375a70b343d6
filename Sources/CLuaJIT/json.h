// A reader of JSON (RFC 8259) that trusts nothing: it skims values, and says where it found what it did not expect.
#ifndef HEDDLE_CLUAJIT_JSON_H
#define HEDDLE_CLUAJIT_JSON_H

#include "text.h"

enum { JSON_DEPTH = 100 }; // objects and arrays in one another

typedef struct hlua_json {
  lua_State *L;
  hlua_state *state;
  const unsigned char *start, *at, *end;
  const char *error; // NULL while all is well; `at` is where
  int depth;
  bool strict; // refuses what readers differ about: names that come twice, half surrogate pairs, invalid UTF-8
  int steps; // bytes until the budget is asked again
} hlua_json;

// An object or array that is open: the table and the name of the member at hand stand on the Lua stack.
typedef struct hlua_json_level {
  int kind; // '{', '[', or '?' while it is not known yet
  int index, count;
} hlua_json_level;

typedef enum { JSON_DONE, JSON_PAUSED, JSON_FAILED } hlua_json_progress;

// Work that is put aside, so that others get their turn: it is a value of the script's state that no script sees, with a
// table for what it holds (values by their places from 1 on, text at 0, what is written already below).
typedef struct hlua_json_job {
  bool writes, strict;
  int depth, parts;
  size_t offset;
  hlua_json_level levels[JSON_DEPTH];
} hlua_json_job;

static inline bool hlua_json_pauses(lua_State *L, const hlua_state *s) {
  return s->slice_over && s->hooked && s->current && lua_isyieldable(L);
}

/// Pushes a job with the two values of each level from the stack's top, which are popped; `table` is an earlier job's or 0.
hlua_json_job *hlua_json_put_aside(lua_State *L, int table, int depth, const hlua_json_level *levels);
/// Pushes a job's table, and behind it the values of its levels.
const hlua_json_job *hlua_json_take(lua_State *L, int index);
/// (value) → nil and the text, or a job
int hlua_json_encode(lua_State *L);
int hlua_json_encode_step(lua_State *L);

void hlua_json_init(hlua_json *j, lua_State *L, const char *bytes, size_t count);
/// Passes whitespace; the next byte, or 0 at the end.
int hlua_json_peek(hlua_json *j);
/// Passes any value. False with `error`.
bool hlua_json_skip(hlua_json *j);
/// Passes a string; its contents between the quotes, `escaped` telling whether there are escapes in them.
bool hlua_json_string(hlua_json *j, const unsigned char **bytes, size_t *count, bool *escaped);
/// Decodes the escapes of a string's contents into `out`, which has room for `count` bytes; the bytes written.
size_t hlua_json_unescape(const unsigned char *bytes, size_t count, unsigned char *out);
/// Pushes the value; tables are built. False with `error`.
bool hlua_json_decode(hlua_json *j);
/// As hlua_json_decode, or as far as the time slice goes: the levels say where, `base` is the depth that it began at.
hlua_json_progress hlua_json_build(hlua_json *j, hlua_json_level *levels, int base, bool may_pause);
/// Whether nothing but whitespace is left.
bool hlua_json_at_end(hlua_json *j);

#endif
