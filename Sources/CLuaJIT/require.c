// `require`: modules of the library, and those that the host has for the script.
#include "internal.h"

// (name) → the module's function, or nil
static int load_module(lua_State *L) {
  hlua_state *s = state_of(L);
  size_t name_count, count = 0;
  const char *name = luaL_checklstring(L, 1, &name_count);
  const uint8_t *source = s->options.module(s->options.context, (const uint8_t *)name, name_count, &count);
  if (!source) return 0;
  // The name in messages: "=" keeps Lua from quoting it.
  lua_pushfstring(L, "=%s", name);
  const char *chunk = lua_tostring(L, -1);
  if (chunk[1] == '[') chunk = "=module"; // no module may look like the library
  if (hlua_compile(L, (const char *)source, count, chunk) != 0) return lua_error(L);
  return 1;
}

static const char library[] =
    "local load_module, loaded, type, error = ...\n"
    "return function(name)\n"
    "  if type(name) ~= 'string' then error(\"bad argument #1 to 'require' (string expected)\", 2) end\n"
    "  local value = loaded[name]\n"
    "  if value ~= nil then return value end\n"
    "  local module = load_module(name)\n"
    "  if not module then error(\"module '\" .. name .. \"' not found\", 2) end\n"
    "  loaded[name] = true\n"
    "  value = module(name)\n"
    "  if value ~= nil then loaded[name] = value end\n"
    "  return loaded[name]\n"
    "end\n";

static void add_loaded(lua_State *L, int globals, const char *name) {
  lua_getfield(L, globals, name);
  lua_setfield(L, -2, name);
}

static void push_loaded(lua_State *L, int globals) {
  static const char *const names[] = {"json", "cjson", "query", "form", "cookies", "base64", "grpc", "string", "table", "math", "bit", "coroutine", NULL};
  lua_newtable(L);
  for (int i = 0; names[i]; i++) add_loaded(L, globals, names[i]);
  lua_getfield(L, globals, "cjson");
  lua_getfield(L, -1, "safe");
  lua_setfield(L, -3, "cjson.safe");
  lua_pop(L, 1);
}

// A state with the whole library keeps its own `require`, which looks here first.
static void add_loader(lua_State *L, int globals) {
  lua_getfield(L, globals, "package");
  lua_getfield(L, -1, "loaded");
  static const char *const names[] = {"json", "cjson", "query", "form", "cookies", "base64", "grpc", NULL};
  for (int i = 0; names[i]; i++) add_loaded(L, globals, names[i]);
  lua_pop(L, 1);
  lua_getfield(L, -1, "loaders");
  for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, load_module);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

void hlua_open_require(lua_State *L) {
  int globals = lua_gettop(L);
  if (state_of(L)->options.trusted) {
    add_loader(L, globals);
    return;
  }
  if (luaL_loadbuffer(L, library, sizeof library - 1, "=[require]") != 0) lua_error(L);
  lua_pushcfunction(L, load_module);
  push_loaded(L, globals);
  lua_getfield(L, globals, "type");
  lua_getfield(L, globals, "error");
  lua_call(L, 4, 1);
  lua_setfield(L, globals, "require");
}
