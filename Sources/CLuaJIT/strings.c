// find, match, gmatch, gsub, rep and format: what LuaJIT's do, charged to the budget while they do it, and in slices.
#include "operation.h"
#include "text.h"

#include <stdlib.h>

typedef const unsigned char *text;

// MARK: Operations

static hlua_match_result search(hlua_operation *o) {
  hlua_match *m = &o->match;
  for (;;) {
    if (!o->started) hlua_match_begin(m, o->at, o->pattern);
    o->started = true;
    hlua_match_result result = hlua_match_run(m);
    if (result != MATCH_NONE) return result;
    o->started = false;
    if (o->anchored || o->at >= m->subject_end) return MATCH_NONE;
    o->at++;
  }
}

// The string under construction may not outgrow the state's memory.
static bool add(hlua_operation *o, const void *bytes, size_t count) {
  if (count == 0) return true;
  hlua_state *s = o->match.state;
  uint8_t *room = o->out.count + count <= s->options.memory_limit ? hlua_buffer_reserve(&o->out, count) : NULL;
  if (!room) {
    s->exhausted = true;
    s->memory_failures++;
    o->match.error = ""; // "not enough memory", as the VM says it: without a position
    return false;
  }
  memcpy(room, bytes, count);
  o->match.steps -= (int)(count / BYTES_A_FUEL);
  return true;
}

static bool add_template(hlua_operation *o) {
  hlua_match *m = &o->match;
  for (size_t i = 0; i < o->template_count; i++) {
    const char *bytes = &o->template[i];
    size_t count = 1;
    char room[24];
    if (*bytes == '%') {
      char c = ++i < o->template_count ? o->template[i] : 0;
      if (c == '0') {
        bytes = (const char *)o->at;
        count = (size_t)(m->end - o->at);
      } else if (c > '0' && c <= '9') {
        if (!hlua_match_capture(m, c - '1', o->at, &bytes, &count, room)) return false;
      } else {
        room[0] = c;
        bytes = room;
      }
    } else {
      const char *next = memchr(bytes, '%', o->template_count - i);
      count = next ? (size_t)(next - bytes) : o->template_count - i;
      i += count - 1;
    }
    if (!add(o, bytes, count)) return false;
  }
  return true;
}

static hlua_match_result substitute(hlua_operation *o) {
  hlua_match *m = &o->match;
  while (o->done < o->most) {
    if (!o->started) hlua_match_begin(m, o->at, o->pattern);
    o->started = true;
    hlua_match_result result = hlua_match_run(m);
    if (result != MATCH_FOUND && result != MATCH_NONE) return result;
    o->started = false;
    if (result == MATCH_FOUND) {
      o->done++;
      if (!add_template(o)) return MATCH_FAILED;
    }
    if (result == MATCH_FOUND && m->end > o->at)
      o->at = m->end;
    else if (o->at < m->subject_end) {
      if (!add(o, o->at, 1)) return MATCH_FAILED;
      o->at++;
    } else
      break;
    if (o->anchored) break;
  }
  bool fits = add(o, o->at, (size_t)(m->subject_end - o->at));
  o->at = m->subject_end;
  return fits ? MATCH_FOUND : MATCH_FAILED;
}

hlua_match_result hlua_operation_run(hlua_operation *o) {
  hlua_match_result result = o->kind == OPERATION_GSUB ? substitute(o) : search(o);
  hlua_match_settle(&o->match);
  return result;
}

int hlua_operation_push(hlua_operation *o, lua_State *L, hlua_match_result result) {
  hlua_match *m = &o->match;
  luaL_checkstack(L, 4, "too many results");
  if (result == MATCH_NONE) {
    if (o->kind == OPERATION_EACH) return 0;
    lua_pushnil(L);
    return 1;
  }
  int captures;
  switch (o->kind) {
  case OPERATION_GSUB:
    hlua_make_room(L, m->state, o->out.count);
    lua_pushlstring(L, o->out.count ? (const char *)o->out.bytes : "", o->out.count);
    lua_pushinteger(L, o->done);
    return 2;
  case OPERATION_FIND:
  case OPERATION_NEXT:
    lua_pushinteger(L, o->at - m->subject + 1);
    lua_pushinteger(L, m->end - m->subject);
    captures = hlua_match_push_captures(m, L, o->kind == OPERATION_NEXT ? o->at : NULL, o->first_only ? 1 : CAPTURES_MAX);
    return captures < 0 ? -1 : captures + 2;
  case OPERATION_EACH: *o->position = (size_t)(m->end - m->subject) + (m->end == o->at ? 1 : 0); break; // an empty match moves on by one
  case OPERATION_MATCH: break;
  }
  return hlua_match_push_captures(m, L, o->at, CAPTURES_MAX);
}

static void fail(lua_State *L, hlua_operation *o) {
  const char *message = o->match.error;
  if (*message) hlua_raise(L, message);
  hlua_raise_memory(L, o->match.state);
}

