// Encoded values to Lua values and back. Everything here runs under a pcall or a resume and may raise.
#include "internal.h"

enum { FEW_VALUES = 6 }; // that fit beside as many arguments into what a C function is given of the stack

typedef struct cursor {
  const uint8_t *at, *end;
} cursor;

static const uint8_t *take(lua_State *L, cursor *c, size_t count) {
  if ((size_t)(c->end - c->at) < count) luaL_error(L, "truncated value");
  const uint8_t *at = c->at;
  c->at += count;
  return at;
}

static uint32_t take_word(lua_State *L, cursor *c) {
  uint32_t word;
  memcpy(&word, take(L, c, sizeof word), sizeof word);
  return word;
}

static void decode_object(lua_State *L, hlua_state *s, hlua_run *run, cursor *c) {
  uint32_t type = take_word(L, c), scope = take_word(L, c), slot = take_word(L, c);
  void *host;
  int64_t tag;
  memcpy(&host, take(L, c, sizeof host), sizeof host);
  memcpy(&tag, take(L, c, sizeof tag), sizeof tag);
  hlua_push_object(L, s, run, type, scope, slot, host, tag);
}

// Pushes the next value; false at the end of a table.
static bool decode(lua_State *L, hlua_state *s, hlua_run *run, cursor *c) {
  switch (*take(L, c, 1)) {
  case HLUA_OP_NIL: lua_pushnil(L); return true;
  case HLUA_OP_FALSE: lua_pushboolean(L, 0); return true;
  case HLUA_OP_TRUE: lua_pushboolean(L, 1); return true;
  case HLUA_OP_NUMBER: {
    double number;
    memcpy(&number, take(L, c, sizeof number), sizeof number);
    lua_pushnumber(L, number);
    return true;
  }
  case HLUA_OP_STRING: {
    uint32_t count = take_word(L, c);
    lua_pushlstring(L, (const char *)take(L, c, count), count);
    return true;
  }
  case HLUA_OP_TABLE: {
    uint32_t array = take_word(L, c), records = take_word(L, c);
    luaL_checkstack(L, 8, "value nested too deep");
    lua_createtable(L, (int)array, (int)records);
    while (decode(L, s, run, c)) {
      if (lua_isnil(L, -1)) luaL_error(L, "table key is nil");
      if (!decode(L, s, run, c)) luaL_error(L, "truncated value");
      lua_rawset(L, -3);
    }
    return true;
  }
  case HLUA_OP_OBJECT: decode_object(L, s, run, c); return true;
  case HLUA_OP_BOUND: {
    const hlua_method *method;
    memcpy(&method, take(L, c, sizeof method), sizeof method);
    take(L, c, 1);
    decode_object(L, s, run, c);
    hlua_push_bound(L, method);
    return true;
  }
  default: return false;
  }
}

int hlua_decode_all(lua_State *L, hlua_state *s, hlua_run *run, const uint8_t *bytes, size_t count) {
  cursor c = {bytes, bytes + count};
  int top = lua_gettop(L);
  for (int values = 0; c.at < c.end; values++) {
    if (values >= FEW_VALUES || top > FEW_VALUES) luaL_checkstack(L, 4, "too many values");
    decode(L, s, run, &c);
  }
  return lua_gettop(L) - top;
}

// MARK: Reading

typedef struct reading {
  hlua_state *s;
  hlua_buffer *into;
  size_t limit;
} reading;

static int encode_value(lua_State *L, reading *r, int depth);

// The table at the stack's top, by raw traversal: no metamethod of the script runs.
static int encode_table(lua_State *L, reading *r, int depth) {
  if (depth <= 0) return HLUA_READ_TOO_DEEP;
  luaL_checkstack(L, 8, "value nested too deep");
  hlua_put_table(r->into, (uint32_t)lua_objlen(L, -1), 0);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    int result = encode_value(L, r, 0);
    lua_pop(L, 1);
    if (result == HLUA_READ_OK) result = encode_value(L, r, depth - 1);
    if (result != HLUA_READ_OK) return result;
    lua_pop(L, 1);
  }
  hlua_put_tag(r->into, HLUA_OP_END);
  return HLUA_READ_OK;
}

static int encode_value(lua_State *L, reading *r, int depth) {
  size_t count;
  const char *bytes;
  hlua_charge(L, r->s, 8);
  if (r->into->count > r->limit) return HLUA_READ_TOO_LARGE;
  switch (lua_type(L, -1)) {
  case LUA_TNIL: hlua_put_tag(r->into, HLUA_OP_NIL); break;
  case LUA_TBOOLEAN: hlua_put_tag(r->into, lua_toboolean(L, -1) ? HLUA_OP_TRUE : HLUA_OP_FALSE); break;
  case LUA_TNUMBER: hlua_put_number(r->into, lua_tonumber(L, -1)); break;
  case LUA_TSTRING:
    bytes = lua_tolstring(L, -1, &count);
    if (count > r->limit || r->into->count + count > r->limit) return HLUA_READ_TOO_LARGE;
    hlua_put_string(r->into, bytes, (uint32_t)count);
    break;
  case LUA_TTABLE: return encode_table(L, r, depth);
  default:
    bytes = luaL_typename(L, -1);
    hlua_buffer_clear(r->into);
    hlua_put_string(r->into, bytes, (uint32_t)strlen(bytes));
    return HLUA_READ_UNSUPPORTED;
  }
  return r->into->failed ? HLUA_READ_NO_MEMORY : HLUA_READ_OK;
}

int hlua_encode(lua_State *L) {
  hlua_state *s = state_of(L);
  reading r = {s, s->operand_buffer, s->operand_count};
  s->result = encode_value(L, &r, s->operand_depth);
  return 0;
}

int hlua_call_read(hlua_call *call, int32_t index, int32_t depth, size_t bytes, hlua_buffer *into) {
  hlua_state *s = call->state;
  lua_State *L = call->thread;
  hlua_buffer_clear(into);
  if (index > call->count) {
    hlua_put_tag(into, HLUA_OP_NIL);
    return into->failed ? HLUA_READ_NO_MEMORY : HLUA_READ_OK;
  }
  s->operand_depth = depth;
  s->operand_count = bytes;
  s->operand_buffer = into;
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->encode_ref);
  lua_pushvalue(L, call->first + index - 1);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    lua_pop(L, 1);
    return HLUA_READ_NO_MEMORY;
  }
  return s->result;
}
