/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that the fabric makes up for one run of the service, and hands to its instances. */
#ifndef SQUARE_SECRET_H
#define SQUARE_SECRET_H

#define SECRET_SIZE 65 /* 64 hexadecimal digits and the zero */

/* 256 random bits. Ends the process when the system has none to give. */
void secret_draw(char out[SECRET_SIZE]);

#endif
