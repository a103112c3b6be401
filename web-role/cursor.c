/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cursor.h"

#include <stdint.h>
#include <string.h>

#include "err.h"

/* As hexadecimal digits: section, key, and a CRC-8 of both, which gives typing errors and cuts away. */

static uint8_t crc8(const char *p, size_t n)
{
	unsigned crc = 0xff;
	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x80 ? (crc << 1 ^ 0x07) & 0xff : crc << 1;
	}
	return (uint8_t)crc;
}

void cursor_encode(char out[CURSOR_SIZE], char section, const char *key)
{
	static const char digits[] = "0123456789abcdef";
	char raw[CURSOR_KEY_SIZE + 1];
	size_t n = strnlen(key, CURSOR_KEY_SIZE - 1) + 1;
	raw[0] = section;
	memcpy(raw + 1, key, n - 1);
	raw[n] = (char)crc8(raw, n);
	for (size_t i = 0; i <= n; i++) {
		*out++ = digits[(uint8_t)raw[i] >> 4];
		*out++ = digits[raw[i] & 15];
	}
	*out = '\0';
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int cursor_decode(const char *text, size_t n, char *section, char key[CURSOR_KEY_SIZE])
{
	char raw[CURSOR_KEY_SIZE + 1];
	size_t bytes = n / 2;
	if (n % 2 || bytes < 2 || bytes > sizeof raw)
		return ERR_INVALID;
	for (size_t i = 0; i < bytes; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return ERR_INVALID;
		raw[i] = (char)(high << 4 | low);
	}
	if ((uint8_t)raw[bytes - 1] != crc8(raw, bytes - 1))
		return ERR_INVALID;
	for (size_t i = 0; i + 1 < bytes; i++)
		if (raw[i] <= ' ' || raw[i] > '~')
			return ERR_INVALID;
	*section = raw[0];
	memcpy(key, raw + 1, bytes - 2);
	key[bytes - 2] = '\0';
	return 0;
}
