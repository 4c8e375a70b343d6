// What the files of this target share; nothing here is seen by Swift.
#ifndef HEDDLE_CLUAJIT_INTERNAL_H
#define HEDDLE_CLUAJIT_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // memmem
#endif

#include "include/CLuaJIT.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>

enum {
  HOOK_PERIOD = 1000,          // VM instructions between two looks at the budget
  HOOK_PERIOD_MIN = 2,         // while large objects are alive, and single instructions may cost a lot
  KILLED_PERIOD = 64,          // in which a coroutine notices that one which it resumed was killed
  KEPT_BIG = 64 * 1024,        // bytes from which a freed block is kept for the run's next one
  LARGE_OBJECT = 16 * 1024,    // bytes from which an allocation counts as large
  NUMERIC_AT_ONCE = 128 * 1024, // bytes of long texts that may be read as numbers between two looks
  EARLY_FUEL = 64,             // what a look before its time, at what was allocated, counts
  DEBT_LIMIT = 256 * 1024,     // bytes allocated after which the budget is looked at before its time
  BYTES_A_FUEL = HLUA_BYTES_A_FUEL, // what copying costs, next to one VM instruction
  SHIM_RESERVE = 16 * 1024,    // bytes of the cap that a running script does not get
  STEPS_A_CHARGE = 1024,       // steps of a C loop between two looks at the budget
  STACK_LIMIT = 192 * 1024,    // bytes of C stack a script may use by making C call Lua call C
  COROUTINE_STACK = 32 * 1024, // of it when it resumes a coroutine: some 400 of them, one in another
  C_DEPTH = 200,               // and how often they may nest, as in PUC Lua
  OVERFLOW_FUEL = 20000,       // what unwinding them all costs
  ERROR_FUEL = 100,            // what unwinding the stack from an error to who catches it costs
  SCRATCH_KEPT = 64 * 1024,    // bytes of scratch memory kept from one use to the next
  SORT_AT_ONCE = 2048,         // numbers or strings up to which a sort is left to LuaJIT: less than a millisecond
  SORT_BYTES_AT_ONCE = 64 * 1024, // bytes of those strings, which may all begin alike
  INSERT_AT_ONCE = 4096,       // elements that make place for one without a look at the budget
  LINE_FUEL = 500,             // what a line of the log costs
  IDLE_RUNS = 64,              // coroutines kept for reuse
  RUN_SLOTS = 24,              // cached objects a run
  ANCHORS = 3,                 // behind them: what an operation that was put aside uses
  ERROR_SLOT = RUN_SLOTS + ANCHORS, // and the error that it ended with
};

// What a coroutine of the script's own, below the run's, was suspended for by the host.
enum { INNER_NONE = 0, INNER_SLICED = 1, INNER_WAITS = 2 };

enum { NOT_KILLED = 0, KILLED_BY_FUEL = 1, KILLED_BY_DEADLINE = 2 };

typedef struct hlua_operation hlua_operation;

struct hlua_run {
  hlua_state *state;
  lua_State *thread; // NULL until first started, and after a failure
  int thread_ref;
  int objects_ref; // table of the objects handed out, by slot
  void *context;
  uint64_t run_stamp; // objects carry the stamp of what they were made in; 0 when the run is over
  uint64_t segment_stamp;
  int64_t fuel;
  int64_t cpu_left;
  int32_t function;
  int32_t arguments;
  int32_t reason;
  bool suspended;
  bool host_yield;
  bool sliced;  // put aside so that others get their turn
  lua_State *raising; // the coroutine in which the hook raises the error in ERROR_SLOT
  int inner; // what a coroutine below this one was suspended for
  int32_t inner_reason;
  hlua_operation *operation; // of the string library, put aside
  int32_t operation_result;
  int32_t wanted; // place of the value that the host wants of what the function returns; 0 for none
  hlua_argument result;
  hlua_run *next; // in the pool
};

// Small blocks that the state has freed are kept for its next ones, up to so many bytes: a script makes and drops a few
// strings for each request.
#define SPARE_STEP 16
#define SPARE_CLASSES 32
#define SPARE_LIMIT ((size_t)128 << 10)
// The first small blocks of a state: what its library takes; a small script fits into what is freed of them.
#define ARENA_BYTES ((size_t)44 << 10)

