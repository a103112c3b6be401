/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The description of the HTTP interface (openapi.json), made into one string by the build, with the version in it. */
#ifndef SQUARE_OPENAPI_TEXT_H
#define SQUARE_OPENAPI_TEXT_H

extern const char openapi_text[];
extern const unsigned long openapi_text_len;

#endif
