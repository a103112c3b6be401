/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Lua function library (common/lua/, one file per transition), made into one string by the build. */
#ifndef SQUARE_LUA_LIBRARY_H
#define SQUARE_LUA_LIBRARY_H

extern const char lua_library[];
extern const unsigned long lua_library_len;

#endif
