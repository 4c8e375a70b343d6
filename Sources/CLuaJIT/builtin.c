// The part of the library that calls back into scripts, written in Lua: the hook sees it, and a script can be put aside in
// the middle of a comparator. It is loaded without line numbers, so that errors name the script's lines and never these.
#include "operation.h"
#include "text.h"

#include <stdlib.h>

static const char library[] =
    // pcall: LuaJIT's does not check the stack, so `__call = pcall` runs over its end; a Lua function in front of it does. The
    // one below it stays on the stack, since what may be put aside needs a Lua function above it (hlua_can_wait).
    "local string, table, coroutine, part, pcall, xpcall, next, json, cjson = ...\n"
    "local select, type, rawget, rawset, rawequal = part.select, part.type, part.rawget, part.rawset, part.rawequal\n"
    "local base, unmarked = {}, part.unmarked\n"
    "local function results(...) return ... end\n"
    "local function call(f, ...) return results(f(...)) end\n"
    "local function caught(ok, ...)\n"
    "  if ok then return ok, ... end\n"
    "  return ok, unmarked(...)\n"
    "end\n"
    "function base.pcall(...)\n"
    "  local f = ...\n"
    "  if type(f) == 'function' then return caught(pcall(call, ...)) end\n"
    "  return pcall(...)\n"
    "end\n"
    // xpcall: the handler runs when the stack has been unwound, so that it too can be put aside. A script sees no difference, for
    // it has no way to look at the stack.
    "local function handled(handler, ok, ...)\n"
    "  if ok then return ok, ... end\n"
    "  local fine, result = pcall(call, handler, unmarked(...))\n"
    "  if fine then return ok, result end\n"
    "  return ok, 'error in error handling'\n"
    "end\n"
    "local function guarded(f, handler, ...)\n"
    "  if type(handler) ~= 'function' then return xpcall(f, handler, ...) end\n"
    "  if type(f) ~= 'function' then return handled(handler, pcall(f, ...)) end\n"
    "  return handled(handler, pcall(call, f, ...))\n"
    "end\n"
    "function base.xpcall(...)\n"
    "  if select('#', ...) < 2 then return xpcall(...) end\n"
    "  return guarded(...)\n"
    "end\n"

    // tostring and pairs
    "local field, plain_tostring, check_table = part.metafield, part.tostring, part.check_table\n"
    "function base.tostring(...)\n"
    "  local value = ...\n"
    "  local own = field(value, '__tostring')\n"
    "  if own then return (own(value)) end\n"
    "  return plain_tostring(...)\n"
    "end\n"
    "function base.pairs(...)\n"
    "  local value = ...\n"
    "  local own = field(value, '__pairs')\n"
    "  if own then\n"
    "    local a, b, c = own(value)\n"
    "    return a, b, c\n"
    "  end\n"
    "  if type(value) ~= 'table' then return check_table(...) end\n"
    "  return next, value, nil\n"
    "end\n"

    // gsub
    "local gsub, sub, concat = string.gsub, string.sub, table.concat\n"
    "local find_next, gsub_arguments, raise, typename = part.find_next, part.gsub_arguments, part.raise, part.typename\n"
    "local function replacement(value, first, last, ...)\n"
    "  if not first then return end\n"
    "  if type(value) == 'function' then return first, last, (value(...)) end\n"
    "  return first, last, value[(...)]\n"
    "end\n"
    "local function substitute(...)\n"
    "  local _, _, value = ...\n"
    "  local subject, pattern, most = gsub_arguments(...)\n"
    "  local anchored, size = sub(pattern, 1, 1) == '^', #subject\n"
    "  local out, count, at, done = {}, 0, 0, 0\n"
    "  while done < most do\n"
    "    local first, last, text = replacement(value, find_next(subject, pattern, at, type(value) == 'table'))\n"
    "    if not first then break end\n"
    "    done = done + 1\n"
    "    if not text then text = sub(subject, first, last)\n"
    "    elseif type(text) ~= 'string' and type(text) ~= 'number' then\n"
    "      raise('invalid replacement value (a ' .. typename(text) .. ')')\n"
    "    end\n"
    "    out[count + 1], out[count + 2] = sub(subject, at + 1, first - 1), text\n"
    "    count = count + 2\n"
    "    at = last\n"
    "    if last < first then\n"
    "      if first > size then break end\n"
    "      count = count + 1\n"
    "      out[count] = sub(subject, first, first)\n"
    "      at = first\n"
    "    end\n"
    "    if anchored then break end\n"
    "  end\n"
    "  out[count + 1] = sub(subject, at + 1)\n"
    "  return concat(out), done\n"
    "end\n"
    "function string.gsub(...)\n"
    "  local _, _, value = ...\n"
    "  local kind = type(value)\n"
    "  if kind == 'function' or kind == 'table' then return substitute(...) end\n"
    "  return gsub(...)\n"
    "end\n"

    // concat
    "local concat_arguments, concat_part = part.concat_arguments, part.concat\n"
    "function table.concat(...)\n"
    "  local t, separator, first, last = concat_arguments(...)\n"
    "  if not t then return separator end\n"
    "  local parts, count = {}, 0\n"
    "  for i = first, last, 4096 do\n"
    "    count = count + 1\n"
    "    parts[count] = concat_part(t, separator, i, i + 4095 < last and i + 4095 or last)\n"
    "  end\n"
    "  return concat_part(parts, separator, 1, count)\n"
    "end\n"

    // sort: quicksort with the median of three, comparing in the order that LuaJIT compares in
    "local sort_plainly, refuse = part.sort_plainly, part.refuse_comparison\n"
    "local function less(a, b)\n"
    "  local kind = type(a)\n"
    "  if kind == type(b) and (kind == 'number' or kind == 'string') then return a < b end\n"
    "  local own = field(a, '__lt')\n"
    "  if own == nil or not rawequal(own, field(b, '__lt')) then return refuse(a, b) end\n"
    "  return a < b\n"
    "end\n"
    "local function order(t, low, high, less)\n"
    "  while low < high do\n"
    "    local a, b = rawget(t, low), rawget(t, high)\n"
    "    if less(b, a) then rawset(t, low, b) rawset(t, high, a) end\n"
    "    if high - low == 1 then return end\n"
    "    local middle = (low + high - (low + high) % 2) / 2\n"
    "    local m, l = rawget(t, middle), rawget(t, low)\n"
    "    if less(m, l) then rawset(t, middle, l) rawset(t, low, m)\n"
    "    else\n"
    "      local h = rawget(t, high)\n"
    "      if less(h, m) then rawset(t, middle, h) rawset(t, high, m) end\n"
    "    end\n"
    "    if high - low == 2 then return end\n"
    "    local pivot, beside = rawget(t, middle), rawget(t, high - 1)\n"
    "    rawset(t, middle, beside) rawset(t, high - 1, pivot)\n"
    "    local i, j = low, high - 1\n"
    "    while true do\n"
    "      i = i + 1\n"
    "      local x = rawget(t, i)\n"
    "      while less(x, pivot) do\n"
    "        if i >= high then raise('invalid order function for sorting') end\n"
    "        i = i + 1\n"
    "        x = rawget(t, i)\n"
    "      end\n"
    "      j = j - 1\n"
    "      local y = rawget(t, j)\n"
    "      while less(pivot, y) do\n"
    "        if j <= low then raise('invalid order function for sorting') end\n"
    "        j = j - 1\n"
    "        y = rawget(t, j)\n"
    "      end\n"
    "      if j < i then break end\n"
    "      rawset(t, i, y) rawset(t, j, x)\n"
    "    end\n"
    "    local p, q = rawget(t, high - 1), rawget(t, i)\n"
    "    rawset(t, high - 1, q) rawset(t, i, p)\n"
    "    if i - low < high - i then\n"
    "      order(t, low, i - 1, less)\n"
    "      low = i + 1\n"
    "    else\n"
    "      order(t, i + 1, high, less)\n"
    "      high = i - 1\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function table.sort(...)\n"
    "  if sort_plainly(...) then return end\n"
    "  local t, own = ...\n"
    "  order(t, 1, part.size(t), own or less)\n"
    "end\n"

    // json: in steps, with instructions between them at which a script can be put aside
    "local json_decode, json_encode, json_step = part.json_decode, part.json_encode, part.json_step\n"
    "local function outcome(job, ...)\n"
    "  if job then return outcome(json_step(job)) end\n"
    "  return ...\n"
    "end\n"
    "local function sure(value, ...)\n"
    "  if ... then raise((...)) end\n"
    "  return value\n"
    "end\n"
    "local function decode(...) return outcome(json_decode(...)) end\n"
    "local function encode(...) return outcome(json_encode(...)) end\n"
    "json.decode, json.encode, cjson.encode = decode, encode, encode\n"
    "cjson.safe.decode, cjson.safe.encode = decode, encode\n"
    "function cjson.decode(...) return sure(decode(...)) end\n"

    // Coroutines: when one is put aside in the middle of its work, or waits, so is the one that resumed it.
    "local create, resume, enter, sliced, slice = coroutine.create, coroutine.resume, part.enter, part.sliced, part.slice\n"
    "local function resumed(co, ...)\n"
    "  if sliced() then return resumed(co, resume(co, slice())) end\n"
    "  return ...\n"
    "end\n"
    "function coroutine.resume(...)\n"
    "  local co = ...\n"
    "  if type(co) ~= 'thread' then return resume(...) end\n"
    "  enter()\n"
    "  return resumed(co, resume(...))\n"
    "end\n"
    "local rethrow = part.rethrow\n"
    "local function unwrapped(ok, ...)\n"
    "  if ok then return ... end\n"
    "  return rethrow(...)\n"
    "end\n"
    "function coroutine.wrap(...)\n"
    "  local body = ...\n"
    "  if type(body) ~= 'function' then return part.refuse_function(...) end\n"
    "  local co = create(body)\n"
    "  return function(...)\n"
    "    enter()\n"
    "    return unwrapped(resumed(co, resume(co, ...)))\n"
    "  end\n"
    "end\n"
    "return base\n";

