// Host objects: userdata with a locked metatable whose methods go to the host and come back as a code.
#include "text.h"

#include <stdatomic.h>
#include <stdio.h>

static const char out_of_scope[] = "object used outside of proper scope";

uint32_t hlua_next_class_id(void) {
  static _Atomic uint32_t next = 0;
  return atomic_fetch_add(&next, 1);
}

// MARK: Objects

static bool is_alive(const hlua_state *s, const hlua_object *object) {
  if (object->scope == HLUA_SCOPE_STATE) return true;
  const hlua_run *run = s->current;
  return run && object->stamp == (object->scope == HLUA_SCOPE_RUN ? run->run_stamp : run->segment_stamp);
}

hlua_object *hlua_to_object(lua_State *L, hlua_state *s, int index) {
  // The userdata that a sandboxed script can hold are objects and `json.null`, which is no address.
  if (s->options.trusted && (lua_type(L, index) != LUA_TUSERDATA || lua_objlen(L, index) != sizeof(hlua_object))) return NULL;
  hlua_object *object = lua_touserdata(L, index);
  return object && object->magic == (uintptr_t)s ? object : NULL;
}

// An object of the same segment that was handed out before stays the same object: scripts compare them.
static bool push_cached(lua_State *L, hlua_state *s, hlua_run *run, uint32_t type, uint32_t slot, void *host, int64_t tag) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, run->objects_ref);
  lua_rawgeti(L, -1, (int)slot);
  hlua_object *object = hlua_to_object(L, s, -1);
  if (object && object->type == type && object->host == host && object->tag == tag && object->scope != HLUA_SCOPE_STATE &&
      object->stamp == (object->scope == HLUA_SCOPE_RUN ? run->run_stamp : run->segment_stamp)) {
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

static void make_metatable(lua_State *L, hlua_known_class *known);

hlua_object *hlua_new_object(lua_State *L, hlua_state *s, uint32_t type, uint32_t scope, void *host, int64_t tag) {
  hlua_object *object = lua_newuserdata(L, sizeof(hlua_object));
  *object = (hlua_object){.magic = (uintptr_t)s, .type = type, .scope = scope, .host = host, .tag = tag};
  return object;
}

void hlua_push_object(lua_State *L, hlua_state *s, hlua_run *run, uint32_t type, uint32_t scope, uint32_t slot, void *host, int64_t tag) {
  hlua_known_class *known = type < s->class_count ? &s->classes[type] : NULL;
  if (!known || !known->type) luaL_error(L, "unknown class of object");
  if (known->metatable == LUA_NOREF) make_metatable(L, known);
  bool cached = run && slot > 0 && slot < RUN_SLOTS;
  if (cached && push_cached(L, s, run, type, slot, host, tag)) return;
  hlua_object *object = hlua_new_object(L, s, type, scope, host, tag);
  if (run) object->stamp = scope == HLUA_SCOPE_RUN ? run->run_stamp : run->segment_stamp;
  lua_rawgeti(L, LUA_REGISTRYINDEX, known->metatable);
  lua_setmetatable(L, -2);
  if (!cached) return;
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, (int)slot);
  lua_remove(L, -2);
}

// MARK: Calls

static void decode_arguments(lua_State *L, hlua_call *call) {
  int32_t known = call->count < HLUA_CALL_ARGUMENTS ? call->count : HLUA_CALL_ARGUMENTS;
  for (int32_t i = 0; i < known; i++) {
    hlua_argument *argument = &call->arguments[i];
    int index = call->first + i;
    argument->type = lua_type(L, index);
    switch (argument->type) {
    case LUA_TBOOLEAN: argument->boolean = lua_toboolean(L, index); break;
    case LUA_TNUMBER: argument->number = lua_tonumber(L, index); break;
    case LUA_TSTRING: argument->bytes = (const uint8_t *)lua_tolstring(L, index, &argument->count); break;
    default: break;
    }
  }
}

static int raise_at(lua_State *L, hlua_state *s) {
  luaL_where(L, 1);
  lua_pushlstring(L, (const char *)s->out.bytes, s->out.count);
  lua_concat(L, 2);
  return lua_error(L);
}

static int raise_argument(lua_State *L, hlua_state *s, const hlua_method *method, hlua_call *call, bool type_only) {
  lua_pushlstring(L, (const char *)s->out.bytes, s->out.count);
  if (type_only) {
    bool given = call->detail <= call->count;
    const char *got = given ? luaL_typename(L, call->first + call->detail - 1) : "no value";
    lua_pushfstring(L, "%s expected, got %s", lua_tostring(L, -1), got);
  }
  return luaL_error(L, "bad argument #%d to '%s' (%s)", call->detail, method->name, lua_tostring(L, -1));
}

static int yield_run(lua_State *L, hlua_state *s, const hlua_method *method, int32_t reason) {
  if (!s->current || (s->options.trusted && s->current->thread != L))
    return luaL_error(L, "%s() cannot wait inside a coroutine of the script", method->name);
  if (!lua_isyieldable(L)) return luaL_error(L, "%s() cannot wait inside a callback", method->name);
  hlua_note_yield(L, s, INNER_WAITS, reason);
  return lua_yield(L, 0);
}

