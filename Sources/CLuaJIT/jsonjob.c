// Reading and writing of JSON that is put aside between two values. The library that is written in Lua calls one step after
// the other (builtin.c), and the hook puts the script aside between them.
#include "json.h"

hlua_json_job *hlua_json_put_aside(lua_State *L, int table, int depth, const hlua_json_level *levels) {
  int slots = 2 * depth;
  luaL_checkstack(L, 6, "nested too deep");
  if (table) lua_pushvalue(L, table);
  else lua_createtable(L, slots, 1);
  lua_insert(L, -slots - 1);
  for (int i = slots; i > 0; i--) lua_rawseti(L, -i - 1, i);
  hlua_json_job *job = lua_newuserdata(L, sizeof *job);
  *job = (hlua_json_job){.depth = depth};
  memcpy(job->levels, levels, (size_t)depth * sizeof *levels);
  lua_insert(L, -2);
  lua_setfenv(L, -2);
  return job;
}

const hlua_json_job *hlua_json_take(lua_State *L, int index) {
  const hlua_json_job *job = lua_touserdata(L, index);
  luaL_checkstack(L, 2 * job->depth + 8, "nested too deep");
  lua_getfenv(L, index);
  int table = lua_gettop(L);
  for (int i = 1; i <= 2 * job->depth; i++) lua_rawgeti(L, table, i);
  return job;
}
