// Functions of the base library whose work grows with their arguments: what LuaJIT's do, charged to the budget.
#include "internal.h"

enum { SHORT_TEXT = 64 }; // bytes of a text that reads as a number for nothing

// Reading a text as a number looks at each byte of it.
static void note_text(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) return;
  size_t count = lua_objlen(L, index);
  if (count > SHORT_TEXT) hlua_note(L, state_of(L), (int64_t)count * 2);
}

// (value[, base]); the original is the upvalue.
static int base_tonumber(lua_State *L) {
  lua_Integer base = lua_isnoneornil(L, 2) ? 10 : luaL_checkinteger(L, 2);
  if (base == 10) {
    luaL_checkany(L, 1);
    note_text(L, 1);
    int is_number;
    lua_Number number = lua_tonumberx(L, 1, &is_number);
    if (is_number) lua_pushnumber(L, number);
    else lua_pushnil(L);
    return 1;
  }
  luaL_checkstring(L, 1);
  luaL_argcheck(L, base >= 2 && base <= 36, 2, "base out of range");
  note_text(L, 1);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

// (table[, first[, last]]); the original is the upvalue, and runs as this function.
static int base_unpack(lua_State *L) {
  int count = lua_tocfunction(L, lua_upvalueindex(1))(L);
  hlua_note(L, state_of(L), count);
  return count;
}

static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void hlua_open_counted(lua_State *L) {
  wrap(L, "tonumber", base_tonumber);
  wrap(L, "unpack", base_unpack);
}
