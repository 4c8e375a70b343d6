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
  int steps; // bytes until the budget is asked again
} hlua_json;

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
/// Whether nothing but whitespace is left.
bool hlua_json_at_end(hlua_json *j);

#endif
