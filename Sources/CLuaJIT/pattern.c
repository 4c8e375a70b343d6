// The matcher backtracks as LuaJIT's does, because its observable limits (depth, order of attempts, when a malformed
// pattern is noticed) are part of the semantics that scripts see; but what LuaJIT keeps on the C stack lies in frames
// here. Every step that can repeat is counted, and between any two of them the match can be put aside, so that no subject
// can outlast the budget or keep the worker from others.
#include "pattern.h"

#include <stdio.h>

typedef const unsigned char *text;

// MARK: Budget

static bool refill(hlua_match *m) {
  int64_t used = STEPS_A_CHARGE - m->steps;
  m->steps = STEPS_A_CHARGE;
  if (hlua_spend(m->state, used)) {
    m->stop = MATCH_KILLED;
    return false;
  }
  if (m->state->slice_over && (!m->L || hlua_can_wait(m->L, m->state))) {
    m->stop = MATCH_PAUSED;
    return false;
  }
  return true;
}

static inline bool step(hlua_match *m) { return --m->steps > 0 || refill(m); }

bool hlua_match_steps(hlua_match *m, int64_t steps) {
  if (steps < m->steps) {
    m->steps -= (int)steps;
    return true;
  }
  m->state->fuel -= steps;
  return refill(m);
}

void hlua_match_settle(hlua_match *m) {
  m->state->fuel -= STEPS_A_CHARGE - m->steps;
  m->steps = STEPS_A_CHARGE;
}

void hlua_match_init(hlua_match *m, lua_State *L, const char *subject, size_t count, const char *pattern, size_t pattern_count) {
  m->L = L;
  m->state = state_of(L);
  m->subject = (text)subject;
  m->subject_end = m->subject + count;
  m->pattern_end = (text)pattern + strnlen(pattern, pattern_count);
  m->steps = STEPS_A_CHARGE;
  m->error = NULL;
}

void hlua_match_begin(hlua_match *m, text at, text pattern) {
  m->s = at;
  m->p = pattern;
  m->level = 0;
  m->frame_count = 0;
  m->partial = 0;
}

// MARK: Single characters

enum { ALPHA = 1, DIGIT = 2, LOWER = 4, UPPER = 8, SPACE = 16, CNTRL = 32, PUNCT = 64, XDIGIT = 128 };

// ASCII only, whatever the locale says: so does LuaJIT.
static int kind_of(int c) {
  int kind = 0;
  if (c >= 'a' && c <= 'z') kind |= ALPHA | LOWER;
  if (c >= 'A' && c <= 'Z') kind |= ALPHA | UPPER;
  if (c >= '0' && c <= '9') kind |= DIGIT | XDIGIT;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) kind |= XDIGIT;
  if (c == ' ' || (c >= '\t' && c <= '\r')) kind |= SPACE;
  if (c < 32 || c == 127) kind |= CNTRL;
  if (c > 32 && c < 127 && !(kind & (ALPHA | DIGIT))) kind |= PUNCT;
  return kind;
}

static int kinds_of_class(int letter) {
  switch (letter) {
  case 'a': return ALPHA;
  case 'c': return CNTRL;
  case 'd': return DIGIT;
  case 'g': return ALPHA | DIGIT | PUNCT;
  case 'l': return LOWER;
  case 'p': return PUNCT;
  case 's': return SPACE;
  case 'u': return UPPER;
  case 'w': return ALPHA | DIGIT;
  case 'x': return XDIGIT;
  default: return 0;
  }
}

static bool in_class(int c, int class) {
  bool upper = class >= 'A' && class <= 'Z';
  int letter = upper ? class + 32 : class;
  int kinds = kinds_of_class(letter);
  if (kinds) return ((kind_of(c) & kinds) != 0) != upper;
  if (letter == 'z') return (c == 0) != upper;
  return class == c;
}

// `p` is the '[', `last` its ']'.
static bool in_set(hlua_match *m, int c, text p, text last) {
  bool found = true;
  p++;
  if (*p == '^') {
    found = false;
    p++;
  }
  for (; p < last; p++) {
    m->steps--; // the next step asks the budget
    if (*p == '%') {
      p++;
      if (in_class(c, *p)) return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if (p[0] <= c && c <= p[2]) return found;
      p += 2;
    } else if (*p == c) {
      return found;
    }
  }
  return !found;
}

static text fail(hlua_match *m, const char *message) {
  m->error = message;
  return NULL;
}

