// The base functions that call back into scripts, rewritten where LuaJIT's own can be made to loop inside C, and print.
#include "text.h"

// LuaJIT's tostring with a `__tostring` that is tostring itself spins for ever without executing an instruction.
static int base_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  if (luaL_getmetafield(L, 1, "__tostring")) {
    hlua_enter_c(L, state_of(L));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
  }
  switch (lua_type(L, 1)) {
  case LUA_TSTRING:
  case LUA_TNUMBER:
    lua_settop(L, 1);
    lua_tolstring(L, 1, NULL);
    return 1;
  default: // LuaJIT knows how it writes the others
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
  }
}

// With `__pairs`, which LuaJIT has only when built so.
static int base_pairs(lua_State *L) {
  if (luaL_getmetafield(L, 1, "__pairs")) {
    hlua_enter_c(L, state_of(L));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 3);
    return 3;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(1)); // next itself: loops over it have an instruction of their own
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

static int base_rawlen(lua_State *L) {
  int type = lua_type(L, 1);
  if (type != LUA_TTABLE && type != LUA_TSTRING) return luaL_argerror(L, 1, "table or string expected");
  lua_pushinteger(L, (lua_Integer)lua_objlen(L, 1));
  return 1;
}

static int base_print(lua_State *L) {
  hlua_state *s = state_of(L);
  int count = lua_gettop(L);
  hlua_text out;
  hlua_text_init(&out, L);
  for (int i = 1; i <= count; i++) {
    if (i > 1) hlua_text_add_byte(&out, '\t');
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    if (!lua_isstring(L, -1)) return luaL_error(L, "'tostring' must return a string to 'print'");
    hlua_text_add_top(&out);
  }
  s->options.log(s->options.context, (const uint8_t *)out.bytes, out.count);
  return 0;
}

// LuaJIT's pcall does not check the stack, so `__call = pcall` runs over its end. A Lua function in front of it does
// check, and a tail call leaves no frame that error levels or yields would notice.
static const char guarded_calls[] =
    "local pcall, xpcall = ... "
    "return function(...) return pcall(...) end, function(...) return xpcall(...) end";

static void guard_calls(lua_State *L) {
  int table = lua_gettop(L);
  if (luaL_loadbuffer(L, guarded_calls, sizeof guarded_calls - 1, "=[builtin]") != 0) lua_error(L);
  lua_getfield(L, table, "pcall");
  lua_getfield(L, table, "xpcall");
  lua_call(L, 2, 2);
  lua_setfield(L, table, "xpcall");
  lua_setfield(L, table, "pcall");
}

void hlua_open_base(lua_State *L) {
  guard_calls(L);
  lua_getfield(L, -1, "tostring");
  lua_pushcclosure(L, base_tostring, 1);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, base_print, 1);
  lua_setfield(L, -3, "print");
  lua_setfield(L, -2, "tostring");
  lua_getfield(L, -1, "next");
  lua_pushcclosure(L, base_pairs, 1);
  lua_setfield(L, -2, "pairs");
  lua_pushcfunction(L, base_rawlen);
  lua_setfield(L, -2, "rawlen");
}

// The coroutine of a run is the host's: a script that held it could resume another request. To the script it is the main one.
static int coroutine_running(lua_State *L) {
  const hlua_run *run = state_of(L)->current;
  if (run && run->thread == L) lua_pushnil(L);
  else lua_pushthread(L);
  return 1;
}

void hlua_open_coroutine(lua_State *L) {
  lua_pushcfunction(L, coroutine_running);
  lua_setfield(L, -2, "running");
}
