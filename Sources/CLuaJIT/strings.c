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

static const bool is_special[256] = {
    ['^'] = true, ['$'] = true, ['*'] = true, ['+'] = true, ['?'] = true,
    ['.'] = true, ['('] = true, ['['] = true, ['%'] = true, ['-'] = true,
};

static size_t first_special(text pattern, size_t from, size_t to) {
  while (from < to && !is_special[pattern[from]]) from++;
  return from;
}

enum {
  SCAN_PIECE = 8 * 1024, // bytes of a needle between two looks at the budget
  SKIP_PIECE = 16 * 1024, // bytes of a subject, likewise
  COMPARE_FIRST = 64, // bytes that are compared before it is worth to count them
  COMPARE_PIECE = 4096,
};

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Counted, and put aside between any two steps: hostile texts have an innocent search begin a comparison at every byte.
static hlua_match_result search_text(hlua_operation *o) {
  hlua_match *m = &o->match;
  for (;;) {
    size_t rest = (size_t)(m->subject_end - o->at), cost = 1;
    if (rest < o->needle_count) return MATCH_NONE;
    if (o->same == 0) {
      size_t window = least(rest - o->needle_count + 1, SKIP_PIECE);
      text found = memchr(o->at, *o->needle, window);
      cost += (found ? (size_t)(found - o->at) : window) / BYTES_A_FUEL;
      o->at = found ? found : o->at + window;
      if (found) o->same = 1;
    } else {
      size_t piece = least(o->needle_count - o->same, o->same == 1 ? COMPARE_FIRST : COMPARE_PIECE);
      bool equal = memcmp(o->at + o->same, o->needle + o->same, piece) == 0;
      cost += piece / BYTES_A_FUEL;
      o->same += piece;
      if (!equal) {
        o->same = 0;
        o->at++;
      }
    }
    if (o->same == o->needle_count) {
      m->end = o->at + o->needle_count;
      m->level = 0;
      return MATCH_FOUND;
    }
    if (!hlua_match_steps(m, (int64_t)cost)) return m->stop;
  }
}

static hlua_match_result scan_pattern(hlua_operation *o) {
  while (o->scanned < o->needle_count) {
    size_t stop = least(o->scanned + SCAN_PIECE, o->needle_count);
    o->scanned = first_special(o->needle, o->scanned, stop);
    if (o->scanned < stop) {
      o->kind = OPERATION_FIND;
      return search(o);
    }
    if (!hlua_match_steps(&o->match, SCAN_PIECE / BYTES_A_FUEL)) return o->match.stop;
  }
  o->kind = OPERATION_PLAIN;
  return search_text(o);
}