// Runs an operation for the function that is being called; what it uses is at the first `arguments` places of the stack.
static int operate(lua_State *L, hlua_operation *o, int arguments) {
  hlua_match_result result = hlua_operation_run(o);
  switch (result) {
  case MATCH_PAUSED: return hlua_put_aside(L, o, arguments);
  case MATCH_KILLED: hlua_buffer_free(&o->out); hlua_raise_killed(L); return 0;
  case MATCH_FAILED: hlua_buffer_free(&o->out); fail(L, o); return 0;
  default: break;
  }
  if (o->kind == OPERATION_GSUB) { // its text must survive an error of pushing it
    hlua_buffer_free(&o->match.state->scratch);
    o->match.state->scratch = o->out;
    int count = hlua_operation_push(o, L, result);
    if (o->match.state->scratch.capacity > SCRATCH_KEPT) hlua_buffer_free(&o->match.state->scratch);
    return count;
  }
  int count = hlua_operation_push(o, L, result);
  if (count < 0) fail(L, o);
  return count;
}

static void prepare(hlua_operation *o, hlua_operation_kind kind, lua_State *L, const char *s, size_t count, const char *p, size_t pattern_count) {
  o->kind = kind;
  o->started = false;
  o->anchored = kind != OPERATION_EACH && pattern_count > 0 && *p == '^';
  hlua_match_init(&o->match, L, s, count, p, pattern_count);
  o->pattern = (text)p + o->anchored;
  o->at = o->match.subject;
  o->first_only = false;
  o->out = (hlua_buffer){0};
}

// MARK: find and match

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

enum { SEARCH_STEP = 1 << 16 };

// glibc's search is linear in both lengths, the original's is not. It is paid for as far as it goes, a step at a time: who
// goes through a long text from one match to the next must not pay for the rest of it each time.
static int find_plain(lua_State *L, const char *s, size_t count, const char *p, size_t pattern_count, size_t start) {
  size_t step = pattern_count > SEARCH_STEP / 4 ? pattern_count * 4 : SEARCH_STEP;
  const char *found = pattern_count == 0 ? s + start : NULL;
  while (!found && count - start >= pattern_count) {
    size_t rest = count - start, some = rest < step + pattern_count ? rest : step + pattern_count - 1;
    found = memmem(s + start, some, p, pattern_count);
    size_t seen = found ? (size_t)(found - s) - start + pattern_count : some;
    hlua_note(L, state_of(L), (int64_t)(seen / BYTES_A_FUEL));
    if (some == rest) break;
    start += step;
  }
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, found - s + 1);
  lua_pushinteger(L, found - s + (ptrdiff_t)pattern_count);
  return 2;
}

static int find_or_match(lua_State *L, hlua_operation_kind kind) {
  size_t count, pattern_count;
  const char *s = luaL_checklstring(L, 1, &count);
  const char *p = luaL_checklstring(L, 2, &pattern_count);
  size_t start = start_offset(L, 3, count);
  if (kind == OPERATION_FIND && (lua_toboolean(L, 4) || !has_specials(p, pattern_count)))
    return find_plain(L, s, count, p, pattern_count, start);
  hlua_operation o;
  prepare(&o, kind, L, s, count, p, pattern_count);
  o.at += start;
  return operate(L, &o, 2);
}

static int string_find(lua_State *L) { return find_or_match(L, OPERATION_FIND); }
static int string_match(lua_State *L) { return find_or_match(L, OPERATION_MATCH); }

// MARK: gmatch

static int gmatch_next(lua_State *L) {
  size_t count, pattern_count;
  const char *s = lua_tolstring(L, lua_upvalueindex(1), &count);
  const char *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_count);
  size_t *position = lua_touserdata(L, lua_upvalueindex(3));
  if (*position > count) return 0;
  lua_settop(L, 0);
  for (int i = 1; i <= 3; i++) lua_pushvalue(L, lua_upvalueindex(i));
  hlua_operation o;
  prepare(&o, OPERATION_EACH, L, s, count, p, pattern_count);
  o.at += *position;
  o.position = position;
  return operate(L, &o, 3);
}

static int string_gmatch(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  size_t *position = lua_newuserdata(L, sizeof *position);
  *position = 0;
  lua_pushcclosure(L, gmatch_next, 3);
  return 1;
}

// MARK: gsub

// With a template; functions and tables are the library's part that is written in Lua.
static int string_gsub(lua_State *L) {
  size_t count, pattern_count;
  const char *s = luaL_checklstring(L, 1, &count);
  const char *p = luaL_checklstring(L, 2, &pattern_count);
  int type = lua_type(L, 3);
  if (type != LUA_TNUMBER && type != LUA_TSTRING) luaL_argerror(L, 3, "string/function/table expected");
  hlua_operation o;
  o.done = 0;
  o.most = luaL_optinteger(L, 4, (lua_Integer)count + 1);
  o.template = lua_tolstring(L, 3, &o.template_count);
  prepare(&o, OPERATION_GSUB, L, s, count, p, pattern_count);
  return operate(L, &o, 3);
}