// A class that objects can have, and the reference of its metatable, which is made when the first object is.
typedef struct {
  const hlua_class *type;
  int metatable;
} hlua_known_class;

struct hlua_state {
  lua_State *main;
  hlua_options options;
  // Allocator
  size_t used, peak, large;
  size_t outside; // bytes of strings under construction that were put aside
  size_t numeric; // bytes of strings that read as numbers for long
  struct hlua_big *kept_big; // freed
  struct hlua_big *unseen; // blocks that may be such strings
  size_t string_offset; // of a string's bytes in its block
  bool early; // the hook was armed to look at those alone
  size_t debt; // bytes allocated since the last look at the budget
  uint64_t allocations, memory_failures;
  bool exhausted; // an allocation was refused during this run
  struct hlua_spare *spare[SPARE_CLASSES]; // freed blocks for reuse, by size
  size_t spare_bytes; // of those that are malloc's
  uint8_t *arena;
  size_t arena_used;
  // Budget of the running run
  int64_t fuel;
  int64_t noted; // fuel that is spent and not taken yet
  int64_t cpu_left; // nanoseconds; INT64_MAX for none
  int64_t wall_start, cpu_start, slice_start;
  int32_t period;
  int32_t kill;
  bool clock_armed, hooked, dead;
  bool stop_noted; // `message` and `traceback` say where the script is that is being stopped
  bool slice_over;
  uintptr_t stack_base;
  size_t collected; // bytes in use after the last full collection
  uintptr_t *c_frames; // C_DEPTH, of functions that called back into Lua, outermost first; NULL before the first
  int c_depth;
  hlua_buffer scratch; // for strings under construction while nothing can call back
  // Runs
  hlua_run *current;
  hlua_run *idle;
  size_t idle_count;
  uint64_t stamp, runs, kills;
  // Values
  hlua_buffer out;
  hlua_buffer message, traceback;
  const uint8_t *operand; // arguments of the protected functions below, which take none from Lua
  size_t operand_count;
  const hlua_class *operand_class;
  void *operand_host;
  hlua_run *operand_run;
  hlua_buffer *operand_buffer;
  int32_t operand_depth;
  int32_t result;
  int encode_ref;
  int prepare_ref;
  int keep_ref;
  int functions_ref; // table of functions to their references
  int killed_text_ref;
  int array_ref; // the metatable of what JSON writes as an array
  double start_time;
  hlua_known_class *classes; // by their number
  uint32_t class_count;
};

typedef struct hlua_object {
  uintptr_t magic; // the state's address: no other userdata has it
  uint32_t type;
  uint32_t scope;
  uint64_t stamp;
  void *host;
  int64_t tag;
} hlua_object;

static inline hlua_state *state_of(lua_State *L) {
  void *state;
  lua_getallocf(L, &state);
  return state;
}

static inline void hlua_append(hlua_buffer *buffer, const char *text, size_t count) {
  uint8_t *room = hlua_buffer_reserve(buffer, count);
  if (room) memcpy(room, text, count);
}

// A part of the library that is written in Lua.
typedef struct {
  size_t count;
  char bytes[];
} hlua_bytecode;

// memory.c
void hlua_free_spare(hlua_state *s); // gives back what is kept for reuse
void hlua_free_kept(hlua_state *s); // the large block among it, which a run has for itself
void hlua_free_arena(hlua_state *s); // when the state is closed
void *hlua_allocate(void *state, void *block, size_t old_size, size_t new_size);
void hlua_learn_strings(hlua_state *s, lua_State *L); // may raise
void hlua_look_at_new(hlua_state *s); // at what was allocated since this was last called

