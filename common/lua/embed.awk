# SPDX-License-Identifier: GPL-3.0-or-later
# Turns the Lua files given, in order, into one C string: the function library as the programs load it.
BEGIN { print "#include \"lua_library.h\""; print "const char lua_library[] =" }
FNR == 1 { n = split(FILENAME, part, "/"); if (NR > 1) printf "\"-- %s\\n\"\n", part[n] }
{ gsub(/\\/, "\\\\\\\\"); gsub(/"/, "\\\""); printf "\"%s\\n\"\n", $0 }
END { print ";"; print "const unsigned long lua_library_len = sizeof lua_library - 1;" }
