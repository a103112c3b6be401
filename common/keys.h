/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every key name of the service, in this one place (the Lua library derives the same names from the tag, see
 * lua/place.lua). A tag `{jq:QUEUE:SHARD}` names one shard of one queue; all its keys carry the tag as hash tag, so
 * that each transition stays on one Redis Cluster node. What belongs to no queue carries `{jq:reg}`. */
#ifndef SQUARE_KEYS_H
#define SQUARE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define KEYS_REG "{jq:reg}"              /* the registry's tag, first key of sq_register and sq_presence */
#define KEYS_REG_TAGS KEYS_REG ":tags"   /* HASH tag -> index (0..4095) that job ids carry */
#define KEYS_REG_KEYED KEYS_REG ":keyed" /* HASH queue -> shards that it began with */
#define KEYS_REG_INST KEYS_REG ":inst"   /* HASH instance -> its presence, JSON */
#define KEYS_REG_SEEN KEYS_REG ":seen"   /* ZSET instance -> time of its last heartbeat, microseconds of Redis TIME */
#define KEYS_REG_CAT KEYS_REG ":cat"     /* HASH digest -> catalogue, JSON; field "last": the digest published last */
#define KEYS_REG_MET KEYS_REG ":met"     /* HASH instance -> its metrics, Prometheus text */
#define KEYS_REG_PEER KEYS_REG ":peer"   /* STRING, the secret by which workers know each other */
#define KEYS_REG_EPOCH KEYS_REG ":epoch" /* STRING, counts changes of the set of instances and of their endpoints */

#define KEYS_QUEUE_MAX 64  /* characters of a queue's name */
#define KEYS_TAG_SIZE 96   /* "{jq:" queue ":" shard "}" and the zero */
#define KEYS_NAME_SIZE 224 /* any key below a tag */

bool keys_queue_valid(const char *name, size_t n); /* [a-z0-9][a-z0-9_-]{0,63} */
void keys_tag(char out[KEYS_TAG_SIZE], const char *queue, unsigned shard);
/* Splits a tag. 0, or ERR_INVALID. queue: at least KEYS_QUEUE_MAX + 1 bytes. */
int keys_tag_parse(const char *tag, char *queue, unsigned *shard);
void keys_job(char out[KEYS_NAME_SIZE], const char *tag, const char *id);         /* T:j:ID, the job's record */
void keys_reply(char out[KEYS_NAME_SIZE], const char *tag, const char *receiver); /* T:r:RECEIVER, a reply list */
/* T:k:INSTANCE.BOOT, hints that jobs of it shall be cancelled: "BATCH ID" */
void keys_cancels(char out[KEYS_NAME_SIZE], const char *tag, const char *instance, const char *boot);
void keys_markers(char out[KEYS_NAME_SIZE], const char *tag); /* T:mk, wake-up markers */

#endif
