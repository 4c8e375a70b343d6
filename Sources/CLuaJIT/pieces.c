// The part of the library that works on texts and tables of any size, written in Lua: long ones are worked on a piece after
// the other, with instructions between them at which a script can be put aside or stopped. What is short goes to the
// function in C, which raises the errors too: a tail call leaves it the name and place of the one that was called.
//
// Few scripts ever meet a long text, and what works on one is made when the first comes: it takes as much memory as a
// small script.
#include "text.h"

#include <stdlib.h>

static const char library[] =
    "local string, table, query, form, cookies, base64, grpc, part = ...\n"
    "local type, select, rawget, rawset, tostring = part.type, part.select, part.rawget, part.rawset, part.tostring\n"
    "local concat, raise = table.concat, part.raise\n"
    "local plain, made = {find = string.find, sub = string.sub, byte = string.byte, concat = concat, type = type, select = select}\n"
    "local make = part.make\n"
    "local function divide(library, name, kind)\n"
    "  local f = library[name]\n"
    "  plain[kind] = f\n"
    "  library[name] = function(...)\n"
    "    local text = ...\n"
    "    if type(text) ~= 'string' or #text <= 16384 then return f(...) end\n"
    "    made = made or make(plain)\n"
    "    return made[kind](...)\n"
    "  end\n"
    "end\n"
    "divide(query, 'escape', 'escape')\n"
    "divide(query, 'unescape', 'unescape')\n"
    "divide(query, 'get', 'query_get')\n"
    "divide(query, 'parse', 'query_parse')\n"
    "divide(form, 'get', 'form_get')\n"
    "divide(form, 'parse', 'form_parse')\n"
    "divide(cookies, 'get', 'cookies_get')\n"
    "divide(cookies, 'parse', 'cookies_parse')\n"
    "divide(base64, 'encode', 'encode')\n"
    "divide(base64, 'decode', 'decode')\n"
    "divide(grpc, 'message', 'message')\n"
    "divide(grpc, 'field', 'field')\n"

    // table.insert
    "local insert, far = table.insert, part.far\n"
    "function table.insert(...)\n"
    "  local first, last = far(...)\n"
    "  if not first then return insert(...) end\n"
    "  local t, _, value = ...\n"
    "  for i = last, first + 1, -1 do rawset(t, i, rawget(t, i - 1)) end\n"
    "  rawset(t, first, value)\n"
    "end\n"

    // print
    "local write = part.write\n"
    "return function(...)\n"
    "  local count, parts = select('#', ...), {...}\n"
    "  for i = 1, count do\n"
    "    local text = tostring(parts[i])\n"
    "    if type(text) ~= 'string' and type(text) ~= 'number' then raise(\"'tostring' must return a string to 'print'\") end\n"
    "    parts[i] = text\n"
    "  end\n"
    "  write(concat(parts, '\\t', 1, count))\n"
    "end\n";