// MARK: Parts

static int part_metafield(lua_State *L) {
  if (lua_isnone(L, 1)) return 0;
  lua_settop(L, 2);
  if (!lua_getmetatable(L, 1)) return 0;
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  return 1;
}

// LuaJIT knows how it writes values without metamethod; the one here has none.
static int part_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  int type = lua_type(L, 1);
  if (type == LUA_TSTRING || type == LUA_TNUMBER) {
    lua_settop(L, 1);
    lua_tolstring(L, 1, NULL);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int part_check_table(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  return 0;
}

static int part_refuse_function(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  return 0;
}

static int part_typename(lua_State *L) {
  lua_pushstring(L, luaL_typename(L, 1));
  return 1;
}

// LuaJIT names the library as the place of an error that a C function raises which the library called: no place at all.
static int part_unmarked(lua_State *L) {
  hlua_note(L, state_of(L), ERROR_FUEL);
  size_t count;
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &count) : NULL;
  size_t mark = text ? hlua_library_mark(text, count) : 0;
  if (mark == 0) return lua_gettop(L);
  lua_pushlstring(L, text + mark, count - mark);
  lua_replace(L, 1);
  return lua_gettop(L);
}

static int part_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lua_objlen(L, 1));
  return 1;
}

static int part_raise(lua_State *L) { return hlua_raise(L, lua_tostring(L, 1)); }

