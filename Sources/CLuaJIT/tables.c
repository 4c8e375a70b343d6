// concat, insert and sort: what LuaJIT's do, charged to the budget while they do it. (remove, move and foreach are
// bytecode there, so the hook sees them.) pack is Lua 5.2's.
#include "text.h"

// The budget is asked each STEPS_A_CHARGE elements.
static inline void count_element(lua_State *L, hlua_state *s, lua_Integer index) {
  if (index % STEPS_A_CHARGE == 0) hlua_charge(L, s, STEPS_A_CHARGE);
}

static int table_concat(lua_State *L) {
  size_t separator_count;
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *separator = luaL_optlstring(L, 2, "", &separator_count);
  lua_Integer first = luaL_optinteger(L, 3, 1);
  lua_Integer last = lua_isnoneornil(L, 4) ? (lua_Integer)lua_objlen(L, 1) : luaL_checkinteger(L, 4);
  hlua_state *s = state_of(L);
  hlua_buffer *out = hlua_scratch(s);
  for (lua_Integer i = first; i <= last; i++) {
    count_element(L, s, i);
    lua_rawgeti(L, 1, (int)i);
    size_t count;
    const char *bytes = lua_tolstring(L, -1, &count);
    if (!bytes) return luaL_error(L, "invalid value (%s) at index %d in table for 'concat'", luaL_typename(L, -1), (int)i);
    hlua_scratch_add(L, s, bytes, count);
    lua_pop(L, 1);
    if (i < last) hlua_scratch_add(L, s, separator, separator_count);
  }
  s->fuel -= (int64_t)(out->count / BYTES_A_FUEL);
  hlua_scratch_push(L, s);
  return 1;
}

static int table_insert(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer end = (lua_Integer)lua_objlen(L, 1) + 1;
  int count = lua_gettop(L);
  if (count == 2) {
    lua_rawseti(L, 1, (int)end);
    return 0;
  }
  if (count != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  lua_Integer position = luaL_checkinteger(L, 2);
  if (position > end) end = position;
  hlua_state *s = state_of(L);
  for (lua_Integer i = end; i > position; i--) {
    count_element(L, s, i);
    lua_rawgeti(L, 1, (int)i - 1);
    lua_rawseti(L, 1, (int)i);
  }
  lua_rawseti(L, 1, (int)position);
  return 0;
}

// MARK: sort, by the original with comparators that count

static int less_counted(lua_State *L) {
  hlua_charge(L, state_of(L), 8);
  lua_pushboolean(L, lua_lessthan(L, 1, 2));
  return 1;
}

static int compare_counted(lua_State *L) {
  hlua_charge(L, state_of(L), 8);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

static int table_sort(lua_State *L) {
  hlua_enter_c(L, state_of(L));
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  if (lua_objlen(L, 1) > SORT_UNCHARGED) {
    if (lua_isnil(L, 2)) {
      lua_pushcfunction(L, less_counted);
      lua_replace(L, 2);
    } else if (lua_iscfunction(L, 2)) {
      lua_pushcclosure(L, compare_counted, 1);
    }
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 0);
  return 0;
}

static int table_pack(lua_State *L) {
  int count = lua_gettop(L);
  lua_createtable(L, count, 1);
  lua_insert(L, 1);
  for (int i = count; i >= 1; i--) lua_rawseti(L, 1, i);
  lua_pushinteger(L, count);
  lua_setfield(L, 1, "n");
  return 1;
}

void hlua_open_tables(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"concat", table_concat}, {"insert", table_insert}, {"pack", table_pack}, {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "sort");
  lua_pushcclosure(L, table_sort, 1);
  lua_setfield(L, -2, "sort");
}
