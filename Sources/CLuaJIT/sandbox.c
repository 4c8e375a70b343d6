// The library of a sandboxed state, built from nothing: what is not named here does not exist.
#include "internal.h"

static void open_library(lua_State *L, lua_CFunction open, const char *name) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

// Copies the named fields of the table at `from` into the one at the stack's top.
static void keep(lua_State *L, int from, const char *const *names) {
  for (; *names; names++) {
    lua_getfield(L, from, *names);
    lua_setfield(L, -2, *names);
  }
}

static void clear(lua_State *L, int table) {
  for (lua_pushnil(L); lua_next(L, table); lua_pushnil(L)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawset(L, table);
  }
}

static void remove_field(lua_State *L, const char *name) {
  lua_pushnil(L);
  lua_setfield(L, -2, name);
}

static const char *const base_names[] = {
    "assert",   "error",        "getmetatable", "ipairs", "next",     "pairs",  "pcall",  "rawequal", "rawget", "rawset",
    "select",   "setmetatable", "tonumber",     "tostring", "type",   "unpack", "xpcall", "_VERSION", "bit",    "math",
    "string",   "table",        "coroutine",    NULL,
};

void hlua_open_sandbox(lua_State *L) {
  open_library(L, luaopen_base, "");
  open_library(L, luaopen_string, LUA_STRLIBNAME);
  open_library(L, luaopen_table, LUA_TABLIBNAME);
  open_library(L, luaopen_math, LUA_MATHLIBNAME);
  open_library(L, luaopen_bit, LUA_BITLIBNAME);

  lua_pushvalue(L, LUA_GLOBALSINDEX);
  int original = lua_gettop(L);
  lua_newtable(L);
  keep(L, original, base_names);

  lua_getfield(L, -1, "string"); // the same table that methods of strings are looked up in
  hlua_open_strings(L);
  lua_pop(L, 1);
  lua_getfield(L, -1, "table");
  hlua_open_tables(L);
  lua_pop(L, 1);
  hlua_open_json(L);
  hlua_open_builtin(L);
  lua_gc(L, LUA_GCCOLLECT, 0); // what follows fits into what the loading of these left behind
  hlua_open_base(L);
  hlua_open_counted(L);
  hlua_open_text(L);
  hlua_open_pieces(L);
  lua_getfield(L, -1, "string");
  remove_field(L, "dump");
  lua_pop(L, 1);
  lua_getfield(L, -1, "coroutine");
  hlua_open_coroutine(L);
  lua_pop(L, 1);
  hlua_open_clock(L);
  lua_setfield(L, -2, "os");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "_G");
  lua_getfield(L, -1, "table");
  lua_getfield(L, -2, "unpack");
  lua_setfield(L, -2, "unpack");
  lua_pop(L, 1);

  hlua_open_require(L);

  // The original globals stay the environment of the C functions above: nothing may be left to find there.
  clear(L, original);
  lua_replace(L, LUA_GLOBALSINDEX);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_settop(L, 0);
}
