// Errors that name the script's position even where a part of the library that is written in Lua stands in between.
#include "internal.h"

#include <stdio.h>

// The level of the outermost function of the library above the script, as seen from a C function (or, `from` being 1 of a
// suspended coroutine, from the one that waits); `script` is true when a Lua function of the script called it.
static int library_level(lua_State *thread, lua_Debug *frame, bool *script) {
  int level = 0;
  *script = false;
  for (int next = 1; lua_getstack(thread, next, frame); next++) {
    lua_getinfo(thread, "S", frame);
    if (frame->source[0] != '=' || frame->source[1] != '[' || frame->source[2] != 'b') {
      *script = frame->what[0] != 'C';
      break;
    }
    level = next;
  }
  return level;
}

void hlua_where_suspended(lua_State *L, lua_State *thread) {
  lua_Debug frame;
  bool script;
  int level = library_level(thread, &frame, &script);
  if (script && lua_getstack(thread, level + 1, &frame)) {
    lua_getinfo(thread, "Sl", &frame);
    if (frame.currentline > 0) {
      lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}

int hlua_where(lua_State *L) {
  hlua_where_suspended(L, L);
  return 1;
}

size_t hlua_library_mark(const char *text, size_t count) {
  static const char mark[] = "[builtin]:0: ";
  return count >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0 ? sizeof mark - 1 : 0;
}

int hlua_raise(lua_State *L, const char *message) {
  hlua_where(L);
  lua_pushstring(L, message);
  lua_concat(L, 2);
  return lua_error(L);
}

int hlua_raise_type(lua_State *L, int argument, int given, const char *expected) {
  const char *got = argument <= given ? luaL_typename(L, argument) : "no value";
  lua_Debug frame;
  bool script;
  int level = library_level(L, &frame, &script);
  const char *name = "?";
  if (lua_getstack(L, level, &frame)) {
    lua_getinfo(L, "n", &frame);
    if (frame.name) name = frame.name;
    if (frame.namewhat && frame.namewhat[0] == 'm' && --argument == 0)
      return hlua_raise(L, lua_pushfstring(L, "calling '%s' on bad self (%s expected, got %s)", name, expected, got));
  }
  return hlua_raise(L, lua_pushfstring(L, "bad argument #%d to '%s' (%s expected, got %s)", argument, name, expected, got));
}

// MARK: Where a script was stopped

enum { STOP_LEVELS = 12, STOP_LINE = LUA_IDSIZE + 200 };

static void add_line(hlua_buffer *buffer, const char *text, int count) {
  hlua_append(buffer, text, count < STOP_LINE ? (size_t)count : STOP_LINE - 1);
}

static int describe_level(const lua_Debug *frame, char *line) {
  int count = frame->currentline > 0 ? snprintf(line, STOP_LINE, "\n\t%s:%d: in ", frame->short_src, frame->currentline)
                                     : snprintf(line, STOP_LINE, "\n\t%s: in ", frame->short_src);
  if (*frame->namewhat) return count + snprintf(line + count, STOP_LINE - count, "function '%.80s'", frame->name);
  if (*frame->what == 'm') return count + snprintf(line + count, STOP_LINE - count, "main chunk");
  if (*frame->what == 'C') return count + snprintf(line + count, STOP_LINE - count, "function ?"); // by a tail call
  return count + snprintf(line + count, STOP_LINE - count, "function <%s:%d>", frame->short_src, frame->linedefined);
}

// A stop is no error, so that nothing else says where it was. In the words of an error's position and traceback; nothing is
// allocated that Lua counts.
void hlua_note_stop(lua_State *L) {
  hlua_state *s = state_of(L);
  if (s->stop_noted) return;
  s->stop_noted = true;
  hlua_buffer_clear(&s->message);
  hlua_buffer_clear(&s->traceback);
  static const char title[] = "stack traceback:";
  if (s->options.traceback) hlua_append(&s->traceback, title, sizeof title - 1);
  lua_Debug frame;
  char line[STOP_LINE];
  for (int level = 0; level < STOP_LEVELS && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sln", &frame);
    if (s->message.count == 0 && frame.currentline > 0)
      add_line(&s->message, line, snprintf(line, STOP_LINE, "%s:%d: ", frame.short_src, frame.currentline));
    if (s->options.traceback) add_line(&s->traceback, line, describe_level(&frame, line));
  }
}
