# SPDX-License-Identifier: GPL-3.0-or-later
# Square: `make help` lists the targets. Nothing is written outside build/ (BUILD=... moves it).

VERSION  := 0.1.0
PREFIX   ?= /usr/local
CC       ?= cc
SAN      ?=
WERROR   ?=
comma    := ,
MODE     := $(if $(SAN),$(subst $(comma),-,$(SAN)),release)$(if $(filter clang%,$(notdir $(CC))),-clang)
BUILD    ?= build/$(MODE)
V        ?= 0
Q        := $(if $(filter 1,$(V)),,@)
say       = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# ---- flags ----
PKGS     := libmicrohttpd hiredis jansson libuv expat gmp mpfr gsl lapacke libseccomp libcurl nettle
pkgflags  = $(shell pkg-config --cflags $(1))
pkglibs   = $(shell pkg-config --libs $(1))
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
OPT      := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2 -D_FORTIFY_SOURCE=3)
CFLAGS   ?= $(if $(SAN),-g1,-g)
# what guides the fuzzers: in what reads, not in what computes; they are made of the objects that the tests are made of
COVER     = $(if $(and $(findstring address,$(SAN)),$(filter clang%,$(notdir $(CC)))),$(if $(filter common/% web-role/% worker-role/% tests/fuzz/%,$(filter-out worker-role/ops/% $(COMPUTING),$<)),-fsanitize=fuzzer-no-link))
COMPUTING = $(filter-out %/expr_parse.c,$(wildcard worker-role/math/*.c))
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DSQUARE_VERSION='"$(VERSION)"' $(WARN) $(HARDEN) $(OPT) -ffunction-sections \
            -MMD -MP -pthread $(CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
# Tests are compiled once for every run of theirs: what is quick to make, not what is quick.
TEST_OPT  := $(if $(SAN),-O0 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O0)
TEST_LD   := $(if $(shell command -v ld.gold 2>/dev/null),-fuse-ld=gold)

# ---- what there is: a folder is a layer, and sees only the include paths given to it here ----
COMMON   := $(wildcard common/*.c)
WEB      := $(wildcard web-role/*.c web-role/handlers/*.c)
WORKER   := $(wildcard worker-role/*.c worker-role/math/*.c worker-role/ops/*.c worker-role/compute/*.c)
CLI      := $(wildcard cli/*.c)
FABRIC   := $(wildcard fabric/*.c)
BALANCER := $(wildcard balancer/*.c)
SUPPORT  := $(wildcard tests/support/*.c)
SHIM     := $(wildcard tests/shim/*.c)
NTH      := $(wildcard tests/nth/*.c)
UNIT     := $(wildcard tests/unit/check_*.c)
INTEG    := $(wildcard tests/integration/check_*.c)
LUATEST  := $(wildcard tests/lua/check_*.c)
FUZZ     := $(wildcard tests/fuzz/fuzz_*.c)
CHAOS    := $(wildcard tests/chaos/*.c)
PRELOAD  := $(wildcard tests/preload/*.c)
BENCH    := $(wildcard bench/*.c)
LUA      := $(addprefix common/lua/,head.lua clock.lua record.lua place.lua) \
            $(sort $(filter-out %/head.lua %/clock.lua %/record.lua %/place.lua,$(wildcard common/lua/*.lua)))

INC_common  := -Icommon
INC_web-role := -Iweb-role -Icommon
INC_worker-role := -Iworker-role -Icommon
INC_cli     := -Icli -Icommon
INC_fabric  := -Ifabric -Icommon
INC_balancer := -Ibalancer -Ifabric -Icommon
INC_tests   := -Itests/support -Itests/chaos -Itests/nth -Icommon -Iweb-role -Iworker-role -Ifabric -Icli
INC_bench   := -Ibench -Icommon -Iworker-role
obj       = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIB_common := $(BUILD)/lib/libcommon.a
LIB_web    := $(BUILD)/lib/libweb.a
LIB_worker := $(BUILD)/lib/libworker.a
LIB_fabric := $(BUILD)/lib/libfabric.a
LIB_support := $(BUILD)/lib/libsupport.a
LIB_chaos  := $(BUILD)/lib/libchaos.a
BIN        := $(addprefix $(BUILD)/bin/,web-role worker-role square square-fabric square-balancer)
UNIT_BIN   := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT))
INTEG_BIN  := $(patsubst tests/integration/%.c,$(BUILD)/tests/integration/%,$(INTEG))
CHAOS_BIN  := $(BUILD)/tests/chaos/chaos
PRELOAD_LIB := $(patsubst tests/preload/%.c,$(BUILD)/tests/preload/%.so,$(PRELOAD))
LUA_BIN    := $(patsubst tests/lua/%.c,$(BUILD)/tests/lua/%,$(LUATEST))
TEST_BIN   := $(UNIT_BIN) $(LUA_BIN) $(INTEG_BIN)
# TEST_SELECT=REGEX: only these, see tests/run
TEST_BIN   := $(if $(TEST_SELECT),$(shell printf '%s\n' $(TEST_BIN) | grep -E '$(value TEST_SELECT)'),$(TEST_BIN))
# tests of the web role that move its reactors most
THREADS_BIN := $(patsubst %,$(BUILD)/tests/integration/check_%,access auth direct endtoend events faults feed \
               hostile_clients http metrics_http queues submit_array)
# without those that compute for minutes under valgrind; AddressSanitizer runs them all
VALGRIND_BIN := $(filter-out $(patsubst %,$(BUILD)/tests/unit/check_%,answer arithmetic calculus chaos_oracle claimer clock decomposition \
               distribution evaluate exact_json executor exposition expr hypothesis id limit linear linear_cases log number_theory ode \
               op op_identities peers polynomial pool regression rpc rslots_map scatter sentinel series special split statistics tcp_session \
               textset transform waiters),$(UNIT_BIN))
BENCH_BIN  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH))
FUZZ_BIN   := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ))
FUZZ_SECONDS ?= 60
FUZZ_JOBS ?= $(shell nproc)

LIBS_common := $(call pkglibs,hiredis jansson libuv expat nettle) -lm
LIBS_web    := $(call pkglibs,libmicrohttpd) $(LIBS_common)
# FLINT, Arb and PARI come without pkg-config; LAPACK and BLAS are OpenBLAS, by Debian's alternatives
LIBS_worker := -lflint-arb -lflint -lpari -lgsl -llapacke -llapack -lblas $(call pkglibs,mpfr gmp libseccomp libmicrohttpd) $(LIBS_common)
LIBS_cli    := $(call pkglibs,libcurl) $(LIBS_common)
# asked for only when a test is linked: to build and run, check need not be there
LIBS_tests   = $(eval LIBS_tests := $(call pkglibs,check libcurl libmicrohttpd) $(LIBS_worker))$(LIBS_tests)

.PHONY: all check check-unit check-lua check-integration check-asan check-tsan check-sanitized check-threads check-valgrind chaos fuzz fuzz-run tests threads bench fmt fmt-check lint install install-units uninstall clean help
all: $(BIN) ## build the programs into build/release/bin

# ---- rules ----
$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(COVER) $(INC_$(firstword $(subst /, ,$<))) $(PKGFLAGS) -c -o $@ $<
PKGFLAGS := $(call pkgflags,$(PKGS))

$(foreach d,unit integration lua chaos,$(eval $(BUILD)/obj/tests/$d/%.o: OPT := $(TEST_OPT)))
$(BUILD)/tests/%: private LDFLAGS += $(TEST_LD)

$(BUILD)/gen/lua_library.c: $(LUA) common/lua/embed.awk
	$(call say,LUA,$@)
	@mkdir -p $(@D)
	$(Q)awk -f common/lua/embed.awk $(LUA) >$@.tmp && mv $@.tmp $@
$(BUILD)/obj/gen/lua_library.o: $(BUILD)/gen/lua_library.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Icommon -c -o $@ $<

$(BUILD)/gen/openapi_text.c: web-role/openapi.json web-role/embed.awk Makefile
	$(call say,JSON,$@)
	@mkdir -p $(@D)
	$(Q)awk -v name=openapi_text -v version=$(VERSION) -f web-role/embed.awk $< >$@.tmp && mv $@.tmp $@
$(BUILD)/obj/gen/openapi_text.o: $(BUILD)/gen/openapi_text.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Iweb-role -c -o $@ $<

$(BUILD)/gen/users_acl.c: deploy/redis/users.acl.in web-role/embed.awk
	$(call say,ACL,$@)
	@mkdir -p $(@D)
	$(Q)awk -v name=users_acl -v version=$(VERSION) -f web-role/embed.awk $< >$@.tmp && mv $@.tmp $@
$(BUILD)/obj/gen/users_acl.o: $(BUILD)/gen/users_acl.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Ifabric -c -o $@ $<

$(LIB_common): $(call obj,$(COMMON)) $(BUILD)/obj/gen/lua_library.o
$(LIB_web): $(call obj,$(filter-out %/main.c,$(WEB))) $(BUILD)/obj/gen/openapi_text.o
$(LIB_worker): $(call obj,$(filter-out %/main.c,$(WORKER)))
$(LIB_fabric): $(call obj,$(filter-out %/main.c,$(FABRIC))) $(BUILD)/obj/gen/users_acl.o
$(LIB_support): $(call obj,$(SUPPORT))
$(LIB_chaos): $(call obj,$(filter-out %/main.c,$(CHAOS)))
$(BUILD)/lib/%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

link = $(call say,LD,$@)
define link_rule
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(1)
endef
$(BUILD)/bin/web-role: $(BUILD)/obj/web-role/main.o $(LIB_web) $(LIB_common)
	$(call link_rule,$(LIBS_web))
# The worker has no threads: under ThreadSanitizer it is the ordinary one that serves the web role.
ifeq ($(SAN),thread)
$(BUILD)/bin/worker-role:
	@mkdir -p $(@D)
	$(Q)$(MAKE) SAN= BUILD=build/release build/release/bin/worker-role && cp build/release/bin/worker-role $@
else
$(BUILD)/bin/worker-role: $(BUILD)/obj/worker-role/main.o $(LIB_worker) $(LIB_common)
	$(call link_rule,$(LIBS_worker))
endif
$(BUILD)/bin/square: $(call obj,$(CLI)) $(LIB_common)
	$(call link_rule,$(LIBS_cli))
$(BUILD)/bin/square-fabric: $(BUILD)/obj/fabric/main.o $(LIB_fabric) $(LIB_common)
	$(call link_rule,$(LIBS_common))
$(BUILD)/bin/square-balancer: $(call obj,$(BALANCER)) $(LIB_fabric) $(LIB_common)
	$(call link_rule,$(LIBS_common))
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB_support) $(LIB_web) $(LIB_worker) $(LIB_fabric) $(LIB_common)
	$(call link_rule,$(LIBS_tests))
# put before programs that know nothing of it: never with a sanitizer
$(BUILD)/tests/preload/%.so: tests/preload/%.c
	$(link)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -o $@ $<
$(CHAOS_BIN): | $(PRELOAD_LIB)
$(CHAOS_BIN): $(BUILD)/obj/tests/chaos/main.o $(LIB_chaos) $(LIB_support) $(LIB_worker) $(LIB_fabric) $(LIB_common)
	$(call link_rule,$(LIBS_tests))
# what tests/compose/run puts on a service in containers
$(BUILD)/tests/compose/load: $(BUILD)/obj/tests/compose/load.o $(LIB_support) $(LIB_common)
	$(call link_rule,$(call pkglibs,check libcurl) $(LIBS_common))
$(filter $(BUILD)/tests/unit/check_chaos_%,$(UNIT_BIN)): $(LIB_chaos)
# takes the place of malloc: linked into the tests that fail allocations, and preloaded into programs
$(filter $(BUILD)/tests/unit/check_nth_%,$(UNIT_BIN)): $(BUILD)/obj/tests/nth/nth.o
$(BUILD)/lib/nth.so: tests/nth/nth.c tests/nth/nth.h common/sanitized.h
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -DNTH_PRELOAD $(WARN) -O2 -g -fPIC -shared -Icommon -o $@ $< -pthread
$(BUILD)/tests/integration/check_nth_process: | $(BUILD)/lib/nth.so
# integration tests drive programs; some of them ask what the worker is made of as well
$(addprefix $(BUILD)/tests/integration/check_,differential operations worker_peers): $(LIB_worker)
$(BUILD)/tests/integration/%: $(BUILD)/obj/tests/integration/%.o $(LIB_support) $(LIB_web) $(LIB_fabric) $(LIB_common)
	$(call link_rule,$(LIBS_tests))
# loaded into redis-server, which no sanitizer knows of
$(BUILD)/lib/slow_fsync.so: tests/shim/slow_fsync.c
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARN) -shared -fPIC -o $@ $<
$(BUILD)/tests/integration/check_durability $(BUILD)/tests/unit/check_queue_seal: $(BUILD)/lib/slow_fsync.so
# the fuzz targets, fed with the kept corpus alone
$(BUILD)/tests/unit/check_fuzz_corpus: $(call obj,$(FUZZ))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIB_web) $(LIB_worker) $(LIB_common)
	$(call link_rule,-fsanitize=fuzzer $(call pkglibs,libmicrohttpd) $(LIBS_worker))
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(LIB_worker) $(LIB_common)
	$(call link_rule,$(LIBS_worker))

# ---- tests ----
tests: $(TEST_BIN) $(CHAOS_BIN) $(BIN) ## build everything and the tests, run nothing
bench: $(BIN) $(BENCH_BIN) ## build the programs of bench/
runtests = $(Q)BUILD_DIR=$(abspath $(BUILD)) SOURCE_DIR=$(CURDIR) tests/run $(1)
check: tests ## build and run every test: unit, lua, integration
	$(call runtests,$(TEST_BIN))
check-unit: $(UNIT_BIN) ## the unit tests alone
	$(call runtests,$(UNIT_BIN))
check-lua: $(LUA_BIN) ## the queue's functions against a private Redis
	$(call runtests,$(LUA_BIN))
check-integration: $(INTEG_BIN) $(BIN) ## the real binaries
	$(call runtests,$(INTEG_BIN))
chaos: $(CHAOS_BIN) $(BIN) ## build the fault table's program; ./dev chaos runs it
# LESS="NAME...": nor these
check-asan: ## all tests under AddressSanitizer and UBSan, but those that try Redis more than what is built here
	$(Q)$(MAKE) SAN=address,undefined check-sanitized
check-sanitized: tests
	$(call runtests,$(filter-out $(addprefix %/check_,mutants schedule fsck_repairs failover cluster_functions $(LESS)),$(TEST_BIN)))
check-tsan: ## the web role, which has threads, under ThreadSanitizer
	$(Q)$(MAKE) SAN=thread check-threads
check-threads: threads
	$(call runtests,$(THREADS_BIN))
threads: $(THREADS_BIN) $(BIN)
check-valgrind: $(VALGRIND_BIN) ## the unit tests under valgrind
	$(Q)BUILD_DIR=$(abspath $(BUILD)) SOURCE_DIR=$(CURDIR) VALGRIND=1 tests/run $(VALGRIND_BIN)
fuzz: ## libFuzzer on the readers, FUZZ_SECONDS each (60); needs clang
	$(Q)$(MAKE) CC=clang SAN=address,undefined fuzz-run
fuzz-run: $(FUZZ_BIN)
	$(Q)printf '%s\n' $(FUZZ_BIN) | xargs -P $(FUZZ_JOBS) -I '{}' tests/fuzz/run '{}' $(FUZZ_SECONDS) $(BUILD)/fuzz

# ---- care ----
SOURCES = $(COMMON) $(WEB) $(WORKER) $(CLI) $(FABRIC) $(BALANCER) $(SUPPORT) $(SHIM) $(NTH) $(UNIT) $(INTEG) $(LUATEST) $(FUZZ) $(CHAOS) $(BENCH) $(PRELOAD) tests/compose/load.c
HEADERS = $(wildcard common/*.h web-role/*.h web-role/handlers/*.h worker-role/*.h worker-role/math/*.h worker-role/ops/*.h worker-role/compute/*.h cli/*.h fabric/*.h balancer/*.h tests/support/*.h tests/fuzz/*.h tests/chaos/*.h tests/nth/*.h bench/*.h)
fmt: ## format the C sources in place
	clang-format -i $(SOURCES) $(HEADERS)
fmt-check:
	$(call say,FORMAT,all sources)
	$(Q)clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
# how many paths of a function its analyzer follows; 60000 takes a third of the time
TIDY_NODES ?= 225000
TIDY = $(addprefix tidy-,$(COMMON) $(WEB) $(WORKER) $(CLI) $(FABRIC) $(BALANCER))
.PHONY: $(TIDY)
$(TIDY): tidy-%:
	$(call say,TIDY,$*)
	$(Q)clang-tidy --quiet $* -- -std=c11 -D_GNU_SOURCE -DSQUARE_VERSION='""' $(INC_$(firstword $(subst /, ,$*))) $(PKGFLAGS) \
	  -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>/dev/null
# uninitvar: cppcheck takes a GMP or FLINT variable that is handed to its initialiser for a use; the compilers,
# clang-tidy and valgrind look for the real ones
lint: fmt-check $(TIDY) ## clang-format, clang-tidy, cppcheck, shellcheck
	$(call say,CPPCHECK,all sources)
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem --suppress=varFuncNullUB --suppress=uninitvar --suppress=ctuuninitvar \
	  -Icommon -Iweb-role -Iworker-role -Icli -Ifabric -Ibalancer common web-role worker-role cli fabric balancer
	$(Q)shellcheck dev .ci/run deploy/redis/users deploy/redis/backup deploy/redis/restore tests/upgrade/run bench/sizing bench/sharing tests/hardening/run tests/model/run tests/run tests/fuzz/run tests/pristine/run tests/pristine/bookworm bench/run \
	  tests/deploy/run tests/deploy/metrics tests/deploy/systemd deploy/kubernetes/secrets \
	  tests/compose/run tests/compose/engine deploy/images/redis-start deploy/images/redis-ask
	$(Q)shellcheck -s sh tests/deploy/systemd_inside

.PHONY: docs
docs: $(BIN) ## bring docs/operations.md and docs/configuration.md in step with the programs
	$(call say,DOC,docs/configuration.md)
	$(Q)awk '/^\| Setting /{exit} {print}' docs/configuration.md >$(BUILD)/configuration.md && \
	  $(BUILD)/bin/web-role --help=markdown >>$(BUILD)/configuration.md && mv $(BUILD)/configuration.md docs/configuration.md
	$(call say,DOC,docs/operations.md)
	$(Q)awk '/^\| Family /{exit} {print}' docs/operations.md >$(BUILD)/operations.md && \
	  $(BUILD)/bin/worker-role --help=operations >>$(BUILD)/operations.md && mv $(BUILD)/operations.md docs/operations.md

UNITS = $(patsubst deploy/systemd/%.in,%,$(wildcard deploy/systemd/*.in))
install: $(BIN) install-units ## install the programs, man pages and systemd units below DESTDIR PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/square
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 service.csdef service.cscfg $(DESTDIR)$(PREFIX)/share/square
	install -d $(DESTDIR)$(PREFIX)/share/square/redis
	install -m 644 deploy/redis/users.acl.in $(DESTDIR)$(PREFIX)/share/square/redis
	install -m 755 deploy/redis/users deploy/redis/backup deploy/redis/restore $(DESTDIR)$(PREFIX)/share/square/redis
install-units:
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 644 deploy/systemd/square.target $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 deploy/systemd/square.tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/square.conf
	$(Q)for u in $(UNITS); do sed "s|@bindir@|$(PREFIX)/bin|" deploy/systemd/$$u.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit 1; done
uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(BIN))) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(notdir $(wildcard man/*.1)))
	rm -rf $(DESTDIR)$(PREFIX)/share/square
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(UNITS) square.target) $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/square.conf
clean: ## remove build/
	rm -rf build
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  options: SAN=address,undefined|thread  WERROR=1  V=1  BUILD=dir  PREFIX=dir  DESTDIR=dir'

.SECONDARY:
-include $(wildcard $(addsuffix .d,$(basename $(call obj,$(SOURCES) web-role/main.c worker-role/main.c))))
