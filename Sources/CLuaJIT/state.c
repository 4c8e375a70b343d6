// A state's life: made from nothing, filled with the library its trust allows, closed.
#include "internal.h"

#include <stdlib.h>

static int protect(hlua_state *s, lua_CFunction function) {
  int status = lua_cpcall(s->main, function, NULL);
  hlua_buffer_clear(&s->message);
  if (status == 0) return 0;
  size_t count;
  const char *text = lua_type(s->main, -1) == LUA_TSTRING ? lua_tolstring(s->main, -1, &count) : NULL;
  if (!text) text = "unspecified lua error", count = strlen(text);
  uint8_t *room = hlua_buffer_reserve(&s->message, count);
  if (room) memcpy(room, text, count);
  lua_pop(s->main, 1);
  return status;
}

static int open_state(lua_State *L) {
  hlua_state *s = state_of(L);
  if (s->options.trusted) {
    luaL_openlibs(L);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    hlua_open_json(L);
    hlua_open_text(L);
    hlua_open_require(L);
    lua_pop(L, 1);
  } else {
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    hlua_open_sandbox(L);
  }
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_pushnumber(L, s->options.seed);
  lua_call(L, 1, 0);
  lua_pushcfunction(L, hlua_encode);
  s->encode_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  s->functions_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, hlua_prepare_run);
  s->prepare_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, hlua_keep);
  s->keep_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, "script exceeded its budget");
  s->killed_text_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  hlua_learn_strings(s, L);
  // The registry's free list gets its slot now, so that giving a reference back allocates nothing.
  lua_pushboolean(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
  return 0;
}

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

hlua_state *hlua_state_create(const hlua_options *options) {
  hlua_state *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->options = *options;
  s->options.memory_limit = SIZE_MAX; // LuaJIT does not survive every refusal while it makes a state
  s->period = HOOK_PERIOD;
  s->cpu_left = INT64_MAX;
  s->start_time = options->now(options->context);
  s->main = lua_newstate(hlua_allocate, s);
  if (!s->main) {
    hlua_free_arena(s);
    free(s);
    return NULL;
  }
  if (protect(s, open_state) != 0 || protect(s, collect) != 0) {
    hlua_state_destroy(s);
    return NULL;
  }
  s->options.memory_limit = options->memory_limit;
  s->out.limit = options->memory_limit;
  if (s->used + SHIM_RESERVE > options->memory_limit) {
    hlua_state_destroy(s);
    return NULL;
  }
  s->peak = s->used;
  // Collections start at half again what is alive, not twice: the cap counts garbage too.
  lua_gc(s->main, LUA_GCSETPAUSE, 150);
  s->hooked = !options->trusted;
  if (s->hooked) hlua_arm_hook(s, HOOK_PERIOD);
  return s;
}

void hlua_state_destroy(hlua_state *s) {
  lua_sethook(s->main, NULL, 0, 0);
  s->hooked = false;
  lua_close(s->main);
  while (s->idle) {
    hlua_run *run = s->idle;
    s->idle = run->next;
    free(run);
  }
  hlua_free_arena(s);
  free(s->classes);
  free(s->c_frames);
  hlua_buffer_free(&s->scratch);
  hlua_buffer_free(&s->out);
  hlua_buffer_free(&s->message);
  hlua_buffer_free(&s->traceback);
  free(s);
}

// MARK: Classes and globals

bool hlua_state_register(hlua_state *s, const hlua_class *type) {
  hlua_buffer_clear(&s->message);
  if (type->id >= HLUA_CLASSES) return false;
  if (type->id >= s->class_count) {
    hlua_known_class *classes = realloc(s->classes, (type->id + 1) * sizeof *classes);
    if (!classes) return false;
    while (s->class_count <= type->id) classes[s->class_count++] = (hlua_known_class){.metatable = LUA_NOREF};
    s->classes = classes;
  }
  s->classes[type->id].type = type;
  return true;
}

hlua_buffer *hlua_state_values(hlua_state *s) { return &s->out; }

static int set_global(lua_State *L) {
  hlua_state *s = state_of(L);
  if (hlua_decode_all(L, s, NULL, s->out.bytes, s->out.count) != 1) luaL_error(L, "one value expected");
  lua_setglobal(L, (const char *)s->operand);
  return 0;
}

bool hlua_state_set_global(hlua_state *s, const char *name) {
  s->operand = (const uint8_t *)name;
  return !s->out.failed && protect(s, set_global) == 0;
}

