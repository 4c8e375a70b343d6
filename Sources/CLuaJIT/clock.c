// os.time, clock, date and difftime on the host's clock, so that a replay sees the times of the recording.
#include "text.h"

#include <math.h>
#include <time.h>

enum {
  DATE_FORMAT = 1024, // bytes of a format: each conversion may take as long as a thousand instructions
  DATE_FUEL = 100,    // what one costs
};

static double now(lua_State *L) {
  const hlua_options *options = &state_of(L)->options;
  return options->now(options->context);
}

static int field(lua_State *L, const char *name, int otherwise) {
  lua_getfield(L, 1, name);
  if (!lua_isnumber(L, -1)) {
    lua_pop(L, 1);
    if (otherwise < 0) luaL_error(L, "field '%s' missing in date table", name);
    return otherwise;
  }
  int value = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return value;
}

static int os_time(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushnumber(L, floor(now(L)));
    return 1;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  hlua_note(L, state_of(L), DATE_FUEL);
  struct tm parts = {
      .tm_sec = field(L, "sec", 0),
      .tm_min = field(L, "min", 0),
      .tm_hour = field(L, "hour", 12),
      .tm_mday = field(L, "day", -1),
      .tm_mon = field(L, "month", -1) - 1,
      .tm_year = field(L, "year", -1) - 1900,
  };
  lua_getfield(L, 1, "isdst");
  parts.tm_isdst = lua_isnil(L, -1) ? -1 : lua_toboolean(L, -1);
  time_t time = mktime(&parts);
  if (time == (time_t)-1) lua_pushnil(L);
  else lua_pushnumber(L, (lua_Number)time);
  return 1;
}

static int os_clock(lua_State *L) {
  lua_pushnumber(L, now(L) - state_of(L)->start_time);
  return 1;
}

static int os_difftime(lua_State *L) {
  lua_pushnumber(L, luaL_checknumber(L, 1) - luaL_optnumber(L, 2, 0));
  return 1;
}

static void set_field(lua_State *L, const char *name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static int push_parts(lua_State *L, const struct tm *parts) {
  lua_createtable(L, 0, 9);
  set_field(L, "sec", parts->tm_sec);
  set_field(L, "min", parts->tm_min);
  set_field(L, "hour", parts->tm_hour);
  set_field(L, "day", parts->tm_mday);
  set_field(L, "month", parts->tm_mon + 1);
  set_field(L, "year", parts->tm_year + 1900);
  set_field(L, "wday", parts->tm_wday + 1);
  set_field(L, "yday", parts->tm_yday + 1);
  if (parts->tm_isdst >= 0) {
    lua_pushboolean(L, parts->tm_isdst);
    lua_setfield(L, -2, "isdst");
  }
  return 1;
}

static int os_date(lua_State *L) {
  size_t format_count = 0;
  const char *format = luaL_optlstring(L, 1, "%c", &format_count);
  if (format_count > DATE_FORMAT) return luaL_argerror(L, 1, "date format too long");
  hlua_note(L, state_of(L), DATE_FUEL);
  time_t time = (time_t)luaL_optnumber(L, 2, floor(now(L)));
  struct tm parts;
  bool utc = *format == '!';
  if (utc) format++;
  if (!(utc ? gmtime_r(&time, &parts) : localtime_r(&time, &parts))) {
    lua_pushnil(L);
    return 1;
  }
  if (strcmp(format, "*t") == 0) return push_parts(L, &parts);
  hlua_text out;
  hlua_text_init(&out, L);
  for (; *format; format++) {
    if (*format != '%' || !format[1]) {
      hlua_text_add_byte(&out, *format);
      continue;
    }
    // One conversion at a time: its length is known to be small, the whole format's is not.
    char conversion[4] = {'%', *++format, 0, 0}, text[256];
    hlua_note(L, state_of(L), DATE_FUEL);
    if ((*format == 'E' || *format == 'O') && format[1]) conversion[2] = *++format;
    hlua_text_add(&out, text, strftime(text, sizeof text, conversion, &parts));
  }
  hlua_text_push(&out);
  return 1;
}

void hlua_open_clock(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"time", os_time}, {"clock", os_clock}, {"date", os_date}, {"difftime", os_difftime}, {NULL, NULL},
  };
  lua_createtable(L, 0, 4);
  luaL_setfuncs(L, functions, 0);
}
