// `query`, `form`, `cookies`, `base64` and `grpc`: what filters take apart most often.
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef const unsigned char *text;

// One more than the value of a hexadecimal digit.
static const unsigned char hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11,
    ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int hex_value(char c) { return hex_digits[(unsigned char)c] - 1; }

// MARK: query and form

// Percent-decodes into `out`, which has room for `count` bytes; what is no escape stays as it is.
static size_t unescape(const char *bytes, size_t count, bool plus, char *out) {
  size_t written = 0;
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] == '%' && i + 2 < count && hex_value(bytes[i + 1]) >= 0 && hex_value(bytes[i + 2]) >= 0) {
      out[written++] = (char)(hex_value(bytes[i + 1]) << 4 | hex_value(bytes[i + 2]));
      i += 2;
    } else {
      out[written++] = plus && bytes[i] == '+' ? ' ' : bytes[i];
    }
  }
  return written;
}

static void push_unescaped(lua_State *L, hlua_state *s, const char *bytes, size_t count, bool plus) {
  if (!memchr(bytes, '%', count) && !(plus && memchr(bytes, '+', count))) {
    lua_pushlstring(L, bytes, count);
    return;
  }
  hlua_buffer *scratch = hlua_scratch(s);
  char *room = hlua_scratch_room(L, s, count);
  scratch->count = unescape(bytes, count, plus, room);
  hlua_scratch_push(L, s);
}

// The table at `table` gets the value at the top under the name below it; a name that comes again has a list.
static void add_value(lua_State *L, int table) {
  lua_pushvalue(L, -2);
  lua_rawget(L, table);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_rawset(L, table);
    return;
  }
  if (!lua_istable(L, -1)) { // name, new, old
    lua_createtable(L, 2, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1); // name, new, list
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    lua_rawset(L, table);
  }
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
  lua_pop(L, 2);
}

typedef struct pair {
  const char *name, *value;
  size_t name_count, value_count;
} pair;

static bool next_pair(const char **at, const char *end, char separator, pair *p) {
  while (*at < end && **at == separator) ++*at;
  if (*at >= end) return false;
  const char *stop = memchr(*at, separator, (size_t)(end - *at));
  if (!stop) stop = end;
  const char *equals = memchr(*at, '=', (size_t)(stop - *at));
  p->name = *at;
  p->name_count = (size_t)((equals ? equals : stop) - *at);
  p->value = equals ? equals + 1 : stop;
  p->value_count = (size_t)(stop - p->value);
  *at = stop;
  return true;
}

// A path with a query, or the query alone.
static const char *query_of(const char *bytes, size_t *count) {
  const char *mark = memchr(bytes, '?', *count);
  if (!mark) {
    if (*count > 0 && *bytes == '/') *count = 0;
    return bytes;
  }
  *count -= (size_t)(mark + 1 - bytes);
  bytes = mark + 1;
  const char *fragment = memchr(bytes, '#', *count);
  if (fragment) *count = (size_t)(fragment - bytes);
  return bytes;
}

static void add_pairs(lua_State *L, const char *bytes, size_t count, int table) {
  hlua_state *s = state_of(L);
  pair p;
  hlua_note(L, s, (int64_t)(count / BYTES_A_FUEL));
  for (const char *at = bytes; next_pair(&at, bytes + count, '&', &p);) {
    hlua_charge(L, s, 16 + (int64_t)((p.name_count + p.value_count) / BYTES_A_FUEL));
    push_unescaped(L, s, p.name, p.name_count, true);
    push_unescaped(L, s, p.value, p.value_count, true);
    add_value(L, table);
  }
}

static int parse_pairs(lua_State *L, bool query) {
  size_t count;
  const char *bytes = luaL_checklstring(L, 1, &count);
  if (query) bytes = query_of(bytes, &count);
  lua_newtable(L);
  add_pairs(L, bytes, count, lua_gettop(L));
  return 1;
}

// (text, table)
static int part_parse_pairs(lua_State *L) {
  size_t count;
  const char *bytes = lua_tolstring(L, 1, &count);
  add_pairs(L, bytes, count, 2);
  return 0;
}

static int part_query_of(lua_State *L) {
  size_t count;
  const char *bytes = lua_tolstring(L, 1, &count);
  bytes = query_of(bytes, &count);
  lua_pushlstring(L, bytes, count);
  return 1;
}

