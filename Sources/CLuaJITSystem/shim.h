#ifndef HEDDLE_LUAJIT_SYSTEM_H
#define HEDDLE_LUAJIT_SYSTEM_H

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>

#endif
