/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"

static size_t on_http_client_data(char *data, size_t size, size_t n, void *arg)
{
	buf_append(arg, data, size * n);
	return size * n;
}

static CURL *http_client_handle(const char *method, unsigned deadline_ms, struct buf *head, struct buf *body,
				char *error)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		abort();
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_http_client_data);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_http_client_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	return curl;
}

void http_client_call(unsigned port, const char *method, const char *path, const char *const *headers, const char *body,
		      unsigned deadline_ms, struct http_answer *answer)
{
	struct buf head = BUF_INIT, content = BUF_INIT, url = BUF_INIT;
	char error[CURL_ERROR_SIZE] = "";
	CURL *curl = http_client_handle(method, deadline_ms, &head, &content, error);
	struct curl_slist *list = NULL;

	memset(answer, 0, sizeof(*answer));
	buf_printf(&url, "http://127.0.0.1:%u%s", port, path);
	for (; headers && *headers; headers++)
		list = curl_slist_append(list, *headers);
	curl_easy_setopt(curl, CURLOPT_URL, buf_cstr(&url));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	(void)snprintf(answer->error, sizeof(answer->error), "%s", error);
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
	buf_fini(&url);
	answer->json =
	    json_loadb(content.data ? content.data : "", content.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	answer->body = buf_take(&content, NULL);
	answer->headers = buf_take(&head, NULL);
	if (!answer->body || !answer->headers)
		abort();
}

void http_client_get(unsigned port, const char *path, struct http_answer *answer)
{
	http_client_call(port, "GET", path, NULL, NULL, 10000, answer);
}

void http_client_post(unsigned port, const char *path, const char *body, struct http_answer *answer)
{
	http_client_call(port, "POST", path, NULL, body, 10000, answer);
}

void http_answer_fini(struct http_answer *answer)
{
	free(answer->body);
	free(answer->headers);
	json_decref(answer->json);
	memset(answer, 0, sizeof(*answer));
}

const char *http_answer_text(const struct http_answer *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer->json, name));

	return text ? text : "";
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	static char value[1024];
	size_t n = strlen(name);

	for (const char *line = answer->headers; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r\n"), line);
		return value;
	}
	return NULL;
}

int tcp_client_connect(unsigned port, unsigned deadline_ms)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval limit = { deadline_ms / 1000, (deadline_ms % 1000) * 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
			connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

char *tcp_client_ask(unsigned port, const char *input, unsigned deadline_ms)
{
	int fd = tcp_client_connect(port, deadline_ms);
	struct buf answer = BUF_INIT;
	size_t len = strlen(input), sent = 0;
	ssize_t n = 1;
	char data[4096];

	if (fd < 0)
		return NULL;
	while (sent < len && n > 0) {
		n = send(fd, input + sent, len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
	}
	(void)shutdown(fd, SHUT_WR);
	while (n > 0 && (n = recv(fd, data, sizeof(data), 0)) > 0)
		buf_append(&answer, data, (size_t)n);
	(void)close(fd);
	if (n < 0) {
		buf_fini(&answer);
		return NULL;
	}
	return buf_take(&answer, NULL);
}