static int get_pair(lua_State *L, bool query) {
  size_t count, name_count;
  const char *bytes = luaL_checklstring(L, 1, &count);
  const char *name = luaL_checklstring(L, 2, &name_count);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL) + 1);
  if (query) bytes = query_of(bytes, &count);
  pair p;
  for (const char *at = bytes; next_pair(&at, bytes + count, '&', &p);) {
    if (p.name_count < name_count || p.name_count > 3 * name_count) continue;
    hlua_buffer *scratch = hlua_scratch(s);
    char *room = hlua_scratch_room(L, s, p.name_count + 1);
    size_t size = unescape(p.name, p.name_count, true, room);
    bool same = size == name_count && memcmp(room, name, size) == 0;
    scratch->count = 0;
    if (!same) continue;
    push_unescaped(L, s, p.value, p.value_count, true);
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

static int query_parse(lua_State *L) { return parse_pairs(L, true); }
static int query_get(lua_State *L) { return get_pair(L, true); }
static int form_parse(lua_State *L) { return parse_pairs(L, false); }
static int form_get(lua_State *L) { return get_pair(L, false); }

static int query_unescape(lua_State *L) {
  size_t count;
  const char *bytes = luaL_checklstring(L, 1, &count);
  hlua_note(L, state_of(L), (int64_t)(count / BYTES_A_FUEL) + 1);
  push_unescaped(L, state_of(L), bytes, count, false);
  return 1;
}

// All but letters, digits and "-._~" (RFC 3986 section 2.3).
static int query_escape(lua_State *L) {
  static const char digits[] = "0123456789ABCDEF";
  size_t count;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL) + 1);
  hlua_buffer *scratch = hlua_scratch(s);
  char *room = hlua_scratch_room(L, s, count * 3);
  size_t written = 0;
  for (size_t i = 0; i < count; i++) {
    int c = bytes[i];
    if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_' || c == '~') {
      room[written++] = (char)c;
      continue;
    }
    room[written++] = '%';
    room[written++] = digits[c >> 4];
    room[written++] = digits[c & 15];
  }
  scratch->count = written;
  hlua_scratch_push(L, s);
  return 1;
}

// MARK: cookies

static void trim(const char **bytes, size_t *count) {
  while (*count > 0 && (**bytes == ' ' || **bytes == '\t')) ++*bytes, --*count;
  while (*count > 0 && ((*bytes)[*count - 1] == ' ' || (*bytes)[*count - 1] == '\t')) --*count;
}

static bool next_cookie(const char **at, const char *end, pair *p) {
  if (!next_pair(at, end, ';', p)) return false;
  trim(&p->name, &p->name_count);
  trim(&p->value, &p->value_count);
  if (p->value_count >= 2 && *p->value == '"' && p->value[p->value_count - 1] == '"') p->value++, p->value_count -= 2;
  return true;
}

