// Runs: one call of a script's function in a coroutine of its own, suspended where the host says so.
#include "operation.h"
#include "text.h"

#include <stdlib.h>

enum { MESSAGE_BYTES = 16 * 1024 }; // of an error, that anybody would read
enum { VALUES_A_RUN = 16 }; // arguments or results that fit on any coroutine's stack without growing it

// MARK: Protected parts, called on the main thread

static void make_thread(lua_State *L, hlua_run *run) {
  lua_createtable(L, ERROR_SLOT, 0);
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

static int describe_failure(lua_State *L) {
  hlua_state *s = state_of(L);
  lua_State *thread = s->operand_run->thread;
  size_t count;
  const char *text = "unspecified lua error";
  if (lua_isstring(thread, -1)) {
    lua_pushvalue(thread, -1);
    lua_xmove(thread, L, 1);
    text = lua_tolstring(L, -1, &count);
    size_t mark = hlua_library_mark(text, count);
    text += mark;
    count -= mark;
  } else {
    count = strlen(text);
  }
  hlua_append(&s->message, text, count < MESSAGE_BYTES ? count : MESSAGE_BYTES);
  if (!s->options.traceback) return 0;
  luaL_traceback(L, thread, NULL, 0);
  text = lua_tolstring(L, -1, &count);
  hlua_append(&s->traceback, text, count);
  return 0;
}

static void fail(hlua_state *s, const char *text) {
  hlua_buffer_clear(&s->message);
  hlua_append(&s->message, text, strlen(text));
}

// MARK: Operations of the string library that were put aside

static void count_outside(hlua_state *s, hlua_operation *o, size_t bytes) {
  s->outside += bytes - o->counted;
  o->counted = bytes;
}

static void drop_operation(hlua_run *run) {
  if (!run->operation) return;
  count_outside(run->state, run->operation, 0);
  hlua_buffer_free(&run->operation->out);
  free(run->operation);
  run->operation = NULL;
}

int hlua_put_aside(lua_State *L, hlua_operation *operation, int arguments) {
  hlua_state *s = state_of(L);
  hlua_run *run = s->current;
  hlua_operation *kept = malloc(sizeof *kept);
  if (!kept) {
    hlua_buffer_free(&operation->out);
    luaL_error(L, "not enough memory");
  }
  *kept = *operation;
  kept->match.L = NULL;
  run->operation = kept;
  count_outside(s, kept, kept->out.capacity);
  // What it works on is garbage once the function has yielded.
  lua_rawgeti(L, LUA_REGISTRYINDEX, run->objects_ref);
  for (int i = 0; i < arguments; i++) {
    lua_pushvalue(L, i + 1);
    lua_rawseti(L, -2, RUN_SLOTS + i);
  }
  kept->thread = L;
  hlua_note_yield(L, s, INNER_SLICED, 0);
  return lua_yield(L, 0);
}

// Protected, on the main thread: hands the coroutine the results, or fails with the message.
static int deliver(lua_State *L) {
  hlua_state *s = state_of(L);
  hlua_run *run = s->operand_run;
  hlua_operation *o = run->operation;
  int count = run->operation_result == MATCH_FAILED ? -1 : hlua_operation_push(o, L, run->operation_result);
  if (count < 0 && *o->match.error) {
    hlua_where_suspended(L, o->thread);
    lua_pushstring(L, o->match.error);
    lua_concat(L, 2);
    return lua_error(L);
  }
  if (count < 0) hlua_raise_memory(L, s);
  if (!lua_checkstack(run->thread, count)) hlua_raise_memory(L, s);
  lua_xmove(L, run->thread, count);
  run->arguments = count;
  return 0;
}

// Whether the operation is done and the coroutine can be resumed; if not, it was put aside again or the run was killed.
static bool finish_operation(hlua_run *run) {
  hlua_state *s = run->state;
  hlua_match_result result = hlua_operation_run(run->operation);
  count_outside(s, run->operation, run->operation->out.capacity);
  if (result == MATCH_PAUSED || result == MATCH_KILLED) return false;
  s->operand_run = run;
  run->operation_result = result;
  run->arguments = 0;
  if (lua_cpcall(s->main, deliver, NULL) != 0) {
    lua_rawgeti(s->main, LUA_REGISTRYINDEX, run->objects_ref);
    lua_insert(s->main, -2);
    lua_rawseti(s->main, -2, ERROR_SLOT);
    lua_pop(s->main, 1);
    run->raising = run->operation->thread;
    hlua_arm_hook(s, 1);
  }
  drop_operation(run);
  return true;
}

// The function was called by the host itself: no instruction follows that the error could be raised before.
static bool fails_at_base(hlua_run *run) {
  lua_Debug caller;
  if (run->raising != run->thread || lua_getstack(run->thread, 1, &caller)) return false;
  hlua_state *s = run->state;
  lua_rawgeti(s->main, LUA_REGISTRYINDEX, run->objects_ref);
  lua_rawgeti(s->main, -1, ERROR_SLOT);
  lua_xmove(s->main, run->thread, 1);
  lua_pop(s->main, 1);
  hlua_arm_hook(s, s->period);
  return true;
}

int hlua_finish_here(lua_State *L) {
  hlua_state *s = state_of(L);
  hlua_run *run = s->current;
  if (!run->operation) return 0;
  hlua_match_result result;
  do {
    s->slice_over = false;
    result = hlua_operation_run(run->operation);
  } while (result == MATCH_PAUSED);
  if (result == MATCH_KILLED) hlua_raise_killed(L);
  int count = result == MATCH_FAILED ? -1 : hlua_operation_push(run->operation, L, result);
  if (count < 0) {
    lua_pushstring(L, *run->operation->match.error ? run->operation->match.error : "not enough memory");
    drop_operation(run);
    return lua_error(L);
  }
  drop_operation(run);
  return count;
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
  run->suspended = run->sliced = false;
  run->raising = NULL;
  run->inner = INNER_NONE;
  drop_operation(run);
}

void hlua_run_release(hlua_run *run) {
  hlua_state *s = run->state;
  if (run->suspended) discard_thread(run);
  end(run);
  run->context = NULL;
  run->wanted = 0;
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
  hlua_note_stop(run->operation ? run->operation->thread : run->thread);
  s->stop_noted = false;
  s->kill = NOT_KILLED;
  s->dead = true;
  s->kills++;
  hlua_arm_hook(s, s->period);
  discard_thread(run);
  end(run);
  return outcome;
}

// Allocates nothing that Lua counts: no error can be raised here.
static void keep_result(hlua_run *run) {
  hlua_state *s = run->state;
  lua_State *thread = run->thread;
  int count = lua_gettop(thread), place = run->wanted < 0 ? count + 1 + run->wanted : run->wanted;
  hlua_argument *result = &run->result;
  *result = (hlua_argument){.type = place >= 1 && place <= count ? lua_type(thread, place) : HLUA_TYPE_NONE};
  switch (result->type) {
  case LUA_TBOOLEAN: result->boolean = lua_toboolean(thread, place); break;
  case LUA_TNUMBER: result->number = lua_tonumber(thread, place); break;
  case LUA_TSTRING: {
    const char *text = lua_tolstring(thread, place, &result->count);
    hlua_buffer_clear(&s->out);
    result->bytes = hlua_buffer_reserve(&s->out, result->count);
    if (result->bytes) memcpy(s->out.bytes, text, result->count);
    else result->type = HLUA_TYPE_NONE;
    break;
  }
  default: break;
  }
}

static int finished(hlua_run *run) {
  hlua_state *s = run->state;
  if (run->wanted) keep_result(run);
  lua_settop(run->thread, 0);
  if (s->options.trusted) discard_thread(run); // a trusted script can keep hold of its own coroutine
  end(run);
  if (s->exhausted) collect_garbage(s);
  return HLUA_FINISHED;
}

static int proceed(hlua_run *run);

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
  return proceed(run);
}