// budget.c
void hlua_hook(lua_State *L, lua_Debug *activation);
void hlua_arm_hook(hlua_state *s, int32_t period);
void hlua_charge(lua_State *L, hlua_state *s, int64_t fuel); // raises when the budget is spent
bool hlua_spend(hlua_state *s, int64_t fuel);                // whether the budget is spent
// Notes what a C function costs; a look at the budget comes when enough is together.
static inline void hlua_note(lua_State *L, hlua_state *s, int64_t fuel) {
  s->noted += fuel;
  if (s->noted >= STEPS_A_CHARGE) hlua_charge(L, s, 0);
}
void hlua_raise_killed(lua_State *L);
bool hlua_can_wait(lua_State *L, hlua_state *s);  // whether the C function that runs may be put aside
void hlua_renew_slice(hlua_state *s);
void hlua_note_yield(lua_State *L, hlua_state *s, int inner, int32_t reason); // before one of the host's own yields
void hlua_check_stack(lua_State *L, hlua_state *s, size_t limit); // raises when the C stack is deeper
void hlua_enter_c(lua_State *L, hlua_state *s);              // before calling back; raises when C is nested too deep
void hlua_make_room(lua_State *L, hlua_state *s, size_t bytes); // collects garbage if the cap would be passed otherwise
void hlua_budget_begin(hlua_state *s, hlua_run *run);
void hlua_budget_end(hlua_state *s, hlua_run *run);

// values.c (all raise)
int hlua_decode_all(lua_State *L, hlua_state *s, hlua_run *run, const uint8_t *bytes, size_t count);
int hlua_encode(lua_State *L); // operand_depth, operand_count, operand_buffer → result

// compile.c
int hlua_compile(lua_State *L, const char *source, size_t count, const char *name); // as luaL_loadbuffer, of text alone

// host.c (raises)
int hlua_keep(lua_State *L); // a function → its reference

// run.c (raise)
int hlua_prepare_run(lua_State *L); // operand_run
int hlua_put_aside(lua_State *L, hlua_operation *operation, int arguments);
int hlua_finish_here(lua_State *L); // what was put aside and cannot wait after all: its results, or nothing

// raise.c (raise)
int hlua_where(lua_State *L);                             // pushes the script's position
void hlua_where_suspended(lua_State *L, lua_State *thread); // likewise of a coroutine whose C function waits
int hlua_raise(lua_State *L, const char *message);
size_t hlua_library_mark(const char *text, size_t count); // bytes at its beginning that name the library as the place
int hlua_raise_type(lua_State *L, int argument, int given, const char *expected);
void hlua_note_stop(lua_State *L); // where the script is that is being stopped; raises nothing

// host.c (all raise)
void hlua_push_object(lua_State *L, hlua_state *s, hlua_run *run, uint32_t type, uint32_t scope, uint32_t slot, void *host, int64_t tag);
hlua_object *hlua_new_object(lua_State *L, hlua_state *s, uint32_t type, uint32_t scope, void *host, int64_t tag); // without metatable
void hlua_push_bound(lua_State *L, const hlua_method *method); // takes the object from the stack's top
hlua_object *hlua_to_object(lua_State *L, hlua_state *s, int index);

// sandbox.c and its parts (all raise)
void hlua_open_sandbox(lua_State *L);
void hlua_open_strings(lua_State *L); // into the table at the stack's top
void hlua_open_tables(lua_State *L);  // likewise, in place of the originals there
void hlua_open_clock(lua_State *L);   // pushes the `os` table
void hlua_open_base(lua_State *L);    // into the table at the stack's top
void hlua_open_counted(lua_State *L); // likewise: functions whose work is counted
void hlua_open_builtin(lua_State *L); // likewise, and in place of what callbacks are called by
void hlua_open_coroutine(lua_State *L);
void hlua_open_json(lua_State *L);   // likewise
void hlua_open_text(lua_State *L);   // likewise
void hlua_open_pieces(lua_State *L); // likewise, over what is there
void hlua_load_stripped(lua_State *L, const char *library, size_t count, hlua_bytecode **kept); // pushes a part of the library, without line numbers; compiled once a process
void hlua_open_require(lua_State *L); // likewise; of a state with the whole library, into that
void hlua_push_table_parts(lua_State *L); // into the table at the stack's top
extern const luaL_Reg hlua_string_parts[];
extern const luaL_Reg hlua_json_parts[];
extern const luaL_Reg hlua_text_parts[];
extern const luaL_Reg hlua_raise_parts[];

#endif