static const char pieces[] =
    "local plain, part = ...\n"
    "local find, sub, byte, concat, type, select = plain.find, plain.sub, plain.byte, plain.concat, plain.type, plain.select\n"
    "local raise = part.raise\n"
    "local PIECE, made = 16384, {}\n"

    // What a function makes of each piece, one behind the other; `last` says where the piece ends that begins at a place.
    "local function each(f, text, last, option)\n"
    "  local parts, count, at, size = {}, 0, 1, #text\n"
    "  while at <= size do\n"
    "    local stop = last(text, at, size)\n"
    "    local result = f(sub(text, at, stop), option)\n"
    "    if not result then return end\n"
    "    count = count + 1\n"
    "    parts[count] = result\n"
    "    at = stop + 1\n"
    "  end\n"
    "  return concat(parts)\n"
    "end\n"
    "local function anywhere(_, at, size)\n"
    "  return at + PIECE < size and at + PIECE - 1 or size\n"
    "end\n"

    // query.escape, query.unescape
    "local escape, unescape = plain.escape, plain.unescape\n"
    "local function outside_of_escape(text, at, size)\n"
    "  local stop = anywhere(text, at, size)\n"
    "  if stop == size then return stop end\n"
    "  if byte(text, stop) == 37 then return stop - 1 end\n"
    "  if byte(text, stop - 1) == 37 then return stop - 2 end\n"
    "  return stop\n"
    "end\n"
    "function made.escape(...) return each(escape, (...), anywhere) end\n"
    "function made.unescape(...) return each(unescape, (...), outside_of_escape) end\n"

    // base64
    "local encode, decode = plain.encode, plain.decode\n"
    "local function whole_groups(_, at, size)\n"
    "  return at + PIECE < size and at + PIECE / 4 * 3 - 1 or size\n"
    "end\n"
    "local function decode_unpadded(text) if byte(text, -1) ~= 61 then return decode(text) end end\n"
    "function made.encode(...) return each(encode, (...), whole_groups, (select(2, ...))) end\n"
    "function made.decode(text)\n"
    "  local rest = #text - (#text - 1) % PIECE - 1\n" // padding may stand in what is left behind whole pieces
    "  local start = each(decode_unpadded, sub(text, 1, rest), anywhere)\n"
    "  local stop = start and decode(sub(text, rest + 1))\n"
    "  return stop and start .. stop\n"
    "end\n"

    // query.parse, form.parse, cookies.parse, and the three called get
    "local function behind(separator)\n"
    "  return function(text, at, size)\n"
    "    return at + PIECE < size and find(text, separator, at + PIECE, true) or size\n"
    "  end\n"
    "end\n"
    "local function parser(into, last, prepare)\n"
    "  return function(...)\n"
    "    local text = ...\n"
    "    if prepare then text = prepare(text) end\n"
    "    local result, at, size = {}, 1, #text\n"
    "    while at <= size do\n"
    "      local stop = last(text, at, size)\n"
    "      into(sub(text, at, stop), result)\n"
    "      at = stop + 1\n"
    "    end\n"
    "    return result\n"
    "  end\n"
    "end\n"
    "local function getter(get, within, last, prepare)\n"
    "  return function(...)\n"
    "    local text, name = ...\n"
    "    if type(name) ~= 'string' then return get(...) end\n"
    "    if prepare then text = prepare(text) end\n"
    "    local at, size = 1, #text\n"
    "    while at <= size do\n"
    "      local stop = last(text, at, size)\n"
    "      local value = within(sub(text, at, stop), name)\n"
    "      if value then return value end\n"
    "      at = stop + 1\n"
    "    end\n"
    "    return nil\n"
    "  end\n"
    "end\n"
    "local behind_pair, behind_cookie = behind('&'), behind(';')\n"
    "made.query_get = getter(plain.query_get, plain.form_get, behind_pair, part.query_of)\n"
    "made.form_get = getter(plain.form_get, plain.form_get, behind_pair)\n"
    "made.cookies_get = getter(plain.cookies_get, plain.cookies_get, behind_cookie)\n"
    "made.query_parse = parser(part.parse_pairs, behind_pair, part.query_of)\n"
    "made.form_parse = parser(part.parse_pairs, behind_pair)\n"
    "made.cookies_parse = parser(part.parse_cookies, behind_cookie)\n"

    // grpc
    "local message, field, scan, body_of = plain.message, plain.field, part.scan_fields, part.body_of\n"
    "local function descend(text, at, stop, name, ...)\n"
    "  local last = select('#', ...)\n"
    "  for i = 1, last do\n"
    "    local number = (select(i, ...))\n"
    "    if not part.is_field(number) then raise('bad argument #' .. i + 1 .. \" to '\" .. name .. \"' (no field's number)\") end\n"
    "    local kind, from, to, value\n"
    "    while at < stop do\n"
    "      local next, found, first, behind, scalar = scan(text, at, stop, number)\n"
    "      if not next then return nil, 'malformed message' end\n"
    "      at = next\n"
    "      if found then kind, from, to, value = found, first, behind, scalar end\n"
    "    end\n"
    "    if not kind then return nil end\n"
    "    if i == last then\n"
    "      if kind == 2 then return sub(text, from + 1, to) end\n"
    "      return value\n"
    "    end\n"
    "    if kind ~= 2 then return nil end\n"
    "    at, stop = from, to\n"
    "  end\n"
    "end\n"
    "function made.message(...)\n"
    "  local text = ...\n"
    "  if select('#', ...) < 2 then return message(...) end\n"
    "  return descend(text, 0, #text, 'message', select(2, ...))\n"
    "end\n"
    "function made.field(...)\n"
    "  local text = ...\n"
    "  if select('#', ...) < 2 then return field(...) end\n"
    "  local at, stop = body_of(text)\n"
    "  if not at then return at, stop end\n"
    "  return descend(text, at, stop, 'field', select(2, ...))\n"
    "end\n"
    "return made\n";

