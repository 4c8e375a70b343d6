// concat and insert: what LuaJIT's do, charged to the budget while they do it; and parts of sort. (remove, move and foreach
// are bytecode there, so the hook sees them.) pack is Lua 5.2's.
#include "text.h"

// The budget is asked each STEPS_A_CHARGE elements.
static inline void count_element(lua_State *L, hlua_state *s, lua_Integer index) {
  if (index % STEPS_A_CHARGE == 0) hlua_charge(L, s, STEPS_A_CHARGE);
}

// (table, separator, first, last), all known to be right.
static int concat_part(lua_State *L) {
  size_t separator_count;
  const char *separator = lua_tolstring(L, 2, &separator_count);
  lua_Integer first = lua_tointeger(L, 3), last = lua_tointeger(L, 4);
  hlua_state *s = state_of(L);
  hlua_buffer *out = hlua_scratch(s);
  for (lua_Integer i = first; i <= last; i++) {
    count_element(L, s, i);
    lua_rawgeti(L, 1, (int)i);
    size_t count;
    const char *bytes = lua_tolstring(L, -1, &count);
    if (!bytes) return hlua_raise(L, lua_pushfstring(L, "invalid value (%s) at index %d in table for 'concat'", luaL_typename(L, -1), (int)i));
    hlua_scratch_add(L, s, bytes, count);
    lua_pop(L, 1);
    if (i < last) hlua_scratch_add(L, s, separator, separator_count);
  }
  s->fuel -= (int64_t)(out->count / BYTES_A_FUEL);
  hlua_scratch_push(L, s);
  return 1;
}

enum { CONCAT_AT_ONCE = 4096 }; // elements

// As table.concat takes them → nil and the result, or table, separator, first and last, when there are many.
static int concat_arguments(lua_State *L) {
  int given = lua_gettop(L);
  if (!lua_istable(L, 1)) return hlua_raise_type(L, 1, given, "table");
  if (!lua_isnoneornil(L, 2) && !lua_isstring(L, 2)) return hlua_raise_type(L, 2, given, "string");
  for (int i = 3; i <= 4; i++)
    if (!lua_isnoneornil(L, i) && !lua_isnumber(L, i)) return hlua_raise_type(L, i, given, "number");
  lua_Integer first = luaL_optinteger(L, 3, 1);
  lua_Integer last = lua_isnoneornil(L, 4) ? (lua_Integer)lua_objlen(L, 1) : lua_tointeger(L, 4);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushliteral(L, "");
    lua_replace(L, 2);
  }
  lua_tolstring(L, 2, NULL);
  lua_pushinteger(L, first);
  lua_pushinteger(L, last);
  if (last - first >= CONCAT_AT_ONCE) return 4;
  concat_part(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
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

// MARK: sort

// Sorts by the original if that is done in no time and calls nothing: few elements, all numbers or all strings.
static int sort_plainly(lua_State *L) {
  int count = lua_gettop(L);
  if (count == 0 || !lua_istable(L, 1)) return hlua_raise_type(L, 1, count, "table");
  if (!lua_isnoneornil(L, 2)) {
    if (!lua_isfunction(L, 2)) return hlua_raise_type(L, 2, count, "function");
    return 0;
  }
  size_t size = lua_objlen(L, 1);
  if (size > SORT_AT_ONCE) return 0;
  int type = LUA_TNONE;
  size_t bytes = 0;
  for (size_t i = 1; i <= size; i++) {
    lua_rawgeti(L, 1, (int)i);
    int here = lua_type(L, -1);
    if (type == LUA_TNONE) type = here;
    if (here == LUA_TSTRING) bytes += lua_objlen(L, -1);
    bool fits = here == type && (type == LUA_TSTRING || (type == LUA_TNUMBER && lua_tonumber(L, -1) == lua_tonumber(L, -1)));
    lua_pop(L, 1);
    if (!fits || bytes > SORT_BYTES_AT_ONCE) return 0;
  }
  hlua_charge(L, state_of(L), (int64_t)size * 16);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  lua_pushboolean(L, 1);
  return 1;
}

// Takes two values that `<` does not take and says so as the VM does.
static int refuse_comparison(lua_State *L) {
  const char *left = luaL_typename(L, 1), *right = luaL_typename(L, 2);
  if (strcmp(left, right) == 0) lua_pushfstring(L, "attempt to compare two %s values", left);
  else lua_pushfstring(L, "attempt to compare %s with %s", left, right);
  return hlua_raise(L, lua_tostring(L, -1));
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
      {"insert", table_insert}, {"pack", table_pack}, {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}

void hlua_push_table_parts(lua_State *L) {
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "sort");
  lua_pushcclosure(L, sort_plainly, 1);
  lua_setfield(L, -3, "sort_plainly");
  lua_pop(L, 1);
  lua_pushcfunction(L, concat_part);
  lua_setfield(L, -2, "concat");
  lua_pushcfunction(L, concat_arguments);
  lua_setfield(L, -2, "concat_arguments");
  lua_pushcfunction(L, refuse_comparison);
  lua_setfield(L, -2, "refuse_comparison");
}
