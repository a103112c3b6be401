/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SANITIZED is true in a build with a sanitizer, which takes address space and system calls of its own and keeps
   what was freed: both compilers say so, each in its way. */
#ifndef SQUARE_SANITIZED_H
#define SQUARE_SANITIZED_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#endif