static int cookies_get(lua_State *L) {
  size_t count = 0, name_count;
  const char *bytes = luaL_optlstring(L, 1, "", &count); // no header, no cookie
  const char *name = luaL_checklstring(L, 2, &name_count);
  hlua_charge(L, state_of(L), (int64_t)(count / BYTES_A_FUEL) + 1);
  pair p;
  for (const char *at = bytes; next_cookie(&at, bytes + count, &p);) {
    if (p.name_count != name_count || memcmp(p.name, name, name_count) != 0) continue;
    lua_pushlstring(L, p.value, p.value_count);
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

// Of two cookies of one name the first counts: user agents send the more specific one first (RFC 6265 section 5.4).
static int add_cookies(lua_State *L, const char *bytes, size_t count) {
  pair p;
  hlua_note(L, state_of(L), (int64_t)(count / BYTES_A_FUEL));
  for (const char *at = bytes; next_cookie(&at, bytes + count, &p);) {
    hlua_charge(L, state_of(L), 16);
    lua_pushlstring(L, p.name, p.name_count);
    lua_pushvalue(L, -1);
    lua_rawget(L, 2);
    bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushlstring(L, p.value, p.value_count);
    lua_rawset(L, 2);
  }
  return 1;
}

static int cookies_parse(lua_State *L) {
  size_t count = 0;
  const char *bytes = luaL_optlstring(L, 1, "", &count);
  lua_settop(L, 1);
  lua_newtable(L);
  return add_cookies(L, bytes, count);
}

// (text, table)
static int part_parse_cookies(lua_State *L) {
  size_t count;
  const char *bytes = lua_tolstring(L, 1, &count);
  return add_cookies(L, bytes, count) - 1;
}

// MARK: base64

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// (bytes[, for URLs: '-' and '_', no padding])
static int base64_encode(lua_State *L) {
  size_t count, written = 0;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  bool url = lua_toboolean(L, 2);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL) + 1);
  hlua_buffer *scratch = hlua_scratch(s);
  char *room = hlua_scratch_room(L, s, (count + 2) / 3 * 4);
  for (size_t i = 0; i < count; i += 3) {
    size_t rest = count - i;
    unsigned group = (unsigned)bytes[i] << 16 | (rest > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (rest > 2 ? bytes[i + 2] : 0);
    for (size_t k = 0; k < 4; k++) {
      if (k > rest) {
        if (!url) room[written++] = '=';
        continue;
      }
      char c = base64_letters[group >> (18 - 6 * k) & 63];
      room[written++] = url && c == '+' ? '-' : url && c == '/' ? '_' : c;
    }
  }
  scratch->count = written;
  hlua_scratch_push(L, s);
  return 1;
}

static int base64_value(int c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

// Either alphabet, with padding or without; nil for anything else.
static int not_base64(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

static int base64_decode(lua_State *L) {
  size_t count;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL) + 1);
  if (count % 4 == 0)
    for (int i = 0; i < 2 && count > 0 && bytes[count - 1] == '='; i++) count--;
  hlua_buffer *scratch = hlua_scratch(s);
  unsigned char *room = (unsigned char *)hlua_scratch_room(L, s, count);
  unsigned group = 0;
  int bits = 0;
  size_t written = 0;
  for (size_t i = 0; i < count; i++) {
    int value = base64_value(bytes[i]);
    if (value < 0) return not_base64(L);
    group = group << 6 | (unsigned)value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    room[written++] = (unsigned char)(group >> bits);
  }
  if (bits == 6 || (group & ((1u << bits) - 1)) != 0) return not_base64(L);
  scratch->count = written;
  hlua_scratch_push(L, s);
  return 1;
}

// MARK: grpc

static bool take_varint(text *at, text end, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64 && *at < end; shift += 7) {
    unsigned char byte = *(*at)++;
    *value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

typedef struct field {
  int type;
  uint64_t number;
  text bytes;
  size_t count;
} field;

static bool take_bytes(text *at, text end, uint64_t count, field *f) {
  if ((uint64_t)(end - *at) < count) return false;
  f->bytes = *at;
  f->count = (size_t)count;
  *at += count;
  return true;
}

static bool take_field(text *at, text end, uint64_t *tag, field *f) {
  uint64_t count;
  if (!take_varint(at, end, tag)) return false;
  f->type = (int)(*tag & 7);
  *tag >>= 3;
  switch (f->type) {
  case 0: return take_varint(at, end, &f->number);
  case 1: return take_bytes(at, end, 8, f);
  case 2: return take_varint(at, end, &count) && take_bytes(at, end, count, f);
  case 5: return take_bytes(at, end, 4, f);
  default: return false;
  }
}

// Of several fields of one number the last counts, as for every protobuf reader.
static int find_field(text at, text end, uint64_t wanted, field *found) {
  int result = 0;
  field f = {0};
  uint64_t tag;
  while (at < end) {
    if (!take_field(&at, end, &tag, &f)) return -1;
    if (tag != wanted) continue;
    *found = f;
    result = 1;
  }
  return result;
}

enum { EXACT_BITS = 53 }; // whole numbers up to 2^53 are exact in Lua

// A number if it is exact, or else its decimal digits. All are taken as signed, for a negative int32 has 64 bits, too.
static void push_integer(lua_State *L, int64_t value) {
  if (value <= (int64_t)1 << EXACT_BITS && value >= -((int64_t)1 << EXACT_BITS)) {
    lua_pushnumber(L, (lua_Number)value);
    return;
  }
  char digits[24];
  lua_pushlstring(L, digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, value));
}

static int push_field(lua_State *L, const field *f) {
  uint64_t bits = 0;
  switch (f->type) {
  case 0: push_integer(L, (int64_t)f->number); return 1;
  case 2: lua_pushlstring(L, (const char *)f->bytes, f->count); return 1;
  default:
    for (size_t i = f->count; i > 0; i--) bits = bits << 8 | f->bytes[i - 1];
    push_integer(L, f->count == 4 ? (int32_t)bits : (int64_t)bits);
    return 1;
  }
}

// (message, numbers of fields from the outermost inwards …) → the field, or nil, and with it a message when it is malformed.
static int descend(lua_State *L, text at, text end, int first) {
  field f = {0};
  int top = lua_gettop(L);
  if (first > top) return luaL_argerror(L, first, "a field's number expected");
  hlua_charge(L, state_of(L), (int64_t)((end - at) / 2) + 8);
  for (int i = first; i <= top; i++) {
    lua_Number number = luaL_checknumber(L, i);
    if (!(number >= 1 && number < 536870912)) return luaL_argerror(L, i, "no field's number");
    if (i > first) {
      if (f.type != 2) break;
      at = f.bytes;
      end = f.bytes + f.count;
    }
    int result = find_field(at, end, (uint64_t)number, &f);
    if (result == 1) {
      if (i == top) return push_field(L, &f);
      continue;
    }
    lua_pushnil(L);
    if (result == 0) return 1;
    lua_pushliteral(L, "malformed message");
    return 2;
  }
  lua_pushnil(L);
  return 1;
}

enum { FIELDS_AT_ONCE = 4096 };

static bool is_field(lua_State *L, int index) {
  lua_Number number = lua_tonumber(L, index);
  return lua_isnumber(L, index) && number >= 1 && number < 536870912;
}

static int part_is_field(lua_State *L) {
  lua_pushboolean(L, is_field(L, 1));
  return 1;
}

// (text, offset, end, number) → the offset behind some fields, or nil; and of the last one of the number among them the type,
// where its bytes begin and end, and its value if it is no bytes
static int part_scan_fields(lua_State *L) {
  text bytes = (text)lua_tostring(L, 1), at = bytes + lua_tointeger(L, 2), end = bytes + lua_tointeger(L, 3);
  uint64_t wanted = (uint64_t)lua_tonumber(L, 4), tag;
  field f = {0}, found = {0};
  bool any = false;
  int count = 0;
  for (; at < end && count < FIELDS_AT_ONCE; count++) {
    if (!take_field(&at, end, &tag, &f)) return 0;
    if (tag != wanted) continue;
    found = f;
    any = true;
  }
  hlua_note(L, state_of(L), count);
  lua_pushinteger(L, at - bytes);
  if (!any) return 1;
  lua_pushinteger(L, found.type);
  if (found.type != 2) {
    lua_pushnil(L);
    lua_pushnil(L);
    push_field(L, &found);
    return 5;
  }
  lua_pushinteger(L, found.bytes - bytes);
  lua_pushinteger(L, found.bytes - bytes + (ptrdiff_t)found.count);
  return 4;
}

// The length of the first message of a gRPC body; -1 with a message that says why there is none, or without.
static ptrdiff_t first_message(text bytes, size_t count, const char **problem) {
  *problem = NULL;
  if (count < 5) return -1;
  size_t size = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
  if (bytes[0] != 0) *problem = "the message is compressed";
  else if (size > count - 5) *problem = "the message is incomplete";
  return *problem ? -1 : (ptrdiff_t)size;
}

static int refuse_message(lua_State *L, const char *problem) {
  lua_pushnil(L);
  if (!problem) return 1;
  lua_pushstring(L, problem);
  return 2;
}

// (body) → where its first message begins and ends; or nil and why
static int part_body_of(lua_State *L) {
  size_t count;
  const char *problem;
  text bytes = (text)lua_tolstring(L, 1, &count);
  ptrdiff_t size = first_message(bytes, count, &problem);
  if (size < 0) return refuse_message(L, problem);
  lua_pushinteger(L, 5);
  lua_pushinteger(L, 5 + size);
  return 2;
}

const luaL_Reg hlua_text_parts[] = {
    {"parse_pairs", part_parse_pairs}, {"query_of", part_query_of},       {"parse_cookies", part_parse_cookies},
    {"is_field", part_is_field},       {"scan_fields", part_scan_fields}, {"body_of", part_body_of},
    {NULL, NULL},
};

static int grpc_message(lua_State *L) {
  size_t count;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  return descend(L, bytes, bytes + count, 2);
}

// The first message of a gRPC body.
static int grpc_field(lua_State *L) {
  size_t count;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  const char *problem;
  ptrdiff_t size = first_message(bytes, count, &problem);
  if (size < 0) return refuse_message(L, problem);
  return descend(L, bytes + 5, bytes + 5 + size, 2);
}

static void set_library(lua_State *L, const char *name, const luaL_Reg *functions) {
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_setfield(L, -2, name);
}

void hlua_open_text(lua_State *L) {
  static const luaL_Reg query[] = {
      {"parse", query_parse}, {"get", query_get}, {"escape", query_escape}, {"unescape", query_unescape}, {NULL, NULL},
  };
  static const luaL_Reg form[] = {{"parse", form_parse}, {"get", form_get}, {NULL, NULL}};
  static const luaL_Reg cookies[] = {{"parse", cookies_parse}, {"get", cookies_get}, {NULL, NULL}};
  static const luaL_Reg base64[] = {{"encode", base64_encode}, {"decode", base64_decode}, {NULL, NULL}};
  static const luaL_Reg grpc[] = {{"field", grpc_field}, {"message", grpc_message}, {NULL, NULL}};
  set_library(L, "query", query);
  set_library(L, "form", form);
  set_library(L, "cookies", cookies);
  set_library(L, "base64", base64);
  set_library(L, "grpc", grpc);
}