// (subject, pattern, offset, whether the first capture will do) → first, last, captures of the next match from there on, or nil.
static int find_next(lua_State *L) {
  size_t count, pattern_count;
  const char *s = lua_tolstring(L, 1, &count);
  const char *p = lua_tolstring(L, 2, &pattern_count);
  hlua_operation o;
  prepare(&o, OPERATION_NEXT, L, s, count, p, pattern_count);
  o.at += lua_tointeger(L, 3);
  o.first_only = lua_toboolean(L, 4);
  return operate(L, &o, 2);
}

// (subject, pattern, value, most) as string_gsub checks them → subject, pattern, most.
static int gsub_arguments(lua_State *L) {
  int given = lua_gettop(L);
  for (int i = 1; i <= 2; i++)
    if (!lua_isstring(L, i)) hlua_raise_type(L, i, given, "string");
  if (!lua_isnoneornil(L, 4) && !lua_isnumber(L, 4)) hlua_raise_type(L, 4, given, "number");
  size_t count;
  lua_tolstring(L, 1, &count);
  lua_tolstring(L, 2, NULL);
  lua_Integer most = lua_isnoneornil(L, 4) ? (lua_Integer)count + 1 : lua_tointeger(L, 4);
  lua_settop(L, 2);
  lua_pushinteger(L, most);
  return 3;
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
    // One of each, and then what is there again and again, twice as much each time.
    size_t period = count + separator_count, done = period < total ? period : total;
    memcpy(at, s, count);
    memcpy(at + count, separator, done - count);
    while (done < total) {
      size_t more = done < total - done ? done : total - done;
      memcpy(at + done, at, more);
      done += more;
    }
  }
  hlua_scratch_push(L, state);
  return 1;
}

// MARK: format

enum { FORMAT_PIECE = 4096 }; // bytes of a format that are worked on at a time

// How much of the format makes a piece, and how many arguments that takes.
static size_t piece_of(const char *format, size_t count, int *arguments) {
  size_t i = 0;
  *arguments = 0;
  while (i < count && i < FORMAT_PIECE) {
    if (format[i++] != '%' || i == count) continue;
    if (format[i] == '%') {
      i++;
      continue;
    }
    size_t end = i;
    while (end < count && end < i + 16 && !((format[end] | 32) >= 'a' && (format[end] | 32) <= 'z')) end++;
    i = end < count ? end + 1 : count;
    ++*arguments;
  }
  return i;
}

// The error that a piece of a format raised, as the whole format would have raised it: `before` arguments went to others.
static int raise_of_piece(lua_State *L, int before) {
  static const char bad[] = "bad argument #", invalid[] = "invalid option '";
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strncmp(text, bad, sizeof bad - 1) == 0) {
    const char *detail = strchr(text, '(');
    size_t count = detail ? strlen(detail) : 0;
    if (count < 2) return lua_error(L);
    lua_pushlstring(L, detail + 1, count - 2);
    return luaL_argerror(L, atoi(text + sizeof bad - 1) + before, lua_tostring(L, -1));
  }
  if (strncmp(text, invalid, sizeof invalid - 1) == 0) return luaL_error(L, "%s", text);
  return lua_error(L);
}

// The original, in pieces where the format is long.
static int string_format(lua_State *L) {
  size_t count;
  const char *format = luaL_checklstring(L, 1, &count);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL));
  if (count <= FORMAT_PIECE) return lua_tocfunction(L, lua_upvalueindex(1))(L);
  int next = 2, top = lua_gettop(L);
  hlua_text out;
  hlua_text_init(&out, L);
  for (size_t done = 0; done < count;) {
    int arguments;
    size_t size = piece_of(format + done, count - done, &arguments);
    luaL_checkstack(L, arguments + 2, "too many arguments");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushlstring(L, format + done, size);
    int given = 0, before = next - 2;
    while (given < arguments && next <= top) {
      lua_pushvalue(L, next++);
      given++;
    }
    if (lua_pcall(L, given + 1, 1, 0) != 0) return raise_of_piece(L, before);
    hlua_charge(L, s, (int64_t)(lua_objlen(L, -1) / BYTES_A_FUEL) + 64);
    hlua_text_add_top(&out);
    done += size;
  }
  hlua_text_push(&out);
  return 1;
}

void hlua_open_strings(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
      {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "format");
  lua_pushcclosure(L, string_format, 1);
  lua_setfield(L, -2, "format");
}

const luaL_Reg hlua_string_parts[] = {{"find_next", find_next}, {"gsub_arguments", gsub_arguments}, {NULL, NULL}};
