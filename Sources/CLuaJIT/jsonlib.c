// `json` and `cjson`: decode, encode, and pick, which finds one value without building the others.
#include "json.h"

#include <stdlib.h>

typedef const unsigned char *text;

static void push_problem(lua_State *L, hlua_json *j) {
  lua_pushfstring(L, "invalid JSON at byte %d: %s", (int)(j->at - j->start) + 1, j->error);
}

// nil and the value; nil, nil and a message; or a job
static int decoded(lua_State *L, hlua_json *j, const hlua_json_level *levels, hlua_json_progress progress, int table) {
  if (progress == JSON_PAUSED) {
    hlua_json_job *job = hlua_json_put_aside(L, table, j->depth, levels);
    job->offset = (size_t)(j->at - j->start);
    job->strict = j->strict;
    if (table) return 1;
    lua_getfenv(L, -1);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 0);
    lua_pop(L, 1);
    return 1;
  }
  if (progress == JSON_DONE && !hlua_json_at_end(j)) {
    j->error = "something follows the value";
    progress = JSON_FAILED;
  }
  lua_pushnil(L);
  if (progress == JSON_DONE) {
    lua_insert(L, -2);
    return 2;
  }
  lua_pushnil(L);
  push_problem(L, j);
  return 3;
}

static int decode(lua_State *L) {
  if (!lua_isstring(L, 1)) return hlua_raise_type(L, 1, lua_gettop(L), "string");
  bool strict = lua_toboolean(L, 2);
  lua_settop(L, 1);
  size_t count;
  const char *bytes = lua_tolstring(L, 1, &count);
  hlua_json j;
  hlua_json_level levels[JSON_DEPTH + 1];
  hlua_json_init(&j, L, bytes, count);
  j.strict = strict;
  return decoded(L, &j, levels, hlua_json_build(&j, levels, 0, true), 0);
}

static int decode_step(lua_State *L) {
  hlua_json_level levels[JSON_DEPTH + 1];
  hlua_json j;
  lua_settop(L, 1);
  const hlua_json_job *job = hlua_json_take(L, 1);
  memcpy(levels, job->levels, (size_t)job->depth * sizeof *levels);
  lua_rawgeti(L, 2, 0);
  size_t count;
  const char *bytes = lua_tolstring(L, -1, &count);
  lua_pop(L, 1); // the job's table has it
  hlua_json_init(&j, L, bytes, count);
  j.at += job->offset;
  j.depth = job->depth;
  j.strict = job->strict;
  return decoded(L, &j, levels, hlua_json_build(&j, levels, 0, true), 2);
}

static int take_step(lua_State *L) {
  const hlua_json_job *job = lua_touserdata(L, 1);
  return job->writes ? hlua_json_encode_step(L) : decode_step(L);
}

const luaL_Reg hlua_json_parts[] = {{"json_decode", decode}, {"json_encode", hlua_json_encode}, {"json_step", take_step}, {NULL, NULL}};

// For states whose scripts are never put aside: value, or nil and a message.
static int decode_safely(lua_State *L) { return decode(L) - 1; }

static int decode_or_raise(lua_State *L) {
  if (decode(L) == 2) return 1;
  return luaL_error(L, "%s", lua_tostring(L, -1));
}

static int encode(lua_State *L) { return hlua_json_encode(L) - 1; }

// Marks a table as an array, even an empty one.
static int mark_array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) lua_newtable(L);
  else {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, state_of(L)->array_ref);
  lua_setmetatable(L, -2);
  return 1;
}

// MARK: pick

enum {
  PICK_NAME = 256, // bytes of one step of a pointer
  PICK_POINTER = JSON_DEPTH * (2 * PICK_NAME + 1), // of all: more steps lead nowhere
};

typedef struct step {
  unsigned char name[PICK_NAME];
  size_t count;
  long index; // as an array's index; -1 for none
} step;

// The next step of a JSON pointer (RFC 6901), behind its '/'. False at one that is malformed or too long.
static bool next_step(const char **at, const char *end, step *s) {
  s->count = 0;
  while (*at < end && **at != '/') {
    char c = *(*at)++;
    if (c == '~') {
      if (*at == end || (**at != '0' && **at != '1')) return false;
      c = *(*at)++ == '0' ? '~' : '/';
    }
    if (s->count == PICK_NAME) return false;
    s->name[s->count++] = (unsigned char)c;
  }
  s->index = s->count > 0 && s->count < 10 && (s->name[0] != '0' || s->count == 1) ? 0 : -1;
  for (size_t i = 0; i < s->count && s->index >= 0; i++)
    s->index = s->name[i] >= '0' && s->name[i] <= '9' ? s->index * 10 + (s->name[i] - '0') : -1;
  return true;
}

static bool is_name(hlua_json *j, const step *s, text bytes, size_t count, bool escaped) {
  if (!escaped) return count == s->count && memcmp(bytes, s->name, count) == 0;
  if (count > 6 * PICK_NAME) return false;
  unsigned char decoded[6 * PICK_NAME];
  (void)j;
  size_t size = hlua_json_unescape(bytes, count, decoded);
  return size == s->count && memcmp(decoded, s->name, size) == 0;
}

typedef enum { PICKED, PICK_ABSENT, PICK_FAILED } picked;

static picked pick_value(hlua_json *j, const char *pointer, const char *end, bool first);