static int set_library(lua_State *L) {
  hlua_state *s = state_of(L);
  const hlua_class *type = s->operand_class;
  lua_createtable(L, 0, (int)type->count);
  // Only its functions see the object, so that it needs no metatable.
  hlua_new_object(L, s, type->id, HLUA_SCOPE_STATE, s->operand_host, 0);
  for (uint32_t i = 0; i < type->count; i++) {
    if (type->methods[i].hidden) continue;
    lua_pushvalue(L, -1);
    hlua_push_bound(L, &type->methods[i]);
    lua_setfield(L, -3, type->methods[i].name);
  }
  lua_pop(L, 1);
  // A name with a dot is a field of a table that may be there already.
  const char *name = (const char *)s->operand, *dot = strchr(name, '.');
  if (!dot) {
    lua_setglobal(L, name);
    return 0;
  }
  lua_pushlstring(L, name, (size_t)(dot - name));
  lua_pushvalue(L, -1);
  lua_rawget(L, LUA_GLOBALSINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_GLOBALSINDEX);
  }
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, dot + 1);
  return 0;
}

bool hlua_state_set_library(hlua_state *s, const char *name, const hlua_class *type, void *host) {
  s->operand = (const uint8_t *)name;
  s->operand_class = type;
  s->operand_host = host;
  return protect(s, set_library) == 0;
}

// MARK: Source

enum { CHUNK_NAME_BYTES = 100 }; // more than Lua ever prints of it

// Lua names a chunk by its source; its beginning gives the same name and is not kept whole in every function.
static int load_source(lua_State *L) {
  hlua_state *s = state_of(L);
  char name[CHUNK_NAME_BYTES + 1];
  size_t count = s->operand_count < CHUNK_NAME_BYTES ? s->operand_count : CHUNK_NAME_BYTES;
  memcpy(name, s->operand, count);
  name[count] = 0;
  if (count && (name[0] == '=' || name[0] == '@')) name[0] = ' '; // a script may not choose the name in its messages
  const char *source = (const char *)s->operand;
  count = s->operand_count;
  s->operand = NULL;
  s->operand_count = 0;
  if (hlua_compile(L, source, count, name) != 0) lua_error(L);
  s->result = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

int32_t hlua_state_load(hlua_state *s, const char *source, size_t count) {
  s->operand = (const uint8_t *)source;
  s->operand_count = count;
  return protect(s, load_source) == 0 ? s->result : HLUA_NO_FUNCTION;
}

// A function has one reference however often it is asked for.
static int find_function(lua_State *L) {
  hlua_state *s = state_of(L);
  s->result = HLUA_NO_FUNCTION;
  lua_pushstring(L, (const char *)s->operand);
  lua_rawget(L, LUA_GLOBALSINDEX);
  if (!lua_isfunction(L, -1)) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->functions_ref);
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  if (lua_isnumber(L, -1)) {
    s->result = (int32_t)lua_tointeger(L, -1);
    return 0;
  }
  lua_pop(L, 1);
  lua_pushvalue(L, -2);
  s->result = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, -2);
  lua_pushinteger(L, s->result);
  lua_rawset(L, -3);
  return 0;
}

int32_t hlua_state_function(hlua_state *s, const char *name) {
  s->operand = (const uint8_t *)name;
  return protect(s, find_function) == 0 ? s->result : HLUA_NO_FUNCTION;
}

// Allocates nothing: the slot of the free list is there.
void hlua_state_release(hlua_state *s, int32_t function) { luaL_unref(s->main, LUA_REGISTRYINDEX, function); }

// MARK: Facts

const hlua_buffer *hlua_state_message(const hlua_state *s) { return &s->message; }
const hlua_buffer *hlua_state_traceback(const hlua_state *s) { return &s->traceback; }
bool hlua_state_is_dead(const hlua_state *s) { return s->dead; }

bool hlua_state_collect(hlua_state *s) {
  bool done = lua_cpcall(s->main, collect, NULL) == 0;
  hlua_free_spare(s);
  if (done) return true;
  lua_pop(s->main, 1);
  return false;
}

static size_t buffer_bytes(const hlua_state *s) {
  return s->outside + s->out.capacity + s->scratch.capacity + s->message.capacity + s->traceback.capacity;
}

size_t hlua_state_memory(const hlua_state *s) { return s->used + buffer_bytes(s); }

hlua_counters hlua_state_counters(const hlua_state *s) {
  return (hlua_counters){
      .memory_used = s->used,
      .buffer_bytes = buffer_bytes(s),
      .memory_peak = s->peak,
      .allocations = s->allocations,
      .runs = s->runs,
      .kills = s->kills,
      .memory_failures = s->memory_failures,
      .idle_runs = s->idle_count,
  };
}