static int proceed(hlua_run *run) {
  hlua_state *s = run->state;
  hlua_budget_begin(s, run);
  s->current = run;
  s->stack_base = (uintptr_t)__builtin_frame_address(0);
  s->c_depth = 0;
  run->sliced = false;
  int status = LUA_YIELD;
  if (run->operation && !finish_operation(run)) run->sliced = true;
  else if (fails_at_base(run)) status = LUA_ERRRUN;
  else status = lua_resume(run->thread, run->arguments);
  s->current = NULL;
  hlua_budget_end(s, run);
  if (s->out.capacity > HLUA_BUFFER_KEPT) hlua_buffer_free(&s->out);
  if (s->scratch.capacity > SCRATCH_KEPT) hlua_buffer_free(&s->scratch);
  hlua_free_kept(s);
  if (s->kill) return killed(run);
  if (status == 0) return finished(run);
  if (status != LUA_YIELD) return failed(run);
  if (run->sliced) {
    run->suspended = true;
    return HLUA_SLICED;
  }
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

int hlua_run_continue(hlua_run *run) {
  run->suspended = run->host_yield = false;
  run->state->exhausted = false;
  run->arguments = 0;
  return proceed(run);
}

int hlua_run_resume(hlua_run *run) {
  run->function = HLUA_NO_FUNCTION;
  return go(run);
}

void hlua_run_want(hlua_run *run, int32_t place) { run->wanted = place; }
const hlua_argument *hlua_run_result(const hlua_run *run) { return &run->result; }

int32_t hlua_run_reason(const hlua_run *run) { return run->reason; }
int64_t hlua_run_fuel(const hlua_run *run) { return run->fuel; }