// Goes through the whole object, so that a second member of the same name is seen: two readers would choose differently.
static picked pick_member(hlua_json *j, const step *s, const char *pointer, const char *end, bool first) {
  picked result = PICK_ABSENT;
  bool seen = false;
  j->depth++;
  j->at++;
  if (hlua_json_peek(j) == '}') goto done;
  for (;;) {
    text bytes;
    size_t count;
    bool escaped;
    if (hlua_json_peek(j) != '"') return j->error = "a name was expected", PICK_FAILED;
    if (!hlua_json_string(j, &bytes, &count, &escaped)) return PICK_FAILED;
    if (hlua_json_peek(j) != ':') return j->error = "':' was expected", PICK_FAILED;
    j->at++;
    if (is_name(j, s, bytes, count, escaped)) {
      if (seen) return j->error = "a name that was asked for comes twice", PICK_FAILED;
      seen = true;
      result = pick_value(j, pointer, end, first);
      if (result == PICK_FAILED || (first && result == PICKED)) return result;
    } else if (!hlua_json_skip(j))
      return PICK_FAILED;
    int next = hlua_json_peek(j);
    if (next == '}') break;
    if (next != ',') return j->error = "',' or '}' was expected", PICK_FAILED;
    j->at++;
  }
done:
  j->at++;
  j->depth--;
  return result;
}

static picked pick_element(hlua_json *j, const step *s, const char *pointer, const char *end, bool first) {
  picked result = PICK_ABSENT;
  j->depth++;
  j->at++;
  if (hlua_json_peek(j) == ']') goto done;
  for (long index = 0;; index++) {
    if (index == s->index) {
      result = pick_value(j, pointer, end, first);
      if (result == PICK_FAILED || (first && result == PICKED)) return result;
    } else if (!hlua_json_skip(j))
      return PICK_FAILED;
    int next = hlua_json_peek(j);
    if (next == ']') break;
    if (next != ',') return j->error = "',' or ']' was expected", PICK_FAILED;
    j->at++;
  }
done:
  j->at++;
  j->depth--;
  return result;
}

static picked pick_value(hlua_json *j, const char *pointer, const char *end, bool first) {
  if (pointer == end) return hlua_json_decode(j) ? PICKED : PICK_FAILED;
  step s;
  pointer++;
  next_step(&pointer, end, &s); // checked before
  luaL_checkstack(j->L, 4, "nested too deep");
  if (j->depth >= JSON_DEPTH) return j->error = "nested too deep", PICK_FAILED;
  switch (hlua_json_peek(j)) {
  case '{': return pick_member(j, &s, pointer, end, first);
  case '[': return pick_element(j, &s, pointer, end, first);
  default: return hlua_json_skip(j) ? PICK_ABSENT : PICK_FAILED;
  }
}

// (text, pointer[, stop at the first]) → the value, or nil, and with it a message when the text is no JSON.
static int pick(lua_State *L) {
  size_t count, pointer_count;
  const char *bytes = luaL_checklstring(L, 1, &count);
  const char *pointer = luaL_checklstring(L, 2, &pointer_count), *end = pointer + pointer_count;
  bool first = lua_toboolean(L, 3);
  step s;
  if (pointer_count > PICK_POINTER) return luaL_argerror(L, 2, "JSON pointer too long");
  hlua_note(L, state_of(L), (int64_t)(pointer_count / 4));
  if (pointer_count > 0 && *pointer != '/') return luaL_argerror(L, 2, "a JSON pointer begins with '/'");
  for (const char *at = pointer; at < end;) {
    at++;
    if (!next_step(&at, end, &s)) return luaL_argerror(L, 2, "invalid JSON pointer");
  }
  hlua_json j;
  hlua_json_init(&j, L, bytes, count);
  picked result = pick_value(&j, pointer, end, first);
  if (result != PICK_FAILED && !(first && result == PICKED) && !hlua_json_at_end(&j)) {
    j.error = "something follows the value";
    result = PICK_FAILED;
  }
  if (result == PICKED) return 1;
  lua_pushnil(L);
  if (result == PICK_ABSENT) return 1;
  push_problem(L, &j);
  return 2;
}

// MARK: Opening

static void set_constants(lua_State *L) {
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  lua_newtable(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, state_of(L)->array_ref);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "empty_array");
}

// Into the table at the stack's top: `json`, and `cjson` for scripts that know that.
void hlua_open_json(lua_State *L) {
  static const luaL_Reg own[] = {{"decode", decode_safely}, {"encode", encode}, {"pick", pick}, {"array", mark_array}, {NULL, NULL}};
  static const luaL_Reg other[] = {{"decode", decode_or_raise}, {"encode", encode}, {NULL, NULL}};
  static const luaL_Reg safe[] = {{"decode", decode_safely}, {"encode", encode}, {NULL, NULL}};
  lua_newtable(L);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  state_of(L)->array_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, 0, 8);
  luaL_setfuncs(L, own, 0);
  set_constants(L);
  lua_setfield(L, -2, "json");
  lua_createtable(L, 0, 8);
  luaL_setfuncs(L, other, 0);
  set_constants(L);
  lua_createtable(L, 0, 4);
  luaL_setfuncs(L, safe, 0);
  set_constants(L);
  lua_setfield(L, -2, "safe");
  lua_setfield(L, -2, "cjson");
}
