// Base functions of our own: rawlen, coroutine.running.
#include "internal.h"

static int base_rawlen(lua_State *L) {
  int type = lua_type(L, 1);
  if (type != LUA_TTABLE && type != LUA_TSTRING) return luaL_argerror(L, 1, "table or string expected");
  lua_pushinteger(L, (lua_Integer)lua_objlen(L, 1));
  return 1;
}

void hlua_open_base(lua_State *L) {
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
