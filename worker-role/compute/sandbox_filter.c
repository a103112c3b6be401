/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What computing needs: memory, the socket, the clock, signals of its own, the end. */
static const char *const allowed[] = { "read",
				       "readv",
				       "pread64",
				       "write",
				       "writev",
				       "recvfrom",
				       "recvmsg",
				       "sendto",
				       "sendmsg",
				       "brk",
				       "munmap",
				       "mremap",
				       "madvise",
				       "clock_gettime",
				       "clock_getres",
				       "clock_gettime64",
				       "gettimeofday",
				       "time",
				       "times",
				       "getrusage",
				       "futex",
				       "sched_yield",
				       "getrandom",
				       "getpid",
				       "gettid",
				       "rt_sigreturn",
				       "rt_sigaction",
				       "rt_sigprocmask",
				       "sigaltstack",
				       "exit",
				       "exit_group",
				       "restart_syscall",
				       NULL };

/* What no computation ever tries: whoever does is not computing. abort() is among them by its tgkill(), which comes to
 * the same: the process is dead. */
static const char *const deadly[] = { "execve",
				      "execveat",
				      "open",
				      "openat",
				      "openat2",
				      "open_by_handle_at",
				      "creat",
				      "socket",
				      "socketpair",
				      "connect",
				      "accept",
				      "accept4",
				      "bind",
				      "listen",
				      "clone",
				      "clone3",
				      "fork",
				      "vfork",
				      "unlink",
				      "unlinkat",
				      "rename",
				      "renameat",
				      "renameat2",
				      "link",
				      "linkat",
				      "symlink",
				      "symlinkat",
				      "mknod",
				      "mknodat",
				      "mkdir",
				      "mkdirat",
				      "rmdir",
				      "truncate",
				      "chmod",
				      "fchmod",
				      "fchmodat",
				      "chown",
				      "fchown",
				      "lchown",
				      "fchownat",
				      "chroot",
				      "pivot_root",
				      "mount",
				      "umount2",
				      "kill",
				      "tkill",
				      "tgkill",
				      "rt_sigqueueinfo",
				      "rt_tgsigqueueinfo",
				      "pidfd_open",
				      "pidfd_getfd",
				      "pidfd_send_signal",
				      "ptrace",
				      "process_vm_readv",
				      "process_vm_writev",
				      "prctl",
				      "seccomp",
				      "unshare",
				      "setns",
				      "bpf",
				      "perf_event_open",
				      "userfaultfd",
				      "io_uring_setup",
				      "io_uring_enter",
				      "io_uring_register",
				      "memfd_create",
				      "shmget",
				      "shmat",
				      "keyctl",
				      "add_key",
				      "request_key",
				      "init_module",
				      "finit_module",
				      "kexec_load",
				      "iopl",
				      "ioperm",
				      "setuid",
				      "setgid",
				      "setresuid",
				      "setresgid",
				      "capset",
				      "personality",
				      "reboot",
				      "swapon",
				      NULL };

/* Calls that this machine does not have are skipped. */
static int add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int call = seccomp_syscall_resolve_name(*names);
		if (call < 0)
			continue;
		int rc = seccomp_rule_add(ctx, action, call, 0);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Memory may be had, but none to run code from. */
static int add_memory(scmp_filter_ctx ctx, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return rc < 0 ? rc
		      : seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, call, 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
}

/* libseccomp writes the program to a descriptor; it is smaller than a pipe holds. */
static struct sock_fprog *export(scmp_filter_ctx ctx)
{
	enum { ROOM = 65536 };
	struct sock_fprog *program = malloc(sizeof *program + ROOM);
	int ends[2];

	if (!program || pipe2(ends, O_CLOEXEC) != 0) {
		free(program);
		return NULL;
	}
	struct sock_filter *code = (struct sock_filter *)(program + 1);
	int rc = seccomp_export_bpf(ctx, ends[1]);
	close(ends[1]);
	ssize_t n = rc == 0 ? read(ends[0], code, ROOM) : -1;
	close(ends[0]);
	if (n <= 0 || (size_t)n % sizeof *code != 0) {
		errno = rc != 0 ? -rc : EIO;
		free(program);
		return NULL;
	}
	program->len = (unsigned short)((size_t)n / sizeof *code);
	program->filter = code;
	return program;
}

struct sock_fprog *sandbox_filter(struct errinfo *info)
{
	struct sock_fprog *program = NULL;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

	if (rc == 0)
		rc = add_all(ctx, SCMP_ACT_ALLOW, allowed);
	if (rc == 0)
		rc = add_all(ctx, SCMP_ACT_KILL_PROCESS, deadly);
	if (rc == 0)
		rc = add_memory(ctx, "mmap");
	if (rc == 0)
		rc = add_memory(ctx, "mprotect");
	if (rc == 0)
		rc = (program = export(ctx)) ? 0 : -errno;
	if (ctx)
		seccomp_release(ctx);
	if (rc != 0)
		errinfo_set(info, ERR_SYS, "the filter of system calls cannot be made: %s", strerror(-rc));
	return program;
}
