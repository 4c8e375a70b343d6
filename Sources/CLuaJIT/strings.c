// find, match, gmatch, gsub and rep: what LuaJIT's do, charged to the budget while they do it.
#include "pattern.h"
#include "text.h"

typedef const unsigned char *text;

static bool has_specials(const char *pattern, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (pattern[i] && strchr("^$*+?.([%-", pattern[i])) return true;
  return false;
}

// The script's 1-based start, negative from the end, as an offset inside the subject.
static size_t start_offset(lua_State *L, int index, size_t count) {
  ptrdiff_t start = (ptrdiff_t)luaL_optinteger(L, index, 1);
  if (start < 0) start += (ptrdiff_t)count;
  else start -= 1;
  if (start < 0) return 0;
  return (size_t)start > count ? count : (size_t)start;
}

// glibc's search is linear in both lengths, the original's is not.
static int find_plain(lua_State *L, const char *s, size_t count, const char *p, size_t pattern_count, size_t start) {
  hlua_state *state = state_of(L);
  state->fuel -= (int64_t)((count - start) / BYTES_A_FUEL);
  const char *found = pattern_count == 0 ? s + start : memmem(s + start, count - start, p, pattern_count);
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, found - s + 1);
  lua_pushinteger(L, found - s + (ptrdiff_t)pattern_count);
  return 2;
}

static int search(lua_State *L, bool find) {
  size_t count, pattern_count;
  const char *s = luaL_checklstring(L, 1, &count);
  const char *p = luaL_checklstring(L, 2, &pattern_count);
  size_t start = start_offset(L, 3, count);
  if (find && (lua_toboolean(L, 4) || !has_specials(p, pattern_count)))
    return find_plain(L, s, count, p, pattern_count, start);
  hlua_match m;
  hlua_match_init(&m, L, s, count, p, pattern_count);
  bool anchored = pattern_count > 0 && *p == '^';
  text at = m.subject + start;
  do {
    m.level = 0;
    text end = hlua_match_at(&m, at, (text)p + anchored);
    if (end) {
      hlua_match_settle(&m);
      if (!find) return hlua_match_push_captures(&m, at, end);
      lua_pushinteger(L, at - m.subject + 1);
      lua_pushinteger(L, end - m.subject);
      return hlua_match_push_captures(&m, NULL, NULL) + 2;
    }
  } while (at++ < m.subject_end && !anchored);
  hlua_match_settle(&m);
  lua_pushnil(L);
  return 1;
}

static int string_find(lua_State *L) { return search(L, true); }
static int string_match(lua_State *L) { return search(L, false); }

// MARK: gmatch

static int gmatch_next(lua_State *L) {
  size_t count, pattern_count;
  const char *s = lua_tolstring(L, lua_upvalueindex(1), &count);
  const char *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_count);
  hlua_match m;
  hlua_match_init(&m, L, s, count, p, pattern_count);
  for (text at = m.subject + (size_t)lua_tointeger(L, lua_upvalueindex(3)); at <= m.subject_end; at++) {
    m.level = 0;
    text end = hlua_match_at(&m, at, (text)p);
    if (!end) continue;
    hlua_match_settle(&m);
    lua_pushinteger(L, end - m.subject + (end == at ? 1 : 0)); // an empty match moves on by one
    lua_replace(L, lua_upvalueindex(3));
    return hlua_match_push_captures(&m, at, end);
  }
  hlua_match_settle(&m);
  return 0;
}

static int string_gmatch(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, gmatch_next, 3);
  return 1;
}

// MARK: gsub

static void add_template(hlua_match *m, hlua_text *out, text start, text end) {
  size_t count;
  const char *template = lua_tolstring(m->L, 3, &count);
  hlua_match_bytes(m, count);
  for (size_t i = 0; i < count; i++) {
    if (template[i] != '%') {
      hlua_text_add_byte(out, template[i]);
      continue;
    }
    i++;
    char c = i < count ? template[i] : 0;
    if (c < '0' || c > '9') {
      hlua_text_add_byte(out, c);
    } else if (c == '0') {
      hlua_match_bytes(m, (size_t)(end - start));
      hlua_text_add(out, (const char *)start, (size_t)(end - start));
    } else {
      hlua_match_push_capture(m, c - '1', start, end);
      hlua_match_bytes(m, lua_objlen(m->L, -1));
      hlua_text_add_top(out);
    }
  }
}

static void add_replacement(hlua_match *m, hlua_text *out, text start, text end) {
  lua_State *L = m->L;
  switch (lua_type(L, 3)) {
  case LUA_TFUNCTION: {
    lua_pushvalue(L, 3);
    int count = hlua_match_push_captures(m, start, end);
    lua_call(L, count, 1);
    break;
  }
  case LUA_TTABLE:
    hlua_match_push_capture(m, 0, start, end);
    lua_gettable(L, 3);
    break;
  default: add_template(m, out, start, end); return;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, (const char *)start, (size_t)(end - start));
  } else if (!lua_isstring(L, -1)) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  hlua_match_bytes(m, lua_objlen(L, -1));
  hlua_text_add_top(out);
}

static int string_gsub(lua_State *L) {
  size_t count, pattern_count;
  const char *s = luaL_checklstring(L, 1, &count);
  const char *p = luaL_checklstring(L, 2, &pattern_count);
  int type = lua_type(L, 3);
  if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TFUNCTION && type != LUA_TTABLE)
    luaL_argerror(L, 3, "string/function/table expected");
  if (type == LUA_TFUNCTION || type == LUA_TTABLE) hlua_enter_c(L, state_of(L));
  lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)count + 1);
  bool anchored = pattern_count > 0 && *p == '^';
  hlua_match m;
  hlua_match_init(&m, L, s, count, p, pattern_count);
  hlua_text out;
  hlua_text_init(&out, L);
  text at = m.subject;
  lua_Integer done = 0;
  while (done < most) {
    m.level = 0;
    text end = hlua_match_at(&m, at, (text)p + anchored);
    if (end) {
      done++;
      add_replacement(&m, &out, at, end);
    }
    if (end && end > at)
      at = end;
    else if (at < m.subject_end)
      hlua_text_add_byte(&out, (char)*at++);
    else
      break;
    if (anchored) break;
  }
  hlua_match_bytes(&m, (size_t)(m.subject_end - at));
  hlua_match_settle(&m);
  hlua_text_add(&out, (const char *)at, (size_t)(m.subject_end - at));
  hlua_text_push(&out);
  lua_pushinteger(L, done);
  return 2;
}

// MARK: rep

static int string_rep(lua_State *L) {
  size_t count, separator_count = 0;
  const char *s = luaL_checklstring(L, 1, &count);
  lua_Integer times = luaL_checkinteger(L, 2);
  const char *separator = luaL_optlstring(L, 3, "", &separator_count);
  hlua_state *state = state_of(L);
  if (times <= 0 || count + separator_count == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if ((size_t)times > state->options.memory_limit / (count + separator_count)) hlua_raise_memory(L, state);
  size_t total = (size_t)times * (count + separator_count) - separator_count;
  hlua_charge(L, state, (int64_t)(total / BYTES_A_FUEL) + 1);
  hlua_scratch(state);
  char *at = hlua_scratch_room(L, state, total);
  if (count + separator_count == 1) {
    memset(at, count ? *s : *separator, total);
  } else {
    for (lua_Integer i = 0; i < times; i++) {
      memcpy(at, s, count);
      at += count;
      if (i + 1 == times) break;
      memcpy(at, separator, separator_count);
      at += separator_count;
    }
  }
  hlua_scratch_push(L, state);
  return 1;
}

void hlua_open_strings(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
      {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
