/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes where a stranger says who he is: the first line as the header Authorization, the second as X-Forwarded-For
 * from a trusted and from a foreign peer, the third as the opening line of a TCP connection. Nobody is let in who does
 * not give the one token there is, and an address is an address. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "buf.h"
#include "config.h"
#include "fuzz.h"
#include "peers.h"
#include "tcp_auth.h"
#include "tokens.h"

#define TOKEN "let-me-in"

static struct tokens *make_tokens(void)
{
	char path[] = "/tmp/square-fuzz.XXXXXX";
	uint8_t digest[TOKENS_DIGEST_BYTES];
	struct tokens *tokens = NULL;
	struct errinfo info;
	int fd = mkstemp(path);
	expect(fd >= 0);
	tokens_digest(TOKEN, strlen(TOKEN), digest);
	dprintf(fd, "ann:submit,read:");
	for (size_t i = 0; i < sizeof digest; i++)
		dprintf(fd, "%02x", digest[i]);
	dprintf(fd, "\n");
	close(fd);
	int rc = tokens_load(path, &tokens, &info);
	unlink(path);
	expect(rc == 0 && tokens_count(tokens) == 1);
	return tokens;
}

static struct peers *make_peers(void)
{
	static const char *const sets[] = { "TrustedProxies=127.0.0.1" };
	const struct config_sources sources = { .sets = sets, .n_sets = 1 };
	struct errinfo info;
	struct config *config = config_load(CONFIG_WEB, &sources, &info);
	expect(config != NULL);
	struct peers *peers = peers_new(config, &info);
	expect(peers != NULL);
	config_free(config);
	return peers;
}

static struct http_text next_line(const char **p, size_t *n)
{
	const char *end = *n ? memchr(*p, '\n', *n) : NULL;
	size_t len = end ? (size_t)(end - *p) : *n;
	struct http_text line = { *p, len };
	*p += len + (end != NULL);
	*n -= len + (end != NULL);
	return line;
}

static bool is_token(struct http_text t)
{
	return t.n == strlen(TOKEN) && memcmp(t.p, TOKEN, t.n) == 0;
}

static void use_bearer(const struct tokens *tokens, struct http_text line)
{
	struct http_text token = auth_bearer(line);
	if (!token.p)
		return;
	expect(token.p >= line.p && token.p + token.n <= line.p + line.n);
	expect((tokens_find(tokens, token.p, token.n) != NULL) == is_token(token));
	expect(!is_token(token) || tokens_form_good(token.p, token.n));
}

static void use_forwarded(const struct peers *peers, struct http_text line, const char *peer)
{
	char client[PEERS_ADDRESS_SIZE], address[16];
	struct sockaddr_in from = { .sin_family = AF_INET };
	expect(inet_pton(AF_INET, peer, &from.sin_addr) == 1);
	peers_client(peers, (struct sockaddr *)&from, line, client);
	expect(inet_pton(AF_INET, client, address) == 1 || inet_pton(AF_INET6, client, address) == 1);
	if (!peers_trusted(peers, (struct sockaddr *)&from))
		expect(strcmp(client, peer) == 0);
}

static void use_tcp(const struct tokens *tokens, struct http_text line)
{
	struct buf reply = BUF_INIT;
	bool good = tcp_auth_line(tokens, line.p, line.n, &reply);
	expect(!good || memmem(line.p, line.n, TOKEN, strlen(TOKEN)) || memchr(line.p, '\\', line.n));
	expect(reply.len > 1 && reply.data[reply.len - 1] == '\n' && !memchr(reply.data, '\n', reply.len - 1));
	json_t *tree = json_loadb(reply.data, reply.len, JSON_ALLOW_NUL, NULL);
	expect(tree && (json_object_get(tree, good ? "result" : "error") != NULL));
	json_decref(tree);
	buf_fini(&reply);
}

FUZZ_TARGET(auth)
{
	static struct tokens *tokens;
	static struct peers *peers;
	const char *p = (const char *)data;
	size_t n = size;
	if (!tokens) {
		tokens = make_tokens();
		peers = make_peers();
	}
	use_bearer(tokens, next_line(&p, &n));
	struct http_text forwarded = next_line(&p, &n);
	use_forwarded(peers, forwarded, "127.0.0.1");
	use_forwarded(peers, forwarded, "192.0.2.7");
	use_tcp(tokens, next_line(&p, &n));
	return 0;
}