const luaL_Reg hlua_raise_parts[] = {{"raise", part_raise}, {NULL, NULL}};

static int part_rethrow(lua_State *L) {
  hlua_note(L, state_of(L), ERROR_FUEL);
  lua_settop(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING) return lua_error(L);
  hlua_where(L);
  lua_insert(L, 1);
  lua_concat(L, 2);
  return lua_error(L);
}

// Before a coroutine is resumed, whose frame lies on the C stack.
static int part_enter(lua_State *L) {
  hlua_check_stack(L, state_of(L), COROUTINE_STACK);
  return 0;
}

static int part_sliced(lua_State *L) {
  hlua_state *s = state_of(L);
  lua_pushboolean(L, s->current && s->current->inner != INNER_NONE);
  return 1;
}

static int part_slice(lua_State *L) {
  hlua_state *s = state_of(L);
  hlua_run *run = s->current;
  int inner = run->inner;
  run->inner = INNER_NONE;
  if (lua_isyieldable(L)) {
    hlua_note_yield(L, s, inner, run->inner_reason);
    return lua_yield(L, 0);
  }
  if (s->kill) hlua_raise_killed(L);
  if (inner != INNER_SLICED) return hlua_raise(L, "a coroutine cannot wait inside a callback");
  hlua_renew_slice(s);
  return hlua_finish_here(L);
}