// The strings under construction, those of operations that were put aside included, may not outgrow the state's memory.
static bool add(hlua_operation *o, const void *bytes, size_t count) {
  if (count == 0) return true;
  hlua_state *s = o->match.state;
  bool fits = o->out.count + count + s->outside - o->counted <= s->options.memory_limit;
  uint8_t *room = fits ? hlua_buffer_reserve(&o->out, count) : NULL;
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

static hlua_match_result add_template(hlua_operation *o) {
  hlua_match *m = &o->match;
  for (size_t i = o->template_at; i < o->template_count; i++) {
    o->template_at = i;
    if (!hlua_match_steps(m, 1)) return m->stop;
    const char *bytes = &o->template[i];
    size_t count = 1;
    char room[24];
    if (*bytes == '%') {
      char c = ++i < o->template_count ? o->template[i] : 0;
      if (c == '0') {
        bytes = (const char *)o->at;
        count = (size_t)(m->end - o->at);
      } else if (c > '0' && c <= '9') {
        if (!hlua_match_capture(m, c - '1', o->at, &bytes, &count, room)) return MATCH_FAILED;
      } else {
        room[0] = c;
        bytes = room;
      }
    } else {
      const char *next = memchr(bytes, '%', o->template_count - i);
      count = next ? (size_t)(next - bytes) : o->template_count - i;
      i += count - 1;
    }
    if (!add(o, bytes, count)) return MATCH_FAILED;
  }
  return MATCH_FOUND;
}

static hlua_match_result substitute(hlua_operation *o) {
  hlua_match *m = &o->match;
  while (o->adding || o->done < o->most) {
    hlua_match_result result = MATCH_FOUND;
    if (!o->adding) {
      if (!o->started) hlua_match_begin(m, o->at, o->pattern);
      o->started = true;
      result = hlua_match_run(m);
      if (result != MATCH_FOUND && result != MATCH_NONE) return result;
      o->started = false;
      if (result == MATCH_FOUND) o->done++;
    }
    if (result == MATCH_FOUND) {
      if (!o->adding) o->template_at = 0;
      o->adding = true;
      hlua_match_result added = add_template(o);
      if (added != MATCH_FOUND) return added;
      o->adding = false;
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
  hlua_match_result result;
  switch (o->kind) {
  case OPERATION_GSUB: result = substitute(o); break;
  case OPERATION_SCAN: result = scan_pattern(o); break;
  case OPERATION_PLAIN: result = search_text(o); break;
  default: result = search(o); break;
  }
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
  case OPERATION_SCAN:
  case OPERATION_PLAIN:
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
    return hlua_operation_push(o, L, result);
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
  o->first_only = o->adding = false;
  o->needle = (text)p;
  o->needle_count = pattern_count;
  o->scanned = o->same = 0;
  o->out = (hlua_buffer){0};
  o->counted = 0;
}

// MARK: find and match

enum { FIND_AT_ONCE = 4096 }; // bytes of subject and pattern that are searched without a look at the budget

// The script's 1-based start, negative from the end, as an offset inside the subject.
static size_t start_offset(lua_State *L, int index, size_t count) {
  ptrdiff_t start = (ptrdiff_t)luaL_optinteger(L, index, 1);
  if (start < 0) start += (ptrdiff_t)count;
  else start -= 1;
  if (start < 0) return 0;
  return (size_t)start > count ? count : (size_t)start;
}

static int find_at_once(lua_State *L, const char *s, size_t count, const char *p, size_t pattern_count, size_t start) {
  const char *found = pattern_count == 0 ? s + start : memmem(s + start, count - start, p, pattern_count);
  // Who goes through a long text from one match to the next does not pay for the rest of it each time.
  size_t seen = found ? (size_t)(found - s) - start + pattern_count : count - start;
  hlua_note(L, state_of(L), (int64_t)(seen / BYTES_A_FUEL));
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
  if (kind == OPERATION_FIND) {
    if (lua_toboolean(L, 4)) kind = OPERATION_PLAIN;
    else if (pattern_count > FIND_AT_ONCE) kind = OPERATION_SCAN;
    else if (first_special((text)p, 0, pattern_count) == pattern_count) kind = OPERATION_PLAIN;
    if (kind == OPERATION_PLAIN && (pattern_count == 0 || (pattern_count <= FIND_AT_ONCE && count - start <= FIND_AT_ONCE)))
      return find_at_once(L, s, count, p, pattern_count, start);
  }
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

// MARK: lower, upper and reverse

enum { CASE_INLINE = 256 }; // bytes for which no room is asked for

typedef void (*rewrite)(unsigned char *out, text bytes, size_t count);

// The compiler makes these loops work on many bytes at a time; the original's take one after the other.
static void to_lower(unsigned char *out, text bytes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (unsigned char)(bytes[i] ^ ((unsigned char)(bytes[i] - 'A') < 26 ? 32 : 0));
}

static void to_upper(unsigned char *out, text bytes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (unsigned char)(bytes[i] ^ ((unsigned char)(bytes[i] - 'a') < 26 ? 32 : 0));
}

static void to_reverse(unsigned char *out, text bytes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = bytes[count - 1 - i];
}

static int rewritten(lua_State *L, rewrite write) {
  size_t count;
  text bytes = (text)luaL_checklstring(L, 1, &count);
  if (count <= CASE_INLINE) {
    unsigned char room[CASE_INLINE];
    write(room, bytes, count);
    lua_pushlstring(L, (const char *)room, count);
    return 1;
  }
  hlua_state *state = state_of(L);
  hlua_note(L, state, (int64_t)(count / BYTES_A_FUEL));
  hlua_scratch(state);
  write((unsigned char *)hlua_scratch_room(L, state, count), bytes, count);
  hlua_scratch_push(L, state);
  return 1;
}

static int string_lower(lua_State *L) { return rewritten(L, to_lower); }
static int string_upper(lua_State *L) { return rewritten(L, to_upper); }
static int string_reverse(lua_State *L) { return rewritten(L, to_reverse); }

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

enum {
  QUOTED_AT_ONCE = 16 * 1024, // bytes of an argument that LuaJIT's own may put into quotes
  QUOTE_PIECE = 4096,
};

// The string at a place of the stack in quotes, as LuaJIT writes it, in its own place.
static void quote(lua_State *L, hlua_state *s, int index) {
  size_t count;
  const char *bytes = lua_tolstring(L, index, &count);
  hlua_scratch(s);
  hlua_scratch_add(L, s, "\"", 1);
  for (size_t i = 0; i < count;) {
    size_t stop = least(i + QUOTE_PIECE, count);
    char *room = hlua_scratch_room(L, s, (stop - i) * 4), *at = room;
    hlua_note(L, s, (int64_t)(stop - i) / 4);
    size_t reserved = (stop - i) * 4;
    for (; i < stop; i++) {
      unsigned char c = (unsigned char)bytes[i];
      bool digit_follows = i + 1 < count && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
      if (c >= 32 && c != 127) {
        if (c == '"' || c == '\\') *at++ = '\\';
        *at++ = (char)c;
        continue;
      }
      *at++ = '\\';
      if (c == '\n') {
        *at++ = '\n';
        continue;
      }
      if (c >= 100 || digit_follows) *at++ = (char)('0' + c / 100);
      if (c >= 10 || digit_follows) *at++ = (char)('0' + c / 10 % 10);
      *at++ = (char)('0' + c % 10);
    }
    s->scratch.count -= reserved - (size_t)(at - room);
  }
  hlua_scratch_add(L, s, "\"", 1);
  hlua_scratch_push(L, s);
  lua_replace(L, index);
}

// Long arguments of "%q" are put into quotes here, in a format of its own that has "%s" for them.
static void quote_long(lua_State *L, hlua_state *s, const char *format, size_t count) {
  int argument = 1, top = lua_gettop(L);
  bool quoted = false;
  for (size_t i = 0; i + 1 < count; i++) {
    if (format[i] != '%' || format[++i] == '%') continue;
    argument++;
    if (format[i] != 'q' || argument > top || lua_type(L, argument) != LUA_TSTRING || lua_objlen(L, argument) <= QUOTED_AT_ONCE) continue;
    if (!quoted) {
      char *copy = lua_newuserdata(L, count);
      memcpy(copy, format, count);
      lua_insert(L, 1);
      argument++, top++;
      format = copy;
      quoted = true;
    }
    quote(L, s, argument);
    ((char *)format)[i] = 's';
  }
  if (!quoted) return;
  lua_pushlstring(L, format, count);
  lua_replace(L, 2);
  lua_remove(L, 1);
}

static bool has_long_argument(lua_State *L) {
  for (int i = lua_gettop(L); i > 1; i--)
    if (lua_type(L, i) == LUA_TSTRING && lua_objlen(L, i) > QUOTED_AT_ONCE) return true;
  return false;
}

// The original, in pieces where the format is long.
static int string_format(lua_State *L) {
  size_t count;
  const char *format = luaL_checklstring(L, 1, &count);
  hlua_state *s = state_of(L);
  hlua_charge(L, s, (int64_t)(count / BYTES_A_FUEL));
  if (has_long_argument(L)) {
    quote_long(L, s, format, count);
    format = lua_tolstring(L, 1, &count);
  }
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
      {"find", string_find},   {"match", string_match}, {"gmatch", string_gmatch},   {"gsub", string_gsub}, {"rep", string_rep},
      {"lower", string_lower}, {"upper", string_upper}, {"reverse", string_reverse}, {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "format");
  lua_pushcclosure(L, string_format, 1);
  lua_setfield(L, -2, "format");
}

const luaL_Reg hlua_string_parts[] = {{"find_next", find_next}, {"gsub_arguments", gsub_arguments}, {NULL, NULL}};