static int call_host(lua_State *L, hlua_state *s, const hlua_method *method, const hlua_object *object, int first) {
  if (!is_alive(s, object)) return luaL_error(L, out_of_scope);
  hlua_call call;
  call.state = s;
  call.out = &s->out;
  call.context = s->current ? s->current->context : NULL;
  call.host = object->host;
  call.tag = object->tag;
  call.thread = L;
  call.first = first;
  call.detail = 0;
  call.charged = 0;
  call.count = lua_gettop(L) - first + 1;
  decode_arguments(L, &call);
  hlua_buffer_clear(&s->out);
  int32_t code = method->owner->invoke(method->body, &call);
  if (s->out.failed) hlua_raise_memory(L, s);
  if (call.charged > 0) hlua_note(L, s, call.charged);
  switch (code) {
  case HLUA_RETURN:
    if (s->out.count > 0 || !method->or_nil) return hlua_decode_all(L, s, s->current, s->out.bytes, s->out.count);
    lua_pushnil(L);
    return 1;
  case HLUA_YIELD: return yield_run(L, s, method, call.detail);
  case HLUA_BAD_ARGUMENT: return raise_argument(L, s, method, &call, false);
  case HLUA_BAD_TYPE: return raise_argument(L, s, method, &call, true);
  default: return raise_at(L, s);
  }
}

static int method_called(lua_State *L) {
  hlua_state *s = state_of(L);
  const hlua_method *method = lua_touserdata(L, lua_upvalueindex(1));
  hlua_object *object = hlua_to_object(L, s, 1);
  if (object && object->type == method->owner->id) return call_host(L, s, method, object, 2);
  const char *got = lua_isnone(L, 1) ? "no value" : luaL_typename(L, 1);
  return luaL_error(L, "bad argument #1 to '%s' (%s expected, got %s)", method->name, method->owner->name, got);
}

static int bound_called(lua_State *L) {
  hlua_state *s = state_of(L);
  const hlua_method *method = lua_touserdata(L, lua_upvalueindex(1));
  return call_host(L, s, method, lua_touserdata(L, lua_upvalueindex(2)), 1);
}

void hlua_push_bound(lua_State *L, const hlua_method *method) {
  lua_pushlightuserdata(L, (void *)method);
  lua_insert(L, -2);
  lua_pushcclosure(L, bound_called, 2);
}

// MARK: Arguments on demand

bool hlua_call_text(hlua_call *call, int32_t index) {
  if (index > HLUA_CALL_ARGUMENTS || index > call->count) return false;
  hlua_argument *argument = &call->arguments[index - 1];
  if (argument->type == HLUA_TYPE_STRING) return true;
  if (argument->type != HLUA_TYPE_NUMBER) return false;
  char *text = call->text[index - 1];
  argument->bytes = (const uint8_t *)text;
  // Lua prints every NaN alike, C shows the sign.
  if (argument->number != argument->number)
    argument->count = (size_t)snprintf(text, sizeof call->text[0], "nan");
  else
    argument->count = (size_t)snprintf(text, sizeof call->text[0], LUA_NUMBER_FMT, argument->number);
  return true;
}

bool hlua_call_number(hlua_call *call, int32_t index, double *number) {
  if (index > call->count || !lua_isnumber(call->thread, call->first + index - 1)) return false;
  *number = lua_tonumber(call->thread, call->first + index - 1);
  return true;
}

bool hlua_call_object(hlua_call *call, int32_t index, uint32_t type, void **host, int64_t *tag) {
  if (index > call->count) return false;
  hlua_object *object = hlua_to_object(call->thread, call->state, call->first + index - 1);
  if (!object || object->type != type || !is_alive(call->state, object)) return false;
  *host = object->host;
  *tag = object->tag;
  return true;
}

int hlua_keep(lua_State *L) {
  lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
  return 1;
}

int32_t hlua_call_keep(hlua_call *call, int32_t index) {
  lua_State *L = call->thread;
  int position = call->first + index - 1;
  if (index > call->count || !lua_isfunction(L, position)) return HLUA_NO_FUNCTION;
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->state->keep_ref);
  lua_pushvalue(L, position);
  int32_t reference = lua_pcall(L, 1, 1, 0) == 0 ? (int32_t)lua_tointeger(L, -1) : HLUA_NO_FUNCTION;
  lua_pop(L, 1);
  return reference;
}

// MARK: Classes

static void set_method(lua_State *L, const char *name, const hlua_method *method) {
  lua_pushlightuserdata(L, (void *)method);
  lua_pushcclosure(L, method_called, 1);
  lua_setfield(L, -2, name);
}

// Most scripts meet few of the classes that there are, and an idle state is to be small.
static void make_metatable(lua_State *L, hlua_known_class *known) {
  const hlua_class *type = known->type;
  luaL_checkstack(L, LUA_MINSTACK, "no room for a class");
  lua_createtable(L, 0, 4);
  lua_createtable(L, 0, (int)type->count);
  for (uint32_t i = 0; i < type->count; i++)
    if (!type->methods[i].hidden) set_method(L, type->methods[i].name, &type->methods[i]);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  if (type->pairs) set_method(L, "__pairs", type->pairs);
  if (type->tostring) set_method(L, "__tostring", type->tostring);
  known->metatable = luaL_ref(L, LUA_REGISTRYINDEX);
}
