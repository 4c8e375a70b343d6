// Runs: one call of a script's function in a coroutine of its own, suspended where the host says so.
#include "internal.h"

#include <stdlib.h>

enum { VALUES_A_RUN = 16 }; // arguments or results that fit on any coroutine's stack without growing it

// MARK: Protected parts, called on the main thread

static void make_thread(lua_State *L, hlua_run *run) {
  lua_createtable(L, RUN_SLOTS, 0);
  run->objects_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_State *thread = lua_newthread(L);
  run->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  run->thread = thread;
}

int hlua_prepare_run(lua_State *L) {
  hlua_state *s = state_of(L);
  hlua_run *run = s->operand_run;
  bool starting = run->function != HLUA_NO_FUNCTION;
  if (!run->thread) make_thread(L, run);
  if (starting) lua_rawgeti(L, LUA_REGISTRYINDEX, run->function);
  run->arguments = hlua_decode_all(L, s, run, s->out.bytes, s->out.count);
  if (run->arguments > VALUES_A_RUN) luaL_error(L, "too many values");
  lua_xmove(L, run->thread, run->arguments + (starting ? 1 : 0));
  return 0;
}

static void append(hlua_buffer *buffer, const char *text, size_t count) {
  uint8_t *room = hlua_buffer_reserve(buffer, count);
  if (room) memcpy(room, text, count);
}

static int describe_failure(lua_State *L) {
  hlua_state *s = state_of(L);
  lua_State *thread = s->operand_run->thread;
  size_t count;
  const char *text = "unspecified lua error";
  if (lua_isstring(thread, -1)) {
    lua_pushvalue(thread, -1);
    lua_xmove(thread, L, 1);
    text = lua_tolstring(L, -1, &count);
  } else {
    count = strlen(text);
  }
  append(&s->message, text, count);
  if (!s->options.traceback) return 0;
  luaL_traceback(L, thread, NULL, 0);
  text = lua_tolstring(L, -1, &count);
  append(&s->traceback, text, count);
  return 0;
}

static void fail(hlua_state *s, const char *text) {
  hlua_buffer_clear(&s->message);
  append(&s->message, text, strlen(text));
}

// MARK: Life

static void discard_thread(hlua_run *run) {
  hlua_state *s = run->state;
  if (!run->thread) return;
  luaL_unref(s->main, LUA_REGISTRYINDEX, run->thread_ref);
  luaL_unref(s->main, LUA_REGISTRYINDEX, run->objects_ref);
  run->thread = NULL;
}

hlua_run *hlua_run_create(hlua_state *s, void *context) {
  hlua_run *run = s->idle;
  if (run) {
    s->idle = run->next;
    s->idle_count--;
  } else {
    run = calloc(1, sizeof *run);
    if (!run) return NULL;
    run->state = s;
  }
  run->context = context;
  return run;
}

// A refused allocation may only mean that garbage had piled up: Lua 5.1 does not collect before it gives up.
static void collect_garbage(hlua_state *s) {
  s->exhausted = false;
  hlua_state_collect(s);
}

static void end(hlua_run *run) {
  run->run_stamp = run->segment_stamp = 0;
  run->suspended = false;
}

void hlua_run_release(hlua_run *run) {
  hlua_state *s = run->state;
  if (run->suspended) discard_thread(run);
  end(run);
  run->context = NULL;
  if (s->idle_count == IDLE_RUNS) {
    discard_thread(run);
    free(run);
    return;
  }
  run->next = s->idle;
  s->idle = run;
  s->idle_count++;
}

// MARK: Going

static int failed(hlua_run *run) {
  hlua_state *s = run->state;
  s->operand_run = run;
  hlua_buffer_clear(&s->message);
  hlua_buffer_clear(&s->traceback);
  if (lua_cpcall(s->main, describe_failure, NULL) != 0) {
    lua_pop(s->main, 1);
    if (s->message.count == 0) fail(s, "not enough memory");
  }
  discard_thread(run);
  end(run);
  if (s->exhausted) collect_garbage(s);
  return HLUA_FAILED;
}

// What the count hook did to stop the script must not meet the next one.
static int killed(hlua_run *run) {
  hlua_state *s = run->state;
  int outcome = s->kill == KILLED_BY_FUEL ? HLUA_KILLED_FUEL : HLUA_KILLED_DEADLINE;
  s->kill = NOT_KILLED;
  s->dead = true;
  s->kills++;
  hlua_arm_hook(s, s->period);
  discard_thread(run);
  end(run);
  return outcome;
}

static int finished(hlua_run *run) {
  hlua_state *s = run->state;
  lua_settop(run->thread, 0);
  if (s->options.trusted) discard_thread(run); // a trusted script can keep hold of its own coroutine
  end(run);
  if (s->exhausted) collect_garbage(s);
  return HLUA_FINISHED;
}

static int go(hlua_run *run) {
  hlua_state *s = run->state;
  run->suspended = run->host_yield = false;
  run->segment_stamp = ++s->stamp;
  s->operand_run = run;
  s->exhausted = false;
  lua_rawgeti(s->main, LUA_REGISTRYINDEX, s->prepare_ref);
  int status = lua_pcall(s->main, 0, 0, 0);
  if (status != 0 || s->out.failed) {
    if (status != 0) lua_pop(s->main, 1);
    fail(s, "not enough memory");
    discard_thread(run);
    end(run);
    return HLUA_FAILED;
  }
  hlua_budget_begin(s, run);
  s->current = run;
  s->stack_base = (uintptr_t)__builtin_frame_address(0);
  s->c_depth = 0;
  status = lua_resume(run->thread, run->arguments);
  s->current = NULL;
  hlua_budget_end(s, run);
  if (s->kill) return killed(run);
  if (status == 0) return finished(run);
  if (status != LUA_YIELD) return failed(run);
  if (run->host_yield) {
    run->suspended = true;
    return HLUA_YIELDED;
  }
  fail(s, "script performed an unexpected yield");
  discard_thread(run);
  end(run);
  return HLUA_FAILED;
}

int hlua_run_start(hlua_run *run, int32_t function, int64_t fuel, int64_t cpu_nanoseconds) {
  hlua_state *s = run->state;
  if (s->dead) return HLUA_STATE_DEAD;
  run->function = function;
  run->fuel = s->options.trusted ? INT64_MAX : fuel;
  run->cpu_left = s->options.trusted ? INT64_MAX : cpu_nanoseconds;
  run->run_stamp = ++s->stamp;
  s->runs++;
  if (s->hooked) hlua_arm_hook(s, s->period);
  return go(run);
}

int hlua_run_resume(hlua_run *run) {
  run->function = HLUA_NO_FUNCTION;
  return go(run);
}

int32_t hlua_run_reason(const hlua_run *run) { return run->reason; }
int64_t hlua_run_fuel(const hlua_run *run) { return run->fuel; }
