// Base functions of our own: rawlen, print, coroutine.running.
#include "text.h"

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
  hlua_enter_c(L, s);
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

void hlua_open_base(lua_State *L) {
  lua_getfield(L, -1, "tostring");
  lua_pushcclosure(L, base_print, 1);
  lua_setfield(L, -2, "print");
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