// (table, position, value) → where to put it, and the last place that is free, if that is far from it
static int part_far(lua_State *L) {
  if (lua_gettop(L) != 3 || !lua_istable(L, 1) || !lua_isnumber(L, 2)) return 0;
  lua_Integer end = (lua_Integer)lua_objlen(L, 1) + 1, position = lua_tointeger(L, 2);
  if (end - position <= INSERT_AT_ONCE) return 0;
  lua_pushinteger(L, position);
  lua_pushinteger(L, end);
  return 2;
}

enum {
  MAKING_FUEL = 500,   // what making the functions for long texts costs
  PRINTED = 64 * 1024, // bytes of a line that anybody would read
};

static int part_write(lua_State *L) {
  size_t count;
  const char *text = lua_tolstring(L, 1, &count);
  hlua_state *s = state_of(L);
  hlua_note(L, s, LINE_FUEL);
  s->options.log(s->options.context, (const uint8_t *)text, count < PRINTED ? count : PRINTED);
  return 0;
}

static hlua_bytecode *library_code, *pieces_code;

// (plain functions by name) → those that work on long texts
static int part_make(lua_State *L) {
  hlua_note(L, state_of(L), MAKING_FUEL);
  hlua_load_stripped(L, pieces, sizeof pieces - 1, &pieces_code);
  lua_pushvalue(L, 1);
  lua_newtable(L);
  luaL_setfuncs(L, hlua_text_parts, 0);
  luaL_setfuncs(L, hlua_raise_parts, 0);
  lua_call(L, 2, 1);
  return 1;
}

// The table at the stack's top gets the globals and parts that the library takes.
static void push_parts(lua_State *L, int globals) {
  static const luaL_Reg parts[] = {{"far", part_far}, {"write", part_write}, {"make", part_make}, {NULL, NULL}};
  static const char *const names[] = {"select", "type", "rawget", "rawset", "tostring", NULL};
  lua_newtable(L);
  luaL_setfuncs(L, parts, 0);
  luaL_setfuncs(L, hlua_raise_parts, 0);
  for (int i = 0; names[i]; i++) {
    lua_getfield(L, globals, names[i]);
    lua_setfield(L, -2, names[i]);
  }
}

void hlua_open_pieces(lua_State *L) {
  static const char *const libraries[] = {"string", "table", "query", "form", "cookies", "base64", "grpc", NULL};
  int globals = lua_gettop(L), count = 0;
  hlua_load_stripped(L, pieces, sizeof pieces - 1, &pieces_code); // while `string.dump` is there
  lua_pop(L, 1);
  hlua_load_stripped(L, library, sizeof library - 1, &library_code);
  for (; libraries[count]; count++) lua_getfield(L, globals, libraries[count]);
  push_parts(L, globals);
  lua_call(L, count + 1, 1);
  lua_setfield(L, globals, "print");
}
