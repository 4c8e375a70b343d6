#include "json.h"

#include <stdlib.h>

typedef const unsigned char *text;

void hlua_json_init(hlua_json *j, lua_State *L, const char *bytes, size_t count) {
  *j = (hlua_json){.L = L, .state = state_of(L), .start = (text)bytes, .at = (text)bytes, .end = (text)bytes + count};
  j->steps = STEPS_A_CHARGE;
}

// The budget is asked now and then; raises when it is spent.
static inline void count(hlua_json *j, ptrdiff_t bytes) {
  j->steps -= (int)(bytes / 4) + 1;
  if (j->steps > 0) return;
  hlua_charge(j->L, j->state, STEPS_A_CHARGE - j->steps);
  j->steps = STEPS_A_CHARGE;
}

static bool fail(hlua_json *j, const char *error) {
  j->error = error;
  return false;
}

int hlua_json_peek(hlua_json *j) {
  text start = j->at;
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r')) j->at++;
  j->steps -= (int)((j->at - start) / 4);
  return j->at < j->end ? *j->at : 0;
}

bool hlua_json_at_end(hlua_json *j) {
  hlua_json_peek(j);
  return j->at == j->end;
}

// MARK: Strings

static int hex_value(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static long code_unit(text at) {
  long value = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_value(at[i]);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

bool hlua_json_string(hlua_json *j, text *bytes, size_t *size, bool *escaped) {
  text at = j->at + 1, start = at;
  *escaped = false;
  while (at < j->end && *at != '"') {
    if (*at < 0x20) {
      j->at = at;
      return fail(j, "control character in a string");
    }
    if (*at++ != '\\') continue;
    *escaped = true;
    if (at == j->end) break;
    if (*at == 'u') {
      if (j->end - at < 5 || code_unit(at + 1) < 0) {
        j->at = at;
        return fail(j, "invalid escape");
      }
      at += 4;
    } else if (!*at || !strchr("\"\\/bfnrt", *at)) {
      j->at = at;
      return fail(j, "invalid escape");
    }
    at++;
  }
  if (at >= j->end) {
    j->at = j->end;
    return fail(j, "unfinished string");
  }
  *bytes = start;
  *size = (size_t)(at - start);
  count(j, at - start);
  j->at = at + 1;
  return true;
}

static size_t put_utf8(long code, unsigned char *out) {
  if (code < 0x80) {
    out[0] = (unsigned char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (unsigned char)(0xC0 | code >> 6);
    out[1] = (unsigned char)(0x80 | (code & 63));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (unsigned char)(0xE0 | code >> 12);
    out[1] = (unsigned char)(0x80 | (code >> 6 & 63));
    out[2] = (unsigned char)(0x80 | (code & 63));
    return 3;
  }
  out[0] = (unsigned char)(0xF0 | code >> 18);
  out[1] = (unsigned char)(0x80 | (code >> 12 & 63));
  out[2] = (unsigned char)(0x80 | (code >> 6 & 63));
  out[3] = (unsigned char)(0x80 | (code & 63));
  return 4;
}

// Half a surrogate pair becomes U+FFFD.
static text unescape_unit(text at, text end, unsigned char *out, size_t *written) {
  long code = code_unit(at);
  at += 4;
  if (code >= 0xD800 && code <= 0xDFFF) {
    long low = code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? code_unit(at + 2) : -1;
    if (low >= 0xDC00 && low <= 0xDFFF) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      at += 6;
    } else {
      code = 0xFFFD;
    }
  }
  *written += put_utf8(code, out + *written);
  return at;
}

size_t hlua_json_unescape(text bytes, size_t size, unsigned char *out) {
  size_t written = 0;
  for (text at = bytes, end = bytes + size; at < end;) {
    if (*at != '\\') {
      out[written++] = *at++;
      continue;
    }
    at++;
    switch (*at++) {
    case 'b': out[written++] = '\b'; break;
    case 'f': out[written++] = '\f'; break;
    case 'n': out[written++] = '\n'; break;
    case 'r': out[written++] = '\r'; break;
    case 't': out[written++] = '\t'; break;
    case 'u': at = unescape_unit(at, end, out, &written); break;
    default: out[written++] = at[-1]; break;
    }
  }
  return written;
}

// The bytes of a character of several (RFC 3629 section 4); 0 where there is none.
static size_t utf8_length(text at, text end) {
  size_t size = *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;
  if (!size || (size_t)(end - at) < size) return 0;
  unsigned char least = *at == 0xE0 ? 0xA0 : *at == 0xF0 ? 0x90 : 0x80, most = *at == 0xED ? 0x9F : *at == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < least || at[1] > most) return 0;
  for (size_t i = 2; i < size; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return size;
}

// Whether a string's contents, whose escapes are well formed, are text without half a surrogate pair.
static bool is_text(hlua_json *j, text bytes, size_t size) {
  for (text at = bytes, end = bytes + size; at < end;) {
    if (*at == '\\' && at[1] == 'u') {
      long code = code_unit(at + 2), low = -1;
      if (code >= 0xD800 && code <= 0xDFFF) {
        if (code < 0xDC00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') low = code_unit(at + 8);
        if (low < 0xDC00 || low > 0xDFFF) {
          j->at = at;
          return fail(j, "half a surrogate pair");
        }
        at += 6;
      }
      at += 6;
    } else if (*at < 0x80) {
      at += *at == '\\' ? 2 : 1;
    } else {
      size_t length = utf8_length(at, end);
      if (!length) {
        j->at = at;
        return fail(j, "invalid UTF-8");
      }
      at += length;
    }
  }
  return true;
}

static bool push_string(hlua_json *j) {
  text bytes;
  size_t size;
  bool escaped;
  if (!hlua_json_string(j, &bytes, &size, &escaped)) return false;
  if (j->strict && !is_text(j, bytes, size)) return false;
  if (!escaped) {
    lua_pushlstring(j->L, (const char *)bytes, size);
    return true;
  }
  hlua_buffer *scratch = hlua_scratch(j->state);
  unsigned char *room = (unsigned char *)hlua_scratch_room(j->L, j->state, size);
  scratch->count = hlua_json_unescape(bytes, size, room);
  hlua_scratch_push(j->L, j->state);
  return true;
}

// MARK: Numbers and literals

static bool skip_number(hlua_json *j) {
  text at = j->at, end = j->end;
  if (at < end && *at == '-') at++;
  text digits = at;
  while (at < end && *at >= '0' && *at <= '9') at++;
  if (at == digits || (*digits == '0' && at - digits > 1)) goto bad;
  if (at < end && *at == '.') {
    digits = ++at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    if (at == digits) goto bad;
  }
  if (at < end && (*at | 32) == 'e') {
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    digits = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    if (at == digits) goto bad;
  }
  count(j, at - j->at);
  j->at = at;
  return true;
bad:
  j->at = at;
  return fail(j, "invalid number");
}

static bool push_number(hlua_json *j) {
  text start = j->at;
  if (!skip_number(j)) return false;
  size_t size = (size_t)(j->at - start);
  // The number ends before the text does, or at the NUL that Lua puts behind every string.
  if (size < 16 && !memchr(start, '.', size) && !memchr(start, 'e', size) && !memchr(start, 'E', size)) {
    long long value = 0;
    for (text at = start + (*start == '-'); at < j->at; at++) value = value * 10 + (*at - '0');
    lua_pushnumber(j->L, *start == '-' ? -(double)value : (double)value);
    return true;
  }
  lua_pushnumber(j->L, strtod((const char *)start, NULL));
  return true;
}

static bool skip_word(hlua_json *j, const char *word, size_t size) {
  if ((size_t)(j->end - j->at) < size || memcmp(j->at, word, size) != 0) return fail(j, "invalid value");
  j->at += size;
  count(j, 4);
  return true;
}

// MARK: Values

static bool enter(hlua_json *j) {
  if (++j->depth > JSON_DEPTH) return fail(j, "nested too deep");
  j->at++;
  return true;
}

static bool skip_members(hlua_json *j, bool object) {
  int close = object ? '}' : ']';
  if (!enter(j)) return false;
  if (hlua_json_peek(j) == close) goto done;
  for (;;) {
    if (object) {
      text bytes;
      size_t size;
      bool escaped;
      if (hlua_json_peek(j) != '"') return fail(j, "a name was expected");
      if (!hlua_json_string(j, &bytes, &size, &escaped)) return false;
      if (hlua_json_peek(j) != ':') return fail(j, "':' was expected");
      j->at++;
    }
    if (!hlua_json_skip(j)) return false;
    int next = hlua_json_peek(j);
    if (next == close) break;
    if (next != ',') return fail(j, object ? "',' or '}' was expected" : "',' or ']' was expected");
    j->at++;
  }
done:
  j->at++;
  j->depth--;
  return true;
}

bool hlua_json_skip(hlua_json *j) {
  text bytes;
  size_t size;
  bool escaped;
  count(j, 1);
  switch (hlua_json_peek(j)) {
  case '{': return skip_members(j, true);
  case '[': return skip_members(j, false);
  case '"': return hlua_json_string(j, &bytes, &size, &escaped);
  case 't': return skip_word(j, "true", 4);
  case 'f': return skip_word(j, "false", 5);
  case 'n': return skip_word(j, "null", 4);
  case 0: return j->at < j->end ? fail(j, "invalid value") : fail(j, "unfinished text");
  default: return skip_number(j);
  }
}

// Puts the next member's name into the place behind the object at the stack's top.
static bool take_name(hlua_json *j) {
  if (hlua_json_peek(j) != '"') return fail(j, "a name was expected");
  lua_pop(j->L, 1);
  if (!push_string(j)) return false;
  if (j->strict) {
    lua_pushvalue(j->L, -1);
    lua_rawget(j->L, -3);
    bool known = !lua_isnil(j->L, -1);
    lua_pop(j->L, 1);
    if (known) return fail(j, "a name comes twice");
  }
  if (hlua_json_peek(j) != ':') return fail(j, "':' was expected");
  j->at++;
  return true;
}

static bool push_scalar(hlua_json *j, int first) {
  switch (first) {
  case '"': return push_string(j);
  case 't': lua_pushboolean(j->L, 1); return skip_word(j, "true", 4);
  case 'f': lua_pushboolean(j->L, 0); return skip_word(j, "false", 5);
  case 'n': lua_pushlightuserdata(j->L, NULL); return skip_word(j, "null", 4);
  case 0: return j->at < j->end ? fail(j, "invalid value") : fail(j, "unfinished text");
  default: return push_number(j);
  }
}

// The container at hand takes the value at the stack's top.
static void take_value(hlua_json *j, hlua_json_level *level) {
  if (level->kind == '[') {
    lua_rawseti(j->L, -3, ++level->index);
    return;
  }
  lua_rawset(j->L, -3);
  lua_pushnil(j->L);
}

// Opens a container. An empty one is closed at once: an array is marked, so that it is written as one again.
static bool open_container(hlua_json *j, hlua_json_level *level, int kind) {
  if (!enter(j)) return false;
  luaL_checkstack(j->L, 6, "nested too deep");
  lua_newtable(j->L);
  lua_pushnil(j->L);
  *level = (hlua_json_level){.kind = kind};
  if (hlua_json_peek(j) != kind + 2) return kind == '[' || take_name(j);
  if (kind == '[') {
    lua_rawgeti(j->L, LUA_REGISTRYINDEX, j->state->array_ref);
    lua_setmetatable(j->L, -3);
  }
  level->kind = 0;
  lua_pop(j->L, 1);
  j->at++;
  j->depth--;
  return true;
}

hlua_json_progress hlua_json_build(hlua_json *j, hlua_json_level *levels, int base, bool may_pause) {
  for (;;) {
    count(j, 4);
    if (may_pause && hlua_json_pauses(j->L, j->state)) return JSON_PAUSED;
    int first = hlua_json_peek(j);
    if (first == '{' || first == '[') {
      hlua_json_level *level = &levels[j->depth - base];
      if (!open_container(j, level, first)) return JSON_FAILED;
      if (level->kind) continue;
    } else if (!push_scalar(j, first)) {
      return JSON_FAILED;
    }
    for (;;) {
      if (j->depth == base) return JSON_DONE;
      hlua_json_level *level = &levels[j->depth - base - 1];
      take_value(j, level);
      int next = hlua_json_peek(j);
      if (next == ',') {
        j->at++;
        if (level->kind == '{' && !take_name(j)) return JSON_FAILED;
        break;
      }
      if (next != level->kind + 2) return fail(j, level->kind == '{' ? "',' or '}' was expected" : "',' or ']' was expected"), JSON_FAILED;
      j->at++;
      j->depth--;
      lua_pop(j->L, 1);
    }
  }
}

bool hlua_json_decode(hlua_json *j) {
  hlua_json_level levels[JSON_DEPTH + 1];
  luaL_checkstack(j->L, 6, "nested too deep");
  return hlua_json_build(j, levels, j->depth, false) == JSON_DONE;
}