// The end of the single-character item at `p`; NULL when it is malformed.
static text item_end(hlua_match *m, text p) {
  text end = m->pattern_end, start = p;
  if (*p == '%') return p + 1 >= end ? fail(m, "malformed pattern (ends with '%')") : p + 2;
  if (*p != '[') return p + 1;
  p++;
  if (p < end && *p == '^') p++;
  do { // a ']' that comes first is a member
    if (p >= end) return fail(m, "malformed pattern (missing ']')");
    if (p - start > SET_LIMIT) return fail(m, "pattern too complex");
    if (*p++ == '%' && p < end) p++;
  } while (p >= end || *p != ']');
  return p + 1;
}

static inline bool item_matches(hlua_match *m, int c, text p, text item) {
  switch (*p) {
  case '.': return true;
  case '%': return in_class(c, p[1]);
  case '[': return in_set(m, c, p, item - 1);
  default: return *p == c;
  }
}

// MARK: Parts of a match

static bool push(hlua_match *m, hlua_choice choice, text s, text p, text item, ptrdiff_t count) {
  if (m->frame_count + 2 > MATCH_DEPTH) {
    m->error = "pattern too complex";
    return false;
  }
  m->frames[m->frame_count++] = (hlua_match_frame){choice, s, p, item, count};
  return true;
}

// How often the item matches at `s`; -1 when the match must stop, the count so far being kept.
static ptrdiff_t count_item(hlua_match *m, text s, text p, text item) {
  ptrdiff_t count = m->partial;
  m->partial = 0;
  while (s + count < m->subject_end && item_matches(m, s[count], p, item)) {
    count++;
    if (step(m)) continue;
    m->partial = count;
    return -1;
  }
  return count;
}

enum { BALANCED, UNBALANCED, BALANCE_STOPPED };

// `p` is behind the "%b".
static int match_balance(hlua_match *m, text s, text p, text *end) {
  if (s >= m->subject_end || *s != *p) return UNBALANCED;
  int open = p[0], close = p[1], depth = m->partial ? m->partial_depth : 1;
  text at = s + m->partial;
  m->partial = 0;
  while (++at < m->subject_end) {
    if (*at == close) {
      if (--depth == 0) {
        *end = at + 1;
        return BALANCED;
      }
    } else if (*at == open) {
      depth++;
    }
    if (step(m)) continue;
    m->partial = at - s;
    m->partial_depth = depth;
    return BALANCE_STOPPED;
  }
  return UNBALANCED;
}

static bool match_frontier(hlua_match *m, text s, text p, text item) {
  int before = s == m->subject ? 0 : s[-1];
  int after = s < m->subject_end ? *s : 0;
  return !in_set(m, before, p, item - 1) && in_set(m, after, p, item - 1);
}

// The next position, NULL when the subject does not go on as the capture.
static text match_back(hlua_match *m, text s, int digit) {
  int number = digit - '1';
  if (number < 0 || number >= m->level || m->captures[number].count == CAPTURE_UNFINISHED)
    return fail(m, "invalid capture index");
  size_t count = (size_t)m->captures[number].count;
  if ((size_t)(m->subject_end - s) < count) return NULL;
  m->steps -= (int)(count / BYTES_A_FUEL);
  return memcmp(m->captures[number].start, s, count) == 0 ? s + count : NULL;
}

static bool open_capture(hlua_match *m, text s, ptrdiff_t mark) {
  if (m->level >= CAPTURES_MAX) {
    m->error = "too many captures";
    return false;
  }
  if (!push(m, CHOICE_OPEN, s, NULL, NULL, 0)) return false;
  m->captures[m->level].start = s;
  m->captures[m->level].count = mark;
  m->level++;
  return true;
}

static bool close_capture(hlua_match *m, text s) {
  int number = m->level - 1;
  while (number >= 0 && m->captures[number].count != CAPTURE_UNFINISHED) number--;
  if (number < 0) {
    m->error = "invalid pattern capture";
    return false;
  }
  if (!push(m, CHOICE_CLOSE, s, NULL, NULL, number)) return false;
  m->captures[number].count = s - m->captures[number].start;
  return true;
}

// Undoes what did not lead to a match, up to something that can be tried otherwise; false when there is nothing.
static bool backtrack(hlua_match *m, text *s, text *p) {
  while (m->frame_count > 0) {
    hlua_match_frame *f = &m->frames[m->frame_count - 1];
    switch (f->choice) {
    case CHOICE_MOST:
      if (f->count-- > 0) {
        *s = f->s + f->count;
        *p = f->item + 1;
        return true;
      }
      break;
    case CHOICE_LEAST:
      if (f->s < m->subject_end && item_matches(m, *f->s, f->p, f->item)) {
        *s = ++f->s;
        *p = f->item + 1;
        return true;
      }
      break;
    case CHOICE_OPTION:
      *s = f->s;
      *p = f->item + 1;
      m->frame_count--;
      return true;
    case CHOICE_OPEN: m->level--; break;
    case CHOICE_CLOSE: m->captures[f->count].count = CAPTURE_UNFINISHED; break;
    }
    m->frame_count--;
  }
  return false;
}