// MARK: Loading

// Compiled and stripped, in memory that stays.
static hlua_bytecode *compiled(lua_State *L, const char *library, size_t library_count) {
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "dump");
  lua_remove(L, -2);
  if (luaL_loadbuffer(L, library, library_count, "=[builtin]") != 0) lua_error(L);
  if (lua_isnil(L, -2)) luaL_error(L, "no string.dump");
  lua_pushboolean(L, 1);
  lua_call(L, 2, 1);
  size_t count;
  const char *bytes = lua_tolstring(L, -1, &count);
  hlua_bytecode *code = malloc(sizeof *code + count);
  if (!code) luaL_error(L, "not enough memory");
  code->count = count;
  memcpy(code->bytes, bytes, count);
  lua_pop(L, 1);
  return code;
}

void hlua_load_stripped(lua_State *L, const char *library, size_t library_count, hlua_bytecode **kept) {
  hlua_bytecode *code = __atomic_load_n(kept, __ATOMIC_ACQUIRE), *none = NULL;
  if (!code) {
    code = compiled(L, library, library_count);
    // Another thread may have been first.
    if (!__atomic_compare_exchange_n(kept, &none, code, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      free(code);
      code = none;
    }
  }
  if (luaL_loadbuffer(L, code->bytes, code->count, "=[builtin]") != 0) lua_error(L);
}

static void push_parts(lua_State *L) {
  static const luaL_Reg parts[] = {
      {"metafield", part_metafield}, {"check_table", part_check_table}, {"refuse_function", part_refuse_function},
      {"typename", part_typename},   {"raise", part_raise},             {"rethrow", part_rethrow},
      {"sliced", part_sliced},       {"slice", part_slice},             {"size", part_size},
      {"unmarked", part_unmarked},   {"enter", part_enter},             {NULL, NULL},
  };
  static const char *const globals[] = {"select", "type", "rawget", "rawset", "rawequal", NULL};
  lua_newtable(L);
  luaL_setfuncs(L, parts, 0);
  luaL_setfuncs(L, hlua_string_parts, 0);
  luaL_setfuncs(L, hlua_json_parts, 0);
  hlua_push_table_parts(L);
  lua_getglobal(L, "tostring");
  lua_pushcclosure(L, part_tostring, 1);
  lua_setfield(L, -2, "tostring");
  for (int i = 0; globals[i]; i++) {
    lua_getglobal(L, globals[i]);
    lua_setfield(L, -2, globals[i]);
  }
}

void hlua_open_builtin(lua_State *L) {
  int target = lua_gettop(L);
  static hlua_bytecode *code;
  hlua_load_stripped(L, library, sizeof library - 1, &code);
  lua_getfield(L, target, "string");
  lua_getfield(L, target, "table");
  lua_getfield(L, target, "coroutine");
  push_parts(L);
  lua_getglobal(L, "pcall");
  lua_getglobal(L, "xpcall");
  lua_getglobal(L, "next");
  lua_getfield(L, target, "json");
  lua_getfield(L, target, "cjson");
  lua_call(L, 9, 1);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, target);
  }
  lua_settop(L, target);
}
