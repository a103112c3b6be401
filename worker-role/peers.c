/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peers.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "log.h"

struct peers {
	struct peers_options options;
	struct peer_server *server; /* NULL: no endpoint, or it has stopped */
	struct peer_set *set;
	struct scatter *scatter;
	unsigned asked; /* replies of Redis that are still to come */
	bool freed;
	struct peer_server_stats last; /* of a server that has stopped */
};

static int open_server(struct peers *p, uv_loop_t *loop, struct errinfo *info)
{
	struct roleenv *env = p->options.env;
	struct roleenv_endpoint at;

	if (roleenv_endpoint(env, "WorkerPeer", &at) != 0) {
		log_warn("service.csdef: role %s has no endpoint WorkerPeer: big jobs are not shared among workers",
			 roleenv_role(env));
		return 0;
	}
	struct peer_server_options options = { .address = at.address,
					       .port = (uint16_t)at.port,
					       .pool = p->options.pool,
					       .may_take = p->options.is_idle,
					       .arg = p->options.arg };
	p->server = peer_server_new(loop, &options, info);
	if (!p->server)
		return info->code;
	roleenv_bound(env, "WorkerPeer", peer_server_port(p->server));
	log_info("WorkerPeer listens on %s port %u", at.address, peer_server_port(p->server));
	return 0;
}

struct peers *peers_new(uv_loop_t *loop, const struct peers_options *options, struct errinfo *info)
{
	struct peers *p = calloc(1, sizeof *p);
	struct scatter_options scatter = { .pool = options->pool, .is_idle = options->is_idle, .arg = options->arg };

	if (!p) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	p->options = *options;
	if (open_server(p, loop, info) != 0) {
		free(p);
		return NULL;
	}
	scatter.peers = p->set = peer_set_new(loop);
	p->scatter = p->set ? scatter_new(loop, &scatter) : NULL;
	if (!p->scatter) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		peers_free(p);
		return NULL; /* NOLINT(clang-analyzer-unix.Malloc): it was freed, as nothing was asked yet */
	}
	executor_share(options->executor, p->scatter);
	return p;
}

/* ---- the secret ---- */

static void free_when_answered(struct peers *p)
{
	if (p->freed && p->asked == 0)
		free(p);
}

static void on_secret(void *arg, int status, const struct rreply *reply)
{
	struct peers *p = arg;
	uint8_t secret[PEER_SECRET];
	size_t n;
	const char *text = rreply_str(reply, &n);

	p->asked--;
	if (p->freed) {
		free_when_answered(p);
		return;
	}
	if (status != 0)
		return; /* the link is lost, or Redis cannot now: asked again when it is up, or somebody comes */
	if (peer_auth_read_secret(text, n, secret) != 0) {
		log_error("%s: expected %d hexadecimal digits, got something else: workers do not share big jobs",
			  KEYS_REG_PEER, PEER_SECRET_TEXT - 1);
		return;
	}
	if (p->server)
		peer_server_set_secret(p->server, secret);
	peer_set_set_secret(p->set, secret);
	explicit_bzero(secret, sizeof secret);
	peer_set_update(p->set, p->options.env);
}

static void on_made(void *arg, int status, const struct rreply *reply)
{
	struct peers *p = arg;

	p->asked--;
	if (status == ERR_PROTOCOL)
		log_error("%s: Redis does not let it be written: %s", KEYS_REG_PEER, rreply_str(reply, NULL));
	free_when_answered(p);
}

static void ask(struct peers *p, struct rlink *link, struct rcmd *cmd, rlink_reply_cb *cb)
{
	if (rlink_send(link, cmd, cb, p) == 0)
		p->asked++;
	rcmd_fini(cmd);
}

void peers_look(struct peers *p, struct rlink *link)
{
	char secret[PEER_SECRET_TEXT];
	struct rcmd cmd;

	if (!p || !rlink_up(link))
		return;
	peer_auth_make_secret(secret);
	rcmd_init(&cmd);
	rcmd_str(&cmd, "SET");
	rcmd_str(&cmd, KEYS_REG_PEER);
	rcmd_str(&cmd, secret);
	rcmd_str(&cmd, "NX"); /* whoever comes first */
	ask(p, link, &cmd, on_made);
	rcmd_init(&cmd);
	rcmd_str(&cmd, "GET");
	rcmd_str(&cmd, KEYS_REG_PEER);
	ask(p, link, &cmd, on_secret);
	explicit_bzero(secret, sizeof secret);
}

/* ---- the end ---- */

void peers_stop(struct peers *p)
{
	if (!p || !p->server)
		return;
	p->last = *peer_server_stats(p->server);
	p->last.connections = p->last.running = 0;
	peer_server_free(p->server);
	p->server = NULL;
}

void peers_free(struct peers *p)
{
	if (!p || p->freed)
		return;
	p->freed = true;
	peers_stop(p);
	scatter_free(p->scatter);
	peer_set_free(p->set);
	free_when_answered(p);
}

void peers_stats(const struct peers *p, struct peers_view *out)
{
	out->server = p->server ? peer_server_stats(p->server) : &p->last;
	out->set = peer_set_stats(p->set);
	out->scatter = scatter_stats(p->scatter);
}