// MARK: The match

hlua_match_result hlua_match_run(hlua_match *m) {
  text s = m->s, p = m->p;
  for (;;) {
    if (!step(m)) goto stopped;
    if (p >= m->pattern_end) goto found;
    switch (*p) {
    case '(':
      if (!open_capture(m, s, p[1] == ')' ? CAPTURE_POSITION : CAPTURE_UNFINISHED)) return MATCH_FAILED;
      p += p[1] == ')' ? 2 : 1;
      continue;
    case ')':
      if (!close_capture(m, s)) return MATCH_FAILED;
      p++;
      continue;
    case '$':
      if (p + 1 < m->pattern_end) break;
      if (s == m->subject_end) goto found;
      goto failed;
    case '%':
      if (p + 1 >= m->pattern_end) break;
      if (p[1] == 'b') {
        if (p + 3 >= m->pattern_end) {
          m->error = "unbalanced pattern";
          return MATCH_FAILED;
        }
        int result = match_balance(m, s, p + 2, &s);
        if (result == BALANCE_STOPPED) goto stopped;
        if (result == UNBALANCED) goto failed;
        p += 4;
        continue;
      }
      if (p[1] == 'f') {
        if (p + 2 >= m->pattern_end || p[2] != '[') {
          m->error = "missing '[' after '%f' in pattern";
          return MATCH_FAILED;
        }
        text item = item_end(m, p + 2);
        if (!item) return MATCH_FAILED;
        if (!match_frontier(m, s, p + 2, item)) goto failed;
        p = item;
        continue;
      }
      if (p[1] >= '0' && p[1] <= '9') {
        text end = match_back(m, s, p[1]);
        if (m->error) return MATCH_FAILED;
        if (!end) goto failed;
        s = end;
        p += 2;
        continue;
      }
      break;
    default: break;
    }
    text item = item_end(m, p);
    if (!item) return MATCH_FAILED;
    bool here = s < m->subject_end && item_matches(m, *s, p, item);
    switch (item < m->pattern_end ? *item : 0) {
    case '?':
      if (here) {
        if (!push(m, CHOICE_OPTION, s, p, item, 0)) return MATCH_FAILED;
        s++;
      }
      p = item + 1;
      continue;
    case '+':
      if (!here) goto failed;
      // fallthrough
    case '*': {
      text first = s + (*item == '+' ? 1 : 0);
      ptrdiff_t count = count_item(m, first, p, item);
      if (count < 0) goto stopped;
      if (!push(m, CHOICE_MOST, first, p, item, count)) return MATCH_FAILED;
      s = first + count;
      p = item + 1;
      continue;
    }
    case '-':
      if (!push(m, CHOICE_LEAST, s, p, item, 0)) return MATCH_FAILED;
      p = item + 1;
      continue;
    default:
      if (!here) goto failed;
      s++;
      p = item;
      continue;
    }
  failed:
    if (!backtrack(m, &s, &p)) return MATCH_NONE;
  }
found:
  m->end = s;
  return MATCH_FOUND;
stopped:
  m->s = s;
  m->p = p;
  return m->stop;
}

// MARK: Captures as values

bool hlua_match_capture(hlua_match *m, int number, text start, const char **bytes, size_t *count, char *room) {
  if (number >= m->level) {
    if (number != 0) {
      m->error = "invalid capture index";
      return false;
    }
    *bytes = (const char *)start;
    *count = (size_t)(m->end - start);
    return true;
  }
  *bytes = (const char *)m->captures[number].start;
  switch (m->captures[number].count) {
  case CAPTURE_UNFINISHED: m->error = "unfinished capture"; return false;
  case CAPTURE_POSITION:
    *count = (size_t)snprintf(room, 24, "%td", m->captures[number].start - m->subject + 1);
    *bytes = room;
    return true;
  default: *count = (size_t)m->captures[number].count; return true;
  }
}

int hlua_match_push_captures(hlua_match *m, lua_State *L, text start, int most) {
  int count = m->level == 0 && start ? 1 : m->level;
  if (count > most) count = most;
  luaL_checkstack(L, count, "too many captures");
  for (int i = 0; i < count; i++) {
    const char *bytes;
    size_t size;
    char room[24];
    if (!hlua_match_capture(m, i, start, &bytes, &size, room)) return -1;
    if (i < m->level && m->captures[i].count == CAPTURE_POSITION)
      lua_pushinteger(L, m->captures[i].start - m->subject + 1);
    else
      lua_pushlstring(L, bytes, size);
  }
  return count;
}
